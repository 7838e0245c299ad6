/**
 * Operations that wait for locked users. Another instance, or a transaction at psql, has the lock.
 */
import { QueueFull, WaitExpired } from '../core/batcher.ts'
import { codeOf, Problem } from '../core/errors.ts'
import { BUSY, heldUserOf, type Operation, type Outcome } from './operations.ts'

/**
 * The pause between two tries of a user for whom no call waits. It grows with the number of locked
 * users.
 */
const MIN_PAUSE_MS = 5
const MAX_PAUSE_MS = 25
const MAX_CROWDED_PAUSE_MS = 200
const USERS_PER_MS = 4

/**
 * How long an operation of two users may wait in a call, in which it holds one lock while it waits
 * for the other. It is enough to get a turn among many callers, and too short to do harm behind one
 * who never releases.
 */
const SHORT_WAIT_MS = 100
/**
 * The tries at which an operation of two users waits in a call. Between them, other operations of
 * its users have their turn.
 */
const SHORT_WAITS = [3, 12, 48]

export interface LockWaitersOptions {
  /**
   * Posts operations and waits for the locks of their users. An Error as a result is that of one
   * operation.
   */
  wait: (operations: Operation[], lockWaitMs?: number) => Promise<(Outcome | Error)[]>
  /** Tries an operation once more, in a batch, without waiting for locks. */
  attempt: (operation: Operation) => Promise<Outcome>
  /** Calls of `wait` at once. */
  maxCalls: number
  maxBatch: number
  /** Operations that may wait for all users together. For one user, an eighth of that. */
  maxQueue: number
  now: () => number
}

export interface LockWaiters {
  /** Users who are waited for, and operations that wait. */
  counts(): { users: number; queued: number }
  /** The first of these users who is waited for. */
  heldAmong(userIds: number[]): number | undefined
  /**
   * Adds an operation that waits for a user, at most until `until`, by performance.now().
   * @returns its outcome; undefined if it wasn't done but the user may be free
   * @throws QueueFull, WaitExpired, or whatever the call rejected with
   */
  add(userId: number, operation: Operation, until: number): Promise<Outcome | undefined>
}

interface Waiting {
  operation: Operation
  until: number
  resolve: (outcome: Outcome | undefined) => void
  reject: (error: unknown) => void
}

/** Whether an operation may touch two users. */
const isOfTwo = ({ kind }: Operation): boolean => kind === 'transfer' || kind === 'reverse'

/** Removes matching operations from the queue, at most `max`. */
function takeOf(queue: Waiting[], isTaken: (waiting: Waiting) => boolean, max = Infinity) {
  const taken: Waiting[] = []
  for (const waiting of queue.splice(0)) {
    if (taken.length < max && isTaken(waiting)) taken.push(waiting)
    else queue.push(waiting)
  }
  return taken
}

function rejectExpired(queue: Waiting[], now: number) {
  const isOver = ({ operation, until }: Waiting) => operation.deadline?.isOver || now > until
  for (const { reject } of takeOf(queue, isOver)) reject(new WaitExpired('waited too long'))
}

/** Waits; longer after many tries, and while many users are locked. */
function pause(tries: number, users: number): Promise<unknown> {
  const crowdedMs = Math.min(users / USERS_PER_MS, MAX_CROWDED_PAUSE_MS)
  const ms = Math.max(Math.min(MIN_PAUSE_MS * tries, MAX_PAUSE_MS), crowdedMs)
  return new Promise((resolve) => setTimeout(resolve, ms * (0.5 + Math.random() / 2)))
}

/**
 * Posts all of them in a call that waits for the lock. After a short wait they may go on waiting.
 * @returns whether the user is still locked
 */
