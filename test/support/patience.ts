/** Loaded once in each worker: waiting for something ends with the test, not after a second. */
import { vi } from 'vitest'

const { waitUntil, waitFor } = vi
/** Above every limit of a test. */
const FOR_EVER_MS = 2 ** 31 - 1

const patient = (options: number | { interval?: number } = {}) => ({
  interval: 10,
  ...(typeof options === 'object' && options),
  timeout: FOR_EVER_MS,
})

vi.waitUntil = (condition, options) => waitUntil(condition, patient(options))
vi.waitFor = (condition, options) => waitFor(condition, patient(options))
