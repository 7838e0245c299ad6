/**
 * Gathers the operations of many requests into batches. docs/explanation/engine.md describes the
 * whole way of a write.
 */
import { Batcher } from '../core/batcher.ts'
import { askAgain, isOutcomeUnknown, Problem, problemOf } from '../core/errors.ts'
import { createInFlight } from '../core/in_flight.ts'
import { activeSpan } from '../telemetry/spans.ts'
import { LockWaiters } from './lock_waiters.ts'
import { BUSY, lockedUserOf, type Operation, type Outcome, usersOf } from './operations.ts'
import { Sender, type SenderOptions } from './sender.ts'

export interface WriteQueueOptions extends SenderOptions {
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
  /** Told how long the operation of a batch that came first had waited for it. */
  onWait?: (ms: number) => void
}

/**
 * The queue of all writes. Batches never wait for locks: operations of users who are locked come
 * back from them and wait in lock_waiters.ts. An operation with a key whose outcome is unknown is
 * repeated once, by itself, on a connection that waits for the first try to end.
 * @example
 * const queue = new WriteQueue({ ledger, batches: 2, waiting: 6 })
 * const { status } = await queue.add({ kind: 'debit', userId: 7, amount: '1.00' }) // ok, or LGFND
 */
export class WriteQueue {
  readonly #maxQueue: number
  readonly #lockWaitMs: number
  readonly #now: () => number
  readonly #inFlight = createInFlight()
  readonly #batches: Batcher<Operation, Outcome>
  readonly #repeats: Batcher<Operation, Outcome>
  readonly #lockWaiters: LockWaiters

  constructor(options: WriteQueueOptions) {
    const { maxBatch = 128, maxQueue = 10_000, maxWaitMs = 1000, lockWaitMs = 2000 } = options
    const { onWait, now = () => performance.now() } = options
    this.#maxQueue = maxQueue
    this.#lockWaitMs = lockWaitMs
    this.#now = now
    const sender = new Sender(options)
    const limits = { maxQueue, maxWaitMs, keysOf: usersOf, isOver, now, ...(onWait && { onWait }) }
    this.#batches = new Batcher({
      ...limits,
      maxBatch,
      maxRunning: options.batches,
      run: (operations) => sender.send(operations, { wait: false }),
    })
    this.#repeats = new Batcher({
      ...limits,
      maxBatch: 1,
      maxRunning: options.repeats ?? 2,
      run: (operations) => sender.sendAgain(operations),
    })
    const maxCalls = options.waiting
    const batches = this.#batches
    this.#lockWaiters = new LockWaiters({ batches, sender, maxCalls, maxBatch, maxQueue, now })
  }

  /**
   * Does an operation.
   * @returns what the database answered, refusals included
   * @throws Problem busy (nothing was written), outcome_unknown, internal
   */
  add(operation: Operation): Promise<Outcome> {
    return this.#inFlight.track(this.#addOrRepeat(operation))
  }

  /** Resolves once everything that was added is answered. */
  async idle(): Promise<void> {
    await this.#inFlight.idle()
  }

  /** Operations that wait, by queue: for a batch, for a user, for a second try. */
  queues(): Record<'batch' | 'lock_waiters' | 'repeats', { used: number; max: number }> {
    const max = this.#maxQueue
    return {
      batch: { used: this.#batches.queued, max },
      lock_waiters: { used: this.#lockWaiters.queued, max },
      repeats: { used: this.#repeats.queued, max },
    }
  }

  /** Users whom somebody else holds while operations wait for them. */
  lockedUsers(): number {
    return this.#lockWaiters.users
  }

  async #addOrRepeat(operation: Operation): Promise<Outcome> {
    operation.span = activeSpan()
    try {
      return await this.#post(operation).catch((error: unknown) => {
        if (operation.key === undefined || !isOutcomeUnknown(error)) throw error
        return askAgain(() => this.#repeat(operation))
      })
    } catch (error) {
      throw problemOf(error, { writes: true })
    }
  }

  /** Tries in batches, and waits for locked users in between. */
  async #post(operation: Operation): Promise<Outcome> {
    const until = this.#now() + this.#lockWaitMs
    let locked = this.#lockWaiters.lockedAmong(usersOf(operation))
    for (;;) {
      const outcome = locked === undefined
        ? await this.#batches.add(operation)
        : await this.#lockWaiters.add(locked, operation, until)
      if (outcome && outcome.status !== BUSY) return outcome
      if (this.#now() > until) throw new Problem('busy')
      // The outcome tells the other user of the transfer that is reversed.
      const peerId = outcome?.users[1]?.userId
      if (peerId !== undefined) operation.peerId ??= peerId
      locked = outcome ? lockedUserOf(outcome) : this.#lockWaiters.lockedAmong(usersOf(operation))
    }
  }

  async #repeat(operation: Operation): Promise<Outcome> {
    const outcome = await this.#repeats.add(operation)
    if (outcome.status === BUSY) throw new Problem('busy')
    return outcome
  }
}

const isOver = ({ deadline }: Operation): boolean => deadline?.isOver ?? false
