import { expect, test } from 'vitest'
import {
  codeOf,
  copyOf,
  historyOf,
  one,
  pidOf,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { sealCredit } from '../../support/sealing.ts'

const ledger = useLedger()

test('credit_user() adds the amount and answers the entry', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  const row = await one(sql`select * from credit_user(amount => 0.1, user_id => ${id})`)
  expect(row).toEqual({
    user_id: String(id),
    seq: '1',
    action: 'CREDIT',
    amount: '0.10',
    balance: '0.10',
    available: '0.10',
    ts: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
    replayed: false,
  })
  expect(await copyOf(sql, id)).toBe('0.10 at 1')
})

test.each([
  '0',
  '-1',
  '0.001',
  '0.005',
  '9999999999.991',
  '1e10',
  'NaN',
  'Infinity',
  '-Infinity',
  null,
])('credit_user() raises LGAMT for %s', async (amount) => {
  const { sql } = ledger
  const id = await ledger.user(1)
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select credit_user(${id}, ${amount}::numeric)`)).toBe('LGAMT')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('credit_user() raises LGUSR for an unknown user', async () => {
  expect(await codeOf(ledger.sql`select credit_user(999999, 1)`)).toBe('LGUSR')
  expect(await codeOf(ledger.sql`select credit_user(null, 1)`)).toBe('LGUSR')
})

test('credit_user() raises LGRNG when the balance would have more than 18 digits', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sealCredit(sql, id, { balance: '999999999999999998.99' })
  await sql`select recalculate_balance(${id})`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select credit_user(${id}, 1.01)`)).toBe('LGRNG')
  expect(await stateOf(sql, id)).toEqual(before)
  expect(await one(sql`select * from credit_user(${id}, 1)`))
    .toMatchObject({ balance: '999999999999999999.99' })
  expect(await one(sql`select * from debit_user(${id}, 1)`))
    .toMatchObject({ balance: '999999999999999998.99' })
})

test('credit_user() posts manual entries first', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 3)`
  expect(await one(sql`select * from credit_user(${id}, 1)`))
    .toMatchObject({ seq: '2', balance: '-2.00' })
  expect(await historyOf(sql, id)).toEqual(['-3.00=-3.00', '+1.00=-2.00'])
  expect(await findingsOf(sql, id)).toEqual([])
})

test('credit_user() answers a repeat from the entry of the first', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  const first = await one(sql`select * from credit_user(${id}, 5, 'a')`)
  await sql`select debit_user(${id}, 5)`
  expect(await one(sql`select * from credit_user(${id}, 5, 'a')`))
    .toEqual({ ...first, replayed: true })
  expect(await copyOf(sql, id)).toBe('0.00 at 2')
})

test('credit_user() raises LGKEY for a key of another amount or action', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select credit_user(${id}, 5, 'a'), debit_user(${id}, 5, 'd')`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select credit_user(${id}, 6, 'a')`)).toBe('LGKEY')
  expect(await codeOf(sql`select credit_user(${id}, 5, 'd')`)).toBe('LGKEY')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('credit_user() raises 22023 for a malformed key or metadata', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select credit_user(${id}, 5, 'a b')`)).toBe('22023')
  expect(await codeOf(sql`select credit_user(${id}, 5, null, '[]')`)).toBe('22023')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('credit_user() loses none of two at once', async () => {
  const { sql } = ledger
  const id = await ledger.user(1)
  const [first, second] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(second)
  await first`begin`
  await first`select credit_user(${id}, 10)`
  const credit = start(one(second`select * from credit_user(${id}, 100)`))
  await untilBlocked(sql, pid)
  await first`commit`
  expect(await credit).toMatchObject({ seq: '3', balance: '111.00' })
  expect(await copyOf(sql, id)).toBe('111.00 at 3')
})
