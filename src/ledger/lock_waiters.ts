/** Operations of users whom somebody else holds: another instance, or a transaction at psql. */
import { QueueFull, WaitExpired } from '../core/batcher.ts'
import { codeOf, Problem } from '../core/errors.ts'
import type { Operation, Outcome } from './operations.ts'

/** lock_not_available: somebody else holds a user, or entries of one are left to post. */
export const BUSY = '55P03'

/** Between two tries of a user for whom there is no call that waits; of many users, longer. */
const MIN_PAUSE_MS = 5
const MAX_PAUSE_MS = 25
const MAX_CROWDED_PAUSE_MS = 200
const USERS_PER_MS = 4

/**
 * For so long an operation of two users may wait in a call, holding the one while it waits for the
 * other: enough for its turn among many callers, too little to do harm behind one who has gone.
 */
const SHORT_WAIT_MS = 100
/** At which of its tries; between them the others of its users have their time. */
const SHORT_WAITS = [3, 12, 48]

export interface LockWaitersOptions {
  /** Sends operations and waits for their users; an Error is of that item alone. */
  wait: (operations: Operation[], lockWaitMs?: number) => Promise<(Outcome | Error)[]>
  /** Tries an operation once more, waiting for nobody. */
  attempt: (operation: Operation) => Promise<Outcome>
  /** Of `wait` at once. */
  maxCalls: number
  maxBatch: number
  /** Operations that wait, for all users together; of one user, an eighth of that. */
  maxQueue: number
  now: () => number
}

export interface LockWaiters {
  /** Users who are waited for, and operations that wait. */
  counts(): { users: number; queued: number }
  /** The first of these users who is waited for. */
  heldAmong(userIds: number[]): number | undefined
  /**
   * Waits for a user.
   * @param until when nothing more is begun for it
   * @returns what became of it; undefined: the user may be free, and nothing was done
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

/** Whether it may touch more than its user. */
const isOfTwo = ({ kind }: Operation): boolean => kind === 'transfer' || kind === 'reverse'

/** The user who kept an operation waiting; undefined: none, only entries are left to post. */
export function heldUserOf({ users }: Outcome): number | undefined {
  return users.find(({ state }) => !state)?.userId
}

/** Takes those out of the queue, at most so many. */
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

/** Waits, longer after many tries of one user, and while many users are held. */
function pause(tries: number, users: number): Promise<unknown> {
  const crowdedMs = Math.min(users / USERS_PER_MS, MAX_CROWDED_PAUSE_MS)
  const ms = Math.max(Math.min(MIN_PAUSE_MS * tries, MAX_PAUSE_MS), crowdedMs)
  return new Promise((resolve) => setTimeout(resolve, ms * (0.5 + Math.random() / 2)))
}

/** Sends all in a call that waits; after a short one they may go on waiting. Whether it's held. */
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

/** Tries the first of the queue. Whether the user is still held. */
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
 * Some of the users get a call that waits for the lock, and has all that waits of that user alone.
 * The others are tried again and again, by one operation each, in batches with everybody: so a
 * thousand users whom a forgotten transaction holds take no connection from anybody. Operations of
 * two users don't wait like that: they would hold the one while they wait for the other. They are
 * tried in turn with those that came later, as after each call all that waits goes back to the
 * batches; and where others never let go of a user for long, they wait shortly, if few are held.
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
        // What comes back in the same batch goes together.
        void Promise.resolve().then(() => serve(userId, queue))
      }
      return outcome
    },
  }
}
