/** All that the database has, by what callers know it by. */
import type postgres from 'postgres'

export interface EntryRow {
  user: number
  seq: number
  action: 'CREDIT' | 'DEBIT'
  amount: bigint
  balance: bigint
  held: bigint
  /** Its own, or what stands for one in a manual entry; none: the other half of a transfer. */
  key: string | null
  byHand: boolean
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
  available: bigint
  key: string
  releaseKey: string | null
  releaseSeq: number | null
  releaseAvailable: bigint | null
}

export interface Rows {
  entries: EntryRow[]
  holds: HoldRow[]
}

const cents = (text: unknown): bigint => BigInt((text as string).replace('.', ''))
const orNull = <T>(value: unknown, of: (value: unknown) => T) => value === null ? null : of(value)

/** @param ids of the users, by number */
export async function readRows(sql: postgres.Sql, ids: number[]): Promise<Rows> {
  const numbers = new Map(ids.map((id, user) => [String(id), user]))
  const userOf = (id: unknown) => numbers.get(id as string) ?? -1
  const entries = await sql`
    select *, coalesce(idempotency_key, metadata->>'key') as name from payment_history
     order by user_id, seq, id`
  const holds = await sql`
    select o.*, p.available, p.idempotency_key, r.idempotency_key as release_key,
           r.seq as release_seq, r.available as release_available
      from holds o
      join hold_changes p on (p.user_id, p.hold, p.number) = (o.user_id, o.hold, 1)
      left join hold_changes r
        on (r.user_id, r.hold, r.action) = (o.user_id, o.hold, 'released')
     order by o.user_id, o.hold`
  return {
    entries: entries.map((row) => ({
      user: userOf(row['user_id']),
      seq: Number(row['seq']),
      action: row['action'] as 'CREDIT' | 'DEBIT',
      amount: cents(row['amount']),
      balance: cents(row['balance'] ?? '0.00'),
      held: cents(row['held'] ?? '0.00'),
      key: row['name'] as string | null,
      byHand: row['idempotency_key'] === null && row['name'] !== null,
      hold: orNull(row['hold'], Number),
      peer: orNull(row['peer_user_id'], userOf),
      peerSeq: orNull(row['peer_seq'], Number),
    })),
    holds: holds.map((row) => ({
      user: userOf(row['user_id']),
      hold: Number(row['hold']),
      amount: cents(row['amount']),
      status: row['status'] as string,
      available: cents(row['available']),
      key: row['idempotency_key'] as string,
      releaseKey: row['release_key'] as string | null,
      releaseSeq: orNull(row['release_seq'], Number),
      releaseAvailable: orNull(row['release_available'], cents),
    })),
  }
}

/** How often each key is there: of an entry, a hold, a release. */
export function keysOf({ entries, holds }: Rows): Map<string, number> {
  const keys = new Map<string, number>()
  const add = (key: string | null) => key !== null && keys.set(key, (keys.get(key) ?? 0) + 1)
  for (const { key } of entries) add(key)
  for (const { key, releaseKey } of holds) {
    add(key)
    add(releaseKey)
  }
  return keys
}
