/** Operations of users whom somebody else holds: a transaction at psql, or another instance. */
import { QueueFull, WaitExpired } from '../core/batcher.ts'
import type { Operation, Outcome } from './operations.ts'

/** How long until it is seen whether a user is free by now; it grows up to the second one. */
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 160

export const BUSY = '55P03'

export interface LockWaitersOptions {
  /** Waits for the locks, up to lock_timeout. May reject for all of the operations together. */
  post: (operations: Operation[]) => Promise<Outcome[]>
  /** Tries again without waiting. */
  retry: (operation: Operation) => Promise<Outcome>
  /** Calls that wait at once. Whoever gets none of them tries again and again. */
  maxCalls: number
  maxBatch: number
  maxQueue: number
  maxWaitMs: number
  /** Whether a call was refused as a whole, so that its operations may be tried one by one. */
  wasRolledBack: (error: unknown) => boolean
  now: () => number
}

export interface LockWaiters {
  /** Whether one of these users is being waited for: a batch would only find that again. */
  has(users: number[]): boolean
  /**
   * @throws QueueFull, WaitExpired (nothing was done), or whatever `post` rejected with
   */
  add(operation: Operation): Promise<Outcome>
}

interface Waiter {
  operation: Operation
  since: number
  resolve: (outcome: Outcome) => void
  reject: (error: unknown) => void
}

/**
 * A call that waits has operations of one user only: a thousand users whom a forgotten transaction
 * holds keep all the calls, but nobody else, who is served by trying again.
 */
export function createLockWaiters(options: LockWaitersOptions): LockWaiters {
  const { post, retry, maxCalls, maxBatch, maxQueue, maxWaitMs, wasRolledBack, now } = options
  /** By user: who waits for the next call. A user is here while a call waits for it. */
  const calls = new Map<number, Waiter[]>()
  let waiting = 0

  async function outcomesOf(operations: Operation[]): Promise<(Outcome | Error)[]> {
    try {
      return await post(operations)
    } catch (error) {
      if (operations.length === 1 || !wasRolledBack(error)) throw error
    }
    const alone: (Outcome | Error)[] = []
    for (const operation of operations) {
      alone.push(...await outcomesOf([operation]).catch((error: Error) => [error]))
    }
    return alone
  }

  async function call(userId: number): Promise<void> {
    const queue: Waiter[] = calls.get(userId)!
    // Those that the same batch gave back travel together.
    await Promise.resolve()
    while (queue.length > 0) {
      const batch = queue.splice(0, maxBatch)
      const oldest = now() - maxWaitMs
      const live = batch.filter(({ operation, since }) =>
        since >= oldest && !operation.deadline?.isOver
      )
      for (const waiter of batch) {
        if (!live.includes(waiter)) waiter.reject(new WaitExpired('waited too long'))
      }
      if (live.length === 0) continue
      try {
        const outcomes = await outcomesOf(live.map(({ operation }) => operation))
        live.forEach(({ resolve, reject }, i) => {
          const outcome = outcomes[i]
          if (outcome instanceof Error) reject(outcome)
          else resolve(outcome!)
        })
      } catch (error) {
        for (const { reject } of live) reject(error)
      }
    }
    calls.delete(userId)
  }

  function byCall(operation: Operation): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const waiter = { operation, since: now(), resolve, reject }
      const queue = calls.get(operation.userId)
      if (queue) queue.push(waiter)
      else {
        calls.set(operation.userId, [waiter])
        void call(operation.userId)
      }
    })
  }

  async function wait(operation: Operation): Promise<Outcome> {
    const end = now() + maxWaitMs
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      if (calls.has(operation.userId) || calls.size < maxCalls) return await byCall(operation)
      if (now() > end || operation.deadline?.isOver) throw new WaitExpired('waited too long')
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
      const outcome = await retry(operation)
      if (outcome.status !== BUSY) return outcome
    }
  }

  return {
    has: (users) => users.some((user) => calls.has(user)),
    async add(operation) {
      if (waiting >= maxQueue) throw new QueueFull('the queue is full')
      waiting++
      try {
        return await wait(operation)
      } finally {
        waiting--
      }
    },
  }
}
