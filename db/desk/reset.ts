/** Drops a ledger, and makes it anew without users and history: `npm run reset`. */
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import type postgres from 'postgres'
import { counted, printedHelp } from '../../src/command_line.ts'
import { loadDatabaseUrls } from '../../src/config/config.ts'
import { loadEnvFile } from '../../src/env_file.ts'
import { readPasswordFile } from '../../src/password_file.ts'
import { runCommand } from '../command.ts'
import { open, reach, type Reached } from '../connect.ts'
import { migrate } from '../migrate.ts'

const HELP = `
usage: npm run reset -- [--yes] [--remote]

Drops the database of MIGRATE_DATABASE_URL, or else DATABASE_URL, with the ledger in it, and makes
it again without users and history. Ends the sessions of everybody who is connected.
--yes     doesn't ask; without a terminal there is nobody to ask
--remote  also on another machine; by default only at a loopback address or a Unix socket

exit codes: 0 the ledger is there, and empty, 2 it isn't, for the reason in one line`

/** What would be lost. */
interface Facts {
  database: string
  users: string
  entries: string
}

const isHere = (host: string) => /^(\/.*|127(\.\d{1,3}){3}|localhost|::1)$/.test(host)

/** @throws Error with one line if there is no ledger */
async function readFacts(sql: postgres.Sql): Promise<Facts> {
  const [ledger] = await sql<{ database: string; isThere: boolean }[]>`
    select current_database() as database,
           to_regclass('public.payment_history') is not null
             and to_regclass('ledger.identity') is not null as "isThere"`
  const { database, isThere } = ledger!
  if (!isThere) throw new Error(`the database ${database} has no ledger: nothing was dropped`)
  const [row] = await sql<Omit<Facts, 'database'>[]>`
    select (select count(*) from public.users) as users,
           (select count(*) from public.payment_history) as entries`
  return { database, ...row! }
}

async function isAgreed(facts: Facts): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nothing was dropped: --yes says that it is to be')
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return await terminal.question('Its name, to drop it: ') === facts.database
  } finally {
    terminal.close()
  }
}

/** From the database postgres, since nobody can drop the one that they are in. */
async function drop(url: string, name: string, setting: string): Promise<void> {
  // Of two parameters that name the database, the last one counts.
  const server = await reach(`${url}${url.includes('?') ? '&' : '?'}dbname=postgres`, setting)
  const sql = open(server)
  try {
    await sql`drop database ${sql(name)} with (force)`
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function factsOf(reached: Reached): Promise<Facts> {
  const sql = open(reached)
  try {
    return await readFacts(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function main(): Promise<number> {
  if (printedHelp(HELP, process.argv.slice(2))) return 0
  const { values } = parseArgs({
    options: { yes: { type: 'boolean' }, remote: { type: 'boolean' } },
  })
  loadEnvFile()
  const { databaseUrl, migrateDatabaseUrl } = loadDatabaseUrls(process.env, readPasswordFile())
  const url = migrateDatabaseUrl ?? databaseUrl
  if (!url) throw new Error('DATABASE_URL must be set')
  const setting = migrateDatabaseUrl ? 'MIGRATE_DATABASE_URL' : 'DATABASE_URL'
  const reached = await reach(url, setting)
  const { name: host, port } = reached.place.host
  if (!isHere(host) && !values.remote) {
    throw new Error(`${setting} leads to ${host}: nothing was dropped; --remote allows it`)
  }
  const facts = await factsOf(reached)
  const { database, users, entries } = facts
  if (database === 'postgres') throw new Error('the database postgres stays: others need it')
  const contents = `${counted(users, 'user')}, ${counted(entries, 'entry', 'entries')}`
  console.log(`database ${database} on ${host}:${port}: ${contents}`)
  if (!values.yes && !await isAgreed(facts)) throw new Error('nothing was dropped')
  await drop(url, database, setting)
  await migrate(url, console.log, undefined, setting)
  console.log(`database ${database} is empty`)
  return 0
}

await runCommand(import.meta.url, main)
