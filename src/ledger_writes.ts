/** The functions that write and that no batch is made of: each called by name, once, waiting. */
import { type Database, isoTimestamp, retried } from './database.ts'
import type { Deadline } from './deadlines.ts'
import type { Snapshot } from './snapshots.ts'

/** Hand-made rows of a user that one call picks up; with more it does nothing. */
const MAX_PENDING = 1000

/** Where an entry is. */
export interface Place {
  userId: number
  seq: number
  /** The key was known: nothing was written now. */
  replayed: boolean
}

export interface Hold {
  hold: number
  user_id: number
  amount: string
  status: 'active' | 'captured' | 'released' | 'expired'
  expires_at: string | null
  available: string
}

interface Note {
  key?: string | undefined
  /** JSON of an object. */
  metadata?: string | undefined
  /** Of who waits for it. */
  deadline?: Deadline | undefined
}

export interface Transfer extends Note {
  from: number
  to: number
  amount: string
}

export interface NewHold extends Note {
  userId: number
  amount: string
  expiresInSeconds?: number | undefined
}

export interface Capture extends Note {
  userId: number
  hold: number
  /** Left out: all of it. */
  amount?: string | undefined
}

export interface Release extends Note {
  userId: number
  hold: number
}

export interface Reversal extends Note {
  userId: number
  seq: number
}

/** Each rejects with what the driver throws: `code` is the SQLSTATE. */
export interface LedgerWrites {
  /** The debit and the credit. */
  transfer(transfer: Transfer): Promise<Place[]>
  placeHold(hold: NewHold): Promise<{ hold: Hold; replayed: boolean }>
  captureHold(capture: Capture): Promise<Place>
  releaseHold(release: Release): Promise<{ snapshot: Snapshot; replayed: boolean }>
  reverseEntry(reversal: Reversal): Promise<Place>
}

export interface HoldRow {
  hold: string
  user_id: string
  amount: string
  status: Hold['status']
  expires_at: string | null
  available: string
  replayed: boolean
}

interface PlaceRow {
  user_id: string
  seq: string
  replayed: boolean
}

interface ReleasedRow {
  user_id: string
  balance: string
  available: string
  seq: string
  updated_at: string
  replayed: boolean
}

const placeOf = ({ user_id, seq, replayed }: PlaceRow): Place => ({
  userId: Number(user_id),
  seq: Number(seq),
  replayed,
})

export const holdOf = (row: HoldRow): Hold => ({
  hold: Number(row.hold),
  user_id: Number(row.user_id),
  amount: row.amount,
  status: row.status,
  expires_at: row.expires_at === null ? null : isoTimestamp(row.expires_at),
  available: row.available,
})

export function createLedgerWrites(database: Database): LedgerWrites {
  const run: Database['run'] = (query) => retried(() => database.run(query))

  return {
    async transfer({ from, to, amount, key, metadata }) {
      const rows = await run((sql) =>
        sql<PlaceRow[]>`select * from transfer(from_user_id => ${from}::bigint,
          to_user_id => ${to}::bigint, amount => ${amount}::numeric,
          idempotency_key => ${key ?? null}::text, metadata => ${metadata ?? null}::text::jsonb,
          max_pending => ${MAX_PENDING})`
      )
      if (rows.length !== 2) throw new Error('transfer: wrong number of rows')
      return rows.map(placeOf)
    },

    async placeHold({ userId, amount, expiresInSeconds, key, metadata }) {
      const rows = await run((sql) =>
        sql<HoldRow[]>`select * from place_hold(user_id => ${userId}::bigint,
          amount => ${amount}::numeric, expires_in => ${expiresInSeconds ?? null}::numeric,
          idempotency_key => ${key ?? null}::text, metadata => ${metadata ?? null}::text::jsonb,
          max_pending => ${MAX_PENDING})`
      )
      return { hold: holdOf(rows[0]!), replayed: rows[0]!.replayed }
    },

    async captureHold({ userId, hold, amount, key, metadata }) {
      const rows = await run((sql) =>
        sql<PlaceRow[]>`select * from capture_hold(user_id => ${userId}::bigint,
          hold_id => ${hold}::bigint, amount => ${amount ?? null}::numeric,
          idempotency_key => ${key ?? null}::text, metadata => ${metadata ?? null}::text::jsonb,
          max_pending => ${MAX_PENDING})`
      )
      return placeOf(rows[0]!)
    },

    async releaseHold({ userId, hold, key, metadata }) {
      const rows = await run((sql) =>
        sql<ReleasedRow[]>`select * from release_hold(user_id => ${userId}::bigint,
          hold_id => ${hold}::bigint, idempotency_key => ${key ?? null}::text,
          metadata => ${metadata ?? null}::text::jsonb, max_pending => ${MAX_PENDING})`
      )
      const { user_id, balance, available, seq, updated_at, replayed } = rows[0]!
      const snapshot = { id: Number(user_id), balance, available, seq: Number(seq) }
      return { snapshot: { ...snapshot, updated_at: isoTimestamp(updated_at) }, replayed }
    },

    async reverseEntry({ userId, seq, key, metadata }) {
      const rows = await run((sql) =>
        sql<PlaceRow[]>`select * from reverse_entry(user_id => ${userId}::bigint,
          seq => ${seq}::bigint, idempotency_key => ${key ?? null}::text,
          metadata => ${metadata ?? null}::text::jsonb, max_pending => ${MAX_PENDING})`
      )
      return placeOf(rows[0]!)
    },
  }
}
