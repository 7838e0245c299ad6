/** A PostgreSQL of its own that can be hurt in every way, and started again on the same port. */
import { execFile, spawn } from 'node:child_process'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { migrate } from '../../db/migrate.ts'
import { type DataFolder, ELSEWHERE, openDataFolder } from '../../dev/data_folder.ts'
import { keptSecret } from '../../dev/embedded_postgres.ts'
import { freePort } from '../../dev/ports.ts'
import { findBinaries } from '../../dev/postgres_binaries.ts'
import { lastLines, type Server, waitUntilReady } from '../../dev/postgres_server.ts'
import { asUser, signal } from '../../dev/processes.ts'
import { copyCluster, postgresVersion } from '../support/servers.ts'

/** Nothing of the caller's PG* variables may steer it. */
const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
const TEMPLATE = 'ledger_template'

export interface Cluster {
  /** Where its data is. */
  folder: string
  port: number
  /** As superuser, to this database. */
  urlOf(database: string): string
  /** Of the login roles that the service and people have here. */
  passwords: { service: string; people: string }
  /** A new database with the schema; `empty`: with nothing in it. */
  create(database: string, options?: { empty?: boolean }): Promise<void>
  start(env?: Record<string, string>): Promise<void>
  /** `pg_ctl stop`. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
  /** kill -9 of the postmaster and of every child. @returns how many there were */
  kill(): Promise<number>
  isRunning(): boolean
  /** Everything that it has logged. */
  log(): Promise<string>
}

export interface ClusterOptions {
  /** Exists, and can be entered by everybody. */
  folder: string
  settings?: Record<string, string>
}

/** Makes the cluster, with a migrated template for the databases of the scenarios. */
export async function createCluster({ folder, settings = {} }: ClusterOptions): Promise<Cluster> {
  await copyCluster(folder)
  const place = await openDataFolder(folder, () => {})
  const binaries = await findBinaries(postgresVersion(), ELSEWHERE, place.user)
  const password = await keptSecret(place, 'password')
  const passwords = {
    service: await keptSecret(place, 'service_password'),
    people: await keptSecret(place, 'people_password'),
  }
  const cluster = await control(place, binaries, settings, password)
  await cluster.start()
  await prepare(cluster.urlOf('postgres'), cluster.urlOf(TEMPLATE), passwords)
  return {
    ...cluster,
    passwords,
    async create(database, { empty = false } = {}) {
      const from = empty ? 'template0' : TEMPLATE
      await withSql(
        cluster.urlOf('postgres'),
        (sql) => sql`create database ${sql(database)} template ${sql(from)}`,
      )
    },
  }
}

async function prepare(server: string, template: string, passwords: Cluster['passwords']) {
  await migrate(template)
  await withSql(server, async (sql) => {
    // No parameters in these statements; the passwords are hexadecimal.
    await sql.unsafe(`alter role ledger_service login password '${passwords.service}'`)
    await sql.unsafe(`create role people login in role ledger_dba password '${passwords.people}'`)
    await sql`alter database ${sql(TEMPLATE)} is_template true allow_connections false`
  })
}

async function control(
  place: DataFolder,
  binaries: string,
  settings: Record<string, string>,
  password: string,
) {
  const data = join(place.path, 'data')
  const log = join(place.path, 'log')
  const port = await freePort()
  let server: Server | undefined
  const isRunning = () => server !== undefined && !server.hasEnded()
  const ended = async () => {
    while (isRunning()) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return {
    folder: place.path,
    port,
    isRunning,
    urlOf: (database: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`,
    async start(env: Record<string, string> = {}) {
      const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings }
      const pairs = Object.entries({ ...all, port: String(port), max_connections: '200' })
      const args = ['-D', data, ...pairs.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
      server = await spawnServer(join(binaries, 'bin', 'postgres'), args, log, place, env)
      if (await waitUntilReady(server, place.path)) return
      throw new Error(`PostgreSQL doesn't start: ${await lastLines(place.path)}`)
    },
    async stop(mode: 'fast' | 'immediate') {
      const args = ['stop', '-D', data, '-m', mode, '-t', '30', '-s']
      const options = { cwd: '/', env: ENV, ...asUser(place.user) }
      await promisify(execFile)(join(binaries, 'bin', 'pg_ctl'), args, options)
      await ended()
    },
    async kill() {
      const children = await childrenOf(server!.pid)
      // The parent first, so that it starts nothing in place of a child.
      for (const pid of [server!.pid, ...children]) signal(pid, 'SIGKILL')
      await ended()
      // The last of them keeps the shared memory, and so the next postmaster out.
      while ((await Promise.all(children.map(parentOf))).some((pid) => pid !== undefined)) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return children.length + 1
    },
    async log() {
      return await readFile(`${log}.1`, 'utf8').catch(() => '') + await readFile(log, 'utf8')
    },
  }
}

async function spawnServer(
  program: string,
  args: string[],
  log: string,
  place: DataFolder,
  env: Record<string, string>,
): Promise<Server> {
  const output = await open(log, 'a', 0o600)
  const child = spawn(program, args, {
    cwd: '/',
    env: { ...ENV, ...env },
    stdio: ['ignore', output.fd, output.fd],
    ...asUser(place.user),
  })
  let hasEnded = false
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      hasEnded = true
      resolve()
    })
  })
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
  } finally {
    await output.close()
  }
  return { pid: child.pid!, hasEnded: () => hasEnded, ended }
}

/** The parent of a live process; undefined for one that has ended, be it as a zombie. */
async function parentOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is the command in parentheses and may hold anything.
  const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return !state || 'ZX'.includes(state) ? undefined : Number(parent)
}

async function childrenOf(pid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(pids.map(parentOf))
  return pids.filter((_, i) => parents[i] === pid)
}

/** One connection for some work, whatever became of the one before. */
export async function withSql<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const types = {
    date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: String },
  }
  const options = { max: 1, fetch_types: false, onnotice: () => {}, types }
  const sql = postgres(url, options as unknown as postgres.Options<{}>)
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
