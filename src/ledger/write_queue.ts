/** Gathers the operations of many requests into batches; nobody waits for somebody else's lock. */
import { createBatcher } from '../core/batcher.ts'
import { createInFlight } from '../core/in_flight.ts'
import { askAgain, isOutcomeUnknown, Problem, problemOf } from '../errors.ts'
import { BUSY, createLockWaiters } from './lock_waiters.ts'
import { type Operation, type Outcome, usersOf } from './operations.ts'

export interface WriteQueueOptions {
  /** One call of the database. */
  post: (operations: Operation[], options: { wait: boolean }) => Promise<Outcome[]>
  /** Batches in flight at once; no two have operations of the same user. */
  batches: number
  /** Calls at once that wait for somebody else's lock. */
  waiting: number
  maxBatch?: number
  /** In the batcher, and for all users that are waited for together. */
  maxQueue?: number
  /** How long an operation may wait for its batch. With a query's deadline it makes the request's. */
  maxWaitMs?: number
  /** Told the size of each call. */
  onBatch?: (size: number) => void
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface WriteQueue {
  /**
   * Posts one operation and answers what the database said of it.
   * @throws Problem busy (nothing was written), outcome_unknown, internal
   */
  add(operation: Operation): Promise<Outcome>
  /** Settles once everything that was added is answered. */
  idle(): Promise<void>
}

const isOver = ({ deadline }: Operation): boolean => deadline?.isOver ?? false

/** PostgreSQL refused the statement as a whole, and perhaps because of one operation only. */
const wasRolledBack = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && !isOutcomeUnknown(error) &&
  problemOf(error).code !== 'busy'

/**
 * Batches never wait: operations of users whom somebody else holds come back from them as busy. They,
 * and those whose batch failed in a way that makes a second try safe, go to the lock waiters.
 */
export function createWriteQueue(options: WriteQueueOptions): WriteQueue {
  const { maxBatch = 128, maxQueue = 10_000, maxWaitMs = 1000, onBatch } = options
  const now = options.now ?? (() => performance.now())

  const post: WriteQueueOptions['post'] = async (operations, { wait }) => {
    onBatch?.(operations.length)
    for (const { deadline } of operations) if (deadline) deadline.isSent = true
    return await options.post(operations, { wait })
  }

  const batcher = createBatcher<Operation, Outcome>({
    run: (operations) => post(operations, { wait: false }),
    maxRunning: options.batches,
    maxBatch,
    maxQueue,
    maxWaitMs,
    keysOf: usersOf,
    isOver,
    now,
  })
  const waiters = createLockWaiters({
    post: (operations) => post(operations, { wait: true }),
    retry: (operation) => sendAgain(operation, () => batcher.add(operation)),
    maxCalls: options.waiting,
    maxBatch,
    maxQueue,
    maxWaitMs,
    wasRolledBack,
    now,
  })
  const inFlight = createInFlight()

  /** Nothing of the operation was written so far. */
  function sendAgain<T>(operation: Operation, send: () => Promise<T>): Promise<T> {
    if (operation.deadline) operation.deadline.isSent = false
    return send()
  }

  async function wait(operation: Operation): Promise<Outcome> {
    const outcome = await waiters.add(operation)
    if (outcome.status === BUSY) throw new Problem('busy')
    return outcome
  }

  async function place(operation: Operation): Promise<Outcome> {
    try {
      if (!waiters.has(usersOf(operation))) {
        const outcome = await batcher.add(operation)
        if (outcome.status !== BUSY) return outcome
      }
      return await sendAgain(operation, () => wait(operation))
    } catch (error) {
      if (isOutcomeUnknown(error) && operation.key !== undefined) {
        return await askAgain(() => wait(operation))
      }
      if (wasRolledBack(error)) return await sendAgain(operation, () => wait(operation))
      throw error
    }
  }

  return {
    add: (operation) =>
      inFlight.track(
        place(operation).catch((error: unknown) => {
          throw problemOf(error, { writes: true })
        }),
      ),
    idle: inFlight.idle,
  }
}
