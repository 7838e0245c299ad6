/**
 * What a ledger on Citus costs in processor time, beside a plain one:
 *
 *   node --import tsx test/bench/citus.ts PLAIN_URL COORDINATOR_URL
 *
 * All servers have to be on this machine. Both ledgers have users 1000 to 2999 with enough money,
 * who pay one another.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type postgres from 'postgres'
import { loadConfig } from '../../src/config/config.ts'
import { serve } from '../../src/node.ts'
import { connectTo } from '../support/ledger.ts'

const USERS = { first: 1000, count: 2000 }
const CONNECTIONS = 64
const SECONDS = 5
const ROUNDS = 3
/** Of a clock tick in /proc. */
const TICK_MS = 10

interface Server {
  name: 'plain' | 'coordinator' | 'worker'
  sql: postgres.Sql
}

const anyUser = () => USERS.first + Math.floor(Math.random() * USERS.count)

/** Milliseconds of processor time that each backend of a server has taken so far, by its pid. */
async function backendsOf({ sql }: Server): Promise<Map<number, number>> {
  const rows = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`
  return new Map(rows.map(({ pid }) => {
    const [, fields] = /\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))!
    const [user, system] = fields!.split(' ').slice(11, 13).map(Number)
    return [pid, (user! + system!) * TICK_MS]
  }))
}

/** Works for some seconds. @returns milliseconds of processor time for each call, by server */
async function measure(
  servers: Server[],
  clients: number,
  call: (client: number) => Promise<unknown>,
): Promise<Record<string, number>> {
  const before = await Promise.all(servers.map(backendsOf))
  const until = performance.now() + SECONDS * 1000
  let calls = 0
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (; performance.now() < until; calls++) await call(client)
  }))
  const after = await Promise.all(servers.map(backendsOf))
  const cost: Record<string, number> = {}
  for (const [n, { name }] of servers.entries()) {
    let ms = 0
    for (const [pid, total] of after[n]!) ms += total - (before[n]!.get(pid) ?? 0)
    cost[name] = (cost[name] ?? 0) + ms / calls
  }
  return cost
}

/** The kinds of calls on one ledger. */
async function createCalls(url: string) {
  const sql = connectTo(url)
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: url })
  const service = await serve({ ...config, port: 0, requestDeadlineMs: 20_000 })
  const post = async (path: string, body: object) => {
    const response = await fetch(`${service.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    await response.body?.cancel()
    if (response.status !== 201) throw new Error(`${path}: ${response.status}`)
  }
  const pair = () => {
    const from = anyUser()
    return { from, to: USERS.first + (from - USERS.first + 1) % USERS.count, amount: '0.01' }
  }
  const calls: Record<string, [clients: number, call: () => Promise<unknown>]> = {
    'debit_user() in SQL': [1, () => sql`select debit_user(${anyUser()}, 0.01)`],
    'transfer() in SQL': [1, () => {
      const { from, to } = pair()
      return sql`select transfer(${from}, ${to}, 0.01)`
    }],
    'debits through the service': [
      CONNECTIONS,
      () => post(`/users/${anyUser()}/debit`, { amount: '0.01' }),
    ],
    'transfers through the service': [CONNECTIONS, () => post('/transfers', pair())],
  }
  return {
    calls,
    stop: async () => {
      await service.stop()
      await sql.end()
    },
  }
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

async function main([plainUrl, citusUrl]: string[]): Promise<void> {
  if (!plainUrl || !citusUrl) throw new Error('usage: citus.ts PLAIN_URL COORDINATOR_URL')
  const plainServer: Server = { name: 'plain', sql: connectTo(plainUrl) }
  const coordinator: Server = { name: 'coordinator', sql: connectTo(citusUrl) }
  const nodes = await coordinator.sql<{ host: string; port: number }[]>`
    select distinct host, port from ledger.get_shards()`
  const workers = nodes.map(({ host, port }): Server => {
    const url = new URL(citusUrl)
    url.host = `${host}:${port}`
    return { name: 'worker', sql: connectTo(url.href) }
  })
  const [plain, citus] = [await createCalls(plainUrl), await createCalls(citusUrl)]
  for (const [name, [clients, call]] of Object.entries(plain.calls)) {
    const all: Record<string, number>[] = []
    for (let n = 0; n < ROUNDS; n++) {
      const one = await measure([plainServer], clients, call)
      const two = await measure([coordinator, ...workers], clients, citus.calls[name]![1])
      all.push({ ...one, ...two })
    }
    const of = (key: string) => median(all.map((cost) => cost[key]!)).toFixed(3)
    console.log(name, { plain: of('plain'), workers: of('worker'), coordinator: of('coordinator') })
  }
  await Promise.all([plain.stop(), citus.stop()])
  await Promise.all([plainServer, coordinator, ...workers].map(({ sql }) => sql.end()))
}

await main(process.argv.slice(2))
