/** Batching without timers: what arrives while a worker is busy forms the next batch. */

/** The queue is at its limit; nothing of the item was run. */
export class QueueFull extends Error {
  override name = 'QueueFull'
}

/** The item waited longer than maxWaitMs; nothing of it was run. */
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
   * Whose item it is, the one by whom it queues first. Those take queues, so that one with a long
   * queue delays others by one batch; and no two batches in flight have a key in common.
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
  /** Items that wait; those being run don't count. */
  readonly queued: number
  /** Settles (never rejects) once nothing waits and nothing runs. */
  idle(): Promise<void>
}

/** A batch that takes longer holds nobody up but its own keys. */
const SLOW_MS = 100
const NOBODY = [undefined]

interface Waiting<I, O> {
  item: I
  since: number
  resolve: (result: O) => void
  reject: (error: unknown) => void
  next?: Waiting<I, O>
}

/** The queue of one key, and a link in the list of keys that have something waiting. */
interface KeyQueue<I, O> {
  key: unknown
  first: Waiting<I, O> | undefined
  last: Waiting<I, O> | undefined
  length: number
  /** The one in flight that has items of the key. */
  batch: Waiting<I, O>[] | undefined
  next?: KeyQueue<I, O>
}

/**
 * Runs batches: without one in flight it starts on the next microtask, so that what was added in one
 * go travels together; else it forms the next one the moment that one is done. What a call costs is
 * shared by its items: that is why a second one isn't made for a few of them.
 * Linked lists, not arrays or the order of a Map: taking from the front has to stay O(1) when
 * 100,000 items wait.
 */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { run, maxBatch, maxQueue, maxRunning = 1, maxWaitMs = Infinity } = options
  const { isOver = () => false, keysOf = () => NOBODY, now = () => performance.now() } = options
  const queues = new Map<unknown, KeyQueue<I, O>>()
  let front: KeyQueue<I, O> | undefined
  let back: KeyQueue<I, O> | undefined
  let queued = 0
  /** Of these, the ones whose key is in no batch that runs. */
  let ready = 0
  /** When those that run were begun, the first one first. */
  const begun: number[] = []
  let starting = false
  const onIdle: (() => void)[] = []

  function append(queue: KeyQueue<I, O>) {
    if (back) back.next = queue
    else front = queue
    back = queue
  }

  function prepend(queue: KeyQueue<I, O>) {
    if (front) queue.next = front
    else back = queue
    front = queue
  }

  function shift(): KeyQueue<I, O> {
    const queue = front!
    front = queue.next
    if (!front) back = undefined
    delete queue.next
    return queue
  }

  function queueOf(key: unknown): KeyQueue<I, O> {
    let queue = queues.get(key)
    if (!queue) {
      queue = { key, first: undefined, last: undefined, length: 0, batch: undefined }
      queues.set(key, queue)
    }
    return queue
  }

  function put(waiting: Waiting<I, O>) {
    const queue = queueOf(keysOf(waiting.item)[0])
    if (queue.first) queue.last!.next = waiting
    else {
      queue.first = waiting
      append(queue)
    }
    queue.last = waiting
    queue.length++
    queued++
    if (!queue.batch) ready++
  }

  /** Takes the first item of the key, and sends that key behind all others. */
  function take(queue: KeyQueue<I, O>): Waiting<I, O> {
    const taken = queue.first!
    queue.first = taken.next
    // The map may still hold on to it; what is answered must not stay, nor keep those behind it.
    delete taken.next
    if (queue.first) append(queue)
    else queue.last = undefined
    queue.length--
    queued--
    if (!queue.batch) ready--
    return taken
  }

  /** Whether a batch in flight, other than this one, has an item of the key. */
  function isElsewhere(key: unknown, batch: Waiting<I, O>[]): boolean {
    const other = queues.get(key)?.batch
    return other !== undefined && other !== batch
  }

  /** @param keys gets those in the batch: nobody else takes of them before they are released */
  function form(keys: KeyQueue<I, O>[]): Waiting<I, O>[] {
    const batch: Waiting<I, O>[] = []
    const elsewhere: KeyQueue<I, O>[] = []
    const oldest = now() - maxWaitMs
    while (front && batch.length < maxBatch) {
      const queue = shift()
      if (keysOf(queue.first!.item).some((key) => isElsewhere(key, batch))) {
        elsewhere.push(queue)
        continue
      }
      const taken = take(queue)
      if (taken.since < oldest || isOver(taken.item)) {
        taken.reject(new WaitExpired('waited too long'))
        if (!queue.batch && !queue.first) queues.delete(queue.key)
        continue
      }
      batch.push(taken)
      for (const key of keysOf(taken.item)) {
        const { batch: other, length } = queueOf(key)
        if (other) continue
        queueOf(key).batch = batch
        ready -= length
        keys.push(queueOf(key))
      }
    }
    // They keep their place.
    for (const queue of elsewhere.reverse()) prepend(queue)
    return batch
  }

  function release(queue: KeyQueue<I, O>) {
    queue.batch = undefined
    ready += queue.length
    if (!queue.first) queues.delete(queue.key)
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
      const keys: KeyQueue<I, O>[] = []
      const before = queued
      const batch = form(keys)
      // Whoever waits has a key in a batch in flight, which goes on here when it is done.
      if (batch.length === 0 && queued === before) break
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
      if (queued >= maxQueue) return Promise.reject(new QueueFull('the queue is full'))
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
