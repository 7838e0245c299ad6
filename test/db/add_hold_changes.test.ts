/** Holds of a ledger from before each of their changes was a row are what they were, and go on. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { runDbmate } from '../support/dbmate.ts'
import { codeOf, connectTo } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { copyMigrationsBefore } from '../support/older_migrations.ts'
import { tamper } from '../support/tampering.ts'

let admin: postgres.Sql
/** The migrations before, and with the one that adds the table. */
const folders: string[] = []
const names: string[] = []
const connections: postgres.Sql[] = []

beforeAll(async () => {
  admin = connectTo(inject('databaseUrl'))
  for (const more of [0, 1]) folders.push(await copyMigrationsBefore('add_hold_changes', more))
})
afterAll(async () => {
  await Promise.all(connections.map((sql) => sql.end()))
  for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`
  await admin.end()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

async function createLedger(folder: string): Promise<{ url: string; sql: postgres.Sql }> {
  names.push(`holds_${randomBytes(8).toString('hex')}`)
  const url = new URL(`/${names.at(-1)!}`, inject('databaseUrl')).href
  await migrate(url, () => {}, folder)
  connections.push(connectTo(url))
  return { url, sql: connections.at(-1)! }
}

const HISTORY = `
  select user_id, seq, balance, held, hash, idempotency_key, metadata::text
    from payment_history where seq is not null order by user_id, seq`
/** What anchors were made of, and are compared with. */
const ANCHORED =
  `select * from ledger.changes_between(array['-infinity', $1, 'infinity']::timestamptz[])
  where user_id = 2`

const verified = async (sql: postgres.Sql, id = 2) =>
  (await sql<{ finding: string }[]>`select finding from verify_user(${id})`)
    .map(({ finding }) => finding)

/** A user with holds: 1 captured in part, 2 released, 3 and 4 active, 5 expired. */
async function makeHistory(sql: postgres.Sql, id = 2): Promise<void> {
  await sql`select create_user(${id}), credit_user(${id}, 100)`
  await sql`select place_hold(${id}, 20, null, 'first', '{"n": 1}')`
  await sql`select place_hold(${id}, 5, 3600, 'second')`
  await sql`select place_hold(${id}, 7, 3600, 'third', '{"n": 3}'), place_hold(${id}, 8)`
  await sql`select capture_hold(${id}, 1, 12, 'capture')`
  await sql`select release_hold(${id}, 2, 'release', '{"by": "me"}')`
  await sql`select debit_user(${id}, 10), debit_user(${id}, 1)`
  await sql`select reverse_entry(${id}, 3)`
  await sql`select place_hold(${id}, 1, 0.001)`
}

/** What somebody did to the holds of a user each before they were migrated. */
const TAMPERED = [
  `set amount = 6 where hold = 2`,
  `set amount = 6 where hold = 3`,
  `set expires_at = 'infinity' where hold = 3`,
  `set release_balance = 1 where hold = 2`,
  `set status = 'released', closed_at = now() where hold = 3`,
  `set status = 'captured', closed_at = null where hold = 3`,
]

describe('a ledger with holds', () => {
  let sql: postgres.Sql
  let before: unknown[]
  let after: unknown[]

  beforeAll(async () => {
    const ledger = await createLedger(folders[0]!)
    sql = ledger.sql
    await makeHistory(sql)
    const [row] = await sql`select now()::text as at`
    const at = row!['at'] as string
    await sql`select release_hold(2, 4)`
    for (const [i, change] of TAMPERED.entries()) {
      await makeHistory(sql, 3 + i)
      await sql.unsafe(`update holds ${change} and user_id = ${3 + i}`)
    }
    const state = async () => [
      [...await sql.unsafe(HISTORY)],
      [...await sql.unsafe(ANCHORED, [at])],
    ]
    before = await state()
    await migrate(ledger.url, () => {}, folders[1])
    after = await state()
  })

  test('keeps its history, and what anchors are made of', () => {
    expect(after).toEqual(before)
    expect(after[1]).toMatchObject([{ span: 1, changes: '7' }, { span: 2, changes: '1' }])
  })

  test('gets the changes that are known of each hold, and proves itself', async () => {
    expect(await verified(sql)).toEqual([])
    const changes = await sql<{ line: string }[]>`
      select concat_ws(' ', hold, number, action, amount, remaining, seq, balance, available,
               idempotency_key, metadata, position is null) as line
        from hold_changes where user_id = 2 order by hold, number`
    expect(changes.map(({ line }) => line)).toEqual([
      '1 1 placed 20.00 20.00 80.00 first {"n": 1} t',
      '1 2 captured 12.00 0.00 2 f',
      '2 1 placed 5.00 5.00 75.00 second t',
      '2 2 released 5.00 0.00 2 88.00 73.00 release {"by": "me"} f',
      '3 1 placed 7.00 7.00 68.00 third {"n": 3} f',
      '4 1 placed 8.00 8.00 60.00 t',
      expect.stringMatching(/^4 2 released 8.00 0.00 5 87.00 (80|79).00 f$/),
      '5 1 placed 1.00 1.00 71.00 f',
    ])
    const holds = await sql<{ line: string }[]>`
      select concat_ws(' ', hold, amount, remaining, captured, status, changes) as line
        from holds where user_id = 2 order by hold`
    expect(holds.map(({ line }) => line)).toEqual([
      '1 20.00 0.00 12.00 captured 2',
      '2 5.00 0.00 0.00 released 2',
      '3 7.00 7.00 0.00 active 1',
      '4 8.00 0.00 0.00 released 2',
      '5 1.00 1.00 0.00 active 1',
    ])
  })

  test.each(TAMPERED)('shows what was done to it before: %s', async (change) => {
    expect(await verified(sql, 3 + TAMPERED.indexOf(change))).toContain('hold_invalid')
  })

  test.each([
    'amount = amount + 1',
    'remaining = 1',
    'seq = coalesce(seq, 0) + 1',
    'balance = coalesce(balance, 0) + 1',
    'available = coalesce(available, 0) + 1',
    `at = at + interval '1 us'`,
    `expires_at = now() + interval '1 h'`,
    `metadata = '{"n": 2}'`,
    `idempotency_key = 'another'`,
  ])('shows what is done to a change that was known: %s', async (change) => {
    for (const [hold, number] of [[1, 1], [1, 2], [2, 2]] as const) {
      await sql`begin`
      await tamper(
        sql,
        `update hold_changes set ${change}
          where user_id = 2 and hold = ${hold} and number = ${number}`,
      )
      expect([hold, number, await verified(sql)])
        .toEqual([hold, number, expect.arrayContaining(['hold_invalid'])])
      await sql`rollback`
    }
  })

  test('goes on: keys replay, and what was held or entered is taken in parts', async () => {
    const rows = async (query: postgres.PendingQuery<postgres.Row[]>) => [...await query]
    expect(await rows(sql`select hold, available, replayed from place_hold(2, 5, 3600, 'second')`))
      .toEqual([{ hold: '2', available: '75.00', replayed: true }])
    expect(await rows(sql`select seq, replayed from capture_hold(2, 1, 12, 'capture')`))
      .toEqual([{ seq: '2', replayed: true }])
    expect(await codeOf(sql`select capture_hold(2, 1, 12, 'capture', null, false)`)).toBe('LGKEY')
    expect(
      await rows(
        sql`select available, replayed from release_hold(2, 2, 'release', '{"by": "me"}')`,
      ),
    ).toEqual([{ available: '73.00', replayed: true }])
    expect(await codeOf(sql`select release_hold(2, 2)`)).toBe('LGHLD')
    expect(await codeOf(sql`select capture_hold(2, 5)`)).toBe('LGHLD')
    expect(await codeOf(sql`select reverse_entry(2, 3)`)).toBe('LGREV')
    expect(await rows(sql`select available from capture_hold(2, 3, 2, final => false)`))
      .toEqual([{ available: '80.00' }])
    await sql`select extend_hold(2, 3, 7200)`
    expect(await rows(sql`select amount, available from capture_hold(2, 3)`))
      .toEqual([{ amount: '5.00', available: '80.00' }])
    await sql`select reverse_entry(2, 2, amount => 2)`
    expect(await verified(sql)).toEqual([])
    expect(await findingsOf(sql, 2)).toEqual([])
  })
})

test('without any hold the way back leads to the ledger as it was', async () => {
  const { url, sql } = await createLedger(folders[1]!)
  await runDbmate(url, 'rollback', folders[1])
  expect(await sql`select * from verify_ledger()`).toEqual([])
  await makeHistory(sql)
  expect(await sql`select * from verify_ledger()`).toEqual([])
})

test('the way back is refused for a hold, and for a reversal of a part', async () => {
  const { url, sql } = await createLedger(folders[1]!)
  const back = () => runDbmate(url, 'rollback', folders[1])
  await sql`select credit_user(1, 10), debit_user(1, 2), place_hold(1, 1)`
  await expect(back()).rejects.toThrow(/rows that this would drop/)
  expect(await sql`select * from verify_ledger()`).toEqual([])
  await tamper(
    sql,
    'delete from hold_changes',
    'delete from holds',
    'update users set hold_changes = 0',
  )
  await sql`select reverse_entry(1, 2, amount => 1)`
  await expect(back()).rejects.toThrow(/rows that this would drop/)
  expect(await sql`select * from verify_ledger()`).toEqual([])
})
