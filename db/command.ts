/** What the commands that work in a ledger share: how they connect, and how they end. */
import { realpathSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import { loadDatabaseUrls } from '../src/config/config.ts'
import { isWithoutSchema } from '../src/core/errors.ts'
import { loadEnvFile } from '../src/env_file.ts'
import { readPasswordFile } from '../src/password_file.ts'
import { isDistributed } from './citus/is_distributed.ts'
import { open, reach } from './connect.ts'

const NO_SCHEMA = 'the database has no ledger, or an old one: `npm run migrate` makes it'

/** At most `max` connections that can't write, to DATABASE_URL of the environment or `.env`. */
export const connectReader = (max: number): Promise<postgres.Sql> =>
  connect(max, { application_name: 'ledger-verify', default_transaction_read_only: true })

/** One connection that can write, to DATABASE_URL of the environment or `.env`. */
export const connectWriter = (command: string): Promise<postgres.Sql> =>
  connect(1, { application_name: `ledger-${command}` })

/** One connection for what only the owner may do: to MIGRATE_DATABASE_URL, or else DATABASE_URL. */
export const connectOwner = (command: string): Promise<postgres.Sql> =>
  connect(1, { application_name: `ledger-${command}` }, true)

/** @throws Error with one line if the users of the ledger are on several servers */
export async function refuseDistributed(sql: postgres.Sql, command: string): Promise<void> {
  if (!await isDistributed(sql)) return
  throw new Error(
    `npm run ${command} doesn't work on a distributed ledger: ` +
      'docs/how-to/distribute.md says what does',
  )
}

async function connect(max: number, settings: Record<string, string | boolean>, asOwner = false) {
  loadEnvFile()
  const { MIGRATE_DATABASE_URL, ...env } = process.env
  const urls = loadDatabaseUrls(
    asOwner ? { ...env, MIGRATE_DATABASE_URL } : env,
    readPasswordFile(),
  )
  const url = urls.migrateDatabaseUrl ?? urls.databaseUrl
  if (!url) throw new Error('DATABASE_URL must be set')
  const fixed = { ...settings, TimeZone: 'UTC', DateStyle: 'ISO' }
  return open(await reach(url), { max, settings: fixed })
}

/** Runs the command if this file is the one that was started; a failure is one line and code 2. */
export async function runCommand(url: string, main: () => Promise<number>): Promise<void> {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return
  // Whoever reads what it prints, such as head, may have had enough.
  process.stdout.on('error', () => process.exit(2))
  try {
    process.exitCode = await main()
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    const line = (message || String(code)).replace(/\s+/g, ' ')
    console.error(isWithoutSchema(error) ? `${NO_SCHEMA} (${line})` : line)
    process.exitCode = 2
  }
}

/**
 * The value of an option that is a whole number.
 * @throws Error with one line that names the option
 */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new Error(`--${option} must be a whole number from ${min} to ${max}`)
}
