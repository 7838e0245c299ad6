/**
 * What a ledger on Citus costs in processor time, beside a plain one:
 *
 *   node --import tsx test/bench/citus.ts PLAIN_URL COORDINATOR_URL…
 *
 * All servers have to be on this machine. All ledgers have users 1000 to 2999 with enough money,
 * who pay one another. All are
 * measured in turn; of the servers, their sessions only. Milliseconds of a call: medians of the
 * rounds, and from the least to the most of them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type postgres from 'postgres'
import { getShards } from '../../src/ledger/shard_functions.ts'
import { shardOf } from '../../src/ledger/shard_map.ts'
import { connectTo } from '../support/ledger.ts'
import type { RequestKind } from './http_requests.ts'
import { startLoadGenerator } from './load.ts'
import { cpuOf } from './machine.ts'
import { type Program, startProgram } from './programs.ts'

const USERS = { first: 1000, count: 2000 }
const SECONDS = 2
const ROUNDS = 5
const CALLS: Record<string, (target: Target) => PromiseLike<unknown>> = {
  'debit_user()': ({ sql }) => sql`select debit_user(${anyUser()}, 0.01)`,
  'transfer()': ({ sql }) => {
    const from = anyUser()
    const to = USERS.first + (from - USERS.first + 1) % USERS.count
    return sql`select transfer(${from}, ${to}, 0.01)`
  },
  'post() of 1 debit': ({ server }) => postDebits(server, 1),
  'post() of 8 debits': ({ server }) => postDebits(server, 8),
  'post() of 32 debits': ({ server }) => postDebits(server, 32),
  'post() of 128 debits': ({ server }) => postDebits(server, 128),
}
/** With how many connections at once. */
const REQUESTS: [request: RequestKind, connections: number][] = [
  ['debit', 64],
  ['debit', 256],
  ['transfer', 64],
  ['transfer', 256],
]

const anyUser = () => USERS.first + Math.floor(Math.random() * USERS.count)

/** A server as the service sees it: with its shards, or none of one that has all users. */
interface ServerOfBench {
  sql: postgres.Sql
  shards: Map<string, number[]>
  users: number[]
}

/** Of different users: count, spread over as many shards, or all of the server if it has fewer. */
function postDebits({ sql, shards, users }: ServerOfBench, count: number) {
  const first = Math.floor(Math.random() * Math.max(1, users.length - count))
  const ids = users.slice(first, first + count)
  const parts = [...shards].flatMap(([id, of]) => {
    const here = ids.filter((user) => of.includes(user))
    return here.length > 0 ? [{ id, here }] : []
  })
  const call = parts.length === 0
    ? sql`ledger.post(`
    : sql`ledger.post_in_shards(${`{${parts.map(({ id }) => id).join(',')}}`}::bigint[],
      ${`{${parts.map(({ here }) => here.length).join(',')}}`}::integer[], `
  const sorted = parts.length === 0 ? ids : parts.flatMap(({ here }) => here)
  return sql`select count(*) from ${call}
    array_fill('DEBIT'::text, array[${ids.length}::integer]), ${`{${sorted.join(',')}}`}::bigint[],
    array_fill(0.01, array[${ids.length}::integer]))`
}

type Part = 'service' | 'coordinator' | 'workers'
type Cost = Record<Part, number>

interface Target {
  name: string
  sql: postgres.Sql
  service: Program
  servers: { part: Part; sql: postgres.Sql }[]
  server: ServerOfBench
}

