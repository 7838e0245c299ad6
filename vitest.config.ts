import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const env = process.env
/** Of the cases of the long tests; --mode=all does everything. */
const SMALL_SHARE = '0.015'
/** A hang ends a test. That a machine has much to do never may. */
const HANG_MS = 300_000

export default defineConfig(async ({ mode }) => {
  // Before test/support/share.ts is loaded, which reads them, here as in each worker.
  env['LEDGER_TEST_SHARE'] ||= mode === 'all' ? '1' : SMALL_SHARE
  env['LEDGER_TEST_SEED'] ||= String(Date.now() % 1_000_000)
  const { LongFirst } = await import('./test/support/sequencer.ts')
  return {
    test: {
      // These are pictures for the docs, to be taken now and then.
      include: ['test/**/*.test.ts']
        .concat(env['LEDGER_TEST_SCREENSHOTS'] ? 'test/console/screenshots.ts' : []),
      globalSetup: ['test/setup.ts'],
      setupFiles: ['test/support/each_file.ts'],
      // A worker reads src/ once rather than for each of its files, which is a quarter of a run.
      // The modules there keep no state but counts; test/support/each_file.ts puts globals back.
      // Not on Deno, where what files leave behind makes each collection of garbage longer.
      isolate: 'Deno' in globalThis,
      // Else what other files of the worker did decides where V8 puts what test/src/server/garbage
      // makes: what it makes in the old space is no garbage before a full collection.
      execArgv: 'Deno' in globalThis ? [] : ['--no-allocation-site-pretenuring'],
      reporters: ['default', './test/run_reporter.ts'],
      env: {
        LEDGER_TEST_SHARE: env['LEDGER_TEST_SHARE'],
        LEDGER_TEST_SEED: env['LEDGER_TEST_SEED'],
      },
      // What a file was compiled to is kept on disk for the next run, by its contents: a run of
      // test/src/{core,http,config} took 8.5 s rather than 14.
      experimental: { fsModuleCache: true },
      sequence: { sequencer: LongFirst },
      // One more than cores: each waits now and then. All of them share one PostgreSQL.
      maxWorkers: Math.min(4, availableParallelism()) + 1,
      testTimeout: HANG_MS,
      hookTimeout: HANG_MS,
      expect: { poll: { timeout: HANG_MS / 2 } },
    },
  }
})
