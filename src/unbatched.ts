/** The writes that no batch is made of, transfers, holds and reversals, with all that they need. */
import { Problem } from './errors.ts'
import type { Ledger } from './ledger.ts'
import type { PostedEntry } from './ledger_rows.ts'
import type { Capture, Hold, NewHold, Place } from './ledger_writes.ts'
import type { Release, Reversal, Transfer } from './ledger_writes.ts'
import type { Snapshot } from './snapshots.ts'
import { createUnbatchedWrites, type UnbatchedWritesOptions } from './unbatched_writes.ts'

export interface UnbatchedOptions extends UnbatchedWritesOptions {
  ledger: Pick<
    Ledger,
    | 'transfer'
    | 'placeHold'
    | 'captureHold'
    | 'releaseHold'
    | 'reverseEntry'
    | 'getHold'
    | 'getCaptureShortfall'
    | 'getPosted'
    | 'getUsers'
  >
}

/** `replayed`: the key was known, and this is the first answer again. */
export type Replayable<T> = T & { replayed: boolean }

/** All reject with a Problem, and answer after the cache knows. */
export interface Unbatched {
  transfer(transfer: Transfer): Promise<Replayable<{ from: PostedEntry; to: PostedEntry }>>
  placeHold(hold: NewHold): Promise<Replayable<{ hold: Hold }>>
  captureHold(capture: Capture): Promise<Replayable<PostedEntry>>
  releaseHold(release: Release): Promise<Replayable<{ snapshot: Snapshot }>>
  /** @param users the only ones that may be written to */
  reverseEntry(
    reversal: Reversal,
    users?: ReadonlySet<number>,
  ): Promise<Replayable<PostedEntry>>
  /** Settles once everything that was begun is answered. */
  idle(): Promise<void>
}

export function createUnbatched(options: UnbatchedOptions): Unbatched {
  const { ledger } = options
  const { write, aside, idle } = createUnbatchedWrites(options)

  /** What was written is written: whatever fails from there on leaves its answer unknown. */
  async function posted({ userId, seq }: Place): Promise<PostedEntry> {
    const found = await ledger.getPosted(userId, seq).catch((error: unknown) => {
      throw new Problem('outcome_unknown', {}, { cause: error })
    })
    if (!found) throw new Error('an entry is gone')
    return found
  }

  /** SQL has one code for a hold that isn't active any more and for one that never was. */
  async function ofHold<T>(userId: number, hold: number, work: Promise<T>): Promise<T> {
    return await work.catch(async (error: unknown) => {
      const isGone = error instanceof Problem && error.code === 'hold_not_active'
      if (!isGone || await ledger.getHold(userId, hold)) throw error
      throw new Problem('unknown_hold', {}, { cause: error })
    })
  }

  return {
    transfer: (transfer) =>
      write({
        users: [transfer.from, transfer.to],
        key: transfer.key,
        deadline: transfer.deadline,
        funds: () => aside({ userId: transfer.from, amount: transfer.amount }),
        call: () => ledger.transfer(transfer),
      }, async ([from, to]) => {
        const both = await Promise.all([posted(from!), posted(to!)])
        return { from: both[0], to: both[1], replayed: from!.replayed }
      }),

    placeHold: (hold) =>
      write({
        users: [hold.userId],
        key: hold.key,
        deadline: hold.deadline,
        funds: () => aside({ userId: hold.userId, amount: hold.amount }),
        call: () => ledger.placeHold(hold),
      }, (answer) => Promise.resolve(answer)),

    captureHold(capture) {
      const { userId, hold, key, amount } = capture
      return ofHold(
        userId,
        hold,
        write({
          users: [userId],
          key,
          deadline: capture.deadline,
          async funds() {
            await aside({ userId, amount: null })
            // The queue would count the hold itself among what is held.
            const missing = await ledger.getCaptureShortfall(userId, hold, amount)
            if (missing) throw new Problem('insufficient_funds', { ...missing })
          },
          call: () => ledger.captureHold(capture),
        }, async (place) => ({ ...await posted(place), replayed: place.replayed })),
      )
    },

    releaseHold(release) {
      const { userId, hold, key, deadline } = release
      const call = () => ledger.releaseHold(release)
      return ofHold(
        userId,
        hold,
        write({ users: [userId], key, deadline, call }, (answer) => Promise.resolve(answer)),
      )
    },

    async reverseEntry(reversal, users) {
      const { userId, seq, key, deadline } = reversal
      let found = await ledger.getPosted(userId, seq)
      if (!found) {
        // A row made by hand may be about to get this number.
        await aside({ userId, amount: null })
        found = await ledger.getPosted(userId, seq)
      }
      const entry = found?.entry
      const peer = entry?.transfer?.user_id
      if (peer !== undefined && users?.has(peer) === false) throw new Problem('forbidden')
      // One that comes only now may be half of a transfer.
      if (!found && users) throw new Problem('unknown_entry')
      return await write({
        users: peer === undefined ? [userId] : [userId, peer],
        key,
        deadline,
        // A reversed credit is taken back from its user, a reversed debit from whoever got it.
        async funds() {
          if (!entry) return
          const from = entry.action === 'CREDIT' ? userId : peer ?? userId
          await aside({ userId: from, amount: entry.amount })
        },
        call: () => ledger.reverseEntry(reversal),
      }, async (place) => ({ ...await posted(place), replayed: place.replayed }))
    },

    idle,
  }
}
