/** The writes that no batch is made of, transfers, holds and reversals, with all that they need. */
import type { Deadline } from './deadlines.ts'
import { askAgain, codeOf, isOutcomeUnknown, Problem, problemOf } from './errors.ts'
import { LaneExpired } from './lane.ts'
import type { Ledger } from './ledger.ts'
import type { PostedEntry } from './ledger_rows.ts'
import type { Capture, Hold, NewHold, Place } from './ledger_writes.ts'
import type { Release, Reversal, Transfer } from './ledger_writes.ts'
import type { Post } from './posting.ts'
import type { Snapshot, Snapshots } from './snapshots.ts'
import { createUserTurns } from './turns.ts'

const MAX_WAIT_MS = 1000
/** How often somebody may put in, between two looks, what was missing before. */
const MAX_SHORTFALLS = 3

export interface UnbatchedOptions {
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
  post: Post
  snapshots: Pick<Snapshots, 'write' | 'doubt'>
  /** Calls at once. */
  limit: number
  /** Calls that wait. */
  maxQueue?: number
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

interface Write<T> {
  /** Everybody whom it changes. */
  users: number[]
  key: string | undefined
  deadline: Deadline | undefined
  /** When it failed for want of funds: rejects with what is missing, if it still is. */
  funds?: () => Promise<void>
  call: () => Promise<T>
}

export function createUnbatched(options: UnbatchedOptions): Unbatched {
  const { ledger, post, snapshots, limit, maxQueue = 10_000 } = options
  const turns = createUserTurns({ limit, maxWaitMs: MAX_WAIT_MS, maxQueue })
  const pending = new Set<Promise<unknown>>()

  async function once<T>({ users, key, deadline, call }: Write<T>): Promise<T> {
    const inTurn = () =>
      turns.take(users, () => {
        if (deadline?.isOver) throw new LaneExpired('waited too long')
        if (deadline) deadline.isSent = true
        return call()
      })
    try {
      return await inTurn()
    } catch (error) {
      if (isOutcomeUnknown(error) && key !== undefined) return await askAgain(inTurn)
      if (deadline && !isOutcomeUnknown(error)) deadline.isSent = false
      throw error
    }
  }

  async function attempts<T>(work: Write<T>): Promise<T> {
    let recalculated = false
    for (let shortfalls = 1;;) {
      try {
        return await once(work)
      } catch (error) {
        const code = codeOf(error)
        if (code === '55P03' && !recalculated) {
          // Perhaps for hand-made rows, of which a call that fails picks up none.
          recalculated = true
          for (const userId of work.users) await aside({ userId, amount: null })
        } else if (code === 'LGFND' && shortfalls++ < MAX_SHORTFALLS) {
          await work.funds?.()
        } else throw code === 'LGFND' ? new Problem('busy', {}, { cause: error }) : error
      }
    }
  }

  /** Through the queue; that does nothing of the write itself, whatever becomes of it. */
  async function aside({ userId, amount }: { userId: number; amount: string | null }) {
    await post({ userId, action: null, amount }).catch((error: unknown) => {
      const isUnknown = error instanceof Problem && error.code === 'outcome_unknown'
      throw isUnknown ? new Problem('busy', {}, { cause: error }) : error
    })
  }

  async function remember(users: number[]): Promise<void> {
    try {
      const states = await ledger.getUsers(users)
      await Promise.all([...states.values()].map((state) => snapshots.write(state)))
    } catch {
      for (const id of users) snapshots.doubt(id)
    }
  }

  /** What was written is written: whatever fails from there on leaves its answer unknown. */
  async function posted({ userId, seq }: Place): Promise<PostedEntry> {
    const found = await ledger.getPosted(userId, seq).catch((error: unknown) => {
      throw new Problem('outcome_unknown', {}, { cause: error })
    })
    if (!found) throw new Error('an entry is gone')
    return found
  }

  async function write<T, U>(work: Write<T>, answer: (result: T) => Promise<U>): Promise<U> {
    const begin = async () => {
      try {
        const result = await attempts(work)
        const [answered] = await Promise.all([answer(result), remember(work.users)])
        return answered
      } catch (error) {
        const problem = problemOf(error, { writes: true })
        if (problem.code === 'outcome_unknown') { for (const id of work.users) snapshots.doubt(id) }
        throw problem
      }
    }
    const begun = begin()
    pending.add(begun)
    return await begun.finally(() => pending.delete(begun))
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

    idle: async () => {
      while (pending.size > 0) await Promise.allSettled(pending)
    },
  }
}
