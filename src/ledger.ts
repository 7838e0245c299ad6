/** The functions of the database, each called by name from one function of the same name. */
import type postgres from 'postgres'
import { createDatabase, isoTimestamp, retried } from './database.ts'
import type { Ssl } from './database_tls.ts'
import type { Deadline } from './deadlines.ts'
import { createLedgerReads, type LedgerReads } from './ledger_reads.ts'
import { arrayLiteral, type Entry, type UserRow, versioned } from './ledger_rows.ts'
import { createLedgerWrites, type LedgerWrites } from './ledger_writes.ts'
import { startListener } from './listener.ts'
import type { ListenHandlers } from './listener.ts'
import type { Versioned } from './snapshots.ts'

export type { Entry } from './ledger_rows.ts'

/** The newest migration that this code was written against: the digits of its file's name. */
export const SCHEMA_VERSION = '20261127000000'

/** One item for post_entries. `action` null: only pick up hand-made rows. */
export interface Posting {
  userId: number
  action: 'CREDIT' | 'DEBIT' | null
  /** Decimal string with at most two places; without an action: only asks what is missing. */
  amount: string | null
  key?: string | undefined
  /** JSON of an object. */
  metadata?: string | undefined
  /** Of who waits for it. */
  deadline?: Deadline | undefined
}

/** What post_entries answers for one item. */
export interface Outcome {
  /** `ok` or a SQLSTATE. */
  status: string
  replayed: boolean
  /** The user after the item (of a replay: after the entry); absent for an unknown user. */
  state?: Versioned
  entry?: Entry
  /** With action null, too: what an amount would need that isn't there. */
  required?: string
  shortfall?: string
}

export interface Ledger extends LedgerReads, LedgerWrites {
  postEntries(items: Posting[], options: { wait: boolean }): Promise<Outcome[]>
  getUsers(ids: number[]): Promise<Map<number, Versioned>>
  createUser(id: number | undefined): Promise<{ id: number; created: boolean }>
  /** Tells every service which versions are the lowest to accept, by user id. */
  notifyChanged(versions: Map<number, number>): Promise<void>
  hasMigration(version: string): Promise<boolean>
  /**
   * Calls `changed` for each user that SQL changed somewhere else, and `listening` with the clock
   * of the database from which on none is missed, or null while some may be.
   */
  listen(on: ListenHandlers): void
  end(): Promise<void>
}

export interface LedgerOptions {
  url: string
  ssl?: Ssl | undefined
  /** Connections that post batches; as many batches are posted at once. */
  batches: number
  /** Connections that wait for users whom somebody else holds. */
  waiting: number
  /** Connections for everything that only reads. */
  reading: number
  queryDeadlineMs?: number | undefined
}

export function createLedger(options: LedgerOptions): Ledger {
  const { url, ssl, queryDeadlineMs } = options
  const posting = createDatabase({ url, ssl, queryDeadlineMs, max: options.batches })
  const side = createDatabase({ url, ssl, queryDeadlineMs, max: options.waiting })
  const reads = createDatabase({ url, ssl, queryDeadlineMs, max: options.reading })
  let listener: ReturnType<typeof startListener> | undefined

  return {
    ...createLedgerReads(reads),
    ...createLedgerWrites(side),

    async postEntries(items, { wait }) {
      const call = (sql: postgres.Sql) =>
        sql<PostedRow[]>`select * from post_entries(
          user_ids => ${arrayLiteral(items.map((item) => item.userId))}::bigint[],
          actions => ${arrayLiteral(items.map((item) => item.action))}::text[],
          amounts => ${arrayLiteral(items.map((item) => item.amount))}::numeric[],
          idempotency_keys => ${arrayLiteral(items.map((item) => item.key))}::text[],
          metadatas => ${arrayLiteral(items.map((item) => item.metadata))}::jsonb[],
          wait => ${wait})`
      const rows = await retried(() => (wait ? side : posting).run(call))
      if (rows.length !== items.length) throw new Error('post_entries: wrong number of rows')
      // Taken out of the client's result, which lives on for a while and would keep them all.
      return rows.splice(0).map((row, i) => outcomeOf(row, items[i]!))
    },

    async getUsers(ids) {
      const rows = await reads.run((sql) =>
        sql<UserRow[]>`select * from get_users(user_ids => ${arrayLiteral(ids)}::bigint[])`
      )
      return new Map(rows.map((row) => [Number(row.id), versioned(row)]))
    },

    async createUser(id) {
      const [row] = await reads.run((sql) =>
        sql<{ id: string; created: boolean }[]>`
          select * from create_user(user_id => ${id ?? null}::bigint)`
      )
      return { id: Number(row!.id), created: row!.created }
    },

    async notifyChanged(versions) {
      await reads.run((sql) =>
        sql`select notify_changed(user_ids => ${arrayLiteral([...versions.keys()])}::bigint[],
          versions => ${arrayLiteral([...versions.values()])}::bigint[])`
      )
    },

    async hasMigration(version) {
      const [row] = await reads.run((sql) =>
        sql<{ applied: boolean }[]>`
          select has_migration(version => ${version}::text) as applied`
      )
      return row!.applied
    },

    listen(on) {
      listener = startListener({ url, ssl }, on)
    },

    async end() {
      await listener?.stop()
      await Promise.all([posting.end(), side.end(), reads.end()])
    },
  }
}

interface PostedRow {
  status: string
  user_id: string
  seq: string | null
  amount: string | null
  balance: string | null
  available: string | null
  ts: string | null
  replayed: boolean
  shortfall: string | null
  metadata: unknown
  hash: string | null
  version: string | null
  user_seq: string | null
  updated_at: string | null
  read_at: string
  expires_in_ms: string | null
}

function stateOf(row: PostedRow): Versioned | undefined {
  if (row.version === null) return undefined
  // Of a replay: the user as it was after the entry, but for the version.
  const seq = row.seq ?? row.user_seq
  return versioned({ ...row as PostedRow & UserRow, id: row.user_id, seq: seq! })
}

function outcomeOf(row: PostedRow, item: Posting): Outcome {
  const state = stateOf(row)
  const isShort = row.shortfall !== null && ['ok', 'LGFND'].includes(row.status)
  return {
    status: row.status,
    replayed: row.replayed,
    ...(state && { state }),
    ...(row.status === 'ok' && item.action && {
      entry: {
        seq: Number(row.seq),
        action: item.action,
        amount: row.amount!,
        balance: row.balance!,
        ts: isoTimestamp(row.ts!),
        ...(item.key !== undefined && { idempotency_key: item.key }),
        ...(row.metadata !== null && { metadata: row.metadata }),
        hash: row.hash!,
      },
    }),
    ...(isShort && { required: row.amount!, shortfall: row.shortfall! }),
  }
}