async function carry(
  carried: Waiting[],
  wait: LockWaitersOptions['wait'],
  short?: { queue: Waiting[] },
): Promise<boolean> {
  try {
    const operations = carried.map(({ operation }) => operation)
    const outcomes = await wait(operations, short && SHORT_WAIT_MS)
    carried.forEach(({ resolve, reject }, i) => {
      const outcome = outcomes[i]!
      if (outcome instanceof Error) reject(outcome)
      else if (outcome.status === BUSY && heldUserOf(outcome)) reject(new Problem('busy'))
      else resolve(outcome)
    })
    return false
  } catch (error) {
    const isHeld = codeOf(error) === BUSY
    if (isHeld && short) short.queue.unshift(...carried)
    else for (const { reject } of carried) reject(error)
    return isHeld
  }
}

/**
 * Tries the first operation of the queue.
 * @returns whether the user is still locked
 */
async function tryFirst(
  userId: number,
  queue: Waiting[],
  attempt: LockWaitersOptions['attempt'],
): Promise<boolean> {
  const first = queue[0]!
  try {
    const outcome = await attempt(first.operation)
    if (outcome.status === BUSY && heldUserOf(outcome) === userId) return true
    first.resolve(outcome)
  } catch (error) {
    first.reject(error)
  }
  takeOf(queue, (waiting) => waiting === first)
  return false
}

/**
 * Creates the waiters. Some users get a call that waits for the lock, and carries all waiting
 * operations of that user alone. For the others, one operation each is tried again and again in
 * batches with everybody else's. So a thousand users whom a forgotten transaction locks take no
 * connection away. Operations of two users don't get such a call: they would hold one lock while
 * they wait for the other. They are tried in turn, since after each call all that waits goes back
 * to the batches. If others never release a user for long, such an operation waits shortly in a
 * call, provided that few users are locked.
 */
export function createLockWaiters(options: LockWaitersOptions): LockWaiters {
  const { wait, attempt, maxCalls, maxBatch, maxQueue, now } = options
  const held = new Map<number, Waiting[]>()
  let queued = 0
  let calls = 0
  let isWaitingShortly = false

  async function waitShortly(queue: Waiting[]): Promise<boolean> {
    isWaitingShortly = true
    calls++
    const isHeld = await carry(takeOf(queue, () => true, maxBatch), wait, { queue })
    calls--
    isWaitingShortly = false
    return isHeld
  }

  const mayWaitShortly = (tries: number) =>
    SHORT_WAITS.includes(tries) && !isWaitingShortly && calls < maxCalls && held.size <= maxCalls

  async function serve(userId: number, queue: Waiting[]) {
    let isHeld = true
    for (let tries = 1; isHeld; tries++) {
      rejectExpired(queue, now())
      const isFree = calls < maxCalls
      const carried = isFree ? takeOf(queue, ({ operation }) => !isOfTwo(operation), maxBatch) : []
      if (carried.length > 0) {
        calls++
        isHeld = await carry(carried, wait)
        calls--
      } else if (queue.length > 0) {
        await pause(tries, held.size)
        rejectExpired(queue, now())
        if (queue.length > 0) {
          isHeld =
            await (mayWaitShortly(tries) ? waitShortly(queue) : tryFirst(userId, queue, attempt))
        }
      }
      isHeld &&= queue.length > 0
    }
    held.delete(userId)
    for (const { resolve } of queue) resolve(undefined)
  }

  return {
    counts: () => ({ users: held.size, queued }),
    heldAmong: (userIds) => userIds.find((id) => held.has(id)),

    add(userId, operation, until) {
      const queue = held.get(userId) ?? []
      if (queued >= maxQueue || queue.length >= Math.max(maxBatch, maxQueue / 8)) {
        return Promise.reject(new QueueFull('too many wait for a user'))
      }
      queued++
      const outcome = new Promise<Outcome | undefined>((resolve, reject) => {
        queue.push({ operation, until, resolve, reject })
      }).finally(() => queued--)
      if (!held.has(userId)) {
        held.set(userId, queue)
        // Operations that come back from the same batch go together.
        void Promise.resolve().then(() => serve(userId, queue))
      }
      return outcome
    },
  }
}
