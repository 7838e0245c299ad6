/** Who may do what, as the migrations say: a dump may lack it, and somebody may have changed it. */
import { readFileSync } from 'node:fs'
import type postgres from 'postgres'
import type { Stated } from './statements.ts'

const FUNCTIONS = new URL('rights.sql', import.meta.url)
/** How many objects a line names. */
const SHOWN = 5

interface Change {
  change: 'given' | 'taken' | 'refused' | 'ambiguous'
  what: string | null
  who: string | null
  may: string | null
  statement: string | null
}

/**
 * Gives the service, the DBAs and everybody the rights that the migrations give them, no others.
 * @returns a line for each kind of right that was given or taken, or that others have
 */
export async function putRightsRight(sql: postgres.Sql, stated: Stated): Promise<string[]> {
  const { rights, functions, tables, schemas } = stated
  await sql.unsafe(readFileSync(FUNCTIONS, 'utf8'))
  const changes = await sql<Change[]>`
    select * from pg_temp.put_rights_right(
      array(select jsonb_array_elements_text(${JSON.stringify(rights)}::text::jsonb)),
      array(select jsonb_array_elements_text(${JSON.stringify(functions)}::text::jsonb)),
      array(select jsonb_array_elements_text(${JSON.stringify(tables)}::text::jsonb)),
      array(select jsonb_array_elements_text(${JSON.stringify(schemas)}::text::jsonb)))`
  const lines = new Map<string, string[]>()
  for (const { change, what, who, may } of changes) {
    if (what === null) continue
    const line = change === 'given'
      ? `Gave ${who} back: ${may} on `
      : `Took from ${who}: ${may} on `
    lines.set(line, [...lines.get(line) ?? [], what])
  }
  const because = {
    refused: 'is for the owner of the ledger',
    ambiguous: 'means several functions',
  }
  const unable = changes.find(({ statement }) => statement)
  return [
    ...Array.from(lines, ([line, objects]) => line + listed(objects)).sort(),
    ...unable
      ? [
        `Warning: can't tell whether all rights are right: "${unable.statement}" ` +
        because[unable.change as keyof typeof because],
      ]
      : [],
    ...await othersRights(sql, tables),
  ]
}

function listed(objects: string[]): string {
  const names = [...new Set(objects)].sort()
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** What somebody has been given on purpose stays, but not without a word. */
async function othersRights(sql: postgres.Sql, tables: string[]): Promise<string[]> {
  const rows = await sql<{ who: string; may: string; what: string }[]>`
    select distinct x.grantee::regrole::text as who, x.privilege_type as may, c.relname as what
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     cross join aclexplode(c.relacl) x
     where n.nspname || '.' || c.relname in (
             select jsonb_array_elements_text(${JSON.stringify(tables)}::text::jsonb))
       and x.grantee not in (0, c.relowner)
       and x.grantee not in (to_regrole('ledger_service'), to_regrole('ledger_dba'))
       and x.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
     order by 1, 2, 3`
  return rows.map(({ who, may, what }) => `Warning: ${who} may ${may} on ${what}`)
}

/** Makes triggers that were put back as plain ones again such that no session gets past. */
export async function putTriggersRight(sql: postgres.Sql, { always }: Stated): Promise<string[]> {
  const lines: string[] = []
  for (const [table, trigger] of always) {
    const plain = await sql`
      select from pg_trigger t
       where t.tgrelid = to_regclass(${table}) and t.tgname = ${trigger} and t.tgenabled <> 'A'`
    if (plain.length === 0) continue
    // Only then, since it locks the table.
    await sql`alter table ${sql(table)} enable always trigger ${sql(trigger)}`
    lines.push(`Enabled trigger ${trigger} on ${table.replace(/^public\./, '')} always`)
  }
  return lines
}
