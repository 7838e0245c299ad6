/** What `npm run verify` and `npm run anchor` share: how they connect, and how they end. */
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import { loadDatabaseUrls } from '../src/config/config.ts'
import { loadEnvFile } from '../src/env_file.ts'
import { open, reach } from './connect.ts'

/** Connections that can't write, to DATABASE_URL of the environment or `.env`. */
export async function connectReader(max: number): Promise<postgres.Sql> {
  loadEnvFile()
  const { databaseUrl } = loadDatabaseUrls({ ...process.env, MIGRATE_DATABASE_URL: undefined })
  if (!databaseUrl) throw new Error('DATABASE_URL must be set')
  const settings = {
    application_name: 'ledger-verify',
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    default_transaction_read_only: true,
  }
  return open(await reach(databaseUrl), { max, settings })
}

/** Runs the command if this file is the one that was started; a failure is one line and code 2. */
export async function runCommand(url: string, main: () => Promise<number>): Promise<void> {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return
  try {
    process.exitCode = await main()
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    console.error((message || String(code)).replace(/\s+/g, ' '))
    process.exitCode = 2
  }
}
