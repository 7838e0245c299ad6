/** A page of a history, as JSON: as many entries as were asked for, or as fit into a megabyte. */
import type { Context } from 'hono'
import { createIsFull } from '../core/page_length.ts'
import type { FairSemaphore } from '../core/semaphore.ts'
import type { Ledger } from '../ledger/functions.ts'
import { isLongRead } from '../ledger/read_functions.ts'
import type { Entry } from '../ledger/rows.ts'
import { conditionsOf, hasCondition, type HistoryQuery, minSeqOf } from './history_conditions.ts'
import { longRead } from './long_read.ts'

const DEFAULT_LIMIT = 50
/** Entries that one query of a long page reads. */
const PART_ROWS = 250

export interface HistoryPageDependencies {
  ledger: Pick<Ledger, 'getHistory' | 'findEntries' | 'getMoments'>
  longReads?: FairSemaphore | undefined
}

export interface HistoryPage {
  /** Newest first. */
  entries: Entry[]
  /** `before` of the next page; null on the last one. */
  next: number | null
}

/** Reads entries newest first, below a seq. */
type ReadPart = (before: number | undefined, maxRows: number) => Promise<Entry[]>
type InTurn = <T>(read: () => Promise<T>) => Promise<T>

/**
 * Reads the page that a query asks for. It is empty also if there is no such user.
 * @throws Problem invalid_request if conditions contradict the clock, busy if too many wait
 */
export async function readPage(
  { ledger, longReads }: HistoryPageDependencies,
  c: Context,
  userId: number,
  query: HistoryQuery,
): Promise<HistoryPage> {
  const { limit, before } = query
  const maxRows = Number(limit ?? DEFAULT_LIMIT)
  const inTurn: InTurn = (read) => longRead(longReads, c, read)
  if (hasCondition(query)) return await findPage(ledger, inTurn, userId, query, maxRows)
  const below = before === undefined ? undefined : Number(before)
  const minSeq = minSeqOf(query)
  const read: ReadPart = (before, rows) => ledger.getHistory(userId, before, rows, minSeq)
  if (isLongRead({ maxRows: maxRows + 1 })) return await readLongPage(read, inTurn, below, maxRows)
  // One more than asked for tells whether there is another page.
  const entries = await read(below, maxRows + 1)
  return entries.length > maxRows ? pageOf(entries, maxRows) : { entries, next: null }
}

/** The first entries of more. */
const pageOf = (entries: Entry[], length: number): HistoryPage => ({
  entries: entries.slice(0, length),
  next: entries[length - 1]!.seq,
})

/** Reads a page in several queries, each of which waits its turn among long reads. */
async function readLongPage(
  read: ReadPart,
  inTurn: InTurn,
  below: number | undefined,
  maxRows: number,
): Promise<HistoryPage> {
  const entries: Entry[] = []
  const isFull = createIsFull(maxRows)
  for (;;) {
    const before = entries.at(-1)?.seq ?? below
    const wanted = Math.min(PART_ROWS, maxRows + 1 - entries.length)
    const part = await inTurn(() => read(before, wanted))
    for (const entry of part) {
      if (isFull(entry)) return pageOf(entries, entries.length)
      entries.push(entry)
    }
    if (part.length < wanted) return { entries, next: null }
  }
}

/** Reads a page of entries that meet the conditions of the query, in one query. */
async function findPage(
  ledger: Pick<Ledger, 'findEntries' | 'getMoments'>,
  inTurn: InTurn,
  userId: number,
  query: HistoryQuery,
  maxRows: number,
): Promise<HistoryPage> {
  const conditions = await conditionsOf(ledger, userId, query)
  const { entries, scannedTo } = await inTurn(() =>
    ledger.findEntries(userId, { ...conditions, maxRows: maxRows + 1 }, minSeqOf(query))
  )
  const end = entries.findIndex(createIsFull(maxRows))
  return end === -1 ? { entries, next: scannedTo ?? null } : pageOf(entries, end)
}
