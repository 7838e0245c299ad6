/** Restores a dump of a whole ledger, as docs/how-to/restore.md says. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { migrate } from '../../db/migrate.ts'
import { nodeCommand, run } from './run_typescript.ts'

/** A folder with pg_dump of PostgreSQL 18, whose dumps have settings that 16 doesn't know. */
const TOOLS = process.env['LEDGER_TEST_TOOLS'] ?? ''

export const pgDumpIsMissing = TOOLS === '' || process.env['LEDGER_TEST_POSTGRES'] === '16'

/** @param to a database with nothing in it */
export async function restoreDump(from: string, to: string): Promise<void> {
  const dump = run([...nodeCommand('test/support/pg_dump.ts'), TOOLS, from], {})
  if (await dump.ended !== 0) throw new Error(`pg_dump: ${dump.output()}`)
  const folder = await mkdtemp(join(tmpdir(), 'ledger-dump-'))
  try {
    const file = join(folder, 'ledger.sql')
    await writeFile(file, dump.output())
    await promisify(execFile)('psql', ['-qX', '-1', '-v', 'ON_ERROR_STOP=1', '-f', file, to])
    await migrate(to, () => {})
  } finally {
    await rm(folder, { recursive: true })
  }
}
