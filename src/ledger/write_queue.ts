/**
 * Gathers the operations of many requests into batches. docs/explanation/engine.md describes the
 * whole way of a write.
 */
import { createBatcher } from '../core/batcher.ts'
import { createInFlight } from '../core/in_flight.ts'
import { askAgain, isOutcomeUnknown, Problem, problemOf } from '../core/errors.ts'
import { createLockWaiters } from './lock_waiters.ts'
import { BUSY, heldUserOf, usersOf } from './operations.ts'
import type { Operation, Outcome, PostOptions } from './operations.ts'
import type { PostedBatch } from '../telemetry/service_metrics.ts'

export interface WriteQueueOptions {
  /** Calls ledger.post. */
  post: (operations: Operation[], options: PostOptions) => Promise<Outcome[]>
  /** Batches in flight at once; no two have operations of the same user. */
  batches: number
  /** Calls at once that wait for a locked user. */
  waiting: number
  /** Operations at once that are repeated because their connection was lost. */
  repeats?: number
  maxBatch?: number
  /** Operations that may wait in the queue, and as many for locked users. */
  maxQueue?: number
  /**
   * Milliseconds that an operation may wait for its batch. This and the deadline of a query make
   * that of a request.
   */
  maxWaitMs?: number
  /** Milliseconds that it may wait for locked users before its last try begins. */
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
   * Does an operation.
   * @returns what the database answered, refusals included
   * @throws Problem busy (nothing was written), outcome_unknown, internal
   */
  add(operation: Operation): Promise<Outcome>
  /** Resolves once everything that was added is answered. */
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

/** Whether PostgreSQL refused the whole statement, perhaps because of one operation only. */
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
 * Creates the sender, which marks each operation that may have been written. Operations that were
 * rolled back together are sent again one by one, so that each fails for itself.
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
 * Creates the write queue. Batches never wait for locks: operations of users who are locked come
 * back from them and wait in lock_waiters.ts. An operation with a key whose outcome is unknown is
 * repeated once, by itself, on a connection that waits for the first try to end.
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
      // The outcome tells the other user of the transfer that is reversed.
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
