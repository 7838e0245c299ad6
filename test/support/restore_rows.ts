/** Restores the rows of a ledger alone, as docs/how-to/restore.md says. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { migrate } from '../../db/migrate.ts'
import { connectTo } from './ledger.ts'

const PAGE = readFileSync('docs/how-to/restore.md', 'utf8')
const RECIPE = PAGE.slice(PAGE.indexOf('## Restore the rows alone')).split('```bash')[1]!
const SETTING = /^PGOPTIONS='([^']+)'/m.exec(RECIPE)![1]!

/**
 * Does what pg_dump and pg_restore --data-only do, which are seldom as new as the server, into a
 * database that migrate made.
 * @returns the lines of the last migrate
 */
export async function restoreRows(from: string, to: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-restore-'))
  const source = connectTo(from)
  const target = connectTo(to)
  try {
    for (const [, statement] of RECIPE.matchAll(/-c '(delete [^']+)'/g)) {
      await target.unsafe(statement!)
    }
    const tables = await source<{ name: string }[]>`
      select c.oid::regclass::text as name from pg_class c
       where c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace)
         and c.relkind = 'r' order by c.relname`
    const copy = async (url: string, direction: 'to' | 'from') => {
      const commands = tables.map(({ name }) => `\\copy ${name} ${direction} '${folder}/${name}'`)
      const args = ['-qX', '-v', 'ON_ERROR_STOP=1', url, ...commands.flatMap((one) => ['-c', one])]
      await promisify(execFile)('psql', args, { env: { ...process.env, PGOPTIONS: SETTING } })
    }
    await copy(from, 'to')
    await copy(to, 'from')
    const lines: string[] = []
    await migrate(to, (line) => lines.push(line))
    return lines
  } finally {
    await Promise.all([source, target].map((sql) => sql.end()))
    await rm(folder, { recursive: true })
  }
}
