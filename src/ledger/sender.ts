/** Sends operations to the database, and marks those that may have been written. */
import { isOutcomeUnknown, problemOf } from '../core/errors.ts'
import type { PostedBatch } from '../telemetry/service_metrics.ts'
import { inBatch } from '../telemetry/spans.ts'
import { BUSY, type Operation, type Outcome, type PostOptions } from './operations.ts'

/** Posts operations. An Error in the place of an outcome is of that operation alone. */
export interface BatchLedger {
  post(operations: Operation[], options: PostOptions): Promise<(Outcome | Error)[]>
}

export interface SenderOptions {
  ledger: BatchLedger
  /** Told of each call of the database once it is over, failed ones too. */
  onBatch?: (batch: PostedBatch) => void
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
}

/** Sends operations to ledger.post. */
export class Sender {
  readonly #ledger: BatchLedger
  readonly #onBatch: ((batch: PostedBatch) => void) | undefined
  readonly #now: () => number

  constructor({ ledger, onBatch, now = () => performance.now() }: SenderOptions) {
    this.#ledger = ledger
    this.#onBatch = onBatch
    this.#now = now
  }

  /**
   * Sends operations in one call. Those that were rolled back together are sent again one by one,
   * so that each fails for itself.
   * @throws whatever the database rejected all of them with
   */
  async send(operations: Operation[], options: PostOptions): Promise<(Outcome | Error)[]> {
    try {
      return await this.#sendMarked(operations, options)
    } catch (error) {
      if (operations.length === 1 || !wasRolledBack(error)) throw error
    }
    const results: (Outcome | Error)[] = []
    for (const operation of operations) {
      results.push(
        ...await this.#sendMarked([operation], options).catch((error: Error) => [error]),
      )
    }
    return results
  }

  /**
   * Sends operations whose first try may have been written, and waits for it to end. They stay
   * marked, whatever comes of this.
   */
  sendAgain(operations: Operation[]): Promise<(Outcome | Error)[]> {
    return this.#call(operations, { wait: true })
  }

  async #sendMarked(operations: Operation[], options: PostOptions): Promise<(Outcome | Error)[]> {
    markSent(operations, true)
    try {
      const outcomes = await this.#call(operations, options)
      markSent(operations.filter((_, i) => wasNotDone(outcomes[i]!)), false)
      return outcomes
    } catch (error) {
      if (!isOutcomeUnknown(error)) markSent(operations, false)
      throw error
    }
  }

  async #call(operations: Operation[], options: PostOptions): Promise<(Outcome | Error)[]> {
    const startedAt = this.#now()
    const { length: size } = operations
    const operation = kindOf(operations)
    const requests = operations.flatMap(({ span }) => span ?? [])
    try {
      const post = () => this.#ledger.post(operations, options)
      return await inBatch(requests, { size, operation }, post)
    } finally {
      this.#onBatch?.({ size, operation, durationMs: this.#now() - startedAt })
    }
  }
}

function markSent(operations: Operation[], isSent: boolean) {
  for (const { deadline } of operations) if (deadline) deadline.isSent = isSent
}

const wasNotDone = (outcome: Outcome | Error): boolean =>
  outcome instanceof Error ? !isOutcomeUnknown(outcome) : outcome.status === BUSY

/** Whether PostgreSQL refused the whole statement, perhaps because of one operation only. */
const wasRolledBack = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && !isOutcomeUnknown(error) &&
  problemOf(error).code !== 'busy'

const kindOf = ([first, ...others]: Operation[]): string =>
  others.every(({ kind }) => kind === first!.kind) ? first!.kind : 'mixed'
