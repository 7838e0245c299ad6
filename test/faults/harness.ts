/** What a scenario happens to: PostgreSQL, its network, Redis, the service, and its callers. */
import { Agent } from 'node:http'
import type postgres from 'postgres'
import { connectTo, createUser } from '../support/ledger.ts'
import { type Cluster, withSql } from './cluster.ts'
import { startEventReader } from './event_reader.ts'
import type { HttpChannel } from './http_channel.ts'
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
import { checkSizes, recover, type Size, sizesOf } from './recovery.ts'

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
