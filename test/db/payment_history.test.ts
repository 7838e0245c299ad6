import { expect, test } from 'vitest'
import { codeOf, stateOf, useLedger } from '../support/ledger.ts'

const ledger = useLedger()

test.each([
  ['amount', '0'],
  ['amount', '-1'],
  ['amount', 'NaN'],
  ['action', 'REFUND'],
  ['ts', 'infinity'],
  ['ts', '-infinity'],
  ['ts', '0001-01-01 00:00:00+00 BC'],
  ['ts', '10000-01-01 00:00:00+00'],
  ['metadata', '[1]'],
])('a manual entry raises 23514 when its %s is %s', async (column, value) => {
  const id = await ledger.user(10)
  const before = await stateOf(ledger.sql, id)
  const row = { user_id: id, action: 'CREDIT', amount: '1', [column]: value }
  expect(await codeOf(ledger.sql`insert into payment_history ${ledger.sql(row)}`)).toBe('23514')
  expect(await stateOf(ledger.sql, id)).toEqual(before)
})

test.each([
  ['amount', '10000000000', '23514'],
  ['amount', 'Infinity', '23514'],
  ['amount', '9999999999.991', '23514'],
  ['amount', '0.005', '23514'],
  ['ts', 'yesterday at noon or so', '22007'],
  ['user_id', '9007199254740991', '23503'],
])('a manual entry: %s %s raises %s', async (column, value, code) => {
  const id = await ledger.user(10)
  const row = { user_id: id, action: 'CREDIT', amount: '1', [column]: value }
  expect(await codeOf(ledger.sql`insert into payment_history ${ledger.sql(row)}`)).toBe(code)
})

test.each(['seq', 'balance', 'sealed_at', 'held', 'hash'])(
  'a row without %s, but with the rest of what posting gives it, raises 23514',
  async (column) => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const before = await stateOf(sql, id)
    const posted = { seq: '2', balance: '11', sealed_at: '2026-11-27', held: '0', hash: '\\x00' }
    const row = { user_id: id, action: 'CREDIT', amount: '1', ...posted, [column]: null }
    expect(await codeOf(sql`insert into payment_history ${sql(row)}`)).toBe('23514')
    expect(await stateOf(sql, id)).toEqual(before)
  },
)

test.each(['seq', 'balance', 'sealed_at', 'held', 'hash'])(
  'a row with nothing but %s of what posting gives it raises 23514',
  async (column) => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const posted = { seq: '2', balance: '11', sealed_at: '2026-11-27', held: '0', hash: '\\x00' }
    const value = posted[column as keyof typeof posted]
    const row = { user_id: id, action: 'CREDIT', amount: '1', [column]: value }
    expect(await codeOf(sql`insert into payment_history ${sql(row)}`)).toBe('23514')
  },
)
