/** Queues of items, one for each key, which take turns. Also knows which keys are in flight. */

/** An item that waits: a link in the queue of its first key. */
export interface Queued<I> {
  item: I
  /**
   * The item waits in the queue of the first. While any of them is in flight, the item isn't taken.
   */
  keys: readonly unknown[]
  /** How often its turn came while another of its keys was in flight. */
  passedOver: number
  /** When that happened last, counted in turns. */
  passedOverAt?: number
  next?: Queued<I> | undefined
}

/** The queue of a key: a link in the ring of keys that take turns. */
interface KeyQueue<I> {
  key: unknown
  first: Queued<I> | undefined
  last: Queued<I> | undefined
  length: number
  /** The batch in flight that has this key. */
  batch: Queued<I>[] | undefined
  /** Items of other queues whose turn came while this key was in flight. */
  parked: Queued<I>[]
  /** When its turn came while the key was in flight, counted in turns. */
  skippedAt: number | undefined
  before: KeyQueue<I> | undefined
  after: KeyQueue<I> | undefined
}

/** An item that was passed over this often counts as starving. */
const STARVING = 2

/** Empty queues that are kept for the next items of their keys. */
const MAX_IDLE = 1000

function createQueue<I>(key: unknown): KeyQueue<I> {
  const links = { first: undefined, last: undefined, before: undefined, after: undefined }
  return { key, length: 0, batch: undefined, parked: [], skippedAt: undefined, ...links }
}

/**
 * Uses linked lists instead of arrays or the order of a Map, so that all but one loop in `release`
 * is O(1) for each item.
 */
export class KeyQueues<I, Q extends Queued<I> = Queued<I>> {
  /** Items that wait. */
  length = 0
  /** Items among them that no key in flight is known to block. */
  ready = 0
  /** Items among them that are starving. */
  starving = 0
  #turns = 0
  #queues = new Map<unknown, KeyQueue<I>>()
  #sweepAt = MAX_IDLE
  /** The head of the ring; the key whose turn is next follows it. */
  readonly #ring = createQueue<I>(undefined)

  constructor() {
    this.#ring.before = this.#ring.after = this.#ring
  }

  /** Adds an item to the queue of its first key. */
  put(queued: Q): void {
    const queue = this.#queueOf(queued.keys[0])
    if (queue.first) queue.last!.next = queued
    else queue.first = queued
    queue.last = queued
    this.#count(queue, 1)
    this.length++
    if (!queue.after && queue.skippedAt === undefined) this.#link(queue, this.#ring.before!)
  }

  /**
   * Takes at most `max` items, the first of each key in turn, of keys that aren't in flight. Their
   * keys are in flight until `release`.
   * @param reject rejects an item that must not run any more, and returns whether it did
   */
  take(max: number, reject: (queued: Q) => boolean): Q[] {
    const batch: Q[] = []
    while (this.#ring.after !== this.#ring && batch.length < max) {
      const queue = this.#ring.after!
      this.#unlink(queue)
      if (queue.batch && queue.batch !== batch) {
        queue.skippedAt = ++this.#turns
        continue
      }
      const taken = this.#takeFirst(queue) as Q
      const isRejected = reject(taken)
      const blocker = isRejected ? undefined : this.#blockerOf(taken, batch)
      if (blocker) {
        taken.passedOverAt = ++this.#turns
        blocker.parked.push(taken)
        // The key keeps its turn.
        if (queue.first) this.#toFront(queue)
        if (++taken.passedOver === STARVING) this.starving++
      } else {
        this.length--
        if (taken.passedOver >= STARVING) this.starving--
        if (!isRejected) {
          batch.push(taken)
          for (const key of taken.keys) this.#mark(this.#queueOf(key), batch)
        }
      }
    }
    return batch
  }

  /** Frees the keys of a batch. Items whose turn came meanwhile go first. */
  release(batch: Q[]): void {
    const queues = new Set(batch.flatMap(({ keys }) => keys.map((key) => this.#queueOf(key))))
    const due: { at: number; putFirst: () => void }[] = []
    for (const queue of queues) {
      queue.batch = undefined
      this.ready += queue.length
      if (queue.skippedAt !== undefined) {
        due.push({ at: queue.skippedAt, putFirst: () => this.#toFront(queue) })
        queue.skippedAt = undefined
      }
      for (const parked of queue.parked.splice(0)) {
        due.push({ at: parked.passedOverAt!, putFirst: () => this.#putFirst(parked) })
      }
    }
    // In reverse order, because each goes before all others.
    for (const { putFirst } of due.sort((a, b) => b.at - a.at)) putFirst()
    if (this.#queues.size > this.#sweepAt) this.#sweep()
  }

  /** Puts a batch back, as if it had not been taken. */
  restore(batch: Q[]): void {
    this.release(batch)
    for (const taken of batch.toReversed()) {
      this.length++
      if (taken.passedOver >= STARVING) this.starving++
      this.#putFirst(taken)
    }
  }

  #queueOf(key: unknown): KeyQueue<I> {
    let queue = this.#queues.get(key)
    if (!queue) this.#queues.set(key, queue = createQueue(key))
    return queue
  }

  /**
   * Forgets idle keys, all at once and with a new Map. A Map that shrinks and grows with each batch
   * keeps, through the hash tables that it outgrew, whatever ever was in it.
   */
  #sweep() {
    const isInUse = ({ first, batch, parked }: KeyQueue<I>) => first || batch || parked.length > 0
    this.#queues = new Map([...this.#queues].filter(([, queue]) => isInUse(queue)))
    this.#sweepAt = Math.max(MAX_IDLE, 2 * this.#queues.size)
  }

  /** The queue of the first of its keys that another batch has in flight. */
  #blockerOf({ keys }: Queued<I>, batch: Queued<I>[]): KeyQueue<I> | undefined {
    for (const key of keys) {
      const queue = this.#queues.get(key)
      if (queue?.batch && queue.batch !== batch) return queue
    }
    return undefined
  }

  #mark(queue: KeyQueue<I>, batch: Queued<I>[]) {
    if (!queue.batch) this.ready -= queue.length
    queue.batch = batch
  }

  #count(queue: KeyQueue<I>, change: 1 | -1) {
    queue.length += change
    if (!queue.batch) this.ready += change
  }

  #link(queue: KeyQueue<I>, before: KeyQueue<I>) {
    queue.before = before
    queue.after = before.after!
    before.after = queue.after.before = queue
  }

  #unlink(queue: KeyQueue<I>) {
    queue.before!.after = queue.after
    queue.after!.before = queue.before
    queue.before = queue.after = undefined
  }

  /** Takes the first item of a queue, and moves the queue to the end of the ring. */
  #takeFirst(queue: KeyQueue<I>): Queued<I> {
    const taken = queue.first!
    queue.first = taken.next
    // An item that was answered must not keep those behind it in memory.
    taken.next = undefined
    this.#count(queue, -1)
    if (queue.first) this.#link(queue, this.#ring.before!)
    else queue.last = undefined
    return taken
  }

  /** Puts an item before all others, and its key before all other keys. */
  #putFirst(queued: Queued<I>) {
    const queue = this.#queueOf(queued.keys[0])
    queued.next = queue.first
    queue.first = queued
    queue.last ??= queued
    this.#count(queue, 1)
    if (queue.skippedAt === undefined) this.#toFront(queue)
  }

  #toFront(queue: KeyQueue<I>) {
    if (queue.after) this.#unlink(queue)
    this.#link(queue, this.#ring)
  }
}
