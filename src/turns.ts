/** Bounds how much is done at once: for each user, and altogether. */
import { LaneExpired, LaneFull } from './lane.ts'

export interface TurnsOptions {
  /** How many at once. */
  limit: number
  /** Whoever waited longer when the turn comes is rejected. */
  maxWaitMs: number
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface Turns {
  /**
   * Works when its turn has come, in the order of the calls.
   * @throws LaneExpired (nothing was done), or whatever `work` rejected with
   */
  take<T>(work: () => Promise<T>): Promise<T>
}

export function createTurns(
  { limit, maxWaitMs, now = () => performance.now() }: TurnsOptions,
): Turns {
  const waiting: (() => void)[] = []
  let free = limit
  return {
    async take(work) {
      const since = now()
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        if (now() - since > maxWaitMs) throw new LaneExpired('waited too long')
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    },
  }
}

/**
 * Turns in which a user has only one at a time: somebody who is held elsewhere keeps one of them
 * occupied, however many wait for that user.
 */
export function createUserTurns({ maxQueue, ...options }: TurnsOptions & { maxQueue: number }) {
  const all = createTurns(options)
  const users = new Map<number, { turns: Turns; count: number }>()
  let queued = 0

  async function takeOne<T>(id: number, work: () => Promise<T>): Promise<T> {
    let user = users.get(id)
    if (!user) users.set(id, user = { turns: createTurns({ ...options, limit: 1 }), count: 0 })
    user.count++
    try {
      return await user.turns.take(work)
    } finally {
      if (--user.count === 0) users.delete(id)
    }
  }

  return {
    /**
     * Works once it is the turn of all of these users.
     * @throws LaneFull, LaneExpired (nothing was done), or whatever `work` rejected with
     */
    async take<T>(ids: number[], work: () => Promise<T>): Promise<T> {
      if (queued >= maxQueue) throw new LaneFull('the queue is full')
      // The lowest first, so that two never wait for each other.
      const inTurn = [...new Set(ids)].sort((a, b) => b - a)
        .reduce((inner, id) => () => takeOne(id, inner), () => all.take(work))
      queued++
      try {
        return await inTurn()
      } finally {
        queued--
      }
    },
  }
}
