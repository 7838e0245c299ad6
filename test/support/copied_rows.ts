/** The rows of a ledger alone, as `pg_dump --data-only` and `pg_restore` take them over. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { migrate } from '../../db/migrate.ts'
import { connectTo } from './ledger.ts'

const PAGE = readFileSync('docs/how-to/restore.md', 'utf8')
const RECIPE = PAGE.slice(PAGE.indexOf('## Restore the rows alone')).split('```bash')[1]!
const SETTING = /^PGOPTIONS='([^']+)'/m.exec(RECIPE)![1]!

/** Does what these do, which are seldom as new as the server. */
async function copy(url: string, direction: 'to' | 'from', folder: string): Promise<void> {
  const sql = connectTo(url)
  const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
     where c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace)
       and c.relkind = 'r' order by c.relname`
  await sql.end()
  const commands = tables.map(({ name }) => `\\copy ${name} ${direction} '${join(folder, name)}'`)
  const args = ['-qX', '-v', 'ON_ERROR_STOP=1', url, ...commands.flatMap((one) => ['-c', one])]
  await promisify(execFile)('psql', args, { env: { ...process.env, PGOPTIONS: SETTING } })
}

/** Keeps every row of the ledger at `url` in the folder. */
export const dumpRows = (url: string, folder: string): Promise<void> => copy(url, 'to', folder)

/**
 * Loads them into a ledger that is new, in the steps of docs/how-to/restore.md.
 * @returns what `npm run migrate` said in the last one
 */
export async function restoreRows(url: string, folder: string): Promise<string[]> {
  const sql = connectTo(url)
  for (const [, statement] of RECIPE.matchAll(/-c '(delete [^']+)'/g)) await sql.unsafe(statement!)
  await sql.end()
  await copy(url, 'from', folder)
  const lines: string[] = []
  await migrate(url, (line) => lines.push(line))
  return lines
}
