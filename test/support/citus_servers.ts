/** The servers of the Citus that LEDGER_TEST_CITUS_URL names, and databases on all of them. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import postgres from 'postgres'
import { migrate } from '../../db/migrate.ts'
import { copyMigrationsBefore } from './older_migrations.ts'
import { runTypeScript } from './run_typescript.ts'

/** To the coordinator, as superuser; undefined where there is none. */
export const CITUS_URL = process.env['LEDGER_TEST_CITUS_URL'] || undefined

/** As few shards as show that there are several on each worker. */
export const SHARDS = 6

interface Server {
  host: string
  port: number
}

const at = ({ host, port }: Server, database: string): string => {
  const url = new URL(CITUS_URL!)
  url.hostname = host
  url.port = String(port)
  url.pathname = `/${database}`
  return url.href
}

async function run(url: string, ...statements: string[]): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
  try {
    for (const statement of statements) await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}

/** The coordinator and the workers, in this order. */
async function readServers(): Promise<Server[]> {
  const sql = postgres(CITUS_URL!, { max: 1, fetch_types: false })
  try {
    return await sql<Server[]>`
      select n.nodename as host, n.nodeport as port from pg_dist_node n
       where n.noderole = 'primary' order by n.groupid`
  } finally {
    await sql.end()
  }
}

/** URLs of the database on the coordinator and on the workers, in this order. */
export const urlsOf = async (database: string): Promise<string[]> =>
  (await readServers()).map((server) => at(server, database))

/** Runs npm run distribute: its exit code, and what it prints. */
export async function distribute(
  url: string,
  ...args: string[]
): Promise<[number | string, string]> {
  const run = runTypeScript('db/citus/distribute.ts', args, { DATABASE_URL: url })
  return [await run.ended, run.output()]
}

/** Makes empty databases of this name on the coordinator and its workers, with all of Citus. */
async function createDatabases(database: string): Promise<string> {
  const servers = await readServers()
  for (const server of servers) {
    await run(
      at(server, 'postgres'),
      `create database ${database} encoding 'UTF8' template template0`,
    )
    await run(at(server, database), 'create extension citus')
  }
  const [coordinator, ...workers] = servers
  const url = at(coordinator!, database)
  await run(
    url,
    `select citus_set_coordinator_host('${coordinator!.host}', ${coordinator!.port})`,
    ...workers.map(({ host, port }) => `select citus_add_node('${host}', ${port})`),
  )
  return url
}

/**
 * Makes a migrated ledger in databases of this name, distributed or not yet.
 * @param before the name of the first migration that it lacks; by default it has all
 */
export async function makeCitusLedger(
  database: string,
  isDistributed: boolean,
  before?: string,
): Promise<void> {
  const url = await createDatabases(database)
  const folder = before && await copyMigrationsBefore(before)
  // Roles are of the whole server, where two migrations would change them at once.
  const lock = postgres(CITUS_URL!, { max: 1, fetch_types: false })
  await lock`select pg_advisory_lock(1)`
  try {
    await migrate(url, () => {}, folder)
  } finally {
    await lock.end()
    if (folder) await rm(folder, { recursive: true })
  }
  if (!isDistributed) return
  const [code, output] = await distribute(url, '--shards', `${SHARDS}`)
  if (code !== 0) throw new Error(output)
}

/**
 * Makes databases of a distributed ledger to be copied. Whoever connects to one keeps others from
 * that, and Citus does as long as it may.
 * @returns their name
 */
export async function makeCitusTemplate(): Promise<string> {
  const database = `template_${randomBytes(8).toString('hex')}`
  await makeCitusLedger(database, true)
  const [url] = await urlsOf(database)
  // Citus lets the server of a user run a function as whoever has called it.
  for (const role of ['ledger_service', 'ledger_dba']) await run(url!, `alter role ${role} login`)
  for (const server of await readServers()) {
    await run(
      at(server, 'postgres'),
      `alter database ${database} allow_connections false`,
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${database}'`,
    )
  }
  return database
}

/** Copies a database of every server. */
export async function copyDatabases(template: string, database: string): Promise<void> {
  for (const server of await readServers()) {
    await run(at(server, 'postgres'), `create database ${database} template ${template}`)
  }
}

/** Throws out whoever is still connected. */
export async function dropDatabases(database: string): Promise<void> {
  for (const server of await readServers()) {
    await run(at(server, 'postgres'), `drop database if exists ${database} with (force)`)
  }
}
