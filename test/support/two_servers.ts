/** A distributed ledger whose shards are on two plain servers. */
import type postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { type Shard, shardOf } from '../../src/ledger/shard_map.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { connectTo } from './ledger.ts'
import { makeShards } from './shards.ts'

export const USERS = Array.from({ length: 24 }, (_, n) => 100 + n)
/** On the servers 0, 1, 0, 1; the port is the number of the server. */
export const SHARDS: Shard[] = [-(2 ** 31), -(2 ** 30), 0, 2 ** 30].map((minHash, n) => ({
  id: `${101 + n}`,
  minHash,
  host: 'server',
  port: n % 2,
}))
export const shardIdOf = (user: number) => shardOf(SHARDS, user).id
export const usersOf = (shardId: string) => USERS.filter((user) => shardIdOf(user) === shardId)

/** To be called at the top of a test file. The servers are in the order of their ports. */
export function useTwoServers() {
  const databases: TestDatabase[] = []
  const servers: postgres.Sql[] = []
  beforeAll(async () => {
    for (const port of [0, 1]) {
      const database = await createDatabase()
      const sql = connectTo(database.url)
      databases.push(database)
      servers.push(sql)
      const here = SHARDS.filter((shard) => shard.port === port).map(({ id }) => id)
      await makeShards(sql, SHARDS, here)
      for (const id of here) {
        for (const user of usersOf(id)) {
          await sql`insert into ${sql(`users_${id}`)} (id) values (${user})`
        }
      }
    }
  })
  afterAll(async () => {
    await Promise.all(servers.map((sql) => sql.end()))
    await Promise.all(databases.map((database) => database.drop()))
  })

  /** The balance by the history of the shard, wherever that is. */
  async function balanceOf(user: number): Promise<string> {
    const id = shardIdOf(user)
    const history = `payment_history_${Number(id) + 100}`
    const sql = servers[SHARDS.find((shard) => shard.id === id)!.port]!
    const [row] = await sql<{ balance: string }[]>`
    select coalesce(sum(amount), 0)::text as balance from ${sql(history)} where user_id = ${user}`
    return row!.balance
  }
  return { databases, servers, balanceOf }
}
