/** Gathers the operations of many requests into calls of the database; see "Speed" in the design. */
import { createBatcher } from '../core/batcher.ts'
import { createInFlight } from '../core/in_flight.ts'
import { askAgain, isOutcomeUnknown, Problem, problemOf } from '../core/errors.ts'
import { BUSY, createLockWaiters, heldUserOf } from './lock_waiters.ts'
import { type Operation, type Outcome, type PostOptions, usersOf } from './operations.ts'
import type { PostedBatch } from '../telemetry/service_metrics.ts'

export interface WriteQueueOptions {
  /** One call of the database. */
  post: (operations: Operation[], options: PostOptions) => Promise<Outcome[]>
  /** Batches in flight at once; no two have operations of the same user. */
  batches: number
  /** Users for whom a call waits at once. */
  waiting: number
  /** Operations at once that are repeated as their connection was lost. */
  repeats?: number
  maxBatch?: number
  /** In the queue, and for all users together that somebody else holds. */
  maxQueue?: number
  /** How long an operation may wait for its batch. With a query's deadline it makes the request's. */
  maxWaitMs?: number
  /** How long it may wait for users whom somebody else holds, before the last try begins. */
  lockWaitMs?: number
  /** Told of each call of the database once it is over, failed ones too. */
  onBatch?: (batch: PostedBatch) => void
  /** Told how long the operation of a batch that came first had waited for it. */
  onWait?: (ms: number) => void
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

export interface WriteQueue {
  /**
   * Does an operation, and answers what the database said of it.
   * @throws Problem busy (nothing was written), outcome_unknown, internal
   */
  add(operation: Operation): Promise<Outcome>
  /** Settles once everything that was added is answered. */
  idle(): Promise<void>
  /** Operations that wait, by queue: for a batch, for a user, for a second try. */
  queues: () => Record<'batch' | 'lock_waiters' | 'repeats', { used: number; max: number }>
  /** Users whom somebody else holds while operations wait for them. */
  lockedUsers: () => number
}

const isOver = ({ deadline }: Operation): boolean => deadline?.isOver ?? false

function markSent(operations: Operation[], isSent: boolean) {
  for (const { deadline } of operations) if (deadline) deadline.isSent = isSent
}

/** PostgreSQL refused the statement as a whole, and perhaps because of one item only. */
const wasRolledBack = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && !isOutcomeUnknown(error) &&
  problemOf(error).code !== 'busy'

const kindOf = ([first, ...others]: Operation[]): string =>
  others.every(({ kind }) => kind === first!.kind) ? first!.kind : 'mixed'

type Post = WriteQueueOptions['post']

/** The same call, and tells of it. */
function observed({ post, onBatch, now = () => performance.now() }: WriteQueueOptions): Post {
  if (!onBatch) return post
  return async (operations, options) => {
    const startedAt = now()
    try {
      return await post(operations, options)
    } finally {
      const { length: size } = operations
      onBatch({ size, operation: kindOf(operations), durationMs: now() - startedAt })
    }
  }
}

/**
 * Sends operations, and knows of each whether it may have been written. What was rolled back together
 * goes one by one, so that each fails for itself.
 */
function createSend(post: Post) {
  async function together(operations: Operation[], options: PostOptions): Promise<Outcome[]> {
    markSent(operations, true)
    try {
      const outcomes = await post(operations, options)
      markSent(operations.filter((_, i) => outcomes[i]?.status === BUSY), false)
      return outcomes
    } catch (error) {
      if (!isOutcomeUnknown(error)) markSent(operations, false)
      throw error
    }
  }

  return async (operations: Operation[], options: PostOptions): Promise<(Outcome | Error)[]> => {
    try {
      return await together(operations, options)
    } catch (error) {
      if (operations.length === 1 || !wasRolledBack(error)) throw error
    }
    const results: (Outcome | Error)[] = []
    for (const operation of operations) {
      results.push(...await together([operation], options).catch((error: Error) => [error]))
    }
    return results
  }
}

/**
 * Every write goes through here. Batches never wait for anybody: operations of users whom somebody
 * else holds come back from them, and wait apart. One whose outcome is unknown is repeated if it has
 * a key, once, by itself, on a connection that waits for the first to end.
 */
export function createWriteQueue(options: WriteQueueOptions): WriteQueue {
  const { maxBatch = 128, maxQueue = 10_000, maxWaitMs = 1000, lockWaitMs = 2000 } = options
  const { onWait, now = () => performance.now() } = options
  const post = observed(options)
  const inFlight = createInFlight()
  const send = createSend(post)
  const limits = { maxQueue, maxWaitMs, keysOf: usersOf, isOver, now, ...(onWait && { onWait }) }
  const batcher = createBatcher<Operation, Outcome>({
    ...limits,
    maxBatch,
    maxRunning: options.batches,
    run: (operations) => send(operations, { wait: false }),
  })
  const repeats = createBatcher<Operation, Outcome>({
    ...limits,
    maxBatch: 1,
    maxRunning: options.repeats ?? 2,
    // It stays as it is whether it was sent: the first try counts, too.
    run: (operations) => post(operations, { wait: true }),
  })
  const lockWaiters = createLockWaiters({
    attempt: (operation) => batcher.add(operation),
    wait: (operations, lockWaitMs) =>
      send(operations, { wait: true, ...(lockWaitMs !== undefined && { lockWaitMs }) }),
    maxCalls: options.waiting,
    maxBatch,
    maxQueue,
    now,
  })

  async function place(operation: Operation): Promise<Outcome> {
    const until = now() + lockWaitMs
    let held = lockWaiters.heldAmong(usersOf(operation))
    for (;;) {
      const outcome = held === undefined
        ? await batcher.add(operation)
        : await lockWaiters.add(held, operation, until)
      if (outcome && outcome.status !== BUSY) return outcome
      if (now() > until) throw new Problem('busy')
      // The other half of what is to be reversed is known now.
      const peerId = outcome?.users[1]?.userId
      if (peerId !== undefined) operation.peerId ??= peerId
      held = outcome ? heldUserOf(outcome) : lockWaiters.heldAmong(usersOf(operation))
    }
  }

  async function repeat(operation: Operation): Promise<Outcome> {
    const outcome = await repeats.add(operation)
    if (outcome.status === BUSY) throw new Problem('busy')
    return outcome
  }

  async function add(operation: Operation): Promise<Outcome> {
    try {
      return await place(operation).catch((error: unknown) => {
        if (operation.key === undefined || !isOutcomeUnknown(error)) throw error
        return askAgain(() => repeat(operation))
      })
    } catch (error) {
      throw problemOf(error, { writes: true })
    }
  }

  return {
    add: (operation) => inFlight.track(add(operation)),
    idle: inFlight.idle,
    queues: () => ({
      batch: { used: batcher.queued, max: maxQueue },
      lock_waiters: { used: lockWaiters.counts().queued, max: maxQueue },
      repeats: { used: repeats.queued, max: maxQueue },
    }),
    lockedUsers: () => lockWaiters.counts().users,
  }
}
