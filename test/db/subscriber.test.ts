/** A copy by logical replication follows whatever its publisher does, guards and all. */
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { codeOf, connectTo } from '../support/ledger.ts'
import { verifyLedger } from '../support/tampering.ts'

const TABLES = [
  'schema_migrations',
  'ledger.identity',
  'users',
  'user_details',
  'user_references',
  'user_keys',
  'user_controls',
  'payment_history',
  'manual_entries',
  'holds',
  'hold_changes',
  'interventions',
  'ledger.anchors',
]

const databases: TestDatabase[] = []
let publisher: postgres.Sql
let subscriber: postgres.Sql
let name: string

beforeAll(async () => {
  for (let n = 0; n < 2; n++) databases.push(await createDatabase())
  ;[publisher, subscriber] = databases.map(({ url }) => connectTo(url)) as [
    postgres.Sql,
    postgres.Sql,
  ]
  name = new URL(databases[0]!.url).pathname.slice(1)
})
afterAll(async () => {
  // With its slot.
  await subscriber`drop subscription if exists ledger`
  await Promise.all([publisher.end(), subscriber.end()])
  for (const database of databases) await database.drop()
})

/** All rows of the ledger, as text. */
async function rowsOf(sql: postgres.Sql): Promise<string[]> {
  const all = TABLES.map((table) =>
    `select '${table} ' || to_jsonb(t)::text as row from ${table} t`
  )
  const rows = await sql.unsafe<{ row: string }[]>(all.join(' union all '))
  return rows.map(({ row }) => row).sort()
}

const untilEqual = async () => {
  const rows = await rowsOf(publisher)
  await expect.poll(() => rowsOf(subscriber)).toEqual(rows)
}

test('a subscriber follows posts, withdrawals and broken glass, and refuses everybody else', async () => {
  await publisher`select create_user(1), create_user(2, reference => 'two')`
  await publisher`select credit_user(1, 10, 'k', '{"name": "somebody"}'), credit_user(2, 10)`
  await publisher`
    insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 1), (2, 'CREDIT', 2)`
  await publisher`create publication ledger for all tables`
  await publisher`select pg_create_logical_replication_slot(${name}, 'pgoutput')`
  // As in a database that has the schema, and no rows.
  for (const table of ['schema_migrations', 'ledger.identity', 'users']) {
    await subscriber`delete from ${subscriber(table)}`
  }
  await subscriber.unsafe(`create subscription ledger connection '${databases[0]!.url}'
    publication ledger with (create_slot = false, slot_name = '${name}')`)
  await untilEqual()

  await publisher`select transfer(1, 2, 3), place_hold(2, 1)`
  await publisher`select capture_hold(2, 1)`
  await publisher`
    insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 8), (2, 'CREDIT', 9)`
  await publisher`
    select withdraw_entry(user_id, id, 'mistyped by somebody') from payment_history where amount = 9`
  await publisher`select freeze_user(2, 'asked for by the bank')`
  await publisher`insert into ledger.anchors (key, number, at, line) values ('', 1, now(), '')`
  await publisher`begin`
  await publisher`select break_glass('the court ordered it')`
  await publisher`update payment_history set metadata = null where user_id = 1 and seq = 1`
  await publisher`delete from payment_history where user_id = 2 and action = 'DEBIT'`
  await publisher`commit`
  await publisher`select credit_user(1, 1)`
  await untilEqual()

  const findings = await verifyLedger(publisher)
  expect(findings).not.toEqual([])
  expect(await verifyLedger(subscriber)).toEqual(findings)
  await subscriber`set session_replication_role = replica`
  expect(await codeOf(subscriber`delete from payment_history`)).toBe('LGIMM')
})
