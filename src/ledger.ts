/** The functions of the database, each called by name from one function of the same name. */
import type postgres from 'postgres'
import { createDatabase, isoTimestamp } from './database.ts'
import { isRetryable } from './errors.ts'
import { startListener } from './listener.ts'
import type { ListenHandlers } from './listener.ts'
import type { Snapshot, Versioned } from './snapshots.ts'

/** The newest migration that this code was written against: the digits of its file's name. */
export const SCHEMA_VERSION = '20261123000000'

/** One item for post_entries. `action` null: only pick up hand-made rows. */
export interface Posting {
  userId: number
  action: 'CREDIT' | 'DEBIT' | null
  /** Decimal string with at most two places; only SQL does arithmetic on it. */
  amount: string | null
  key?: string | undefined
  /** JSON of an object. */
  metadata?: string | undefined
}

export interface Entry {
  seq: number
  action: 'CREDIT' | 'DEBIT'
  amount: string
  balance: string
  ts: string
  idempotency_key?: string
  metadata?: unknown
}

/** What post_entries answers for one item. */
export interface Outcome {
  /** `ok` or a SQLSTATE. */
  status: string
  replayed: boolean
  /** The user after the item (of a replay: after the entry); absent for an unknown user. */
  state?: Versioned
  entry?: Entry
  required?: string
  shortfall?: string
}

export interface Ledger {
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
  /** Connections that post batches; as many batches are posted at once. */
  lanes: number
  /** Connections that wait for users whom somebody else holds. */
  waiting: number
  /** Connections for everything that only reads. */
  reading: number
}

const MAX_ATTEMPTS = 4

export function createLedger({ url, lanes, waiting, reading }: LedgerOptions): Ledger {
  const posting = createDatabase({ url, max: lanes })
  const side = createDatabase({ url, max: waiting })
  const reads = createDatabase({ url, max: reading })
  let listener: ReturnType<typeof startListener> | undefined

  return {
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
      return rows.map((row, i) => outcomeOf(row, items[i]!))
    },

    async getUsers(ids) {
      const rows = await reads.run((sql) =>
        sql<UserRow[]>`select * from get_users(user_ids => ${arrayLiteral(ids)}::bigint[])`
      )
      return new Map(rows.map((row) => {
        const state = versioned(row.id, row)!
        return [state.snapshot.id, state]
      }))
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
      listener = startListener(url, on)
    },

    async end() {
      await listener?.stop()
      await Promise.all([posting.end(), side.end(), reads.end()])
    },
  }
}

/** Repeats what lost a race, after a random pause, so that two don't meet again. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!isRetryable(error) || attempt === MAX_ATTEMPTS) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt))
    }
  }
}

interface StateRow {
  balance: string | null
  available: string | null
  version: string | null
  updated_at: string | null
  read_at: string
}

interface UserRow extends StateRow {
  id: string
  seq: string
}

interface PostedRow extends StateRow {
  status: string
  user_id: string
  seq: string | null
  amount: string | null
  ts: string | null
  replayed: boolean
  shortfall: string | null
  metadata: unknown
}

function versioned(id: string, row: StateRow & { seq?: string | null }): Versioned | undefined {
  if (row.version === null || row.updated_at === null) return undefined
  const snapshot: Snapshot = {
    id: Number(id),
    balance: row.balance!,
    available: row.available!,
    seq: Number(row.seq ?? row.version),
    updated_at: isoTimestamp(row.updated_at),
  }
  return { snapshot, version: Number(row.version), read_at: isoTimestamp(row.read_at) }
}

function outcomeOf(row: PostedRow, item: Posting): Outcome {
  const state = versioned(row.user_id, row)
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
      },
    }),
    ...(row.shortfall !== null && { required: row.amount!, shortfall: row.shortfall }),
  }
}

/** A PostgreSQL array literal; the driver has no types of arrays without asking for them first. */
function arrayLiteral(values: (string | number | null | undefined)[]): string {
  const literals = values.map((value) =>
    value === null || value === undefined
      ? 'NULL'
      : typeof value === 'number'
      ? String(value)
      : `"${value.replace(/["\\]/g, '\\$&')}"`
  )
  return `{${literals.join(',')}}`
}
