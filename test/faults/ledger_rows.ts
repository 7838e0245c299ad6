/** All that the database has, by what callers know it by. */
import type postgres from 'postgres'

export interface EntryRow {
  /** Where it stands among all that happened. */
  position: bigint
  user: number
  seq: number
  action: 'CREDIT' | 'DEBIT'
  amount: bigint
  balance: bigint
  held: bigint
  /** Its own, or what stands for one in a manual entry; none: the other half of a transfer. */
  key: string | null
  hold: number | null
  /** Number of the other user of a transfer. */
  peer: number | null
  peerSeq: number | null
}

export interface HoldRow {
  user: number
  hold: number
  amount: bigint
  status: string
  captured: bigint
}

/** A change of a hold. */
export interface ChangeRow {
  position: bigint
  user: number
  hold: number
  number: number
  action: string
  amount: bigint
  remaining: bigint
  available: bigint
  /** None: a capture, of which its entry has it. */
  key: string | null
}

/** A freeze, a thaw or a credit limit. */
export interface ControlRow {
  position: bigint
  user: number
  key: string
}

export interface Rows {
  entries: EntryRow[]
  holds: HoldRow[]
  changes: ChangeRow[]
  controls: ControlRow[]
  /** Of each user: `frozen limit`. */
  states: string[]
}

const cents = (text: unknown): bigint => BigInt((text as string).replace('.', ''))
const orNull = <T>(value: unknown, of: (value: unknown) => T) => value === null ? null : of(value)

/** @param ids of the users, by number */
export async function readRows(sql: postgres.Sql, ids: number[]): Promise<Rows> {
  const numbers = new Map(ids.map((id, user) => [String(id), user]))
  const userOf = (id: unknown) => numbers.get(id as string) ?? -1
  const entries = await sql`
    select *, coalesce(idempotency_key, metadata->>'key') as key from payment_history
     order by user_id, seq, id`
  const holds = await sql`select * from holds order by user_id, hold`
  const changes = await sql`select * from hold_changes order by user_id, hold, number`
  const controls = await sql`select * from user_controls order by user_id, number`
  const states = await sql`
    select u.frozen_at, coalesce(u.credit_limit, 0.00) as credit_limit
      from unnest(${`{${ids.join(',')}}`}::bigint[]) with ordinality x (id, n)
      join users u on u.id = x.id order by x.n`
  return {
    entries: entries.map((row) => entryOf(row, userOf)),
    holds: holds.map((row) => ({
      user: userOf(row['user_id']),
      hold: Number(row['hold']),
      amount: cents(row['amount']),
      status: row['status'] as string,
      captured: cents(row['captured']),
    })),
    changes: changes.map((row) => ({
      position: BigInt(row['position'] as string),
      user: userOf(row['user_id']),
      hold: Number(row['hold']),
      number: Number(row['number']),
      action: row['action'] as string,
      amount: cents(row['amount']),
      remaining: cents(row['remaining']),
      available: cents(row['available']),
      key: row['idempotency_key'] as string | null,
    })),
    controls: controls.map((row) => ({
      position: BigInt(row['position'] as string),
      user: userOf(row['user_id']),
      key: row['reason'] as string,
    })),
    states: states.map((row) => `${row['frozen_at'] !== null} ${cents(row['credit_limit'])}`),
  }
}

const entryOf = (row: postgres.Row, userOf: (id: unknown) => number): EntryRow => ({
  position: BigInt(row['id'] as string),
  user: userOf(row['user_id']),
  seq: Number(row['seq']),
  action: row['action'] as 'CREDIT' | 'DEBIT',
  amount: cents(row['amount']),
  balance: cents(row['balance'] ?? '0.00'),
  held: cents(row['held'] ?? '0.00'),
  key: row['key'] as string | null,
  hold: orNull(row['hold'], Number),
  peer: orNull(row['peer_user_id'], userOf),
  peerSeq: orNull(row['peer_seq'], Number),
})

/** How often each key is there: of an entry, a change of a hold, a control. */
export function keysOf({ entries, changes, controls }: Rows): Map<string, number> {
  const keys = new Map<string, number>()
  for (const { key } of [...entries, ...changes, ...controls]) {
    if (key !== null) keys.set(key, (keys.get(key) ?? 0) + 1)
  }
  return keys
}
