/** What a restore leaves out or behind: `npm run migrate` puts it right, and says so. */
import { readdirSync } from 'node:fs'
import type postgres from 'postgres'
import { isDistributed } from '../citus/is_distributed.ts'
import { guardWarnings } from './guards.ts'
import { putRightsRight, putTriggersRight } from './rights.ts'
import { putSequencesRight } from './sequences.ts'
import { readStatements } from './statements.ts'

const INSUFFICIENT_PRIVILEGE = '42501'

/**
 * Puts rights, triggers and sequences right in a ledger that has all of these migrations.
 * @returns a line for each thing that wasn't as it should be
 */
export async function putRight(sql: postgres.Sql, migrations: string): Promise<string[]> {
  const [row] = await sql<{ isLedger: boolean }[]>`
    select to_regclass('public.payment_history') is not null as "isLedger"`
  if (!row!.isLedger) return []
  const files = readdirSync(migrations)
  const applied = await sql<{ version: string }[]>`select version from public.schema_migrations`
  const isNewer = applied.some(({ version }) => !files.some((file) => file.startsWith(version)))
  // A newer version's rights aren't known here.
  if (isNewer) return []
  const stated = readStatements(migrations)
  return [
    ...await orWarning('rights', putRightsRight(sql, stated)),
    ...await orWarning('triggers', putTriggersRight(sql, stated)),
    // On several servers each gives out ids of its own, far from those of the others.
    ...await isDistributed(sql)
      ? []
      : await orWarning('sequences', putSequencesRight(sql, stated.created)),
    ...await orWarning('guards', guardWarnings(sql)),
  ]
}

/** Whoever migrates may be somebody else than the owner, as long as there is nothing to migrate. */
async function orWarning(what: string, lines: Promise<string[]>): Promise<string[]> {
  return await lines.catch((error: postgres.PostgresError) => {
    if (error.code !== INSUFFICIENT_PRIVILEGE) throw error
    return [`Warning: can't tell whether all ${what} are right: ${error.message}`]
  })
}
