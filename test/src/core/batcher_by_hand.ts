/** A batcher whose runs a test ends by hand, and how to wait until it stands still. */
import { Batcher, type BatcherOptions } from '../../../src/core/batcher.ts'

interface Run<I, O> {
  items: I[]
  done: (results?: (O | Error)[]) => Promise<void>
  fail: (error: unknown) => Promise<void>
}

/** Lets everything that is ready run; a batcher has no timers, so afterwards it stands still. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A batcher whose runs the test ends by hand. */
export function batcherByHand<I, O = I>(options: Partial<BatcherOptions<I, O>> = {}) {
  const runs: Run<I, O>[] = []
  const running = new Set<I[]>()
  /** With each batch that was begun: those that were at work already. */
  const beside: I[][][] = []
  const batcher = new Batcher<I, O>({
    maxBatch: 3,
    maxQueue: 100,
    ...options,
    run: async (items) => {
      beside.push([...running])
      running.add(items)
      try {
        return await new Promise<(O | Error)[]>((resolve, reject) => {
          runs.push({
            items,
            done: (results = items as unknown as O[]) => (resolve(results), settled()),
            fail: (error) => (reject(error), settled()),
          })
        })
      } finally {
        running.delete(items)
      }
    },
  })
  return { batcher, runs, batches: () => runs.map((r) => r.items), beside }
}
