/** Converts rows of the database's functions to users and entries. */
import { RawJson } from '../core/raw_json.ts'
import { isoTimestamp } from '../database/database.ts'
import type { Snapshot, Versioned } from '../cache/snapshots.ts'

/** A posted entry as callers see it. Amounts are decimal strings with two places. */
export interface Entry {
  /** Its number in the history of its user: 1, 2, 3 … */
  seq: number
  action: 'CREDIT' | 'DEBIT'
  amount: string
  /** Of the user right after it. */
  balance: string
  /** When it happened: RFC 3339 in UTC, with microseconds. */
  ts: string
  idempotency_key?: string
  /** The JSON text as PostgreSQL stores it. */
  metadata?: RawJson
  /** The other half of a transfer. */
  transfer?: { user_id: number; seq: number }
  /** The seq of the entry that this one reverses. */
  reverses?: number
  /** The seq of the last entry that reversed this one. Only this and the next are added later. */
  reversed_by?: number
  /** How much of it has been reversed, if not all. */
  reversed?: string
  /** The number of the hold that this entry captured. */
  hold?: number
  /** Of the entry and the one before, in hexadecimal: see docs/reference/statements.md. */
  hash: string
}

/** A row of ledger.get_users: the snapshot of a user, and what the cache has to know of it. */
export interface UserRow {
  id: string
  balance: string
  available: string
  seq: string
  updated_at: string
  version: string
  read_at: string
  expires_in_ms: string | null
}

/** A row of the view `entries`. */
export interface EntryRow {
  user_id: string
  seq: string
  action: 'CREDIT' | 'DEBIT'
  amount: string
  balance: string
  available: string
  ts: string
  sealed_at: string
  idempotency_key: string | null
  metadata: string | null
  peer_user_id: string | null
  peer_seq: string | null
  reverses: string | null
  reversed_by: string | null
  reversed: string | null
  hold: string | null
  hash: string
  held: string
}

/** Converts a row to a snapshot. */
export const snapshotOf = (
  row: Pick<UserRow, 'id' | 'balance' | 'available' | 'seq' | 'updated_at'>,
): Snapshot => ({
  id: Number(row.id),
  balance: row.balance,
  available: row.available,
  seq: Number(row.seq),
  updated_at: isoTimestamp(row.updated_at),
})

/** Converts a row to a snapshot with its version, for the cache. */
export const versioned = (row: UserRow): Versioned => ({
  snapshot: snapshotOf(row),
  version: Number(row.version),
  read_at: isoTimestamp(row.read_at),
  ...(row.expires_in_ms !== null && { expires_in_ms: Number(row.expires_in_ms) }),
})

/** Converts a row of the view `entries` to an entry. */
export const entryOf = (row: EntryRow): Entry => ({
  seq: Number(row.seq),
  action: row.action,
  amount: row.amount,
  balance: row.balance,
  ts: isoTimestamp(row.ts),
  ...(row.idempotency_key !== null && { idempotency_key: row.idempotency_key }),
  ...(row.metadata !== null && { metadata: new RawJson(row.metadata) }),
  ...(row.peer_seq !== null && {
    transfer: { user_id: Number(row.peer_user_id), seq: Number(row.peer_seq) },
  }),
  ...(row.reverses !== null && { reverses: Number(row.reverses) }),
  ...(row.reversed_by !== null && { reversed_by: Number(row.reversed_by) }),
  ...(row.reversed !== null && { reversed: row.reversed }),
  ...(row.hold !== null && { hold: Number(row.hold) }),
  hash: row.hash,
})

/** An entry with everything that its hash covers, except the user and the hash before. */
export interface StatementEntry extends Entry {
  /** When it got its seq and balance; of a manual entry that is later than `ts`. */
  posted_at: string
  /** What was held of the user then, less the credit limit. */
  held: string
  /** The intervention that took its metadata out, with its key if it erased it. */
  erased_by?: number
  /** The intervention that archived it. */
  archived_by?: number
}

/** Converts a row of the view `entries` to an entry of a statement. */
export const statementEntryOf = (row: EntryRow): StatementEntry => ({
  ...entryOf(row),
  posted_at: isoTimestamp(row.sealed_at),
  held: row.held,
})

/** A PostgreSQL array literal; the driver has no types of arrays without asking for them first. */
export function arrayLiteral(values: (string | number | null | undefined)[]): string {
  const literals = values.map((value) =>
    value === null || value === undefined
      ? 'NULL'
      : typeof value === 'number'
      ? String(value)
      : `"${value.replace(/["\\]/g, '\\$&')}"`
  )
  return `{${literals.join(',')}}`
}
