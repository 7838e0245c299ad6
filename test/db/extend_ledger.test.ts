/** A ledger that the baseline alone had made, with its history, is brought to the newest schema. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { runDbmate } from '../support/dbmate.ts'
import { connectTo } from '../support/ledger.ts'
import { copyMigrationsBefore } from '../support/older_migrations.ts'
import { sample } from '../support/share.ts'

const name = `extended_${randomBytes(8).toString('hex')}`
let admin: postgres.Sql
let sql: postgres.Sql
/** With the baseline alone, and with what extends it as well. */
const folders: string[] = []
let url: string

const HISTORY = `
  select user_id, seq, balance, held, hash, idempotency_key, metadata::text
    from payment_history where seq is not null order by user_id, seq`

beforeAll(async () => {
  admin = connectTo(inject('databaseUrl'))
  url = new URL(`/${name}`, inject('databaseUrl')).href
  for (const more of [0, 1]) folders.push(await copyMigrationsBefore('extend_ledger', more))
  await migrate(url, () => {}, folders[0])
  sql = connectTo(url)
})
afterAll(async () => {
  await sql.end()
  await admin`drop database if exists ${admin(name)} with (force)`
  await admin.end()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

test('its history, holds and keys stay as they are, and it proves itself', async () => {
  await sql`select create_user()`
  await sql`select create_user()`
  await sql`insert into payment_history (user_id, action, amount) values (2, 'CREDIT', 100)`
  await sql`select transfer(2, 3, 30, 'rent')`
  await sql`select place_hold(2, 20)`
  await sql`select place_hold(2, 5)`
  await sql`select capture_hold(2, 1, 10)`
  // Numbers that a rollback has taken leave a gap.
  await sql`begin`
  await sql`select break_glass('a test that is undone')`
  await sql`rollback`
  await sql`begin`
  await sql`select break_glass('a test of a migration')`
  await sql`update payment_history set metadata = '{"put": "right"}' where user_id = 2 and seq = 1`
  await sql`commit`
  await sql`insert into payment_history (user_id, action, amount) values (3, 'CREDIT', 1.5)`
  const before = [...await sql.unsafe(HISTORY)]
  expect(before).toHaveLength(4)

  const lines: string[] = []
  await migrate(url, (line) => lines.push(line))
  expect(lines[0]).toMatch(/^Applied: \d{14}_extend_ledger\.sql /)

  expect([...await sql.unsafe(HISTORY)]).toEqual(before)
  expect(await sql`select id, balance, held, available, seq from balances where id > 1 order by id`)
    .toEqual([
      { id: '2', balance: '60.00', held: '5.00', available: '55.00', seq: '3' },
      { id: '3', balance: '30.00', held: '0.00', available: '30.00', seq: '1' },
    ])
  expect((await sql`select id from interventions order by id`).map((row) => row['id']))
    .toEqual(['1', '2'])
  // What was changed by force is told as before; nothing else is found, of guards neither.
  const findings = await sql<{ finding: string }[]>`select finding from verify_ledger()`
  expect(findings.map(({ finding }) => finding).filter((one) => one !== 'intervention'))
    .toEqual(['hash_differs'])
})

/** On a new ledger that goes no further than what extends the baseline. */
async function withNewLedger(work: (other: string, connection: postgres.Sql) => Promise<void>) {
  const other = `back_${randomBytes(8).toString('hex')}`
  const back = new URL(`/${other}`, url).href
  await migrate(back, () => {}, folders[1])
  const connection = connectTo(back)
  try {
    await work(back, connection)
  } finally {
    await connection.end()
    await admin`drop database ${admin(other)} with (force)`
  }
}

test('without any of it, the way back leads to the baseline as it was', async () => {
  await withNewLedger(async (back, connection) => {
    await runDbmate(back, 'rollback', folders[1])
    expect(await connection`select from schema_migrations`).toHaveLength(1)
    // The baseline compares every table, trigger and function with what it had made.
    expect(await connection`select * from verify_ledger()`).toEqual([])
  })
})

test.each(sample('ways back', [
  ['a reference', `select create_user(reference => 'x')`, 'user_details'],
  ['a limit', `select set_credit_limit(1, 5, 'a test')`, 'user_controls'],
  [
    'a manual entry',
    `insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 1)`,
    'manual_entries',
  ],
  ['a broken glass', `select break_glass('a test of a migration')`, 'interventions'],
  [
    'an anchor',
    `insert into ledger.anchors (key, number, at, line) values ('', 1, now(), '{}')`,
    'ledger.anchors',
  ],
]))('the way back is refused for %s, and changes nothing', async (_, statement, table) => {
  await withNewLedger(async (back, connection) => {
    await connection.unsafe(statement)
    await expect(runDbmate(back, 'rollback', folders[1])).rejects.toThrow(
      /rows that this would drop/,
    )
    expect(await connection.unsafe(`select from ${table}`)).toHaveLength(1)
    expect(await connection`select from schema_migrations`).toHaveLength(2)
  })
})

test('it goes on: keys replay, pending entries are posted, holds are captured', async () => {
  expect(await sql`select seq, replayed from transfer(2, 3, 30, 'rent')`)
    .toEqual([{ seq: '2', replayed: true }, { seq: '1', replayed: true }])
  expect(await sql`select balance, seq from debit_user(3, 1)`)
    .toEqual([{ balance: '30.50', seq: '3' }])
  expect(await sql`select seq from capture_hold(2, 2)`).toEqual([{ seq: '4' }])
  await sql`select set_credit_limit(3, 50, 'a test')`
  expect(await sql`select available from debit_user(3, 40)`).toEqual([{ available: '40.50' }])
  const findings = await sql`select finding from verify_ledger() where user_id = 3`
  expect(findings).toEqual([])
})
