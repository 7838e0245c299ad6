/** How much room a ledger takes, and how fast it grows: what `npm run status` says of it. */
import type postgres from 'postgres'

/** Of how many entries, the last ones, the growth is taken. */
const LAST_ENTRIES = 10_000

export interface TableSize {
  name: string
  /** As PostgreSQL estimates them. */
  rows: number
  table_bytes: number
  index_bytes: number
}

export interface Sizes {
  database_bytes: number
  /** The largest first. */
  tables: TableSize[]
  /** By the last 10,000 entries; null: nothing was posted yet. */
  growth: { entries_a_day: number; bytes_a_day: number; entries: number } | null
}

/** Reads no more than the last entries, however long the history is. */
export async function readSizes(sql: postgres.Sql): Promise<Sizes> {
  const [row] = await sql<{ sizes: Sizes }[]>`
    with tables as (
      select c.oid::regclass::text as name, pg_stat_get_live_tuples(c.oid) as rows,
             pg_table_size(c.oid) as table_bytes, pg_indexes_size(c.oid) as index_bytes
        from pg_class c
       where c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace)
         and c.relkind = 'r'),
    last as (
      select count(*) as entries,
             -- A history of less than a day doesn't say what the rest of the day brings.
             count(*) / greatest(extract(epoch from clock_timestamp() - min(l.sealed_at)) / 86400,
               case when count(*) < ${LAST_ENTRIES}::integer then 1 else 0.001 end) as a_day
        from (select h.sealed_at from public.payment_history h
               where h.seq is not null order by h.id desc limit ${LAST_ENTRIES}::integer) l)
    select json_build_object(
      'database_bytes', pg_database_size(current_database()),
      'tables', (
        select json_agg(t order by t.table_bytes + t.index_bytes desc, t.name) from tables t),
      'growth', (
        select json_build_object('entries_a_day', round(l.a_day),
                 'bytes_a_day', round(l.a_day * (t.table_bytes + t.index_bytes)
                   / greatest(u.entries, 1)),
                 'entries', l.entries)
          from last l, tables t, (select sum(s.seq) as entries from public.users s) u
         where l.entries > 0 and t.name = 'payment_history')) as sizes`
  return row!.sizes
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** In the unit that needs the fewest digits: `12.3 MiB`. */
export function inUnits(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1)
  const value = bytes / 1024 ** power
  return `${power > 0 && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`
}

/** A name and a value for each line; of the tables, the largest. */
export function sizeLines({ database_bytes, tables, growth }: Sizes, shown = 4): string[][] {
  const day = growth &&
    `${growth.entries_a_day} entries a day, ${inUnits(growth.bytes_a_day)}, ` +
      `by the last ${growth.entries}`
  return [
    ['size', inUnits(database_bytes)],
    ...tables.slice(0, shown).map(({ name, rows, table_bytes, index_bytes }) => [
      '',
      `${name}: ${inUnits(table_bytes)}, indexes ${inUnits(index_bytes)}, some ${rows} rows`,
    ]),
    ['growth', day ?? 'none yet'],
  ]
}
