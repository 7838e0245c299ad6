/** What a statement demands of the server that it runs on. */
import type postgres from 'postgres'

/**
 * Returns the `where` of a statement.
 * @param minSeq an entry of the user that a standby must have; 0: none
 */
export type ReplicaCondition = (
  sql: postgres.Sql,
  userId: number | null,
  minSeq: number | undefined,
) => postgres.PendingQuery<postgres.Row[]>

/** Nothing is demanded of the primary. */
export const ON_PRIMARY: ReplicaCondition = (sql) => sql``

/** Demands a standby of this incarnation of the database. */
export const onStandby = (incarnation: () => string): ReplicaCondition => (sql, userId, minSeq) =>
  sql`where ledger.assert_replica(incarnation => ${incarnation()}::text,
      user_id => ${userId}::bigint, min_seq => ${minSeq ?? 0}::bigint)`
