/** The functions that look for entries and holds; each looks at a bounded number of them. */
import { RawJson } from '../core/raw_json.ts'
import { type Database, isoTimestamp } from '../database/database.ts'
import type { Hold } from './operations.ts'
import { isLongRead } from './read_functions.ts'
import { ON_PRIMARY, type ReplicaCondition } from './replica_condition.ts'
import { type Entry, entryOf, type EntryRow } from './rows.ts'

export interface EntryConditions {
  /** seq < before. */
  before: number | undefined
  /** seq > after. */
  after: number
  maxRows: number
  action: 'CREDIT' | 'DEBIT' | undefined
  key: string | undefined
  /** Members and the texts that they have. */
  metadata: Record<string, string> | undefined
}

export interface HoldConditions {
  status: Hold['status'] | undefined
  key: string | undefined
  /** Holds with a higher number. */
  after: number
  maxRows: number
}

export interface JournalEntry extends Entry {
  /** Where it is among all entries: the higher, the later. Undefined if each server has its own. */
  position?: number
  user_id: number
}

/** A hold as it is now. */
export interface ListedHold extends Hold {
  /** What of it has been captured, and what is still held; decimal strings. */
  captured: string
  remaining: string
  idempotency_key?: string
  metadata?: RawJson
  created_at: string
  closed_at?: string
}

/** `scannedTo`: the last one that was looked at, where that ended the search: go on behind it. */
export interface LedgerSearch {
  /** Newest first. */
  findEntries(
    userId: number,
    conditions: EntryConditions,
    minSeq?: number,
  ): Promise<{ entries: Entry[]; scannedTo: number | undefined }>
  /** Of everybody, newest first, below a position. */
  listJournal(
    before: number | undefined,
    maxRows: number,
  ): Promise<{ entries: (JournalEntry & { position: number })[]; scannedTo: number | undefined }>
  /** The user's keys that begin with a prefix: what is behind it, in the order of its bytes. */
  findKeys(userId: number, prefix: string): Promise<string[]>
  /** In order of their numbers. */
  listHolds(
    userId: number,
    conditions: HoldConditions,
  ): Promise<{ holds: ListedHold[]; scannedTo: number | undefined }>
}

type FoundRow = EntryRow & { position: string; is_match: boolean }

interface HoldRow {
  user_id: string
  hold: string
  amount: string
  status: Hold['status']
  expires_at: string | null
  available: string
  idempotency_key: string | null
  metadata: string | null
  created_at: string
  closed_at: string | null
  captured: string
  remaining: string
  is_match: boolean
}

const holdOf = (row: HoldRow): ListedHold => ({
  hold: Number(row.hold),
  user_id: Number(row.user_id),
  amount: row.amount,
  status: row.status,
  expires_at: row.expires_at === null ? null : isoTimestamp(row.expires_at),
  available: row.available,
  captured: row.captured,
  remaining: row.remaining,
  ...(row.idempotency_key !== null && { idempotency_key: row.idempotency_key }),
  ...(row.metadata !== null && { metadata: new RawJson(row.metadata) }),
  created_at: isoTimestamp(row.created_at),
  ...(row.closed_at !== null && { closed_at: isoTimestamp(row.closed_at) }),
})

/** Converts a row of an entry to one that names its user. */
export const journalEntryOf = (row: EntryRow): JournalEntry => ({
  user_id: Number(row.user_id),
  ...entryOf(row),
})

const matches = <Row extends { is_match: boolean }>(rows: Row[]) =>
  rows.filter(({ is_match }) => is_match)
const lastScanned = <Row extends { is_match: boolean }>(rows: Row[]) =>
  rows.find(({ is_match }) => !is_match)

/**
 * Whether many holds may be read: those that a status leaves out are looked at, too. A key is found
 * by an index.
 */
export const isLongHoldsRead = (conditions: HoldConditions): boolean =>
  isLongRead(conditions) || conditions.status !== undefined

/** Runs on connections for long reads whatever may read many rows. */
export function createLedgerSearch(
  short: Pick<Database, 'run'>,
  { run }: Pick<Database, 'run'> = short,
  condition: ReplicaCondition = ON_PRIMARY,
): LedgerSearch {
  return {
    async findEntries(userId, { before, after, maxRows, action, key, metadata }, minSeq) {
      const rows = await run((sql) =>
        sql<FoundRow[]>`
          select *, metadata::text as metadata from ledger.find_entries(
            user_id => ${userId}::bigint, before => ${before ?? null}::bigint,
            after => ${after}::bigint, max_rows => ${maxRows}, action => ${action ?? null}::text,
            metadata => ${metadata ? JSON.stringify(metadata) : null}::text::jsonb,
            idempotency_key => ${key ?? null}::text)
          ${condition(sql, userId, minSeq)}`
      )
      const last = lastScanned(rows)
      return { entries: matches(rows).map(entryOf), scannedTo: last && Number(last.seq) }
    },

    async listJournal(before, maxRows) {
      const rows = await run((sql) =>
        sql<FoundRow[]>`
          select *, metadata::text as metadata from ledger.list_journal(
            before => ${before ?? null}::bigint, max_rows => ${maxRows})`
      )
      const last = lastScanned(rows)
      return {
        entries: matches(rows).map((row) => ({
          position: Number(row.position),
          ...journalEntryOf(row),
        })),
        scannedTo: last && Number(last.position),
      }
    },

    async findKeys(userId, prefix) {
      const rows = await short.run((sql) =>
        sql<{ suffix: string }[]>`
          select x.suffix from ledger.find_keys(user_id => ${userId}::bigint,
            prefix => ${prefix}::text) with ordinality as x (suffix, n) order by x.n`
      )
      return rows.map(({ suffix }) => suffix)
    },

    async listHolds(userId, conditions) {
      const { status, key, after, maxRows } = conditions
      const { run: runHolds } = isLongHoldsRead(conditions) ? { run } : short
      const rows = await runHolds((sql) =>
        sql<HoldRow[]>`
          select *, metadata::text as metadata from ledger.list_holds(user_id => ${userId}::bigint,
            status => ${status ?? null}::text, after => ${after}::bigint, max_rows => ${maxRows},
            idempotency_key => ${key ?? null}::text)`
      )
      const last = lastScanned(rows)
      return { holds: matches(rows).map(holdOf), scannedTo: last && Number(last.hold) }
    },
  }
}
