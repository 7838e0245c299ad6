import { expect, test } from 'vitest'
import { codeOf, historyOf, one, snapshotOf, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

test('release_hold() gives back what was set aside and answers the user', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 60), place_hold(${id}, 10)`
  const row = await one(sql`select * from release_hold(hold_id => 1, user_id => ${id})`)
  const user = await one(sql`select updated_at from ledger.get_users(array[${id}::bigint])`)
  expect(row).toEqual({
    user_id: String(id),
    balance: '100.00',
    available: '90.00',
    seq: '1',
    updated_at: user['updated_at'],
    replayed: false,
  })
  expect(await snapshotOf(sql, id)).toBe('100.00, 90.00 at 1, version 4')
  expect(await historyOf(sql, id)).toEqual(['+100.00=100.00'])
  expect(await one(sql`select status from ledger.get_hold(${id}, 1)`)).toEqual({
    status: 'released',
  })
  expect(await codeOf(sql`select debit_user(${id}, 90)`)).toBe('ok')
  expect(await findingsOf(sql)).toEqual([])
})

test('release_hold() raises LGHLD for a closed hold, LGHLU for one that never was or is another user’s', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user(100)]
  await sql`select place_hold(${id}, 60), place_hold(${other}, 1), place_hold(${other}, 1)`
  await sql`select release_hold(${id}, 1)`
  await sql`select capture_hold(${other}, 1)`
  const before = await stateOf(sql, id, other)
  expect(await codeOf(sql`select release_hold(${id}, 1)`)).toBe('LGHLD')
  for (const hold of [2, 0, -1, null]) {
    expect(await codeOf(sql`select release_hold(${id}, ${hold}::bigint)`)).toBe('LGHLU')
  }
  expect(await codeOf(sql`select release_hold(${other}, 1)`)).toBe('LGHLD')
  expect(await codeOf(sql`select release_hold(999999, 1)`)).toBe('LGUSR')
  expect(await stateOf(sql, id, other)).toEqual(before)
})

test('release_hold() raises LGKEY for a key of another hold, a second key is a second time', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 1), place_hold(${id}, 1)`
  await sql`select release_hold(${id}, 1, 'k')`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select release_hold(${id}, 2, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select release_hold(${id}, 1, 'l')`)).toBe('LGHLD')
  expect(await stateOf(sql, id)).toEqual(before)
})
