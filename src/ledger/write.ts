/** Does every write: queue → database → cache → outcome, or the problem of what was refused. */
import { Problem, problemOf, refusal } from '../core/errors.ts'
import type { Ledger } from './functions.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Snapshots } from '../cache/snapshots.ts'
import { type Operation, type Outcome, usersOf } from './operations.ts'
import type { WriteQueue } from './write_queue.ts'

export interface WriteDependencies {
  queue: Pick<WriteQueue, 'add'>
  ledger: Pick<Ledger, 'getStatement'>
  snapshots: Pick<Snapshots, 'invalidate' | 'write'>
  metrics: Pick<Metrics, 'operation'>
}

/**
 * Does an operation, and updates the cache before it settles.
 * @throws Problem, also for what the database refused: insufficient_funds with its amounts
 */
export type Write = (operation: Operation) => Promise<Outcome>

/** Creates the function through which every route writes. */
export function createWrite({ queue, ledger, snapshots, metrics }: WriteDependencies): Write {
  /** Has this instance believe no cached snapshot of a user whom the operation may have changed. */
  async function invalidate(operation: Operation): Promise<void> {
    const { kind, userId, ref } = operation
    for (const id of usersOf(operation)) snapshots.invalidate(id)
    if (kind !== 'reverse' || ref === undefined || operation.peerId !== undefined) return
    // To reverse half of a transfer changes the user of the other half, too.
    const [entry] = await ledger.getStatement(userId, ref - 1, ref, 1).catch(() => [])
    if (entry?.transfer) snapshots.invalidate(entry.transfer.user_id)
  }

  async function post(operation: Operation): Promise<Outcome> {
    try {
      return await queue.add(operation)
    } catch (error) {
      const problem = problemOf(error, { writes: true })
      if (problem.code === 'outcome_unknown') await invalidate(operation)
      throw problem
    }
  }

  async function postAndCache(operation: Operation): Promise<Outcome> {
    const outcome = await post(operation)
    // A refused operation may have posted pending entries, so the cache is updated, too.
    const states = outcome.users.flatMap(({ state }) => state ?? [])
    await Promise.all(states.map((state) => snapshots.write(state)))
    if (outcome.status === 'ok') return outcome
    const shortfall = outcome.users.find((user) => user.shortfall)?.shortfall
    throw shortfall ? new Problem('insufficient_funds', { ...shortfall }) : refusal(outcome.status)
  }

  return async (operation) => {
    try {
      const outcome = await postAndCache(operation)
      metrics.operation(operation.kind, outcome.replayed ? 'replayed' : 'ok')
      return outcome
    } catch (error) {
      metrics.operation(operation.kind, (error as Problem).code)
      throw error
    }
  }
}
