/** Posts operations as the service does, for commands: many in one call of ledger.post. */
import type postgres from 'postgres'
import { arrayLiteral } from '../src/ledger/rows.ts'

export interface Operation {
  /** As ledger.post names it; null: only post what is pending. */
  kind: 'DEBIT' | 'CREDIT' | 'TRANSFER' | 'HOLD' | 'CAPTURE' | 'RELEASE' | 'REVERSE' | null
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

/** What became of an operation, by its place in the list, for its user. */
export interface Outcome {
  /** `ok` or a SQLSTATE, which changed nothing. */
  status: string
  /** It was done earlier, with this key. */
  replayed: boolean
  seq: string | null
  hold: string | null
}

/** The arguments of ledger.post that say what to do. */
function argumentsOf(sql: postgres.Sql, operations: Operation[]) {
  const column = (value: (operation: Operation) => string | number | null | undefined) =>
    arrayLiteral(operations.map(value))
  return sql`
    operations => ${column(({ kind }) => kind)}::text[],
    user_ids => ${column(({ userId }) => userId)}::bigint[],
    amounts => ${column(({ amount }) => amount)}::numeric[],
    peer_user_ids => ${column(({ peerId }) => peerId)}::bigint[],
    refs => ${column(({ ref }) => ref)}::bigint[],
    expires_ins => ${column(({ expiresInSeconds }) => expiresInSeconds)}::numeric[],
    idempotency_keys => ${column(({ key }) => key)}::text[],
    metadatas => ${column(({ metadata }) => metadata)}::jsonb[]`
}

/**
 * Posts them in order, in one transaction, and waits for users that others have locked.
 * @param operations at most some thousand
 * @throws PostgresError 55P03 if a user stays locked for longer than lock_timeout
 */
export async function postOperations(
  sql: postgres.Sql,
  operations: Operation[],
): Promise<Outcome[]> {
  return await sql<Outcome[]>`
    select distinct on (o.n) o.status, coalesce(o.replayed, false) as replayed, o.seq, o.hold
      from ledger.post(${argumentsOf(sql, operations)}, wait => true, max_pending => null)
             with ordinality as o
     order by o.n, o.ordinality`
}

/**
 * The same, as if each had been posted at its moment: see desk/post_past.sql, which the session has
 * to have.
 * @param moments as ISO, each later than the one before, and than whatever its users have
 */
export async function postOperationsAt(
  sql: postgres.Sql,
  operations: Operation[],
  moments: string[],
): Promise<Outcome[]> {
  return await sql<Outcome[]>`
    select distinct on (o.n) o.status, coalesce(o.replayed, false) as replayed, o.seq, o.hold
      from pg_temp.post_past(${argumentsOf(sql, operations)},
             moments => ${arrayLiteral(moments)}::timestamptz[]) with ordinality as o
     order by o.n, o.ordinality`
}
