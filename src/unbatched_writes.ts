/** How a write goes that no batch is made of: in its users' turn, as often as it takes, and known. */
import type { Deadline } from './deadlines.ts'
import { askAgain, codeOf, isOutcomeUnknown, Problem, problemOf } from './errors.ts'
import { LaneExpired } from './lane.ts'
import type { Ledger } from './ledger.ts'
import type { Post } from './posting.ts'
import type { Snapshots } from './snapshots.ts'
import { createUserTurns } from './turns.ts'
import { createUnderWay } from './under_way.ts'

const MAX_WAIT_MS = 1000
/** How often somebody may put in, between two looks, what was missing before. */
const MAX_SHORTFALLS = 3

export interface UnbatchedWritesOptions {
  ledger: Pick<Ledger, 'getUsers'>
  post: Post
  snapshots: Pick<Snapshots, 'write' | 'doubt'>
  /** Calls at once. */
  limit: number
  /** Calls that wait. */
  maxQueue?: number
}

export interface Write<T> {
  /** Everybody whom it changes. */
  users: number[]
  key: string | undefined
  deadline: Deadline | undefined
  /** When it failed for want of funds: rejects with what is missing, if it still is. */
  funds?: () => Promise<void>
  call: () => Promise<T>
}

export interface UnbatchedWrites {
  /**
   * Settles after the cache knows.
   * @param answer made of what the call gave; by then it is written
   * @throws Problem
   */
  write: <T, U>(work: Write<T>, answer: (result: T) => Promise<U>) => Promise<U>
  /** Through the queue; that does nothing of the write itself, whatever becomes of it. */
  aside: (item: { userId: number; amount: string | null }) => Promise<void>
  /** Settles once everything that was begun is answered. */
  idle: () => Promise<void>
}

export function createUnbatchedWrites(options: UnbatchedWritesOptions): UnbatchedWrites {
  const { ledger, post, snapshots, limit, maxQueue = 10_000 } = options
  const turns = createUserTurns({ limit, maxWaitMs: MAX_WAIT_MS, maxQueue })
  const underWay = createUnderWay()

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
    return await underWay.track(begin())
  }

  return {
    write,
    aside,
    idle: underWay.idle,
  }
}
