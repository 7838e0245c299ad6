import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/faults/**'],
    globalSetup: ['test/setup.ts'],
    reporters: ['default', './test/skip_reporter.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
