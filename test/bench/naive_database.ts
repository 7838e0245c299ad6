/** Databases of naive.sql, with the users of the ledger, the same balances and as many rows. */
import type { Bench } from './bench.ts'
import { connect } from './ledger_database.ts'
import { MANY, SINGLES } from './postgres.ts'

export async function createNaive(bench: Bench, name: string): Promise<string> {
  const url = await bench.postgres.createFrom(name, 'naive.sql')
  await refillNaive(url)
  return url
}

/** So that every history is short again: what is naive gets slower with each row. */
export async function refillNaive(url: string): Promise<void> {
  const sql = connect(url)
  await sql`truncate users, payment_history`
  for (const { first, count } of [SINGLES, MANY]) {
    await sql`
      insert into users (id) select generate_series(${first}::bigint, ${first + count - 1})`
  }
  await sql`
    insert into payment_history (user_id, action, amount) select id, 'CREDIT', 1000000 from users`
  await vacuum(sql)
}

/** Adds rows to the history of one of them, until it has so many. */
export async function lengthenNaive(url: string, user: number, rows: number): Promise<void> {
  const sql = connect(url)
  await sql`
    insert into payment_history (user_id, action, amount)
    select ${user}, 'CREDIT', 0.01 from generate_series(1, ${rows - 1})`
  await vacuum(sql)
}

/** The index alone can then answer for all rows that were there before. */
async function vacuum(sql: ReturnType<typeof connect>): Promise<void> {
  await sql`vacuum (analyze) payment_history`
  await sql`vacuum (analyze) users`
  await sql.end()
}
