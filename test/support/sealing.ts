/** Entries as only a superuser can write them, with the hash that they must have. */
import postgres from 'postgres'

/** The columns that a hash covers, in order. */
const HASHED = `user_id seq action amount ts balance sealed_at idempotency_key metadata held hold
  reverses peer_user_id peer_seq`.split(/\s+/)

/** SQL: the hash that a row of payment_history must have after one with the hash `previous`. */
export const hashAfter = (previous: string, row: string, version: '' | '_1' = ''): string =>
  `ledger.entry_hash${version}(${previous}, ${
    HASHED.map((column) => `(${row}).${column}`).join(', ')
  })`

/** Seals a credit as only a superuser can: with any balance, at any time from now. */
export async function sealCredit(
  sql: postgres.Sql,
  id: number,
  { amount = '1', balance = amount, later = '0' }: {
    amount?: string
    balance?: string
    later?: string
  },
): Promise<void> {
  await sql`
    insert into payment_history
        (user_id, action, amount, ts, seq, balance, sealed_at, held, hash)
      select ${id}::bigint, 'CREDIT', ${amount}::numeric(12, 2), c.at, c.seq,
             ${balance}::numeric(20, 2), c.at, 0.00,
             ledger.entry_hash(c.hash, ${id}::bigint, c.seq, 'CREDIT', ${amount}::numeric(12, 2),
               c.at, ${balance}::numeric(20, 2), c.at, null, null, 0.00, null, null, null, null)
        from (select clock_timestamp() + ${later}::interval as at, coalesce(l.seq, 0) + 1 as seq,
                     l.hash
                from (select) one
                left join lateral (select h.seq, h.hash from payment_history h
                                    where h.user_id = ${id} and h.seq is not null
                                    order by h.seq desc limit 1) l on true) c`
}
