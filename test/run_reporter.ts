/** Prints what the default reporter doesn't: what was skipped, and why; the share and the seed. */
import type { Reporter, TestModule } from 'vitest/node'

export default class RunReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      const names = new Map<string, string[]>()
      for (const test of module.children.allTests('skipped')) {
        const result = test.result()
        const reason = (result.state === 'skipped' && result.note) || 'no reason'
        names.set(reason, [...names.get(reason) ?? [], test.fullName])
      }
      for (const [reason, [name, ...others]] of names) {
        const more = others.length > 0 ? ` and ${others.length} more` : ''
        console.log(`SKIPPED ${module.relativeModuleId}: ${name}${more}: ${reason}`)
      }
    }
    const { LEDGER_TEST_SHARE, LEDGER_TEST_SEED } = modules[0]?.project.config.env ?? {}
    console.log(`LEDGER_TEST_SHARE=${LEDGER_TEST_SHARE} LEDGER_TEST_SEED=${LEDGER_TEST_SEED}`)
  }
}
