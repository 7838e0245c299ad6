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
  /**
   * Batches at once, 1 if left out. Another one is begun when there is enough for a full one, or the
   * first takes so long that it may never end.
   */
  maxRunning?: number
  /**
   * Whose item it is. Keys take turns, so a key with a long queue delays others by one batch; and
   * no two batches that run have items of the same key.
   */
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

/** A batch that takes longer holds nobody up but its own keys. */
const SLOW_MS = 100

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
  length: number
  /** The one that runs and has items of the key. */
  batch: Waiting<I, O>[] | undefined
  next?: Turn<I, O>
}

/**
 * Runs batches: a free lane starts on the next microtask, so that what was added in one go travels
 * together; a busy one forms its next batch the moment it is done. What a call costs is shared by
 * its items: that is why a second one isn't made for a few of them.
 * Linked lists, not arrays or the order of a Map: taking from the front has to stay O(1) when
 * 100,000 items wait.
 */
export function createLane<I, O>(options: LaneOptions<I, O>): Lane<I, O> {
  const { run, maxBatch, maxQueue, maxRunning = 1, maxWaitMs = Infinity } = options
  const { isOver = () => false, keyOf = () => undefined, now = () => performance.now() } = options
  const turns = new Map<unknown, Turn<I, O>>()
  let front: Turn<I, O> | undefined
  let back: Turn<I, O> | undefined
  let queued = 0
  /** Of these, the ones whose key is in no batch that runs. */
  let ready = 0
  /** When those that run were begun, the first one first. */
  const begun: number[] = []
  let starting = false
  const onIdle: (() => void)[] = []

  function append(turn: Turn<I, O>) {
    if (back) back.next = turn
    else front = turn
    back = turn
  }

  function prepend(turn: Turn<I, O>) {
    if (front) turn.next = front
    else back = turn
    front = turn
  }

  function shift(): Turn<I, O> {
    const turn = front!
    front = turn.next
    if (!front) back = undefined
    delete turn.next
    return turn
  }

  function put(waiting: Waiting<I, O>) {
    const key = keyOf(waiting.item)
    let turn = turns.get(key)
    if (!turn) {
      turn = { key, first: undefined, last: undefined, length: 0, batch: undefined }
      turns.set(key, turn)
    }
    if (turn.first) turn.last!.next = waiting
    else {
      turn.first = waiting
      append(turn)
    }
    turn.last = waiting
    turn.length++
    queued++
    if (!turn.batch) ready++
  }

  /** Takes the first item of the key, and sends that key behind all others. */
  function take(turn: Turn<I, O>): Waiting<I, O> {
    const taken = turn.first!
    turn.first = taken.next
    // The map may still hold on to it; what is answered must not stay, nor keep those behind it.
    delete taken.next
    if (turn.first) append(turn)
    else turn.last = undefined
    turn.length--
    queued--
    if (!turn.batch) ready--
    return taken
  }

  /** @param keys gets those in the batch: nobody else takes of them before they are released */
  function form(keys: Turn<I, O>[]): Waiting<I, O>[] {
    const batch: Waiting<I, O>[] = []
    const elsewhere: Turn<I, O>[] = []
    const oldest = now() - maxWaitMs
    while (front && batch.length < maxBatch) {
      const turn = shift()
      if (turn.batch && turn.batch !== batch) {
        elsewhere.push(turn)
        continue
      }
      const taken = take(turn)
      if (taken.since < oldest || isOver(taken.item)) {
        taken.reject(new LaneExpired('waited too long'))
        if (!turn.batch && !turn.first) turns.delete(turn.key)
        continue
      }
      batch.push(taken)
      if (turn.batch) continue
      turn.batch = batch
      ready -= turn.length
      keys.push(turn)
    }
    // They keep their place.
    for (const turn of elsewhere.reverse()) prepend(turn)
    return batch
  }

  function release(turn: Turn<I, O>) {
    turn.batch = undefined
    ready += turn.length
    if (!turn.first) turns.delete(turn.key)
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

  function isDue(): boolean {
    if (ready === 0 || begun.length === 0) return ready > 0
    return begun.length < maxRunning && (ready >= maxBatch || now() - begun[0]! > SLOW_MS)
  }

  async function work() {
    while (isDue()) {
      const keys: Turn<I, O>[] = []
      const batch = form(keys)
      if (batch.length === 0) continue
      const at = now()
      begun.push(at)
      start()
      await settle(batch)
      keys.forEach(release)
      begun.splice(begun.indexOf(at), 1)
    }
    if (begun.length > 0) return
    for (const resolve of onIdle.splice(0)) resolve()
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
      if (queued >= maxQueue) return Promise.reject(new LaneFull('the queue is full'))
      return new Promise((resolve, reject) => {
        put({ item, since: now(), resolve, reject })
        start()
      })
    },
    get queued() {
      return queued
    },
    idle: () =>
      begun.length === 0 && queued === 0
        ? Promise.resolve()
        : new Promise((resolve) => void onIdle.push(resolve)),
  }
}
