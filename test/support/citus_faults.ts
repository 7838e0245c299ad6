/** What happens to the servers of a distributed ledger: shards move, and processes are killed. */
import process from 'node:process'
import type postgres from 'postgres'
import { vi } from 'vitest'
import type { CitusLedger } from './citus.ts'
import { connectTo, one } from './ledger.ts'

/** Asks on a connection of its own, since those that were open end with a crash. */
export async function askOnce<T>(
  url: string,
  question: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = connectTo(url)
  try {
    return await question(sql)
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** Kills a process of a server, so that all others end, too, and the server recovers. */
export async function crash(url: string): Promise<void> {
  await askOnce(url, async (sql) => {
    const { pid } = await one(sql`select pg_backend_pid() as pid`)
    process.kill(pid as number, 'SIGKILL')
  })
}

/** Waits until every server answers, and no half of a transfer waits for the other. */
export async function healed({ url, workerUrls }: CitusLedger): Promise<void> {
  for (const server of [url, ...workerUrls]) {
    const count = (sql: postgres.Sql) =>
      one(sql`select count(*)::integer as n from pg_prepared_xacts
               where database = current_database()`)
    await vi.waitUntil(
      () => askOnce(server, count).then((row) => row['n'] === 0, () => false),
      { interval: 200 },
    )
  }
}

/** Moves the shard of a user to another worker. */
export async function moveShard(
  { url, workerUrls }: CitusLedger,
  user: number,
  mode: 'block_writes' | 'force_logical',
): Promise<void> {
  await askOnce(url, async (sql) => {
    const [shard] = await sql<{ id: string; host: string; port: number }[]>`
      select p.shardid as id, n.nodename as host, n.nodeport as port
        from pg_dist_placement p join pg_dist_node n using (groupid)
       where p.shardid = get_shard_id_for_distribution_column('public.users', ${user}::bigint)`
    const { id, host, port } = shard!
    const target = workerUrls.map((server) => new URL(server))
      .find((server) => server.port !== `${port}`)!
    await sql`
      select citus_move_shard_placement(${id}, ${host}, ${port}::integer,
        ${target.hostname}, ${target.port}::integer, ${mode}::citus.shard_transfer_mode)`
  })
}
