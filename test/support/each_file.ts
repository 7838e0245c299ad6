/**
 * Loaded before each test file. The files of a worker share its modules and globals, so what a file
 * has replaced of them is put back at its end.
 */
import { afterAll, vi } from 'vitest'
import { runOnCitus } from './on_citus.ts'
import './patience.ts'
import { runSomeTests } from './some_tests.ts'

runOnCitus()
runSomeTests()

afterAll(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})
