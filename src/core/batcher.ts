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
 * Runs items in batches. With nothing in flight, a batch is formed on the next microtask, so that
 * items added together travel together. Otherwise the next one is formed when one is done. The
 * items of a batch share its cost, so a second batch isn't begun for a few items.
 * @example
 * const users = new Batcher<number, User>({ run: loadUsers, maxBatch: 500, maxQueue: 20_000 })
 * const [one, two] = await Promise.all([users.add(1), users.add(2)]) // one call: loadUsers([1, 2])
 */
export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>
  readonly #now: () => number
  readonly #queues = new KeyQueues<I, Waiting<I, O>>()
  /** When the batches in flight began, the oldest first. */
  readonly #begun: number[] = []
  #isStarting = false
  readonly #onIdle: (() => void)[] = []

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * Queues an item for the next batch.
   * @throws QueueFull at once, WaitExpired, or whatever `run` rejected with
   */
  add(item: I): Promise<O> {
    const { keysOf, maxQueue } = this.#options
    if (this.#queues.length >= maxQueue) {
      return Promise.reject(new QueueFull('the queue is full'))
    }
    return new Promise((resolve, reject) => {
      const keys = keysOf ? keysOf(item) : ONE_KEY
      this.#queues.put({ item, keys, passedOver: 0, since: this.#now(), resolve, reject })
      this.#start()
    })
  }

  /** Items that wait, without those in flight. */
  get queued(): number {
    return this.#queues.length
  }

  /** Resolves once nothing waits and nothing is in flight. */
  async idle(): Promise<void> {
    if (this.#begun.length === 0 && this.#queues.length === 0) return
    await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  #start() {
    if (this.#isStarting || !this.#isDue()) return
    this.#isStarting = true
    void Promise.resolve().then(() => {
      this.#isStarting = false
      return this.#runBatches()
    })
  }

  /** Runs batches one after the other for as long as one is due. */
  async #runBatches() {
    const { run, onWait } = this.#options
    while (this.#isDue()) {
      const batch = this.#form()
      if (batch.length === 0) continue
      const at = this.#now()
      onWait?.(at - Math.min(...batch.map(({ since }) => since)))
      this.#begun.push(at)
      this.#start()
      await settle(run, batch)
      this.#queues.release(batch)
      this.#begun.splice(this.#begun.indexOf(at), 1)
    }
    if (this.#begun.length === 0) this.#onIdle.splice(0).forEach((resolve) => resolve())
  }

  #isDue(): boolean {
    const { ready, starving } = this.#queues
    const running = this.#begun.length
    if (ready === 0 || running === 0) return ready > 0
    const { maxBatch, maxRunning = 1 } = this.#options
    if (running >= maxRunning) return false
    // While an item is starving no second batch begins, so that all of its keys become free.
    return this.#isSlow() || (ready >= maxBatch && starving === 0)
  }

  #isSlow(): boolean {
    return this.#begun.length > 0 && this.#now() - this.#begun[0]! > SLOW_MS
  }

  #form(): Waiting<I, O>[] {
    const { maxBatch, maxWaitMs = Infinity, isOver } = this.#options
    const oldest = this.#now() - maxWaitMs
    const batch = this.#queues.take(maxBatch, ({ item, since, reject }) => {
      const isLate = since < oldest || (isOver?.(item) ?? false)
      if (isLate) reject(new WaitExpired('waited too long'))
      return isLate
    })
    if (batch.length === maxBatch || this.#begun.length === 0 || this.#isSlow()) return batch
    // Some items that seemed ready turned out to wait for a key in flight.
    this.#queues.restore(batch)
    return []
  }
}
