/** What `npm run verify` and `npm run anchor` share: how they connect, and how they end. */
import { readFileSync, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { loadConfig } from '../src/config/config.ts'
import { databaseTarget } from '../src/database/tls.ts'
import { loadEnvFile } from '../src/env_file.ts'

/** Connections that can't write, to DATABASE_URL of the environment or `.env`. */
export function connectReader(max: number): postgres.Sql {
  loadEnvFile()
  const { databaseUrl } = loadConfig({ DATABASE_URL: process.env['DATABASE_URL'] })
  if (!databaseUrl) throw new Error('DATABASE_URL must be set')
  const { url, ssl } = databaseTarget(databaseUrl, (path) => readFileSync(path, 'utf8'))
  const options = {
    ssl,
    max,
    max_lifetime: null,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => {},
    connection: {
      application_name: 'ledger-verify',
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      default_transaction_read_only: true,
    },
  }
  return postgres(url, options as unknown as postgres.Options<{}>)
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
