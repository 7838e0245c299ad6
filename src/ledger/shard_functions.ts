/** Where users are, and the functions that each shard has on its own server. */
import type { Versioned } from '../cache/snapshots.ts'
import type { Database } from '../database/database.ts'
import { arrayLiteral, type UserRow, versioned } from './rows.ts'
import type { Shard } from './shard_map.ts'

export interface ShardLedger {
  /** Those of the users that exist. */
  getShardUsers(ids: number[]): Promise<Map<number, Versioned>>
}

/**
 * Reads users, wherever they are.
 * @param schema ledger, or that of a shard
 */
export async function getShardUsers(
  { run }: Pick<Database, 'run'>,
  ids: number[],
  schema = 'ledger',
): Promise<Map<number, Versioned>> {
  const rows = await run((sql) =>
    sql<UserRow[]>`
      select * from ${sql(schema)}.get_shard_users(user_ids => ${arrayLiteral(ids)}::bigint[])`
  )
  return new Map(rows.map((row) => [Number(row.id), versioned(row)]))
}

/** The connections to one server. */
export interface WorkerDatabases {
  batches: Database
  waiting: Database
  reading: Database
}

/**
 * The functions of one shard, on the server that has it. Each throws LGMOV if that isn't so, or a
 * user belongs elsewhere.
 */
export const createShardLedger = (
  { reading }: WorkerDatabases,
  { id }: Pick<Shard, 'id'>,
): ShardLedger => ({ getShardUsers: (ids) => getShardUsers(reading, ids, `ledger_${id}`) })

/** The shards in the order of minHash; none if all users are on one server. */
export async function getShards({ run }: Pick<Database, 'run'>): Promise<Shard[]> {
  const rows = await run((sql) =>
    sql<{ shard_id: string; min_hash: number; host: string; port: number }[]>`
      select shard_id, min_hash, host, port from ledger.get_shards()`
  )
  return rows.map(({ shard_id: id, min_hash: minHash, host, port }) => ({
    id,
    minHash,
    host,
    port,
  }))
}
