/**
 * Races and rules, each run in one fixed order on one database. Each answers what it found
 * wrong, so that the same can be expected of the ledger (nothing) and of one that is broken on
 * purpose (something).
 */
import type postgres from 'postgres'
import { connectTo } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { PARTS } from './parts.ts'
import type { Scenario } from './scenario.ts'
import { LOCKS } from './locks.ts'
import { MANUAL_ENTRIES } from './manual_entries.ts'
import { BATCHES } from './batches.ts'
import { RULES } from './rules.ts'
import { HOLDS } from './holds.ts'

export const SCENARIOS: Record<string, Scenario> = {
  ...PARTS,
  ...LOCKS,
  ...MANUAL_ENTRIES,
  ...BATCHES,
  ...RULES,
  ...HOLDS,
}

/** Runs one of them and answers what was wrong, if anything. */
export async function runScenario(name: string, url: string): Promise<string[]> {
  const wrong: string[] = []
  const open: postgres.Sql[] = []
  const connect = () => {
    const sql = connectTo(url)
    open.push(sql)
    return sql
  }
  const sql = connect()
  try {
    const [last] = await sql`select max(id) as id from users`
    await SCENARIOS[name]!({
      sql,
      connect,
      expectEqual(what, got, wanted) {
        const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
        if (a !== b) wrong.push(`${what}: ${a} instead of ${b}`)
      },
    })
    const users = await sql<{ id: string }[]>`select id from users where id > ${last!['id']}`
    for (const { id } of users) wrong.push(...await findingsOf(sql, Number(id)))
  } catch (error) {
    wrong.push(`${(error as { code?: string }).code}: ${String(error)}`)
  } finally {
    await Promise.all(open.map((connection) => connection.end({ timeout: 0 })))
  }
  return wrong
}
