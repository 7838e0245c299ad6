/** Prints what a run had to skip, and why, which the default reporter does only beside failures. */
import type { Reporter, TestModule } from 'vitest/node'

export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result()
        const reason = result.state === 'skipped' && result.note
        console.log(
          `SKIPPED ${module.relativeModuleId}: ${test.fullName}: ${reason || 'no reason'}`,
        )
      }
    }
  }
}
