/** A page of a history, as JSON: as many entries as were asked for, or as fit into a megabyte. */
import type { Context } from 'hono'
import type { z } from 'zod'
import { stringify } from '../core/raw_json.ts'
import type { FairTurns } from '../core/semaphore.ts'
import type { Entry, Ledger } from '../ledger/functions.ts'
import { SHORT_ROWS } from '../ledger/read_functions.ts'
import { callerKey } from '../auth/caller.ts'
import { invalidRequest } from '../core/errors.ts'
import { METADATA_MEMBER } from '../http/validate.ts'
import type { historyQuery } from './history_schemas.ts'

const DEFAULT_LIMIT = 50
/** Members of metadata that one query may name. */
const MAX_MEMBERS = 10
const PREFIX = /^metadata\./
/** Entries that one query of a long page reads. */
const PART_ROWS = 250
/** Characters of JSON after which a page ends. */
const MAX_PAGE_LENGTH = 1_048_576

export interface HistoryPageDependencies {
  ledger: Pick<Ledger, 'getHistory' | 'findEntries' | 'getMoments'>
  longReads: FairTurns
}

/** Reads the page that a query asks for; it is empty also if there is no such user. */
export type ReadPage = (
  c: Context,
  userId: number,
  query: z.infer<typeof historyQuery>,
) => Promise<{ entries: Entry[]; next: number | null }>

/** Creates the reader of pages. */
export function createReadPage({ ledger, longReads }: HistoryPageDependencies): ReadPage {
  /**
   * Reads entries, newest first. A long page is read in several queries, each of which waits its
   * turn among long reads, until there is a megabyte.
   */
  async function entriesOf(c: Context, userId: number, below: number | undefined, rows: number) {
    if (rows <= SHORT_ROWS) {
      return { entries: await ledger.getHistory(userId, below, rows), isCut: false }
    }
    const entries: Entry[] = []
    let length = 0
    for (;;) {
      const before = entries.at(-1)?.seq ?? below
      const wanted = Math.min(PART_ROWS, rows - entries.length)
      const part = await longReads.take(
        callerKey(c),
        () => ledger.getHistory(userId, before, wanted),
        { isOver: () => c.get('deadline')?.isOver ?? false },
      )
      for (const one of part) {
        entries.push(one)
        length += stringify(one).length
        // The last entry read only tells that there are more.
        if (length > MAX_PAGE_LENGTH && entries.length > 1) return { entries, isCut: true }
      }
      if (part.length < wanted || entries.length === rows) return { entries, isCut: false }
    }
  }

  type Query = z.infer<typeof historyQuery>

  /** Those that a query has conditions for; of the moments it knows which entries they mean. */
  async function found(c: Context, userId: number, query: Query, rows: number) {
    const { from, to, before, action, key, limit: _, after: __, ...rest } = query
    const members = Object.entries(rest)
    if (members.length > MAX_MEMBERS) {
      throw invalidRequest([{ path: [members[MAX_MEMBERS]![0]], message: 'is one too many' }])
    }
    const moments = from === undefined && to === undefined
      ? []
      : await ledger.getMoments(userId, [from ?? '-infinity', to ?? null])
    if (moments.some(({ isFuture }) => isFuture)) {
      throw invalidRequest([{
        path: [moments[0]!.isFuture ? 'from' : 'to'],
        message: 'must not be in the future',
      }])
    }
    const ends = [
      ...(before === undefined ? [] : [Number(before)]),
      ...(to === undefined ? [] : [moments[1]!.seq + 1]),
    ]
    return await longReads.take(
      callerKey(c),
      () =>
        ledger.findEntries(userId, {
          before: ends.length === 0 ? undefined : Math.min(...ends),
          after: from === undefined ? 0 : moments[0]!.seq,
          maxRows: rows,
          action,
          key,
          metadata: members.length === 0
            ? undefined
            : Object.fromEntries(members.map(([name, value]) => [name.replace(PREFIX, ''), value])),
        }),
      { isOver: () => c.get('deadline')?.isOver ?? false },
    )
  }

  /** Ends where there is a megabyte, as the others do. */
  async function foundPage(c: Context, userId: number, query: Query, maxRows: number) {
    const { entries, scannedTo } = await found(c, userId, query, maxRows + 1)
    let length = 0
    const large = entries.findIndex((one) => (length += stringify(one).length) > MAX_PAGE_LENGTH)
    const shown = entries.slice(0, large === -1 ? maxRows : Math.min(maxRows, Math.max(large, 1)))
    return {
      entries: shown,
      next: entries.length > shown.length ? shown.at(-1)!.seq : scannedTo ?? null,
    }
  }

  const hasCondition = (query: Query) =>
    Object.keys(query).some((name) =>
      ['from', 'to', 'action', 'key'].includes(name) || METADATA_MEMBER.test(name)
    )

  return async (c, userId, query) => {
    const { limit, before } = query
    const maxRows = Number(limit ?? DEFAULT_LIMIT)
    if (hasCondition(query)) return await foundPage(c, userId, query, maxRows)
    const below = before === undefined ? undefined : Number(before)
    // One more than asked for tells whether there is another page.
    const { entries, isCut } = await entriesOf(c, userId, below, maxRows + 1)
    const shown = entries.slice(0, isCut ? -1 : maxRows)
    return { entries: shown, next: entries.length > shown.length ? shown.at(-1)!.seq : null }
  }
}
