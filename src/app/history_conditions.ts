/** The conditions in a query of a history: a time, an action, a key, members of metadata. */
import type { z } from 'zod'
import { invalidRequest } from '../core/invalid_request.ts'
import { METADATA_MEMBER } from '../http/validate.ts'
import type { Ledger } from '../ledger/functions.ts'
import type { EntryConditions } from '../ledger/search_functions.ts'
import type { historyQuery } from './history_schemas.ts'

/** Members of metadata that one query may name. */
const MAX_MEMBERS = 10
const PREFIX = /^metadata\./

export type HistoryQuery = z.infer<typeof historyQuery>

/** The entry that the answer must have; undefined: the last one of all. */
export const minSeqOf = ({ min_seq }: { min_seq?: string | undefined }): number | undefined =>
  min_seq === undefined ? undefined : Number(min_seq)

/** 0 where a moment is given: no entry is needed, since none after a final moment matters. */
export const anySeqIf = (moment: string | undefined): 0 | undefined =>
  moment === undefined ? undefined : 0

/** Whether it asks for some entries only, so that others are looked at, too. */
export const hasCondition = (query: HistoryQuery): boolean =>
  Object.keys(query).some((name) =>
    ['from', 'to', 'action', 'key'].includes(name) || METADATA_MEMBER.test(name)
  )

/**
 * Converts the conditions of a query to those of the database.
 * @throws Problem invalid_request for a moment in the future, or too many members of metadata
 */
export async function conditionsOf(
  ledger: Pick<Ledger, 'getMoments'>,
  userId: number,
  query: HistoryQuery,
): Promise<Omit<EntryConditions, 'maxRows'>> {
  const { from, to, before, action, key, limit: _, after: __, min_seq: ___, ...members } = query
  const metadata = metadataOf(members)
  const { after, end } = await rangeOf(ledger, userId, { from, to }, minSeqOf(query))
  return {
    before: before === undefined ? end : Math.min(Number(before), end ?? Infinity),
    after,
    action,
    key,
    metadata,
  }
}

function metadataOf(members: Record<string, string>): Record<string, string> | undefined {
  const names = Object.keys(members)
  if (names.length > MAX_MEMBERS) {
    throw invalidRequest([{ path: [names[MAX_MEMBERS]!], message: 'is one too many' }])
  }
  if (names.length === 0) return undefined
  return Object.fromEntries(names.map((name) => [name.replace(PREFIX, ''), members[name]!]))
}

/** The entries that were posted after `from`, up to `to`: after < seq < end. */
async function rangeOf(
  ledger: Pick<Ledger, 'getMoments'>,
  userId: number,
  { from, to }: Pick<HistoryQuery, 'from' | 'to'>,
  minSeq: number | undefined,
): Promise<{ after: number; end: number | undefined }> {
  if (from === undefined && to === undefined) return { after: 0, end: undefined }
  const moments = [from ?? '-infinity', to ?? null]
  const [first, last] = await ledger.getMoments(userId, moments, minSeq)
  const future = first!.isFuture ? 'from' : last!.isFuture ? 'to' : undefined
  if (future) throw invalidRequest([{ path: [future], message: 'must not be in the future' }])
  return {
    after: from === undefined ? 0 : first!.seq,
    end: to === undefined ? undefined : last!.seq + 1,
  }
}
