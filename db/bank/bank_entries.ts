/** What the ledger has of the lines of a bank's files. */
import type postgres from 'postgres'
import { arrayLiteral } from '../../src/ledger/rows.ts'
import { keyPrefixOf } from './bank_line.ts'
import type { UserLine } from './bank_users.ts'

export interface BankEntry {
  seq: string
  action: string
  amount: string
  /** Whether it credits or debits what the line says. */
  isSame: boolean
  /** The seq of the entry that took it back. */
  reversedBy: string | null
}

/** The entry of each line, by its key; null where there is none. */
export async function findEntries(
  sql: postgres.Sql,
  lines: UserLine[],
): Promise<(BankEntry | null)[]> {
  const column = (value: (line: UserLine) => string) => arrayLiteral(lines.map(value))
  const rows = await sql<(BankEntry & { n: string })[]>`
    select l.n, e.seq, e.action, e.amount, e.reversed_by as "reversedBy",
           (e.action, e.amount) = (l.action, l.amount) as "isSame"
      from unnest(${column(({ userId }) => userId)}::bigint[],
             ${column(({ key }) => key)}::text[], ${column(({ action }) => action)}::text[],
             ${column(({ amount }) => amount)}::numeric[])
             with ordinality as l (user_id, key, action, amount, n)
      join public.entries e on e.user_id = l.user_id and e.idempotency_key = l.key`
  const entries = new Map(rows.map((row) => [Number(row.n), row]))
  return lines.map((_, i) => entries.get(i + 1) ?? null)
}

export interface SourceEntry {
  userId: string
  key: string
  seq: string
  action: string
  amount: string
}

const PAGE_ROWS = 1000

/**
 * All entries of a source that the bank booked in a time, or that have no date; oldest first.
 * @param from a date; undefined: all
 */
export async function* entriesOf(
  sql: postgres.Sql,
  source: string,
  from?: string,
  to?: string,
): AsyncGenerator<SourceEntry> {
  const pages = sql<SourceEntry[]>`
    select e.user_id as "userId", e.idempotency_key as key, e.seq, e.action, e.amount
      from public.entries e
     where starts_with(e.idempotency_key, ${keyPrefixOf(source)})
       and (e.metadata ->> 'date' between ${from ?? ''} and ${to ?? '~'}
         or e.metadata ->> 'date' is null)
     order by e.user_id, e.seq`.cursor(PAGE_ROWS)
  for await (const page of pages) yield* page
}
