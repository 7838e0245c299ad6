/**
 * Brings a database to the newest schema: `npm run migrate`, and `npm start` before it serves.
 */
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { resolveBinary } from 'dbmate'
import type postgres from 'postgres'
import { printedHelp } from '../src/command_line.ts'
import { loadDatabaseUrls } from '../src/config/config.ts'
import { loadEnvFile } from '../src/env_file.ts'
import { readPasswordFile } from '../src/password_file.ts'
import { parseDatabaseUrl } from '../src/config/database_url.ts'
import { putRight } from './after_restore/put_right.ts'
import { makeMissingRoles } from './after_restore/roles.ts'
import { open, reach, type Reached } from './connect.ts'
import { DBMATE_ENV_FILE, dbmateEnvironment } from './dbmate_environment.ts'
import { dbmateUrl } from './dbmate_url.ts'
import { copyFromNine } from './from_nine.ts'
import { ownerToBecome } from './ledger_owner.ts'
import { checkDatabase, checkServerVersion } from './preconditions.ts'

const MIGRATIONS = fileURLToPath(new URL('migrations', import.meta.url))
const LOCK_KEY = 0x6c6564676572 // 'ledger'
const LOCK_MS = 600_000
const WHERE_LIMITS_ARE = 'see "Time limits" in docs/reference/sql.md'
const HELP = `
usage: npm run migrate [-- --from-nine <url>]

Brings the database of MIGRATE_DATABASE_URL, or else DATABASE_URL, to the newest schema; creates it
if there is none. Two at once are safe. Says what it applied, what it repaired, and what it only
warns of; docs/how-to/restore.md lists what it looks at.

--from-nine <url>  then copies the ledger there, which the nine migrations before the baseline made,
                   into the new database, which must have no entries and no users but 1 yet

exit codes: 0 the schema is the newest, 1 it isn't, for the reason in one line`

/**
 * Creates the database if there is none, and applies what is missing. Two at once are safe.
 * @throws Error with one line, which names the migration that failed and never the password
 */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void = () => {},
  migrations = MIGRATIONS,
  setting = 'DATABASE_URL',
): Promise<void> {
  const { password } = parseDatabaseUrl(databaseUrl)
  try {
    const reached = await createDatabase(databaseUrl, setting)
    if (reached.isPooled) {
      throw new Error(
        'the URL leads through a pooler, which migrations must not: set MIGRATE_DATABASE_URL to one ' +
          'that leads to PostgreSQL itself',
      )
    }
    await withLock(reached, async (sql) => {
      for (const line of await checkDatabase(sql, migrations)) log(line)
      for (const line of await makeMissingRoles(sql)) log(line)
      await runDbmate(dbmateUrl(reached, await ownerToBecome(sql)), migrations, log)
      for (const line of await putRight(sql, migrations)) log(line)
      const missing = await missingLimits(sql)
      if (missing) log(`Warning: ledger_service has no ${missing}; ${WHERE_LIMITS_ARE}`)
    })
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    const secrets = password ? [password, encodeURIComponent(password)] : []
    const text = (message || String(code)).replace(/\s+/g, ' ')
    // oxlint-disable-next-line preserve-caught-error -- it may hold the password
    throw new Error(secrets.reduce((line, secret) => line.replaceAll(secret, '***'), text))
  }
}

/**
 * Where the database is, made under a lock in `postgres`, since there is no other yet to take it
 * in.
 */
