/** One item through the queue: what the cache has to know of it, and what it is refused with. */
import type { DebitQueue } from './debit_queue.ts'
import { Problem, refusal } from './errors.ts'
import type { Entry, Outcome, Posting } from './ledger.ts'
import type { Snapshot, Snapshots } from './snapshots.ts'

export interface PostingDependencies {
  queue: Pick<DebitQueue, 'add'>
  snapshots: Pick<Snapshots, 'changed' | 'read' | 'write'>
}

export interface Posted {
  snapshot: Snapshot
  /** None where only hand-made rows were picked up. */
  entry?: Entry
  replayed: boolean
}

/**
 * Posts, and lets the cache know before it answers.
 * @throws Problem, also for what the database refused: insufficient_funds with its amounts
 */
export type Post = (item: Posting) => Promise<Posted>

export const createPost = ({ queue, snapshots }: PostingDependencies): Post => async (item) => {
  const outcome = await queue.add(item)
  const { state, entry, replayed } = outcome
  if (state && !replayed) await snapshots.write(state)
  if (state && replayed) {
    // A replay tells how things were; but it, too, may have counted rows made by hand.
    snapshots.changed(item.userId, state.version)
    await snapshots.read(item.userId, { fresh: true })
  }
  if (outcome.shortfall !== undefined) throw new Problem('insufficient_funds', fundsOf(outcome))
  if (outcome.status !== 'ok') throw refusal(outcome.status)
  return { snapshot: state!.snapshot, ...(entry && { entry }), replayed }
}

const fundsOf = ({ state, required, shortfall }: Outcome) => ({
  balance: state!.snapshot.balance,
  available: state!.snapshot.available,
  required,
  shortfall,
})
