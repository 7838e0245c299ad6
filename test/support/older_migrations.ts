/** Folders with only the first of the migrations, for a ledger of an older schema. */
import { cp, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT } from './run_typescript.ts'

const MIGRATIONS = `${PROJECT}/db/migrations`

/**
 * Copies the migrations before the one of this name, such as `extend_ledger`, and `more` from that
 * one on.
 * @returns the folder, for the caller to remove
 */
export async function copyMigrationsBefore(name: string, more = 0): Promise<string> {
  const files = (await readdir(MIGRATIONS)).sort()
  const count = files.findIndex((file) => file.endsWith(`_${name}.sql`))
  if (count < 0) throw new Error(`no migration ${name}`)
  const folder = await mkdtemp(join(tmpdir(), 'ledger-migrations-'))
  for (const file of files.slice(0, count + more)) {
    await cp(join(MIGRATIONS, file), join(folder, file))
  }
  return folder
}
