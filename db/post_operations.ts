/** Posts operations as the service does, for commands: many in one call of ledger.post. */
import type postgres from 'postgres'
import { arrayLiteral } from '../src/ledger/rows.ts'

export interface Posting {
  /** As ledger.post names it; null: only post what is pending. */
  operation: 'DEBIT' | 'CREDIT' | 'TRANSFER' | 'HOLD' | 'CAPTURE' | 'RELEASE' | 'REVERSE' | null
  userId: string
  /** A decimal string with at most two places. */
  amount?: string
  peerId?: string
  /** The number of a hold, or the seq of the entry to reverse. */
  ref?: string
  expiresInSeconds?: number
  key?: string
  /** The JSON text of an object. */
  metadata?: string
}

/** What became of one of them, by its place in the list, for its user. */
export interface Posted {
  /** `ok` or a SQLSTATE, which changed nothing. */
  status: string
  /** It was done earlier, with this key. */
  replayed: boolean
  seq: string | null
  hold: string | null
}

/**
 * Posts them in order, in one transaction, and waits for users that others have locked.
 * @param postings at most some thousand
 * @throws PostgresError 55P03 if a user stays locked for longer than lock_timeout
 */
export async function postOperations(sql: postgres.Sql, postings: Posting[]): Promise<Posted[]> {
  const column = (value: (posting: Posting) => string | number | null | undefined) =>
    arrayLiteral(postings.map(value))
  return await sql<Posted[]>`
    select distinct on (o.n) o.status, coalesce(o.replayed, false) as replayed, o.seq, o.hold
      from ledger.post(
        operations => ${column(({ operation }) => operation)}::text[],
        user_ids => ${column(({ userId }) => userId)}::bigint[],
        amounts => ${column(({ amount }) => amount)}::numeric[],
        peer_user_ids => ${column(({ peerId }) => peerId)}::bigint[],
        refs => ${column(({ ref }) => ref)}::bigint[],
        expires_ins => ${column(({ expiresInSeconds }) => expiresInSeconds)}::numeric[],
        idempotency_keys => ${column(({ key }) => key)}::text[],
        metadatas => ${column(({ metadata }) => metadata)}::jsonb[],
        wait => true, max_pending => null) with ordinality as o
     order by o.n, o.ordinality`
}
