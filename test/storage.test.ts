/**
 * What debits leave behind in the tables, and who clears it away: on a server of its own, since
 * transactions of others keep dead rows where they are.
 */
import { rm } from 'node:fs/promises'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../db/migrate.ts'
import type { EmbeddedPostgres } from '../dev/embedded_postgres.ts'
import { connectTo, one } from './support/ledger.ts'
import { newCluster, startServer } from './support/servers.ts'

const USERS = 500
const DEBITS_EACH = 20
const BATCH = 50

let folder: string
let server: EmbeddedPostgres
let sql: postgres.Sql

beforeAll(async () => {
  folder = await newCluster('storage')
  server = await startServer(folder)
  await migrate(server.url, () => {})
  sql = connectTo(server.url)
})
afterAll(async () => {
  await sql.end()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

test('debits update users within the page, and touch no index of it', async () => {
  await sql`alter table users set (autovacuum_enabled = false)`
  await sql`insert into users (id) select g from generate_series(1000, ${999 + USERS}::int) g`
  // As batches are: some users of a page, not all of them.
  for (let n = 0; n <= DEBITS_EACH; n++) {
    for (let step = 0; step < USERS / BATCH; step++) {
      const ids = Array.from({ length: BATCH }, (_, i) => 1000 + step + i * USERS / BATCH)
      await sql`
        select from ledger.post(
          array_fill(${n === 0 ? 'CREDIT' : 'DEBIT'}::text, array[${BATCH}::int]),
          ${`{${ids.join()}}`}::bigint[],
          array_fill(${n === 0 ? 100 : 1}::numeric, array[${BATCH}::int]))`
    }
  }
  await sql`select pg_stat_force_next_flush()`
  const { updates, hot } = await one(sql<{ updates: number; hot: number }[]>`
    select n_tup_upd::int as updates, n_tup_hot_upd::int as hot
      from pg_stat_user_tables where relname = 'users'`)
  expect(updates).toBe(USERS * (DEBITS_EACH + 1))
  expect(hot / updates).toBeGreaterThan(0.95)
})

test('tables that only grow are vacuumed, frozen and analyzed as they grow', async () => {
  const rows = await sql`
    select relname as table, option_name as option, option_value::float as value
      from pg_class, pg_options_to_table(reloptions)
     where oid in ('payment_history'::regclass, 'users'::regclass, 'holds'::regclass)
       and option_name ~ 'scale_factor'`
  const options = Object.fromEntries(rows.map((row) => [`${row['table']} ${row['option']}`, row]))
  expect(Object.keys(options)).toEqual(expect.arrayContaining([
    'payment_history autovacuum_vacuum_insert_scale_factor',
    'payment_history autovacuum_vacuum_scale_factor',
    'users autovacuum_vacuum_scale_factor',
    'holds autovacuum_vacuum_scale_factor',
  ]))
  // A fifth of a billion rows is too many at once.
  expect(rows.filter((row) => row['value'] > 0.05)).toEqual([])
})
