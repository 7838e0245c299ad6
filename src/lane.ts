/** Batching without timers: what arrives while a worker is busy forms the next batch. */

/** The queue is at its limit; nothing of the item was run. */
export class LaneFull extends Error {
  override name = 'LaneFull'
}

/** The item waited longer than maxWaitMs; nothing of it was run. */
export class LaneExpired extends Error {
  override name = 'LaneExpired'
}

export interface LaneOptions<I, O> {
  /** Works on one batch; answers in the same order. An Error in its place rejects that item alone. */
  run: (items: I[]) => Promise<(O | Error)[]>
  maxBatch: number
  maxQueue: number
  /** Whose item it is. Keys take turns, so a key with a long queue delays others by one batch. */
  keyOf?: (item: I) => unknown
  /** An item that waited longer than this when its batch is formed is rejected with LaneExpired. */
  maxWaitMs?: number
  /** Of an item that nobody waits for any more: it, too, is rejected with LaneExpired then. */
  isOver?: (item: I) => boolean
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface Lane<I, O> {
  /**
   * Queues an item for the next batch.
   * @throws LaneFull at once, LaneExpired, or whatever `run` rejected with
   */
  add(item: I): Promise<O>
  /** Items that wait; those being run don't count. */
  readonly queued: number
  /** Settles (never rejects) once nothing waits and nothing runs. */
  idle(): Promise<void>
}

interface Waiting<I, O> {
  item: I
  since: number
  resolve: (result: O) => void
  reject: (error: unknown) => void
  next?: Waiting<I, O>
}

/** The queue of one key, and a link in the ring of keys that have something waiting. */
interface Turn<I, O> {
  key: unknown
  first: Waiting<I, O> | undefined
  last: Waiting<I, O> | undefined
  next?: Turn<I, O>
}

/**
 * A worker that runs one batch at a time: a free lane starts on the next microtask, so that what
 * was added in one go travels together; a busy one forms its next batch the moment it is done.
 * Linked lists, not arrays or the order of a Map: taking from the front has to stay O(1) when
 * 100,000 items wait.
 */
export function createLane<I, O>(options: LaneOptions<I, O>): Lane<I, O> {
  const { run, maxBatch, maxQueue, maxWaitMs = Infinity, isOver = () => false } = options
  const keyOf = options.keyOf ?? (() => undefined)
  const now = options.now ?? (() => performance.now())
  const turns = new Map<unknown, Turn<I, O>>()
  let front: Turn<I, O> | undefined
  let back: Turn<I, O> | undefined
  let queued = 0
  let busy = false
  let working = Promise.resolve()

  function append(turn: Turn<I, O>) {
    if (back) back.next = turn
    else front = turn
    back = turn
  }

  function put(waiting: Waiting<I, O>) {
    const key = keyOf(waiting.item)
    const turn = turns.get(key)
    if (turn) {
      turn.last!.next = waiting
      turn.last = waiting
    } else {
      const added = { key, first: waiting, last: waiting }
      turns.set(key, added)
      append(added)
    }
    queued++
  }

  /** Takes one item of the key whose turn it is and sends that key behind all others. */
  function take(turn: Turn<I, O>): Waiting<I, O> {
    const taken = turn.first!
    front = turn.next
    if (!front) back = undefined
    delete turn.next
    turn.first = taken.next
    // The map may still hold on to it; what is answered must not stay, nor keep those behind it.
    delete taken.next
    if (turn.first) append(turn)
    else {
      turn.last = undefined
      turns.delete(turn.key)
    }
    queued--
    return taken
  }

  function form(): Waiting<I, O>[] {
    const batch: Waiting<I, O>[] = []
    const oldest = now() - maxWaitMs
    while (front && batch.length < maxBatch) {
      const taken = take(front)
      if (taken.since < oldest || isOver(taken.item)) {
        taken.reject(new LaneExpired('waited too long'))
      } else batch.push(taken)
    }
    return batch
  }

  async function settle(batch: Waiting<I, O>[]) {
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

  async function work() {
    for (let batch = form(); batch.length > 0; batch = form()) await settle(batch)
    busy = false
  }

  return {
    add(item) {
      if (queued >= maxQueue) return Promise.reject(new LaneFull('the queue is full'))
      return new Promise((resolve, reject) => {
        put({ item, since: now(), resolve, reject })
        if (busy) return
        busy = true
        working = Promise.resolve().then(work)
      })
    },
    get queued() {
      return queued
    },
    idle: () => working,
  }
}
