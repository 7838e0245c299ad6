import { defineConfig } from 'vitest/config'

// Apart from the other tests: it takes minutes, and needs no database of theirs.
export default defineConfig({
  test: {
    include: ['test/faults/*.test.ts'],
    reporters: ['default', './test/skip_reporter.ts'],
    disableConsoleIntercept: true,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
})
