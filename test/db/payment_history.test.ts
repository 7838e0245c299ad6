import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { codeOf, connectTo, one, stateOf, useLedger } from '../support/ledger.ts'

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

test('manual entries into an empty ledger touch pages in proportion to their number', async () => {
  const database = await createDatabase()
  const sql = connectTo(database.url)
  try {
    // One session: what the first entry finds decides how all others are looked for.
    const pages = await sql.begin(async (tx) => {
      const pagesOf = async (entries: number) => {
        const explained = await one(tx.unsafe(`
          explain (analyze, buffers, format json)
          insert into payment_history (user_id, action, amount)
            select 1, 'CREDIT', 1 from generate_series(1, ${entries})`))
        const plan = explained['QUERY PLAN'][0].Plan
        return (plan['Shared Hit Blocks'] + plan['Shared Read Blocks']) / entries
      }
      return [await pagesOf(1000), await pagesOf(9000)] as const
    })
    expect(pages[1] / pages[0]).toBeLessThan(2)
  } finally {
    await sql.end()
    await database.drop()
  }
})
