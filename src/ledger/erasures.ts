/**
 * Tells which entries of a statement something was taken out of: their hashes can't be computed
 * from their lines alone.
 */
import type { Database } from '../database/database.ts'
import { arrayLiteral, type EntryRow, type StatementEntry, statementEntryOf } from './rows.ts'

/** What is left of metadata that was erased or archived. Anybody may write the same. */
const MARK = /^\{"(?:erased|archived)": \d+\}$/

interface ErasureRow {
  seq: string
  intervention: string
  operation: 'ERASE' | 'ARCHIVE'
}

/** Converts rows of a user to entries of a statement. It asks only where metadata has a mark. */
export async function statementEntriesOf(
  run: Database['run'],
  userId: number,
  rows: EntryRow[],
): Promise<StatementEntry[]> {
  const marked = rows.filter(({ metadata }) => metadata !== null && MARK.test(metadata))
  if (marked.length === 0) return rows.map(statementEntryOf)
  const erasures = await run((sql) =>
    sql<ErasureRow[]>`
      select seq, intervention, operation from ledger.get_erasures(user_id => ${userId}::bigint,
        seqs => ${arrayLiteral(marked.map(({ seq }) => seq))}::bigint[])`
  )
  const found = new Map(erasures.map((erasure) => [erasure.seq, erasure]))
  return rows.map((row) => ({ ...statementEntryOf(row), ...takenOut(found.get(row.seq)) }))
}

function takenOut(erasure: ErasureRow | undefined) {
  if (!erasure) return {}
  const intervention = Number(erasure.intervention)
  return erasure.operation === 'ERASE' ? { erased_by: intervention } : { archived_by: intervention }
}
