/** debit_users() beside manual entries and whoever holds a user. */
import { expect, test } from 'vitest'
import { blocks, codeOf, copyOf, historyOf, pidOf, start, useLedger } from '../../support/ledger.ts'
import { call, statuses } from './debit_users.ts'

const ledger = useLedger()

test('debit_users() answers 55P03 at once for a user whom somebody else holds', async () => {
  const { sql } = ledger
  const [a, held, c] = [await ledger.user(10), await ledger.user(10), await ledger.user(10)]
  const [holder, caller] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(caller)
  await holder`begin`
  await holder`select debit_user(${held}, 5)`
  const debit = start(statuses(caller, [held, 1], [a, 1], [held, 1], [c, 1]))
  expect(await blocks(sql, pid, debit)).toBe(false)
  expect(await debit).toEqual(['55P03', 'ok', '55P03', 'ok'])
  await holder`rollback`
  expect(await statuses(caller, [held, 1])).toEqual(['ok'])
  expect(await historyOf(sql, held)).toEqual(['+10.00=10.00', '-1.00=9.00'])
})

test('debit_users() posts manual entries first, also an open one of its transaction', async () => {
  const id = await ledger.user()
  const caller = ledger.connect()
  await caller`begin`
  await caller`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
  expect(await statuses(caller, [id, 5], [id, 5])).toEqual(['ok', 'LGFND'])
  await caller`rollback`
  expect(await historyOf(ledger.sql, id)).toEqual([])
})

test('debit_users() answers 55P03 until more than 1000 manual entries are worked off', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(), await ledger.user(1)]
  await sql`
    insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 1 from generate_series(1, 2500)`
  expect(await statuses(sql, [id, 1], [other, 1])).toEqual(['55P03', 'ok'])
  expect(await copyOf(sql, id)).toBe('1000.00 at 1000')
  expect(await statuses(sql, [id, 1])).toEqual(['55P03'])
  expect(await statuses(sql, [id, 2500])).toEqual(['ok'])
  expect(await copyOf(sql, id)).toBe('0.00 at 2501')
})

test('debit_users() under repeatable read raises 40001 for what its snapshot has not seen', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const caller = ledger.connect()
  await caller`begin isolation level repeatable read`
  await caller`select 1 from users limit 1`
  await sql`select debit_user(${id}, 10)`
  expect(await codeOf(call(caller, [id, 10]))).toBe('40001')
  await caller`rollback`
  expect(await copyOf(sql, id)).toBe('0.00 at 2')
})
