/** A PostgreSQL for the benchmark, as durable as it comes, and databases with users in it. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../db/migrate.ts'
import { startPostgres } from '../../dev/embedded_postgres.ts'
import { cleanUpAfterKill } from '../setup.ts'
import { connect, createLedgerDatabase, type LedgerDatabase } from './ledger_database.ts'
import type { Users } from './load.ts'

/** Among whom the load is spread, each with 1,000,000.00 and one entry. */
export const MANY: Users = { first: 1001, count: 10_000 }
/** Others like them, for whom each row has its own use. */
export const SINGLES: Users = { first: 101, count: 100 }

const BATCH_USERS = 1000

const TEMPLATE = 'bench_template'

/** Nothing of this may be otherwise, wherever it may have been set. */
const DURABLE = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_sync_method: 'fdatasync',
}

export interface BenchPostgres {
  pid: number
  /** The version, and the settings that make it durable. */
  described: string
  /** For whatever programs write. */
  folder: string
  /** With all users. */
  createLedger(name: string): Promise<LedgerDatabase>
  /** With nothing but what is in a file beside this one. */
  createFrom(name: string, file: string): Promise<string>
  stop(): Promise<void>
}

/** @param version of PostgreSQL */
export async function startBenchPostgres(version: 16 | 18): Promise<BenchPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-bench-'))
  cleanUpAfterKill(folder)
  const server = await startPostgres({
    // Itself, where the user of PostgreSQL can go.
    dataDir: folder,
    version,
    settings: { max_connections: '300' },
  })
  const urlOf = (name: string) => new URL(`/${name}`, server.url)
  const admin = connect(server.url)
  const password = randomBytes(16).toString('hex')
  const stop = async () => {
    await admin.end()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }

  const create = async (name: string, template: string) => {
    await admin`create database ${admin(name)} template ${admin(template)}`
    return urlOf(name)
  }

  try {
    await migrate(urlOf(TEMPLATE).href)
    await addUsers(urlOf(TEMPLATE).href, MANY)
    await addUsers(urlOf(TEMPLATE).href, SINGLES)
    await admin.unsafe(`alter role ledger_service login password '${password}'`)
    const described = await assertDurable(admin)
    return {
      pid: server.pid,
      described,
      folder,
      async createLedger(name) {
        const url = await create(name, TEMPLATE)
        const serviceUrl = new URL(url)
        serviceUrl.username = 'ledger_service'
        serviceUrl.password = password
        return createLedgerDatabase({ name, url: url.href, serviceUrl: serviceUrl.href })
      },
      async createFrom(name, file) {
        const { href } = await create(name, 'template1')
        const sql = connect(href)
        await sql.unsafe(await readFile(new URL(file, import.meta.url), 'utf8'))
        await sql.end()
        return href
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** @throws Error unless an answer means that it is on disk */
async function assertDurable(sql: ReturnType<typeof connect>): Promise<string> {
  const shown: string[] = []
  for (const [name, wanted] of Object.entries(DURABLE)) {
    const [row] = await sql.unsafe<Record<string, string>[]>(`show ${name}`)
    const value = row![name]
    // Each operating system has its own; none that waits for the disk is better than another.
    const isAsWanted = name === 'wal_sync_method' ? value !== '' : value === wanted
    if (!isAsWanted) throw new Error(`${name} is ${value}`)
    shown.push(`${name} ${value}`)
  }
  const [defaults] = await sql<{ changed: string | null }[]>`
    select string_agg(name, ', ') as changed from pg_settings
     where name = any (${`{${Object.keys(DURABLE).join()}}`}::text[]) and source <> 'default'`
  if (defaults!.changed) throw new Error(`${defaults!.changed}: not the default`)
  const [version] = await sql<{ server_version: string }[]>`show server_version`
  return `PostgreSQL ${version!.server_version}, ${shown.join(', ')}`
}

async function addUsers(url: string, { first, count }: Users): Promise<void> {
  const sql = connect(url)
  await sql`insert into users (id) select generate_series(${first}::bigint, ${first + count - 1})`
  await sql`
    select count(p.n)
      from generate_series(${first}::bigint, ${first + count - 1}, ${BATCH_USERS}) b
      cross join lateral (
        select array_agg(id) as ids, count(*)::integer as size
          from generate_series(b, least(b + ${BATCH_USERS} - 1, ${first + count - 1})) id) u
      cross join lateral ledger.post(array_fill('CREDIT'::text, array[u.size]), u.ids,
        array_fill(1000000.00, array[u.size])) p`
  await sql`vacuum (analyze) users`
  await sql`vacuum (analyze) payment_history`
  await sql.end()
}
