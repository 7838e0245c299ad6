import { describe, expect, test } from 'vitest'
import { ageHolds, placeMostHolds } from '../../support/holds.ts'
import {
  blocks,
  codeOf,
  historyOf,
  one,
  pidOf,
  snapshotOf,
  start,
  stateOf,
  useLedger,
} from '../../support/ledger.ts'
import { post } from '../../support/post.ts'

const ledger = useLedger()

test('place_hold() lowers what is available, not the balance, and answers the hold', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const hold = await one(sql`
    select * from place_hold(amount => 60, user_id => ${id}, metadata => '{"m": 1}')`)
  expect(hold).toEqual({
    user_id: String(id),
    hold: '1',
    amount: '60.00',
    status: 'active',
    expires_at: null,
    available: '40.00',
    replayed: false,
  })
  expect(await snapshotOf(sql, id)).toBe('100.00, 40.00 at 1, version 2')
  expect(await historyOf(sql, id)).toEqual(['+100.00=100.00'])
  expect(await one(sql`select metadata from hold_changes where user_id = ${id}`))
    .toEqual({ metadata: { m: 1 } })
})

test('place_hold() numbers the holds of each user', async () => {
  const { sql } = ledger
  const users = [await ledger.user(10), await ledger.user(10)]
  for (const id of users) {
    for (const hold of ['1', '2', '3']) {
      expect(await one(sql`select hold from place_hold(${id}, 1)`)).toEqual({ hold })
    }
    await sql`select release_hold(${id}, 3)`
    expect(await one(sql`select hold from place_hold(${id}, 1)`)).toEqual({ hold: '4' })
  }
})

test('place_hold() raises LGMAX for one more than 10000 that are active', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 1, 3600), place_hold(${id}, 1, null, 'first')`
  await placeMostHolds(sql, id)
  expect(await codeOf(sql`select place_hold(${id}, 1)`)).toBe('LGMAX')
  expect(await codeOf(sql`select place_hold(${id}, 1, null, 'first')`)).toBe('ok')
  expect(await codeOf(sql`select debit_user(${id}, 1)`)).toBe('ok')
  expect(await codeOf(sql`select credit_user(${id}, 1)`)).toBe('ok')
  expect(await codeOf(sql`select place_hold(${id}, 200)`)).toBe('LGFND')
  await ageHolds(sql, id)
  expect(await codeOf(sql`select place_hold(${id}, 1)`)).toBe('ok')
  expect(await codeOf(sql`select place_hold(${id}, 1)`)).toBe('LGMAX')
  await sql`select release_hold(${id}, 2)`
  expect(
    await post(sql, [{ op: 'HOLD', user: id, amount: 1 }, { op: 'HOLD', user: id, amount: 1 }]),
  )
    .toMatchObject([{ status: 'ok' }, { status: 'LGMAX' }])
})

test('place_hold() raises LGFND for more than is available', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 60)`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select place_hold(${id}, 40.01)`)).toBe('LGFND')
  expect(await stateOf(sql, id)).toEqual(before)
  expect(await one(sql`select hold, available from place_hold(${id}, 40)`))
    .toEqual({ hold: '2', available: '0.00' })
  expect(await codeOf(sql`select place_hold(${id}, 0.01)`)).toBe('LGFND')
})

test('place_hold() raises LGUSR, LGAMT or 22023 for what can’t be, and writes nothing', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select place_hold(999999, 1)`)).toBe('LGUSR')
  expect(await codeOf(sql`select place_hold(null, 1)`)).toBe('LGUSR')
  for (const amount of ['0', '-1', '0.001', 'NaN', 'Infinity', '1e10', null]) {
    expect(await codeOf(sql`select place_hold(${id}, ${amount}::numeric)`)).toBe('LGAMT')
  }
  for (const expires of ['0', '-1', '0.0009', '1.0000001', 'NaN', 'Infinity', '1e11']) {
    expect(await codeOf(sql`select place_hold(${id}, 1, ${expires}::numeric)`)).toBe('22023')
  }
  expect(await codeOf(sql`select place_hold(${id}, 1, metadata => '[]')`)).toBe('22023')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('debits, transfers and holds take only what is available', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user()]
  await sql`select place_hold(${id}, 60)`
  const before = await stateOf(sql, id, other)
  expect(await codeOf(sql`select debit_user(${id}, 40.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select transfer(${id}, ${other}, 40.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select reverse_entry(${id}, 1)`)).toBe('LGFND')
  const batch = await sql`
    select status, available from debit_users(array[${id}::bigint], '{40.01}')`
  expect([...batch]).toEqual([{ status: 'LGFND', available: '40.00' }])
  expect(await stateOf(sql, id, other)).toEqual(before)
  const rows = await sql`
    select status, balance, available from debit_users(
      ${`{${id},${id},${id}}`}::bigint[], '{30,11,10}')`
  expect(rows.map((row) => Object.values(row).join(' '))).toEqual([
    'ok 70.00 10.00',
    'LGFND 70.00 10.00',
    'ok 60.00 0.00',
  ])
  expect(await one(sql`select balance, available from credit_user(${id}, 5)`))
    .toEqual({ balance: '65.00', available: '5.00' })
})

