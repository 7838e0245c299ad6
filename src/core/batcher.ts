/** Batching without timers: what arrives while a batch is in flight forms the next one. */
import { KeyQueues, type Queued } from './key_queues.ts'

/** The queue is at its limit; nothing of the item was run. */
export class QueueFull extends Error {
  override name = 'QueueFull'
}

/** The item waited longer than it may; nothing of it was run. */
export class WaitExpired extends Error {
  override name = 'WaitExpired'
}

export interface BatcherOptions<I, O> {
  /** Works on one batch; answers in the same order. An Error in its place rejects that item alone. */
  run: (items: I[]) => Promise<(O | Error)[]>
  maxBatch: number
  maxQueue: number
  /**
   * Batches at once, 1 if left out. Another one is begun when there is enough for a full one, or the
   * first takes so long that it may never end.
   */
  maxRunning?: number
  /**
   * Whom an item is about. It waits in the queue of the first key; keys take turns, so a key with a
   * long queue delays others by one batch. No two batches in flight share a key: an item whose
   * other key is in one keeps its place, and those behind it overtake.
   */
  keysOf?: (item: I) => readonly unknown[]
  /** An item that waited longer than this when its batch is formed is rejected with WaitExpired. */
  maxWaitMs?: number
  /** Of an item that nobody waits for any more: it, too, is rejected with WaitExpired then. */
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
  /** Items that wait; those in flight don't count. */
  readonly queued: number
  /** Settles (never rejects) once nothing waits and nothing is in flight. */
  idle(): Promise<void>
}

/** A batch that takes longer holds nobody up but its own keys. */
const SLOW_MS = 100

const ONE_KEY = [undefined]

interface Waiting<I, O> extends Queued<I> {
  since: number
  resolve: (result: O) => void
  reject: (error: unknown) => void
}

/** Never rejects. */
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
 * Runs batches: with none in flight one is formed on the next microtask, so that what was added in
 * one go travels together; otherwise the moment one is done. What a call costs is shared by its
 * items: that is why a second one isn't made for a few of them.
 */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { run, maxBatch, maxQueue, maxRunning = 1, maxWaitMs = Infinity } = options
  const { isOver = () => false, keysOf = () => ONE_KEY, now = () => performance.now() } = options
  const queues = new KeyQueues<I, Waiting<I, O>>()
  /** When those in flight were begun, the first one first. */
  const begun: number[] = []
  let starting = false
  const onIdle: (() => void)[] = []

  const isSlow = () => begun.length > 0 && now() - begun[0]! > SLOW_MS
  function isDue(): boolean {
    if (queues.ready === 0 || begun.length === 0) return queues.ready > 0
    if (begun.length >= maxRunning) return false
    // An item that starves gets all of its keys once nothing is in flight.
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
    // Some that seemed ready wait for the one in flight.
    queues.restore(batch)
    return []
  }

  async function work() {
    while (isDue()) {
      const batch = form()
      if (batch.length === 0) continue
      const at = now()
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
