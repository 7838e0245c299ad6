import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const env = process.env
/** Of the cases of the long tests; --mode=all does everything. */
const SMALL_SHARE = '0.05'
/** A hang ends a test. That a machine has much to do never may. */
const HANG_MS = 300_000

export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    setupFiles: ['test/support/patience.ts'],
    reporters: ['default', './test/run_reporter.ts'],
    env: {
      LEDGER_TEST_SHARE: env['LEDGER_TEST_SHARE'] || (mode === 'all' ? '1' : SMALL_SHARE),
      LEDGER_TEST_SEED: env['LEDGER_TEST_SEED'] || String(Date.now() % 1_000_000),
    },
    // Two cores do more with two files at a time; more wait for one PostgreSQL.
    maxWorkers: Math.max(2, Math.min(4, availableParallelism())),
    testTimeout: HANG_MS,
    hookTimeout: HANG_MS,
    expect: { poll: { timeout: HANG_MS / 2 } },
  },
}))
