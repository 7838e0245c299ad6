import { describe, expect, test } from 'vitest'
import { codeOf, copyOf, historyOf, one, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { sealCredit } from '../../support/sealing.ts'

const ledger = useLedger()

test('debit_user() takes the amount and answers the entry', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const row = await one(sql`select * from debit_user(${id}, 30.5)`)
  expect(row).toEqual({
    user_id: String(id),
    seq: '2',
    action: 'DEBIT',
    amount: '30.50',
    balance: '69.50',
    available: '69.50',
    ts: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
    replayed: false,
  })
  expect(await copyOf(sql, id)).toBe('69.50 at 2')
  expect(await historyOf(sql, id)).toEqual(['+100.00=100.00', '-30.50=69.50'])
  expect(await findingsOf(sql)).toEqual([])
})

test('debit_user() takes its arguments by name', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const row = await one(sql`
    select * from debit_user(
      metadata => '{"order": 7}', idempotency_key => 'k', amount => 1, user_id => ${id})`)
  expect(row).toMatchObject({ user_id: String(id), amount: '1.00' })
  const written = await one(sql`
    select idempotency_key, metadata from payment_history where user_id = ${id} and seq = 2`)
  expect(written).toEqual({ idempotency_key: 'k', metadata: { order: 7 } })
})

test('debit_user() takes all there is', async () => {
  const id = await ledger.user('9999999999.99')
  const row = await one(ledger.sql`select * from debit_user(${id}, 9999999999.99)`)
  expect(row).toMatchObject({ amount: '9999999999.99', balance: '0.00' })
})

test('debit_user() raises LGFND when amount exceeds what is available', async () => {
  const { sql } = ledger
  const id = await ledger.user('99.99')
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select debit_user(${id}, 100)`)).toBe('LGFND')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('debit_user() raises LGFND for a user without history', async () => {
  const id = await ledger.user()
  expect(await codeOf(ledger.sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
  expect(await historyOf(ledger.sql, id)).toEqual([])
})

test.each(['999999', '0', '-1', null])('debit_user() raises LGUSR for user %s', async (id) => {
  expect(await codeOf(ledger.sql`select debit_user(${id}::bigint, 1)`)).toBe('LGUSR')
})

test.each([
  '0',
  '-1',
  '-0.01',
  '0.001',
  '0.005',
  '1.999',
  '9999999999.991',
  '1e10',
  '10000000000',
  '1e300',
  'NaN',
  'Infinity',
  '-Infinity',
  null,
])('debit_user() raises LGAMT for %s', async (amount) => {
  const { sql } = ledger
  const id = await ledger.user(1000)
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select debit_user(${id}, ${amount}::numeric)`)).toBe('LGAMT')
  expect(await stateOf(sql, id)).toEqual(before)
})

test.each([['0.01', '0.01'], ['1.000', '1.00'], ['1e2', '100.00']])(
  'debit_user() takes %s as %s',
  async (amount, taken) => {
    const id = await ledger.user(1000)
    const row = await one(ledger.sql`select * from debit_user(${id}, ${amount}::numeric)`)
    expect(row['amount']).toBe(taken)
  },
)

describe('metadata', () => {
  test.each(['1', '"x"', '[]', 'null', 'true', JSON.stringify({ x: 'x'.repeat(8192) })])(
    'debit_user() raises 22023 for %.20s',
    async (metadata) => {
      const { sql } = ledger
      const id = await ledger.user(10)
      const before = await stateOf(sql, id)
      const call = sql`select debit_user(${id}, 1, null, ${metadata}::text::jsonb)`
      expect(await codeOf(call)).toBe('22023')
      expect(await stateOf(sql, id)).toEqual(before)
    },
  )

  test('debit_user() keeps an object of at most 8192 bytes', async () => {
    const id = await ledger.user(10)
    const metadata = JSON.stringify({ x: 'x'.repeat(8192 - '{"x": ""}'.length) })
    await ledger.sql`select debit_user(${id}, 1, null, ${metadata}::text::jsonb)`
    const row = await one(ledger.sql`
      select metadata from payment_history where user_id = ${id} and seq = 2`)
    expect(row['metadata']).toEqual(JSON.parse(metadata))
  })
})

test('debit_user() decides by the history, whatever users.balance says', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`update users set balance = 1000, seq = 77 where id = ${id}`
  expect(await codeOf(sql`select debit_user(${id}, 11)`)).toBe('LGFND')
  await sql`update users set balance = 0, seq = 0 where id = ${id}`
  expect(await one(sql`select * from debit_user(${id}, 4)`))
    .toMatchObject({ seq: '2', balance: '6.00' })
  expect(await copyOf(sql, id)).toBe('6.00 at 2')
})

test.each([
  ['seq = 9223372036854775807'],
  ['balance = 999999999999999999.99'],
  [`balance = 'NaN'`],
  ['balance = 10.005'],
])('debit_user() and credit_user() put the copies right where they say %s', async (copy) => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql.unsafe(`update users set ${copy} where id = ${id}`)
  expect(await one(sql`select * from debit_user(${id}, 4)`))
    .toMatchObject({ seq: '2', balance: '6.00' })
  expect(await copyOf(sql, id)).toBe('6.00 at 2')
  await sql.unsafe(`update users set ${copy} where id = ${id}`)
  expect(await one(sql`select * from credit_user(${id}, 1, 'again', '{"m": 1}')`))
    .toMatchObject({ seq: '3', balance: '7.00' })
  expect(await copyOf(sql, id)).toBe('7.00 at 3')
  expect(await findingsOf(sql)).toEqual([])
})

test('debit_user() changes nothing for a repeat, the moment of the user included', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const first = await one(sql`select * from debit_user(${id}, 4, 'once')`)
  const before = await sql`select * from users where id = ${id}`
  expect(await one(sql`select * from debit_user(${id}, 4, 'once')`))
    .toEqual({ ...first, replayed: true })
  expect([...await sql`select * from users where id = ${id}`]).toEqual([...before])
})

test('debit_user() never goes back in time, even when the clock does', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  // As a clock that was an hour fast has left it.
  await sealCredit(sql, id, { amount: '10', later: '1 h' })
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  await sql`select debit_user(${id}, 1), debit_user(${id}, 1)`
  const rows = await sql`
    select sealed_at - first_value(sealed_at) over (order by seq) as after,
           ts = sealed_at as stamped
      from payment_history where user_id = ${id} order by seq`
  expect(rows.map(({ after }) => after))
    .toEqual(['00:00:00', '00:00:00.000001', '00:00:00.000002', '00:00:00.000003'])
  expect(rows.map(({ stamped }) => stamped)).toEqual([true, false, true, true])
})

test('debit_user() takes the time after the lock, not the start of its transaction', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const [early, late] = [ledger.connect(), ledger.connect()]
  await early`begin`
  await early`select now()`
  await late`select debit_user(${id}, 1)`
  await early`select debit_user(${id}, 1)`
  await early`commit`
  const rows = await sql`
    select seq from payment_history where user_id = ${id} order by ts, seq`
  expect(rows.map(({ seq }) => seq)).toEqual(['1', '2', '3'])
  expect(await findingsOf(sql)).toEqual([])
})