async function createDatabase(url: string, setting: string): Promise<Reached> {
  const find = (text: string) =>
    reach(text, setting).catch((error: postgres.PostgresError) => {
      if (error.code === '3D000' || error.message.startsWith(`${setting} `)) throw error
      throw new Error(`can't use ${setting}: ${error.message || error.code}`, { cause: error })
    })
  try {
    return await find(url)
  } catch (error) {
    if ((error as postgres.PostgresError).code !== '3D000') throw error
  }
  const { database, user = '' } = parseDatabaseUrl(url)
  const name = database ?? user
  // Of two parameters that name the database, the last one counts.
  const server = `${url}${url.includes('?') ? '&' : '?'}dbname=postgres`
  await withLock(await find(server), async (admin) => {
    const found = await admin`select from pg_database where datname = ${name}`
    if (found.length > 0) return
    await checkServerVersion(admin)
    // Not template1, which may be in any encoding and hold anything.
    await admin`create database ${admin(name)} encoding 'UTF8' template template0`
  })
  return find(url)
}

/** A lock of the session, because every migration commits by itself. */
async function withLock(reached: Reached, work: (sql: postgres.Sql) => Promise<void>) {
  const sql = open(reached)
  try {
    const end = performance.now() + LOCK_MS
    // Not pg_advisory_lock(): CREATE INDEX CONCURRENTLY waits for every statement that is older,
    // also for one that waits for the lock.
    for (;;) {
      const [row] = await sql`select pg_try_advisory_lock(${LOCK_KEY}::bigint) as taken`
      if (row?.['taken']) break
      if (performance.now() > end) {
        throw new Error('another migration has been running for too long')
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function runDbmate(url: string, migrations: string, log: (line: string) => void) {
  // The binary and not the npm wrapper, which exits with 0 when it is killed.
  const args = [...DBMATE_ENV_FILE, '--migrations-dir', migrations, 'migrate']
  const child = spawn(resolveBinary(), args, {
    env: dbmateEnvironment(url),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ending = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(String(signal ?? code)))
  })
  const lines = output.split('\n').map((line) => line.trim()).filter(Boolean)
  if (ending !== '0') {
    // It says "Applied" of a migration that failed, too: only the exit code counts.
    const file = lines.findLast((line) => line.startsWith('Applying: '))?.slice('Applying: '.length)
    const reason = lines.filter((line) => line.startsWith('Error: ')).join(' ').slice(0, 1000)
    throw new Error(`${file ?? 'dbmate'} failed (${ending}): ${reason || lines.at(-1)}`)
  }
  for (const line of lines) if (line.startsWith('Applied: ')) log(line)
}

/** Limits that migrations couldn't set, for want of a right: they tell only the server's log. */
async function missingLimits(sql: postgres.Sql): Promise<string> {
  const rows = await sql<{ name: string }[]>`
    select l.name
      from pg_roles r
     cross join unnest(array['statement_timeout', 'lock_timeout',
       'idle_in_transaction_session_timeout', 'client_connection_check_interval']) l (name)
     where r.rolname = 'ledger_service' and not exists (
       select from pg_db_role_setting s
         join pg_database d on d.datname = current_database(), unnest(s.setconfig) c
        where s.setrole = r.oid and s.setdatabase in (0, d.oid)
          and split_part(c, '=', 1) = l.name)
     order by l.name`
  return rows.map(({ name }) => name).join(', ')
}

async function copy(old: string, url: string, setting: string): Promise<void> {
  const sql = open(await reach(url, setting))
  try {
    for (const { table, rows } of await copyFromNine(old, sql)) {
      console.log(`Copied: ${rows} ${table}`)
    }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function main(): Promise<void> {
  if (printedHelp(HELP, process.argv.slice(2))) return
  try {
    const { values: { 'from-nine': old } } = parseArgs({
      options: { 'from-nine': { type: 'string' } },
    })
    loadEnvFile()
    const { databaseUrl, migrateDatabaseUrl } = loadDatabaseUrls(process.env, readPasswordFile())
    const url = migrateDatabaseUrl ?? databaseUrl
    if (!url) throw new Error('DATABASE_URL must be set')
    const setting = migrateDatabaseUrl ? 'MIGRATE_DATABASE_URL' : 'DATABASE_URL'
    await migrate(url, console.log, MIGRATIONS, setting)
    if (old !== undefined) await copy(old, url, setting)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main()
}
