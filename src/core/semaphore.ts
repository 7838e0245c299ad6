/** Limits how much runs at once, in all and for each key. Keys that wait take turns. */
import { Problem } from './errors.ts'

export interface FairSemaphoreOptions {
  /** Calls that run at once, of all keys. Default: as many as come. */
  limit?: number
  /** Calls of the same key that run at once. */
  perKey: number
  /** Calls of the same key that may wait. */
  maxWaiting?: number
}

export interface TurnOptions {
  /** Whether nobody waits for the result any more; asked when its turn has come. */
  isOver?: (() => boolean) | undefined
  /**
   * Whether something has begun that would break off, such as a stream. Then maxWaiting doesn't
   * apply.
   */
  isBegun?: boolean
}

export interface FairSemaphore {
  /**
   * Runs `work` when its turn has come. Calls of a key run in their order; a key that had a turn
   * goes behind all others that wait.
   * @throws Problem busy (nothing was done), or whatever `work` rejected with
   */
  take<T>(key: string | number, work: () => Promise<T>, options?: TurnOptions): Promise<T>
}

interface Waiting {
  begin: () => void
  next?: Waiting
}

interface Key {
  running: number
  waiting: number
  first?: Waiting | undefined
  last?: Waiting | undefined
}

/** Creates a semaphore with a limit in all and one for each key. */
export function createFairSemaphore(options: FairSemaphoreOptions): FairSemaphore {
  const { limit = Infinity, perKey, maxWaiting = Infinity } = options
  const keys = new Map<string | number, Key>()
  /** Keys with calls that wait and fewer than perKey that run, in the order of their turns. */
  const due = new Map<string | number, Key>()
  let free = limit

  function queue(name: string | number, key: Key, isBegun: boolean): Promise<void> {
    if (key.waiting >= maxWaiting && !isBegun) throw new Problem('busy')
    return new Promise((begin) => {
      const one = { begin }
      if (key.last) key.last.next = one
      else key.first = one
      key.last = one
      key.waiting++
      if (key.running < perKey) due.set(name, key)
      start()
    })
  }

  function start() {
    for (const [name, key] of due) {
      if (free === 0) return
      const one = key.first!
      key.first = one.next
      if (!one.next) key.last = undefined
      key.waiting--
      key.running++
      free--
      due.delete(name)
      // At the end of the Map, so that this loop comes to it again.
      if (key.first && key.running < perKey) due.set(name, key)
      one.begin()
    }
  }

  function end(name: string | number, key: Key) {
    key.running--
    free++
    if (key.first) due.set(name, key)
    else if (key.running === 0) keys.delete(name)
    start()
  }

  return {
    async take(name, work, { isOver, isBegun = false } = {}) {
      let key = keys.get(name)
      if (!key) keys.set(name, key = { running: 0, waiting: 0 })
      await queue(name, key, isBegun)
      try {
        if (isOver?.()) throw new Problem('busy')
        return await work()
      } finally {
        end(name, key)
      }
    },
  }
}
