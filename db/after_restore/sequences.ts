/** Sequences that are behind the ids of their tables, as after a restore or a cut-over. */
import type postgres from 'postgres'

/** How much of the end of a history is looked at: what was loaded last is there. */
const END_BYTES = 1_073_741_824
const PAGE_BYTES = 8192
/** What takes its numbers from the sequence of payment_history, too. */
const POSITIONS = [
  { table: 'public.hold_changes', column: 'position' },
  { table: 'public.user_controls', column: 'position' },
  { table: 'public.manual_entries', column: 'id' },
]

interface Sequence {
  /** With its schema, as SQL takes it. */
  name: string
  table: string
  column: string
  /** Whether the column alone names a row. */
  isUnique: boolean
  isOfHistory: boolean
}

/**
 * Moves each sequence that would give out a taken id to where it gives out free ones.
 * @returns a line for each that was behind by more than one
 */
export async function putSequencesRight(sql: postgres.Sql, tables: string[]): Promise<string[]> {
  const sequences = await sql<Sequence[]>`
    select s.oid::regclass::text as name, c.oid::regclass::text as table, a.attname as column,
           c.oid = 'public.payment_history'::regclass as "isOfHistory",
           exists (select from pg_index i where i.indrelid = c.oid and i.indisunique
                      and i.indnatts = 1 and i.indkey[0] = a.attnum) as "isUnique"
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attidentity <> ''
      join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
       and d.refobjsubid = a.attnum and d.deptype = 'i'
      join pg_class s on s.oid = d.objid and s.relkind = 'S'
     where n.nspname || '.' || c.relname in (
             select jsonb_array_elements_text(${JSON.stringify(tables)}::text::jsonb))`
  const lines: string[] = []
  for (const sequence of sequences) {
    const from = await lastGiven(sql, sequence.name)
    const to = await lastTaken(sql, sequence, from)
    if (to <= from) continue
    await advance(sql, sequence.name, to)
    if (to - from === 1n) continue
    lines.push(`Moved ${sequence.name} from ${from} to ${to}: those ids were taken`)
  }
  return lines
}

/** Not pg_sequence_last_value(), which is null for one that was only set. */
async function lastGiven(sql: postgres.Sql, name: string): Promise<bigint> {
  const [row] = await sql<{ last: string }[]>`
    select last_value - case when is_called then 0 else 1 end as last from ${sql(name)}`
  return BigInt(row!.last)
}

/** The last id after which the sequence gives out free ones; at most `from` if it does already. */
async function lastTaken(sql: postgres.Sql, sequence: Sequence, from: bigint): Promise<bigint> {
  const { table, column, isUnique, isOfHistory } = sequence
  if (isUnique) {
    // Not to the largest, which somebody may have chosen far away: before the next that is free.
    const [row] = await sql<{ id: string }[]>`
      select t.id from (select ${sql(column)} as id from ${sql(table)}) t
       where t.id > ${String(from)}::bigint
         and exists (select from ${sql(table)} f where f.${sql(column)} = ${
      String(from)
    }::bigint + 1)
         and not exists (select from ${sql(table)} n where n.${sql(column)} = t.id + 1)
       order by t.id limit 1`
    return BigInt(row?.id ?? 0)
  }
  const columns = [{ table, column }, ...(isOfHistory ? POSITIONS : [])]
  const largest = await Promise.all(columns.map((one) => lastLoaded(sql, one)))
  return largest.reduce((a, b) => a > b ? a : b)
}

/**
 * The largest number of a column; of a large table, among its last rows. 0 without the table, which
 * an older schema lacks.
 */
async function lastLoaded(
  sql: postgres.Sql,
  { table, column }: { table: string; column: string },
): Promise<bigint> {
  const [size] = await sql<{ pages: string }[]>`
    select case relkind when 'r' then (pg_relation_size(oid) - ${END_BYTES}) / ${PAGE_BYTES}
           else 0 end as pages from pg_class where oid = to_regclass(${table}::text)`
  if (!size) return 0n
  const pages = Number(size.pages)
  const end = pages > 0 ? sql`where ctid >= ${`(${pages},0)`}::tid` : sql``
  const [row] = await sql<{ id: string | null }[]>`
    select max(${sql(column)}) as id from ${sql(table)} ${end}`
  return BigInt(row!.id ?? 0)
}

/** Never back, whatever others take from it meanwhile. */
async function advance(sql: postgres.Sql, name: string, to: bigint): Promise<void> {
  await sql`
    select case when s.behind <= 1000
                then (select max(nextval(${name}::text::regclass))
                        from generate_series(1, s.behind))
                else setval(${name}::text::regclass, ${String(to)}::bigint) end
      from (select ${String(to)}::bigint - last_value + case when is_called then 0 else 1 end
                     as behind from ${sql(name)}) s`
}
