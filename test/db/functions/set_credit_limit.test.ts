import { expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

const snapshot = async (id: number) => ({
  ...await one(ledger.sql`
    select balance, available, version::int from ledger.get_users(array[${id}::bigint])`),
})

test('available is the balance, less what is held, plus the limit, everywhere', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  expect(await one(sql`select credit_limit, changed from set_credit_limit(${id}, 50, 'good')`))
    .toEqual({ credit_limit: '50.00', changed: true })
  expect(await snapshot(id)).toEqual({ balance: '10.00', available: '60.00', version: 2 })
  expect(await one(sql`select available from place_hold(${id}, 20)`)).toEqual({
    available: '40.00',
  })
  expect(await one(sql`select balance, available from debit_user(${id}, 35)`))
    .toEqual({ balance: '-25.00', available: '5.00' })
  expect(await one(sql`select balance, available from debit_user(${id}, 1, 'key')`))
    .toEqual({ balance: '-26.00', available: '4.00' })
  const [row] = await sql`
    select available, user_available from ledger.post('{DEBIT}', array[${id}::bigint], '{1}')`
  expect(row).toEqual({ available: '3.00', user_available: '3.00' })
  expect(await snapshot(id)).toMatchObject({ balance: '-27.00', available: '3.00' })
  expect(await sql`select held from entries where user_id = ${id} order by seq`)
    .toEqual(['0.00', '-30.00', '-30.00', '-30.00'].map((held) => ({ held })))
  expect(await codeOf(sql`select debit_user(${id}, 3.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select transfer(${id}, 1, 3.01)`)).toBe('LGFND')
  await sql`select capture_hold(${id}, 1)`
  expect(await snapshot(id)).toMatchObject({ balance: '-47.00', available: '3.00' })
  expect(await findingsOf(sql, id)).toEqual([])
})

test('a repeat answers what was available then, whatever the limit is now', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select set_credit_limit(${id}, 5)`
  const first = await one(sql`select available from debit_user(${id}, 1, 'key')`)
  await sql`select set_credit_limit(${id}, 100)`
  expect(await one(sql`select available from debit_user(${id}, 1, 'key')`)).toEqual(first)
})

test('a limit below what is used keeps more from being taken, and changes nothing else', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select set_credit_limit(${id}, 50)`
  await sql`select debit_user(${id}, 40)`
  await sql`select set_credit_limit(${id}, null)`
  expect(await snapshot(id)).toMatchObject({ balance: '-30.00', available: '-30.00' })
  expect(await codeOf(sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
  await sql`select credit_user(${id}, 31)`
  expect(await codeOf(sql`select debit_user(${id}, 1)`)).toBe('ok')
  expect(await findingsOf(sql, id)).toEqual([])
})

test('a manual entry that is posted keeps the limit of then', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`select set_credit_limit(${id}, 5)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 2)`
  expect(await one(sql`select balance, available from debit_user(${id}, 1)`))
    .toEqual({ balance: '-3.00', available: '2.00' })
  expect(await sql`select available from entries where user_id = ${id} order by seq`)
    .toEqual([{ available: '3.00' }, { available: '2.00' }])
})

test.each(['-1', '0.001', 'NaN', '10000000000', 'Infinity'])(
  'set_credit_limit(%s) raises LGAMT',
  async (limit) => {
    const id = await ledger.user()
    expect(await codeOf(ledger.sql`select set_credit_limit(${id}, ${limit}::numeric)`)).toBe(
      'LGAMT',
    )
    expect(await ledger.sql`select from user_controls where user_id = ${id}`).toHaveLength(0)
  },
)

test('set_credit_limit() writes nothing for a limit that is there already', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  expect(await one(sql`select changed from set_credit_limit(${id}, 0)`)).toEqual({ changed: false })
  await sql`select set_credit_limit(${id}, 5)`
  expect(await one(sql`select changed from set_credit_limit(${id}, 5.00)`))
    .toEqual({ changed: false })
  expect(await sql`select number, credit_limit, reason from ledger.list_controls(${id})`)
    .toEqual([{ number: '1', credit_limit: '5.00', reason: null }])
})

test('set_credit_limit() raises LGUSR for nobody', async () => {
  expect(await codeOf(ledger.sql`select set_credit_limit(999999, 1)`)).toBe('LGUSR')
})
