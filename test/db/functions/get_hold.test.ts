import { expect, test } from 'vitest'
import { ageHolds } from '../../support/holds.ts'
import { codeOf, one, stateOf, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('get_hold() answers a hold as it is now, and what is available now', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 10), place_hold(${id}, 20, 60), place_hold(${id}, 30)`
  const statuses = async () =>
    (await sql`
      select h.status, h.available from generate_series(1, 3) n, ledger.get_hold(${id}, n) h`)
      .map(({ status, available }) => `${status} ${available}`)
  expect(await statuses()).toEqual(['active 40.00', 'active 40.00', 'active 40.00'])
  await sql`select capture_hold(${id}, 1)`
  await sql`select release_hold(${id}, 3)`
  await ageHolds(sql, id)
  const before = await stateOf(sql, id)
  expect(await statuses()).toEqual(['captured 90.00', 'expired 90.00', 'released 90.00'])
  expect(await stateOf(sql, id)).toEqual(before)
  expect(await one(sql`select * from ledger.get_hold(hold_id => 2, user_id => ${id})`)).toEqual({
    user_id: String(id),
    hold: '2',
    amount: '20.00',
    status: 'expired',
    expires_at: expect.stringMatching(/^\d{4}-/),
    available: '90.00',
    replayed: false,
  })
})

test('get_hold() is null for an unknown one', async () => {
  const { sql } = ledger
  const id = await ledger.user(1)
  for (const [user, hold] of [[id, 1], [999_999, 1], [null, null]]) {
    const call = sql`select ledger.get_hold(${user!}::bigint, ${hold!}::bigint) is null as none`
    expect(await one(call)).toEqual({ none: true })
  }
})

test('get_hold() waits for nobody', async () => {
  const id = await ledger.user(10)
  const holder = ledger.connect()
  await ledger.sql`select place_hold(${id}, 1)`
  await holder`begin`
  await holder`select release_hold(${id}, 1)`
  await ledger.sql`set lock_timeout = '1s'`
  expect(await codeOf(ledger.sql`select ledger.get_hold(${id}, 1)`)).toBe('ok')
  await holder`rollback`
})
