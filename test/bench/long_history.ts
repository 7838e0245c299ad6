/** Makes histories long. */
import { readFile } from 'node:fs/promises'
import type { LedgerDatabase } from './ledger_database.ts'

/** Adds posted entries to the history of each of the users, whom nobody else writes to. */
export async function lengthen({ sql }: LedgerDatabase, users: number[], entries: number) {
  const procedure = new URL('long_history.sql', import.meta.url)
  await sql.unsafe(`drop procedure if exists pg_temp.lengthen`)
  await sql.unsafe(await readFile(procedure, 'utf8'))
  for (const user of users) await sql.unsafe(`call pg_temp.lengthen(${user}, ${entries})`)
  // So that autovacuum doesn't begin with it in the middle of a measurement.
  await sql`vacuum (analyze) payment_history`
}
