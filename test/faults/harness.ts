/** What a scenario happens to: PostgreSQL, its network, Redis, the service, and its callers. */
import { Agent } from 'node:http'
import type postgres from 'postgres'
import { connectTo, createUser } from '../support/ledger.ts'
import { type Cluster, withSql } from './cluster.ts'
import { startEventReader } from './event_reader.ts'
import { type HttpAnswer, type HttpChannel, send } from './http_channel.ts'
import { keysOf, readRows } from './ledger_rows.ts'
import { USERS } from './choices.ts'
import { fund, type Load, startLoad } from './load.ts'
import { pause, until } from './pause.ts'
import { type Impact, impactOf, prove } from './proof.ts'
import { type Proxy, startProxy } from './proxy.ts'
import { MARK, type Record } from './record.ts'
import { type RedisFront, startRedisFront } from './redis_front.ts'
import { type ServiceProcess, startServiceProcess } from './service_process.ts'
import { createSqlChannel } from './sql_channel.ts'

/** It answers everything again soon after healing; by then at the latest it is known not to. */
const RECOVERY_MS = 100_000
/** A garbage collector lets memory grow before it looks; a leak of requests grows beyond this. */
const GROWTH_BYTES = 96 * 1024 * 1024
/**
 * All that the service's pools may hold: batches, waiting, reading (short, long), one that polls.
 */
const POOL = 2 + 8 + 4 + 3 + 1
/** Less than the service allows, so that it closes none that a request is on its way on. */
const IDLE_MS = 2_000
const WARM_UP = 150
const BETWEEN = 60
const PROGRESS_MS = 100_000

export interface HarnessOptions {
  /** Of the whole run; everybody can enter it. */
  folder: string
  cluster: Cluster
  database: string
  seed: number
  instances?: number
  mayBreakOff?: boolean
  env?: { [name: string]: string }
}

interface Size {
  residentBytes: number | undefined
  sockets: number | undefined
  connections: number
}

export interface Harness {
  folder: string
  cluster: Cluster
  proxy: Proxy
  redis: RedisFront
  services: ServiceProcess[]
  record: Record
  load: Load
  /** Work on the database as superuser, past the proxy. */
  sql: <T>(work: Parameters<typeof withSql<T>>[1]) => Promise<T>
  /** As superuser, past the proxy. */
  url: string
  /** Lets the load go on for some more writes; fails when it doesn't. */
  progress: (writes?: number) => Promise<void>
  /** As many at once as the callers can, for as long as `work` takes. */
  burst: <T>(work: () => Promise<T>) => Promise<T>
  /** Work while nobody writes. */
  hush: (work: () => Promise<void>) => Promise<void>
  /** Waits until every instance answers everything again; as long as it may take, a violation. */
  recover: () => Promise<number>
  impact(): Promise<Impact>
  /** Ends the load and proves. */
  finish(): Promise<Impact>
  close(): Promise<void>
}

export async function startHarness(options: HarnessOptions): Promise<Harness> {
  const { folder, cluster, database, seed, mayBreakOff = false } = options
  const url = cluster.urlOf(database)
  const proxy = await startProxy(cluster.port, MARK)
  const redis = await startRedisFront()
  const through = (role: string, password: string) => proxied(url, proxy.port, role, password)
  const env = {
    DATABASE_URL: through('ledger_service', cluster.passwords.service),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    ...options.env,
  }
  const sqlUrl = through('people', cluster.passwords.people)
  const record = emptyRecord()
  const people = await withSql(url, (sql) => startPeople(sql, sqlUrl, record))
  const services = await startServices(options.instances, env)
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS })
  const channel: HttpChannel = { agent, record, mayBreakOff }
  await fund(record, sqlUrl)
  const urls = services.map((service) => service.url)
  const readers = urls.map((url) => startEventReader(url, record))
  const load = startLoad({ record, channel, urls, sqlUrl, seed })
  const sql = <T>(work: Parameters<typeof withSql<T>>[1]) => withSql(url, work)
  let before: Size[] = []

  const harness: Harness = {
    folder,
    cluster,
    proxy,
    redis,
    services,
    record,
    load,
    url,
    sql,
    ...controlsOf(load),
    recover: () => recover(agent, urls, record),
    impact: () => sql(async (sql) => impactOf(record, keysOf(await readRows(sql, record.ids)))),
    async finish() {
      await load.stop()
      const person = createSqlChannel(sqlUrl, record)
      const admin = connectTo(url)
      try {
        const impact = await prove({ record, sql: admin, channel, urls, person })
        for (const reader of readers) await reader.check(admin)
        // Connections of callers are none of the service's.
        agent.destroy()
        await checkSizes(harness, before)
        return impact
      } finally {
        await Promise.all([person.close(), admin.end({ timeout: 1 })])
      }
    },
    async close() {
      await load.stop().catch(() => {})
      await Promise.all(readers.map((reader) => reader.stop()))
      agent.destroy()
      await Promise.all(services.map((service) => service.kill()))
      await Promise.all([people.close(), proxy.close(), redis.close()])
    },
  }
  try {
    await harness.progress(WARM_UP)
    before = await sizesOf(harness)
  } catch (error) {
    await harness.close()
    throw error
  }
  return harness
}