test('a manual DEBIT may go below what is held; then nothing is available', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 60)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 70)`
  await sql`select recalculate_balance(${id})`
  expect(await snapshotOf(sql, id)).toBe('30.00, -30.00 at 2, version 3')
  expect(await codeOf(sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select place_hold(${id}, 0.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select capture_hold(${id}, 1)`)).toBe('LGFND')
  expect(await codeOf(sql`select capture_hold(${id}, 1, 30.01)`)).toBe('LGFND')
  expect(await one(sql`select balance from capture_hold(${id}, 1, 30)`)).toEqual({
    balance: '0.00',
  })
})

describe('keys', () => {
  test.each([[null], ['0.0015'], ['3600'], ['86400.123456'], ['3155760000']])(
    'place_hold() answers a repeat that expires in %s, even once it is closed',
    async (expires) => {
      const { sql } = ledger
      const id = await ledger.user(10)
      const place = () => one(sql`select * from place_hold(${id}, 4, ${expires}::numeric, 'k')`)
      const first = await place()
      await sql`select credit_user(${id}, 10)`
      await codeOf(sql`select release_hold(${id}, 1)`)
      const before = await stateOf(sql, id)
      expect(await place()).toEqual({ ...first, replayed: true })
      expect(await stateOf(sql, id)).toEqual(before)
      await ageHolds(sql, id)
      expect(await place()).toMatchObject({ hold: '1', status: 'active', replayed: true })
    },
  )

  test('place_hold() raises LGKEY for a key of another amount or expiry', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    await sql`select place_hold(${id}, 4, 60, 'k')`
    await sql`select place_hold(${id}, 4, idempotency_key => 'l')`
    const before = await stateOf(sql, id)
    expect(await codeOf(sql`select place_hold(${id}, 5, 60, 'k')`)).toBe('LGKEY')
    expect(await codeOf(sql`select place_hold(${id}, 4, 61, 'k')`)).toBe('LGKEY')
    expect(await codeOf(sql`select place_hold(${id}, 4, null, 'k')`)).toBe('LGKEY')
    expect(await codeOf(sql`select place_hold(${id}, 4, 60, 'k', '{}')`)).toBe('LGKEY')
    expect(await codeOf(sql`select place_hold(${id}, 4, 60, 'l')`)).toBe('LGKEY')
    expect(await stateOf(sql, id)).toEqual(before)
  })
})

test('of two holds at once that aren’t both covered one passes', async () => {
  const { sql } = ledger
  for (const level of ['read committed', 'repeatable read', 'serializable']) {
    const id = await ledger.user(100)
    const [first, second] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(second)
    for (const caller of [first, second]) {
      await caller.unsafe(`begin isolation level ${level}`)
      await caller`select from users where id = ${id}`
    }
    await first`select place_hold(${id}, 60)`
    const other = start(codeOf(second`select place_hold(${id}, 60)`))
    expect(await blocks(sql, pid, other)).toBe(true)
    await first`commit`
    expect(await other).toBe(level === 'read committed' ? 'LGFND' : '40001')
    await second`rollback`
    expect(await codeOf(sql`select debit_user(${id}, 60)`)).toBe('LGFND')
  }
})

test('every change of a hold raises the version; a refusal and a repeat don’t', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  const version = async () => Number((await snapshotOf(sql, id)).split('version ')[1])
  const step = async (wanted: number, work: () => PromiseLike<unknown>) => {
    const before = await version()
    await codeOf(work())
    expect(await version()).toBe(before + wanted)
  }
  await step(1, () => sql`select place_hold(${id}, 10, idempotency_key => 'a')`)
  await step(0, () => sql`select place_hold(${id}, 10, idempotency_key => 'a')`)
  await step(0, () => sql`select place_hold(${id}, 1000)`)
  await step(1, () => sql`select place_hold(${id}, 10)`)
  await step(1, () => sql`select release_hold(${id}, 2)`)
  await step(0, () => sql`select release_hold(${id}, 2)`)
  await step(2, () => sql`select capture_hold(${id}, 1, 5)`)
  await step(0, () => sql`select capture_hold(${id}, 1)`)
  await step(1, () => sql`select debit_user(${id}, 5)`)
  await step(1, () => sql`select debit_users(array[${id}::bigint], '{5}')`)
  await step(0, () => sql`select recalculate_balance(${id})`)
})
