/** Calls of debit_users(). */
import type postgres from 'postgres'

type Item = [userId: number | null, amount: string | number | null, key?: string | null]

export const array = (values: (string | number | null | undefined)[]) =>
  `{${values.map((value) => value ?? 'null').join(',')}}`

export const call = (sql: postgres.Sql, ...items: Item[]) =>
  sql`select * from debit_users(
    ${array(items.map(([id]) => id))}::bigint[],
    ${array(items.map(([, amount]) => amount))}::numeric[],
    ${array(items.map(([, , key]) => key))}::text[])`

export const statuses = async (sql: postgres.Sql, ...items: Item[]) =>
  (await call(sql, ...items)).map(({ status }) => status as string)
