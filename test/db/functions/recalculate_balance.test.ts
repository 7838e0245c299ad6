import { expect, test } from 'vitest'
import { codeOf, copyOf, historyOf, one, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { sealCredit } from '../../support/sealing.ts'

const ledger = useLedger()

test('recalculate_balance() posts manual entries and answers the snapshot', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`insert into payment_history (user_id, action, amount)
    values (${id}, 'DEBIT', 15), (${id}, 'CREDIT', 2)`
  const row = await one(sql`select * from recalculate_balance(user_id => ${id})`)
  expect(row).toMatchObject({
    id: String(id),
    balance: '-3.00',
    available: '-3.00',
    seq: '3',
    version: '3',
  })
  expect(await historyOf(sql, id)).toEqual(['+10.00=10.00', '-15.00=-5.00', '+2.00=-3.00'])
  expect(await copyOf(sql, id)).toBe('-3.00 at 3')
  expect(await findingsOf(sql)).toEqual([])
})

test('recalculate_balance() picks up any number of rows', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`
    insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 0.01 from generate_series(1, 3000)`
  expect(await one(sql`select * from recalculate_balance(${id})`))
    .toMatchObject({ balance: '30.00', seq: '3000' })
  expect(await findingsOf(sql)).toEqual([])
})

test('recalculate_balance() changes nothing where nothing is to be changed', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const before = await stateOf(sql, id)
  await sql`select recalculate_balance(${id})`
  expect(await stateOf(sql, id)).toEqual(before)
})

test('recalculate_balance() answers 0.00 for a user without history', async () => {
  const id = await ledger.user()
  expect(await one(ledger.sql`select * from recalculate_balance(${id})`))
    .toMatchObject({ balance: '0.00', available: '0.00', seq: '0', version: '0' })
})

test('recalculate_balance() puts right a copy that was edited', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`update users set balance = 5000, seq = 9 where id = ${id}`
  expect(await one(sql`select * from recalculate_balance(${id})`))
    .toMatchObject({ balance: '10.00', seq: '1' })
  expect(await copyOf(sql, id)).toBe('10.00 at 1')
})

test('recalculate_balance() raises LGUSR for an unknown user', async () => {
  expect(await codeOf(ledger.sql`select recalculate_balance(999999)`)).toBe('LGUSR')
  expect(await codeOf(ledger.sql`select recalculate_balance(null)`)).toBe('LGUSR')
})

test('recalculate_balance() raises LGRNG when a balance would have more than 18 digits', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sealCredit(sql, id, { balance: '999999999999999998.99' })
  await sql`insert into payment_history (user_id, action, amount)
    values (${id}, 'CREDIT', 2), (${id}, 'DEBIT', 3)`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select recalculate_balance(${id})`)).toBe('LGRNG')
  expect(await codeOf(sql`select debit_user(${id}, 1)`)).toBe('LGRNG')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('recalculate_balance() raises 55P03 after lock_timeout', async () => {
  const id = await ledger.user(10)
  const [holder, waiting] = [ledger.connect(), ledger.connect()]
  await holder`begin`
  await holder`select debit_user(${id}, 1)`
  await waiting`set lock_timeout = '50ms'`
  expect(await codeOf(waiting`select recalculate_balance(${id})`)).toBe('55P03')
  await holder`rollback`
})

test('recalculate_balance() rolls back with its caller', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  const before = await stateOf(sql, id)
  const caller = ledger.connect()
  await caller`begin`
  expect(await one(caller`select * from recalculate_balance(${id})`))
    .toMatchObject({ balance: '11.00' })
  await caller`rollback`
  expect(await stateOf(sql, id)).toEqual(before)
})
