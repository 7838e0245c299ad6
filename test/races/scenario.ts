/** What a scenario is given, and what several of them do. */
import type postgres from 'postgres'

interface Stage {
  /** As superuser, for whoever isn't part of the race. */
  sql: postgres.Sql
  connect: () => postgres.Sql
  /** Notes what is not as it has to be. */
  expectEqual: (what: string, got: unknown, wanted: unknown) => void
}

export type Scenario = (stage: Stage) => Promise<void>

export const insert = (sql: postgres.Sql, id: number, amount: number) =>
  sql`insert into payment_history (user_id, action, amount)
    values (${id}, ${amount < 0 ? 'DEBIT' : 'CREDIT'}, ${Math.abs(amount)})`

export const debit = (sql: postgres.Sql, id: number, amount: number | string, key?: string) =>
  sql`select * from debit_user(${id}, ${amount}, ${key ?? null}::text)`

export const batch = (
  sql: postgres.Sql,
  ids: number[],
  amounts: unknown[],
  keys?: (string | null)[],
) =>
  sql`select * from debit_users(
    ${`{${ids.join(',')}}`}::bigint[], ${`{${amounts.join(',')}}`}::numeric[],
    ${`{${(keys ?? ids.map(() => null)).map((key) => key ?? 'null').join(',')}}`}::text[])`
