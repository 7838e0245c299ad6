/** Batching without timers: what arrives while a batch is in flight forms the next one. */
import { KeyQueues, type Queued } from './key_queues.ts'

/** The queue is full. The item was not run. */
export class QueueFull extends Error {
  override name = 'QueueFull'
}

/** The item waited too long. It was not run. */
export class WaitExpired extends Error {
  override name = 'WaitExpired'
}

export interface BatcherOptions<I, O> {
  /**
   * Runs one batch and resolves with the results in the same order. An Error as a result rejects
   * that item alone.
   */
  run: (items: I[]) => Promise<(O | Error)[]>
  maxBatch: number
  maxQueue: number
  /**
   * Batches in flight at once. Default: 1. Another one begins when there are enough items for a
   * full one, or when the first has taken more than SLOW_MS.
   */
  maxRunning?: number
  /**
   * The keys of an item, such as its users. It waits in the queue of its first key. Keys take
   * turns, so a key with a long queue delays others by one batch. No two batches in flight share a
   * key: an item whose other key is in flight keeps its place, and those behind it overtake it.
   */
  keysOf?: (item: I) => readonly unknown[]
  /** An item that has waited longer than this when its turn comes is rejected with WaitExpired. */
  maxWaitMs?: number
  /** Told how long the item of a batch that came first had waited for it. */
  onWait?: (ms: number) => void
  /** Whether nobody waits for an item any more. Then it is rejected with WaitExpired, too. */
  isOver?: (item: I) => boolean
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface Batcher<I, O> {
  /**
   * Queues an item for the next batch.
   * @throws QueueFull at once, WaitExpired, or whatever `run` rejected with
   */
  add(item: I): Promise<O>
  /** Items that wait, without those in flight. */
  readonly queued: number
  /** Resolves once nothing waits and nothing is in flight. */
  idle(): Promise<void>
}

/** A batch that takes longer than this delays only items that share a key with it. */
const SLOW_MS = 100

const ONE_KEY = [undefined]

interface Waiting<I, O> extends Queued<I> {
  since: number
  resolve: (result: O) => void
  reject: (error: unknown) => void
}

/** Runs a batch and settles each item. Never rejects. */
async function settle<I, O>(run: BatcherOptions<I, O>['run'], batch: Waiting<I, O>[]) {
  try {
    const results = await run(batch.map(({ item }) => item))
    if (results.length !== batch.length) throw new Error('a batch came back with another length')
    batch.forEach(({ resolve, reject }, i) => {
      const result = results[i]
      if (result instanceof Error) reject(result)
      else resolve(result as O)
    })
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}

/**
 * Creates a batcher. With nothing in flight, a batch is formed on the next microtask, so that items
 * added together travel together. Otherwise the next one is formed when one is done. The items of a
 * batch share its cost, so a second batch isn't begun for a few items.
 */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { run, maxBatch, maxQueue, maxRunning = 1, maxWaitMs = Infinity, onWait } = options
  const { isOver = () => false, keysOf = () => ONE_KEY, now = () => performance.now() } = options
  const queues = new KeyQueues<I, Waiting<I, O>>()
  /** When the batches in flight began, the oldest first. */
  const begun: number[] = []
  let starting = false
  const onIdle: (() => void)[] = []

  const isSlow = () => begun.length > 0 && now() - begun[0]! > SLOW_MS
  function isDue(): boolean {
    if (queues.ready === 0 || begun.length === 0) return queues.ready > 0
    if (begun.length >= maxRunning) return false
    // While an item is starving no second batch begins, so that all of its keys become free.
    return isSlow() || (queues.ready >= maxBatch && queues.starving === 0)
  }

  function form(): Waiting<I, O>[] {
    const oldest = now() - maxWaitMs
    const batch = queues.take(maxBatch, ({ item, since, reject }) => {
      const isLate = since < oldest || isOver(item)
      if (isLate) reject(new WaitExpired('waited too long'))
      return isLate
    })
    if (batch.length === maxBatch || begun.length === 0 || isSlow()) return batch
    // Some items that seemed ready turned out to wait for a key in flight.
    queues.restore(batch)
    return []
  }

  async function work() {
    while (isDue()) {
      const batch = form()
      if (batch.length === 0) continue
      const at = now()
      onWait?.(at - Math.min(...batch.map(({ since }) => since)))
      begun.push(at)
      start()
      await settle(run, batch)
      queues.release(batch)
      begun.splice(begun.indexOf(at), 1)
    }
    if (begun.length === 0) onIdle.splice(0).forEach((resolve) => resolve())
  }

  function start() {
    if (starting || !isDue()) return
    starting = true
    void Promise.resolve().then(() => {
      starting = false
      return work()
    })
  }

  return {
    add(item) {
      if (queues.length >= maxQueue) return Promise.reject(new QueueFull('the queue is full'))
      return new Promise((resolve, reject) => {
        queues.put({ item, keys: keysOf(item), passedOver: 0, since: now(), resolve, reject })
        start()
      })
    },
    get queued() {
      return queues.length
    },
    idle: () =>
      begun.length === 0 && queues.length === 0
        ? Promise.resolve()
        : new Promise((resolve) => void onIdle.push(resolve)),
  }
}