/** Creates the users, and connects those who work on them in SQL. */
async function startPeople(sql: postgres.Sql, sqlUrl: string, record: Record) {
  for (let user = 0; user < USERS; user++) record.ids.push(await createUser(sql))
  return createSqlChannel(sqlUrl, record)
}

const startServices = (instances = 1, env: { [name: string]: string }) =>
  Promise.all(Array.from({ length: instances }, () => startServiceProcess(env)))

function proxied(url: string, port: number, role: string, password: string): string {
  const proxied = new URL(url)
  Object.assign(proxied, { username: role, password, port: String(port) })
  return proxied.href
}

const emptyRecord = (): Record => ({
  ids: [],
  writes: [],
  reads: [],
  violations: new Set(),
  reasons: new Map(),
  slowest_ms: 0,
})

/** What scenarios do to the load. */
function controlsOf(load: Load): Pick<Harness, 'progress' | 'burst' | 'hush'> {
  return {
    async progress(writes = BETWEEN) {
      const from = load.done()
      if (await until(PROGRESS_MS, () => load.done() >= from + writes)) return
      throw new Error(`only ${load.done() - from} writes in ${PROGRESS_MS} ms`)
    },
    async burst(work) {
      load.pace(0)
      await pause(150)
      return await work().finally(() => load.pace())
    },
    async hush(work) {
      await load.pause()
      await work().finally(() => load.resume())
    },
  }
}

/** Waits until each instance answers each kind of request. @returns how many milliseconds */
async function recover(agent: Agent, urls: string[], record: Record): Promise<number> {
  const since = performance.now()
  await Promise.all(
    urls.flatMap((url) =>
      requestsOf(record.ids).map(async ({ name, isAnswered }) => {
        const isBack = await until(RECOVERY_MS, () => isAnswered(agent, url))
        if (!isBack) record.violations.add(`${name} did not recover in ${RECOVERY_MS} ms`)
      })
    ),
  )
  return performance.now() - since
}

/** One of each kind of request that the service knows, and whether it is answered as it should. */
function requestsOf(ids: number[]) {
  const request = (
    name: string,
    path: string,
    wanted: (answer: HttpAnswer) => boolean,
    body?: object,
  ) => ({
    name,
    isAnswered: (agent: Agent, url: string) =>
      send(agent, body ? 'POST' : 'GET', url + path, { body }).then(wanted, () => false),
  })
  const is = (status: number) => (answer: HttpAnswer) => answer.status === status
  // Refused, so that it changes nothing, but by PostgreSQL.
  const amount = '9999999999.99'
  return [
    request('readiness', '/readyz', is(200)),
    request('a snapshot', `/users/${ids[0]}`, is(200)),
    request('a history', `/users/${ids[1]}/history`, is(200)),
    request('a debit', `/users/${ids[2]}/debit`, is(422), { amount }),
    request('a transfer', '/transfers', is(422), { from: ids[2], to: ids[3], amount }),
    // Nobody writes to the system user: of others an unknown outcome may keep the cache away.
    request('the cache', '/users/1', ({ headers }) => headers['x-cache'] === 'hit'),
  ]
}

const sizesOf = (harness: Harness): Promise<Size[]> =>
  harness.sql(async (sql) => {
    const [row] = await sql`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and usename = 'ledger_service'`
    return await Promise.all(harness.services.map(async (service) => ({
      residentBytes: await service.residentBytes(),
      sockets: await service.openSockets(),
      connections: row!['n'] as number,
    })))
  })

/** Memory and connections are back to where they were. */
async function checkSizes(harness: Harness, before: Size[]): Promise<void> {
  const { services, record } = harness
  let after: Size[] = []
  const isBack = await until(RECOVERY_MS, async () => {
    after = await sizesOf(harness)
    return after.every(({ residentBytes = 0, sockets = 0, connections }, i) =>
      residentBytes <= (before[i]!.residentBytes ?? 0) + GROWTH_BYTES &&
      sockets <= (before[i]!.sockets ?? 0) + POOL && connections <= services.length * POOL
    )
  })
  if (!isBack) {
    record.violations.add(`memory and connections: ${JSON.stringify({ before, after })}`)
  }
}
