/**
 * Makes a plain server look like a worker of Citus: tables for shards, the catalog that says which
 * of them are here, and the functions of the shards, which are the real ones.
 */
import type postgres from 'postgres'
import type { Shard } from '../../src/ledger/shard_map.ts'

const TABLES = [
  'users',
  'payment_history',
  'holds',
  'hold_changes',
  'manual_entries',
  'user_controls',
]

/** The lock that a move of a shard has. */
export const moveLock = (sql: postgres.Sql, shardId: string) =>
  sql`select pg_advisory_xact_lock(${shardId}::bigint)`

/** Says where a shard is, in the catalog of one server. */
export const placeShard = (sql: postgres.Sql, shardId: string, isHere: boolean) =>
  sql`update pg_dist_placement set groupid = ${isHere ? 1 : 2} where shardid = ${shardId}`

/**
 * @param here ids of the shards that are on this server
 * @param kind tables of their own, or views of the tables that they are parts of
 */
export async function makeShards(
  sql: postgres.Sql,
  shards: readonly Shard[],
  here: readonly string[],
  kind: 'tables' | 'views' = 'tables',
): Promise<void> {
  await sql.unsafe(`
    set allow_system_table_mods = on;
    create table pg_catalog.pg_dist_local_group (groupid integer);
    create table pg_catalog.pg_dist_placement (shardid bigint, groupid integer);
    create table pg_catalog.pg_dist_shard (shardid bigint, logicalrelid regclass,
      shardminvalue text, shardmaxvalue text);
    create function pg_catalog.lock_shard_metadata(mode integer, ids bigint[]) returns void
      language sql as 'select pg_advisory_xact_lock_shared(ids[1])';
    create function pg_catalog.get_shard_id_for_distribution_column(relation regclass, id bigint)
      returns bigint language sql as $$
        select s.shardid from pg_dist_shard s where s.logicalrelid = relation
           and hashint8(id) between s.shardminvalue::integer and s.shardmaxvalue::integer $$;
    insert into pg_dist_local_group values (1);
    set check_function_bodies = off`)
  for (const [n, { id, minHash }] of shards.entries()) {
    const maxHash = (shards[n + 1]?.minHash ?? 2 ** 31) - 1
    await sql`insert into pg_dist_placement values (${id}, ${here.includes(id) ? 1 : 2})`
    for (const [t, table] of TABLES.entries()) {
      const shardId = t === 0 ? id : String(Number(id) + 100 * t)
      await sql.unsafe(
        kind === 'tables'
          ? `create table ${table}_${shardId} (like ${table} including all)`
          : `create view ${table}_${shardId} as select * from ${table}`,
      )
      await sql`insert into pg_dist_shard
        values (${shardId}, ${table}::regclass, ${`${minHash}`}, ${`${maxHash}`})`
    }
    await sql.unsafe(`create schema ledger_${id}`)
    const functions = await sql<{ definition: string }[]>`
      select definition from ledger.shard_functions(${id}::bigint)`
    for (const { definition } of functions) await sql.unsafe(definition)
  }
}
