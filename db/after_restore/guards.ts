/** What of the guards isn't as the migrations made it, and nothing here puts right. */
import type postgres from 'postgres'

/** @returns a line for each; rights are told of where they are put right */
export async function guardWarnings(sql: postgres.Sql): Promise<string[]> {
  const findings = await sql<{ detail: string }[]>`
    select f.detail from ledger.verify_guards() f
     where f.finding = 'guard_missing' and f.detail not like 'The rights on %' order by 1`
  return findings.map(({ detail }) => `Warning: ${detail} See npm run verify.`)
}
