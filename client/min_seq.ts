/** Lets a standby answer, and never with less than the client has been answered before. */
import { InvalidRequestError } from './api.ts'

/** Users of whom that is known at most; beyond, those of the oldest answers are forgotten. */
const MAX_USERS = 10_000

/** Sends `min_seq` with reads of a history. */
export interface MinSeqs {
  /** Asks with the last entry that is known of a user, unless the query says one. */
  read<Query extends { min_seq?: number }, T>(
    userId: number,
    query: Query | undefined,
    ask: (query: Query | undefined) => Promise<T>,
  ): Promise<T>
  /** Notes the last entry that an answer had of a user. */
  note(userId: number, seq: number): void
  /** Notes each user that an answer shows. */
  noteAll(answer: unknown): void
}

/** Does nothing: the primary answers. */
export const NO_MIN_SEQS: MinSeqs = {
  read: (_, query, ask) => ask(query),
  note: () => {},
  noteAll: () => {},
}

/** Creates one that knows of nobody, so that the primary answers first. */
export function createMinSeqs(): MinSeqs {
  const seqs = new Map<number, number>()

  function note(userId: number, seq: number) {
    const before = seqs.get(userId) ?? 0
    seqs.delete(userId)
    seqs.set(userId, Math.max(before, seq))
    if (seqs.size > MAX_USERS) seqs.delete(seqs.keys().next().value!)
  }

  /** A user has the number of its last entry beside its own; lists and results have users. */
  function noteAll(answer: unknown) {
    if (typeof answer !== 'object' || answer === null) return
    const { id, seq } = answer as { id?: unknown; seq?: unknown }
    if (typeof id === 'number' && typeof seq === 'number') return note(id, seq)
    for (const [name, member] of Object.entries(answer)) if (name !== 'metadata') noteAll(member)
  }

  return {
    async read(userId, query, ask) {
      const seq = seqs.get(userId)
      if (seq === undefined || query?.min_seq !== undefined) return await ask(query)
      try {
        return await ask({ ...query!, min_seq: seq })
      } catch (error) {
        if (!isMinSeqRefused(error)) throw error
        // The database was restored to a moment before that entry.
        seqs.delete(userId)
        return await ask(query)
      }
    },
    note,
    noteAll,
  }
}

const isMinSeqRefused = (error: unknown): boolean =>
  error instanceof InvalidRequestError &&
  (error.problem.errors?.some(({ path }) => path === 'min_seq') ?? false)