async function openTarget(url: string, folder: string): Promise<Target> {
  const sql = connectTo(url)
  const shards = await getShards({ run: (query) => query(sql) })
  const users = Array.from({ length: USERS.count }, (_, n) => USERS.first + n)
  const servers = new Map<string, Target['servers'][number]>()
  servers.set('', { part: shards.length === 0 ? 'workers' : 'coordinator', sql })
  let server: ServerOfBench = { sql, shards: new Map(), users }
  for (const { host, port } of shards) {
    const worker = new URL(url)
    worker.host = `${host}:${port}`
    if (servers.has(worker.host)) continue
    servers.set(worker.host, { part: 'workers', sql: connectTo(worker.href) })
    const here = shards.filter((shard) => shard.host === host && shard.port === port)
    const usersOf = (id: string) => users.filter((user) => shardOf(shards, user).id === id)
    server = {
      sql: servers.get(worker.host)!.sql,
      // In the order of their ids, as the service has them.
      shards: new Map(here.map(({ id }) => [id, usersOf(id)])),
      users: here.flatMap(({ id }) => usersOf(id)).sort(() => Math.random() - 0.5),
    }
  }
  const env = { LOG_LEVEL: 'warn', ACCESS_LOG: 'off', DATABASE_URL: url, PORT: '0' }
  const service = await startProgram('node', 'src/node.ts', env, folder)
  const name = shards.length === 0
    ? 'one server'
    : `workers: ${servers.size - 1}, shards: ${shards.length}`
  return { name, sql, service, servers: [...servers.values()], server }
}

/** Processor time of the service and of all sessions on its ledger. */
async function readCosts({ service, servers }: Target): Promise<Cost> {
  const costs: Cost = { service: cpuOf(service.pid), coordinator: 0, workers: 0 }
  for (const { part, sql } of servers) {
    const sessions = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
       where backend_type = 'client backend' and datname = current_database()`
    for (const { pid } of sessions) costs[part] += cpuOf(pid)
  }
  return costs
}

/** Works for some seconds. @returns milliseconds of processor time for each call */
async function measure(target: Target, run: () => Promise<number>): Promise<Cost> {
  const before = await readCosts(target)
  const calls = await run()
  const after = await readCosts(target)
  const of = (part: Part) => (after[part] - before[part]) / calls
  return { service: of('service'), coordinator: of('coordinator'), workers: of('workers') }
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!
const sum = ({ service, coordinator, workers }: Cost) => service + coordinator + workers

async function compare(
  name: string,
  targets: Target[],
  run: (target: Target) => Promise<number>,
): Promise<void> {
  const costs = new Map<Target, Cost[]>(targets.map((target) => [target, []]))
  // The first round only warms up.
  for (let n = 0; n <= ROUNDS; n++) {
    for (const target of targets) {
      const cost = await measure(target, () => run(target))
      if (n > 0) costs.get(target)!.push(cost)
    }
  }
  let plain: number | undefined
  for (const [target, all] of costs) {
    const totals = all.map(sum)
    const total = median(totals)
    plain ??= total
    const of = (part: Part) => `${part} ${median(all.map((cost) => cost[part])).toFixed(3)}`
    const parts = (['service', 'coordinator', 'workers'] as const).map(of).join(', ')
    const [least, most] = [Math.min(...totals), Math.max(...totals)].map((cost) => cost.toFixed(3))
    console.log(
      `${name}, ${target.name}: ${parts}, ` +
        `together ${total.toFixed(3)} (${least} to ${most}), × ${(total / plain).toFixed(2)}`,
    )
  }
}

async function main(urls: string[]): Promise<void> {
  if (urls.length < 2) throw new Error('usage: citus.ts PLAIN_URL COORDINATOR_URL…')
  const folder = mkdtempSync(join(tmpdir(), 'ledger-citus-'))
  const targets: Target[] = []
  const load = startLoadGenerator()
  try {
    for (const url of urls) targets.push(await openTarget(url, folder))
    for (const [name, call] of Object.entries(CALLS)) {
      await compare(`${name} in SQL`, targets, async (target) => {
        let calls = 0
        const until = performance.now() + SECONDS * 1000
        for (; performance.now() < until; calls++) await call(target)
        return calls
      })
    }
    for (const [request, connections] of REQUESTS) {
      await compare(`${request}, ${connections} connections`, targets, async ({ service }) => {
        const streams = [{ url: service.url, request, users: USERS, connections }]
        const [measured] = (await load.run({ kind: 'http', streams, seconds: SECONDS })).streams
        const { good, statuses } = measured!
        if (good !== statuses[201]) throw new Error(JSON.stringify(statuses))
        return good
      })
    }
  } finally {
    await load.stop()
    for (const { service, servers } of targets) {
      await service.stop()
      await Promise.all(servers.map(({ sql }) => sql.end()))
    }
    rmSync(folder, { recursive: true })
  }
}

await main(process.argv.slice(2))
