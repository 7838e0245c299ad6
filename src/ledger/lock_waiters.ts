/**
 * Operations that wait for locked users. Another instance, or a transaction at psql, has the lock.
 */
import { type Batcher, QueueFull } from '../core/batcher.ts'
import { codeOf } from '../core/errors.ts'
import { BUSY, lockedUserOf, type Operation, type Outcome } from './operations.ts'
import type { Sender } from './sender.ts'
import { isOfTwo, rejectExpired, settle, takeOf, type Waiting } from './waiting.ts'

/**
 * Milliseconds between two tries of a user for whom no call waits: more with each try, or one for
 * every so many locked users, if that is more.
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
  /** Tries operations once more, without waiting for locks. */
  batches: Batcher<Operation, Outcome>
  /** Posts operations and waits for the locks of their users. */
  sender: Sender
  /** Calls at once that wait for a lock. */
  maxCalls: number
  maxBatch: number
  /** Operations that may wait for all users together; for one, an eighth of that or maxBatch. */
  maxQueue: number
  /** A clock in milliseconds; only differences matter. */
  now: () => number
}

/** Waits; longer after many tries, and while many users are locked. */
function pause(tries: number, users: number): Promise<unknown> {
  const crowdedMs = Math.min(users / USERS_PER_MS, MAX_CROWDED_PAUSE_MS)
  const ms = Math.max(Math.min(MIN_PAUSE_MS * tries, MAX_PAUSE_MS), crowdedMs)
  return new Promise((resolve) => setTimeout(resolve, ms * (0.5 + Math.random() / 2)))
}

/**
 * The operations that wait. Some users get a call that waits for the lock, and carries all waiting
 * operations of that user alone. For the others, one operation each is tried again and again in
 * batches with everybody else's. So a thousand users whom a forgotten transaction locks take no
 * connection away. Operations of two users don't get such a call: they would hold one lock while
 * they wait for the other. They are tried in turn, since after each call all that waits goes back
 * to the batches. If others never release a user for long, such an operation waits shortly in a
 * call, provided that few users are locked.
 */
export class LockWaiters {
  readonly #options: LockWaitersOptions
  /** The operations that wait for each locked user. */
  readonly #locked = new Map<number, Waiting[]>()
  #queued = 0
  #calls = 0
  #isWaitingShortly = false

  constructor(options: LockWaitersOptions) {
    this.#options = options
  }

  /** Users who are waited for. */
  get users(): number {
    return this.#locked.size
  }

  /** Operations that wait. */
  get queued(): number {
    return this.#queued
  }

  /** The first of these users who is waited for. */
  lockedAmong(userIds: number[]): number | undefined {
    return userIds.find((id) => this.#locked.has(id))
  }

  /**
   * Adds an operation that waits for a user, at most until `until`, by the clock `now`.
   * @returns its outcome; undefined if it wasn't done but the user may be free
   * @throws QueueFull, WaitExpired, or whatever the call rejected with
   */
  add(userId: number, operation: Operation, until: number): Promise<Outcome | undefined> {
    const { maxBatch, maxQueue } = this.#options
    const queue = this.#locked.get(userId) ?? []
    if (this.#queued >= maxQueue || queue.length >= Math.max(maxBatch, maxQueue / 8)) {
      return Promise.reject(new QueueFull('too many wait for a user'))
    }
    this.#queued++
    const outcome = new Promise<Outcome | undefined>((resolve, reject) => {
      queue.push({ operation, until, resolve, reject })
    }).finally(() => this.#queued--)
    if (!this.#locked.has(userId)) {
      this.#locked.set(userId, queue)
      // Operations that come back from the same batch go together.
      void Promise.resolve().then(() => this.#serve(userId, queue))
    }
    return outcome
  }

  /** Tries until the user is free, or nothing waits any more. */
  async #serve(userId: number, queue: Waiting[]) {
    let isLocked = true
    for (let tries = 1; isLocked; tries++) {
      rejectExpired(queue, this.#options.now())
      const carried = this.#takeForCall(queue)
      if (carried.length > 0) isLocked = await this.#call(carried)
      else if (queue.length > 0) isLocked = await this.#tryLater(userId, queue, tries)
      isLocked &&= queue.length > 0
    }
    this.#locked.delete(userId)
    for (const { resolve } of queue) resolve(undefined)
  }

  #takeForCall(queue: Waiting[]): Waiting[] {
    const { maxBatch, maxCalls } = this.#options
    if (this.#calls >= maxCalls) return []
    return takeOf(queue, ({ operation }) => !isOfTwo(operation), maxBatch)
  }

  /** Pauses, and then tries the first operation. @returns whether the user is still locked */
  async #tryLater(userId: number, queue: Waiting[], tries: number): Promise<boolean> {
    await pause(tries, this.#locked.size)
    rejectExpired(queue, this.#options.now())
    if (queue.length === 0) return true
    return await (this.#mayWaitShortly(tries)
      ? this.#waitShortly(queue)
      : this.#tryFirst(userId, queue))
  }

  #mayWaitShortly(tries: number): boolean {
    const { maxCalls } = this.#options
    return SHORT_WAITS.includes(tries) && !this.#isWaitingShortly && this.#calls < maxCalls &&
      this.#locked.size <= maxCalls
  }

  async #waitShortly(queue: Waiting[]): Promise<boolean> {
    this.#isWaitingShortly = true
    const carried = takeOf(queue, () => true, this.#options.maxBatch)
    const isLocked = await this.#call(carried, { queue })
    this.#isWaitingShortly = false
    return isLocked
  }

  /**
   * Posts all of them in a call that waits for the lock. After a short wait they may go on waiting.
   * @returns whether the user is still locked
   */
  async #call(carried: Waiting[], short?: { queue: Waiting[] }): Promise<boolean> {
    this.#calls++
    try {
      const operations = carried.map(({ operation }) => operation)
      const options = { wait: true, ...(short && { lockWaitMs: SHORT_WAIT_MS }) }
      const outcomes = await this.#options.sender.send(operations, options)
      carried.forEach((waiting, i) => settle(waiting, outcomes[i]!))
      return false
    } catch (error) {
      const isLocked = codeOf(error) === BUSY
      if (isLocked && short) short.queue.unshift(...carried)
      else for (const { reject } of carried) reject(error)
      return isLocked
    } finally {
      this.#calls--
    }
  }

  /**
   * Tries the first operation of the queue in a batch.
   * @returns whether the user is still locked
   */
  async #tryFirst(userId: number, queue: Waiting[]): Promise<boolean> {
    const first = queue[0]!
    try {
      const outcome = await this.#options.batches.add(first.operation)
      if (outcome.status === BUSY && lockedUserOf(outcome) === userId) return true
      first.resolve(outcome)
    } catch (error) {
      first.reject(error)
    }
    takeOf(queue, (waiting) => waiting === first)
    return false
  }
}
