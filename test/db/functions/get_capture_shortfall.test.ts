import { expect, test } from 'vitest'
import { ageHolds, useLedger } from '../../ledger.ts'

const ledger = useLedger()

const shortfallOf = async (id: number, hold: number, amount: number | null = null) => [
  ...await ledger.sql`
    select * from get_capture_shortfall(${id}::bigint, ${hold}::bigint, ${amount}::numeric)`,
]

test('get_capture_shortfall() counts the hold itself as available, and no other', async () => {
  const id = await ledger.user(10)
  await ledger.sql`select place_hold(${id}, 6), place_hold(${id}, 1)`
  expect(await shortfallOf(id, 1)).toEqual([])
  await ledger.sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 5)`
  await ledger.sql`select recalculate_balance(${id})`
  const funds = { balance: '5.00', available: '4.00' }
  expect(await shortfallOf(id, 1)).toEqual([{ ...funds, required: '6.00', shortfall: '2.00' }])
  expect(await shortfallOf(id, 1, 5)).toEqual([{ ...funds, required: '5.00', shortfall: '1.00' }])
  expect(await shortfallOf(id, 1, 4)).toEqual([])
})

test('get_capture_shortfall() has nothing on holds that can’t be captured', async () => {
  const id = await ledger.user(10)
  await ledger.sql`select place_hold(${id}, 4, 60), place_hold(${id}, 4)`
  await ledger.sql`select release_hold(${id}, 2)`
  await ledger.sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 9)`
  await ledger.sql`select recalculate_balance(${id})`
  expect(await shortfallOf(id, 1)).toHaveLength(1)
  expect(await shortfallOf(id, 2)).toEqual([])
  expect(await shortfallOf(id, 3)).toEqual([])
  expect(await shortfallOf(999_999, 1)).toEqual([])
  await ageHolds(ledger.sql, id)
  expect(await shortfallOf(id, 1)).toEqual([])
})
