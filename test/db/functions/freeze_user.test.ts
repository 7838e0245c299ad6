import { describe, expect, test } from 'vitest'
import { codeOf, historyOf, one, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

const control = async (id: number) => ({
  ...await one(ledger.sql`
    select frozen_at is not null as frozen, hold_changes::int from users where id = ${id}`),
})

describe('of a frozen user', () => {
  const setUp = async () => {
    const { sql } = ledger
    const [id, other] = [await ledger.user(100), await ledger.user(100)]
    await sql`select place_hold(${id}, 10), place_hold(${id}, 10)`
    await sql`select transfer(${other}, ${id}, 5)` // 2
    await sql`select debit_user(${id}, 5, 'before')` // 3
    await sql`select freeze_user(${id}, 'asked by support')`
    return { sql, id, other }
  }

  test.each([
    ['debit_user', (id: number) => `debit_user(${id}, 1)`],
    ['debit_user with a key', (id: number) => `debit_user(${id}, 1, 'new')`],
    ['transfer', (id: number, other: number) => `transfer(${id}, ${other}, 1)`],
    ['transfer with a key', (id: number, other: number) => `transfer(${id}, ${other}, 1, 'new')`],
    ['place_hold', (id: number) => `place_hold(${id}, 1)`],
    ['capture_hold', (id: number) => `capture_hold(${id}, 1)`],
    ['reverse_entry of a credit', (id: number) => `reverse_entry(${id}, 1)`],
    ['reverse_entry of what it got', (_: number, other: number) => `reverse_entry(${other}, 2)`],
  ])('%s raises LGFRZ', async (_name, call) => {
    const { sql, id, other } = await setUp()
    const before = await stateOf(sql, id, other)
    expect(await codeOf(sql.unsafe(`select ${call(id, other)}`))).toBe('LGFRZ')
    expect(await stateOf(sql, id, other)).toEqual(before)
  })

  test('ledger.post answers LGFRZ for what takes, and does the rest', async () => {
    const { sql, id } = await setUp()
    const rows = await sql`
      select status from ledger.post(array['DEBIT', 'HOLD', 'CAPTURE', 'CREDIT', 'RELEASE', null],
        array_fill(${id}::bigint, array[6]), array[1, 1, null, 1, null, null]::numeric[],
        refs => array[null, null, 1, null, 2, null]::bigint[])`
    expect(rows.map(({ status }) => status as string))
      .toEqual(['LGFRZ', 'LGFRZ', 'LGFRZ', 'ok', 'ok', 'ok'])
    expect(await findingsOf(sql, id)).toEqual([])
  })

  test('credits, releases, reversals of debits, manual entries and repeats go on', async () => {
    const { sql, id, other } = await setUp()
    await sql`select release_hold(${id}, 1), credit_user(${id}, 1)`
    await sql`select transfer(${other}, ${id}, 1)`
    await sql`select reverse_entry(${id}, 3)`
    expect(await one(sql`select seq, replayed from debit_user(${id}, 5, 'before')`))
      .toEqual({ seq: '3', replayed: true })
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 200)`
    await sql`select recalculate_balance(${id})`
    expect((await historyOf(sql, id)).at(-1)).toBe('-200.00=-93.00')
    expect(await findingsOf(sql)).toEqual([])
  })
})

test('freeze_user() raises LGFRZ before LGFND, and after a reused key', async () => {
  const { sql } = ledger
  const id = await ledger.user(1)
  await sql`select credit_user(${id}, 1, 'key')`
  await sql`select freeze_user(${id})`
  expect(await codeOf(sql`select debit_user(${id}, 1000)`)).toBe('LGFRZ')
  expect(await codeOf(sql`select debit_user(${id}, 1000, 'key')`)).toBe('LGKEY')
})

test('freeze_user() keeps who did it, when and why, once', async () => {
  const { sql } = ledger
  const id = await ledger.user(1)
  const first = await one(sql`select * from freeze_user(${id}, 'ticket 7')`)
  expect(first).toMatchObject({ changed: true, credit_limit: '0.00' })
  expect(await one(sql`select * from freeze_user(${id}, 'once more')`))
    .toEqual({ ...first, changed: false })
  expect(await control(id)).toEqual({ frozen: true, hold_changes: 1 })
  const [row, ...more] = await sql`
    select number, at, role, actor, operation, reason from user_controls where user_id = ${id}`
  expect(more).toEqual([])
  expect(row).toEqual({
    number: '1',
    at: first['frozen_at'],
    role: 'postgres',
    actor: null,
    operation: 'FREEZE',
    reason: 'ticket 7',
  })
})

test.each([[`repeat('x', 1001)`, '22023'], [`''`, '22023'], [`repeat('ä', 1000)`, 'ok']])(
  'freeze_user() with the reason %s: %s',
  async (reason, code) => {
    const id = await ledger.user(1)
    expect(await codeOf(ledger.sql.unsafe(`select freeze_user(${id}, ${reason})`))).toBe(code)
  },
)

test('freeze_user() raises LGUSR for nobody', async () => {
  expect(await codeOf(ledger.sql`select freeze_user(999999)`)).toBe('LGUSR')
  expect(await codeOf(ledger.sql`select freeze_user(null)`)).toBe('LGUSR')
})

test.each([
  `update user_controls set reason = 'x'`,
  `delete from user_controls`,
  `truncate user_controls`,
])('history stays, also for the owner: %s raises LGIMM', async (statement) => {
  const { sql } = ledger
  await sql`select freeze_user(${await ledger.user(1)})`
  expect(await codeOf(sql.unsafe(statement))).toBe('LGIMM')
  await sql`begin`
  await sql`set local session_replication_role = replica`
  expect(await codeOf(sql.unsafe(statement))).toBe('LGIMM')
  await sql`rollback`
})

test('verify_ledger() finds a user who was thawed or got a limit behind its back', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(1), await ledger.user(1)]
  await sql`select freeze_user(${id})`
  await sql`update users set frozen_at = null where id = ${id}`
  await sql`update users set credit_limit = 100 where id = ${other}`
  const found = async () => await sql`select finding, user_id from verify_ledger() order by user_id`
  expect(await found()).toEqual(
    [id, other].map((user) => ({ finding: 'control_differs', user_id: `${user}` })),
  )
  await sql`update users set frozen_at = (select at from user_controls where user_id = ${id})
    where id = ${id}`
  await sql`update users set credit_limit = null where id = ${other}`
  expect(await found()).toEqual([])
})
