import { expect, test } from 'vitest'
import { ageHolds } from '../../support/holds.ts'
import { codeOf, one, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

/** A user with a hold of 60 out of 100. */
async function held(expiresIn: number | null = 60): Promise<number> {
  const id = await ledger.user(100)
  await ledger.sql`select place_hold(${id}, 60, ${expiresIn}::numeric)`
  return id
}

test('extend_hold() lets a hold expire later, and answers it', async () => {
  const { sql } = ledger
  const id = await held()
  const row = await one(sql`
    select * from extend_hold(hold_id => 1, user_id => ${id}, expires_in => 3600)`)
  expect(row).toEqual({
    user_id: String(id),
    hold: '1',
    amount: '60.00',
    status: 'active',
    expires_at: expect.stringMatching(/^\d{4}-/),
    available: '40.00',
    replayed: false,
  })
  const { exact } = await one(sql`
    select o.expires_at = ${row['expires_at']}::timestamptz
             and o.expires_at = c.at + interval '3600 s' as exact
      from holds o join hold_changes c on c.user_id = o.user_id and c.number = o.changes
     where o.user_id = ${id}`)
  expect(exact).toBe(true)
  expect(await findingsOf(sql, id)).toEqual([])
  expect(await verifyUser(sql, id)).toEqual([])
})

test('extend_hold() to never: null', async () => {
  const { sql } = ledger
  const id = await held()
  expect(await one(sql`select expires_at from extend_hold(${id}, 1, null)`))
    .toEqual({ expires_at: null })
  await ageHolds(sql, id)
  expect(await codeOf(sql`select debit_user(${id}, 40.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select capture_hold(${id}, 1)`)).toBe('ok')
})

test('extend_hold() raises LGEXP unless it is later than before', async () => {
  const { sql } = ledger
  const [id, never] = [await held(3600), await held(null)]
  const before = await stateOf(sql, id, never)
  expect(await codeOf(sql`select extend_hold(${id}, 1, 3000)`)).toBe('LGEXP')
  for (const seconds of [3_155_760_000, null]) {
    expect(await codeOf(sql`select extend_hold(${never}, 1, ${seconds}::numeric)`)).toBe('LGEXP')
  }
  expect(await stateOf(sql, id, never)).toEqual(before)
})

test('extend_hold() raises LGHLD for what is over, LGHLU, LGUSR, 22023', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`select place_hold(${id}, 1, 60), place_hold(${id}, 1, 60)`
  await sql`select release_hold(${id}, 2), capture_hold(${id}, 3)`
  await ageHolds(sql, id)
  const before = await stateOf(sql, id)
  for (const hold of [1, 2, 3]) {
    expect(await codeOf(sql`select extend_hold(${id}, ${hold}, 90)`)).toBe('LGHLD')
  }
  for (const hold of [4, 0, null]) {
    expect(await codeOf(sql`select extend_hold(${id}, ${hold}::bigint, 90)`)).toBe('LGHLU')
  }
  expect(await codeOf(sql`select extend_hold(999999, 1, 90)`)).toBe('LGUSR')
  for (const seconds of ['0', '-1', '0.0001', 'NaN', '3155760001']) {
    expect(await codeOf(sql`select extend_hold(${id}, 1, ${seconds}::numeric)`)).toBe('22023')
  }
  expect(await stateOf(sql, id)).toEqual(before)
})

test('extend_hold() of what is left after a capture keeps it held', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`select capture_hold(${id}, 1, 20, final => false)`
  expect(await one(sql`select amount, available from extend_hold(${id}, 1, 90)`))
    .toEqual({ amount: '60.00', available: '40.00' })
  expect(await one(sql`select amount, captured, remaining from holds where user_id = ${id}`))
    .toEqual({ amount: '60.00', captured: '20.00', remaining: '40.00' })
  expect(await verifyUser(sql, id)).toEqual([])
})

test('extend_hold() repeats its answer to its key, and raises LGKEY for another request', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`select place_hold(${id}, 1, 60, 'placed')`
  const first = await one(sql`select * from extend_hold(${id}, 1, 90, 'k', '{"m": 1}')`)
  await sql`select extend_hold(${id}, 1, 900)`
  const before = await stateOf(sql, id)
  expect(await one(sql`select * from extend_hold(${id}, 1, 90, 'k', '{"m": 1}')`))
    .toEqual({ ...first, replayed: true })
  expect(await codeOf(sql`select extend_hold(${id}, 1, 91, 'k', '{"m": 1}')`)).toBe('LGKEY')
  expect(await codeOf(sql`select extend_hold(${id}, 1, null, 'k', '{"m": 1}')`)).toBe('LGKEY')
  expect(await codeOf(sql`select extend_hold(${id}, 2, 90, 'k', '{"m": 1}')`)).toBe('LGKEY')
  expect(await codeOf(sql`select extend_hold(${id}, 1, 90, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select extend_hold(${id}, 2, 60, 'placed')`)).toBe('LGKEY')
  expect(await codeOf(sql`select release_hold(${id}, 1, 'k', '{"m": 1}')`)).toBe('LGKEY')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('extend_hold() is possible for a frozen user', async () => {
  const id = await held()
  await ledger.sql`select freeze_user(${id})`
  expect(await codeOf(ledger.sql`select extend_hold(${id}, 1, 90)`)).toBe('ok')
})
