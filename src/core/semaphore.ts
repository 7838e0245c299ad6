/** Bounds how much is done at once. */
import { WaitExpired } from './batcher.ts'

export interface SemaphoreOptions {
  /** How many at once. */
  limit: number
  /** Whoever waited longer when there is a place is rejected. */
  maxWaitMs: number
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface Semaphore {
  /**
   * Works when there is a place, in the order of the calls.
   * @throws WaitExpired (nothing was done), or whatever `work` rejected with
   */
  take<T>(work: () => Promise<T>): Promise<T>
}

export function createSemaphore(
  { limit, maxWaitMs, now = () => performance.now() }: SemaphoreOptions,
): Semaphore {
  const waiting: (() => void)[] = []
  let free = limit
  return {
    async take(work) {
      const since = now()
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        if (now() - since > maxWaitMs) throw new WaitExpired('waited too long')
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    },
  }
}
