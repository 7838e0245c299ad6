import { expect, test } from 'vitest'
import {
  codeOf,
  copyOf,
  historyOf,
  one,
  pidOf,
  snapshotOf,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

async function held(amount = 60): Promise<number> {
  const id = await ledger.user(100)
  await ledger.sql`select place_hold(${id}, ${amount})`
  return id
}

test('capture_hold() takes all of a hold and answers the entry', async () => {
  const { sql } = ledger
  const id = await held()
  const row = await one(sql`
    select * from capture_hold(hold_id => 1, user_id => ${id}, metadata => '{"m": 1}')`)
  expect(row).toEqual({
    user_id: String(id),
    seq: '2',
    action: 'DEBIT',
    amount: '60.00',
    balance: '40.00',
    available: '40.00',
    ts: expect.stringMatching(/^\d{4}-/),
    replayed: false,
  })
  expect(await snapshotOf(sql, id)).toBe('40.00, 40.00 at 2, version 4')
  expect(await copyOf(sql, id)).toBe('40.00 at 2')
  expect(await one(sql`select hold, metadata from entries where user_id = ${id} and seq = 2`))
    .toEqual({ hold: '1', metadata: { m: 1 } })
  expect(await one(sql`select status from ledger.get_hold(${id}, 1)`)).toEqual({
    status: 'captured',
  })
  expect(await findingsOf(sql)).toEqual([])
})

test('capture_hold() of a part releases the rest', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`select place_hold(${id}, 10)`
  expect(await one(sql`select amount, balance, available from capture_hold(${id}, 1, 20.5)`))
    .toEqual({ amount: '20.50', balance: '79.50', available: '69.50' })
  expect(await codeOf(sql`select capture_hold(${id}, 1, 1)`)).toBe('LGHLD')
  expect(await codeOf(sql`select debit_user(${id}, 69.5)`)).toBe('ok')
})

test('capture_hold() takes what was held although nothing else is available', async () => {
  const id = await held(100)
  expect(await codeOf(ledger.sql`select debit_user(${id}, 0.01)`)).toBe('LGFND')
  expect(await one(ledger.sql`select balance from capture_hold(${id}, 1)`))
    .toEqual({ balance: '0.00' })
})

test('capture_hold() raises LGAMT for more than was held, and for what is no amount', async () => {
  const { sql } = ledger
  const id = await held()
  const before = await stateOf(sql, id)
  for (const amount of ['60.01', '100', '0', '-1', '0.001', 'NaN', 'Infinity', '1e10']) {
    expect(await codeOf(sql`select capture_hold(${id}, 1, ${amount}::numeric)`)).toBe('LGAMT')
  }
  expect(await stateOf(sql, id)).toEqual(before)
  expect(await codeOf(sql`select capture_hold(${id}, 1, 60.00)`)).toBe('ok')
})

test('capture_hold() raises LGHLD for a closed hold, LGHLU for one that never was or is another user’s', async () => {
  const { sql } = ledger
  const [id, other] = [await held(), await held()]
  await sql`select capture_hold(${id}, 1)`
  await sql`select place_hold(${id}, 1), place_hold(${other}, 1)`
  await sql`select release_hold(${id}, 2)`
  const before = await stateOf(sql, id, other)
  for (const hold of [1, 2]) {
    expect(await codeOf(sql`select capture_hold(${id}, ${hold})`)).toBe('LGHLD')
  }
  for (const hold of [3, 0, -1, null]) {
    expect(await codeOf(sql`select capture_hold(${id}, ${hold}::bigint)`)).toBe('LGHLU')
  }
  expect(await codeOf(sql`select capture_hold(999999, 1)`)).toBe('LGUSR')
  expect(await codeOf(sql`select capture_hold(null, 1)`)).toBe('LGUSR')
  expect(await stateOf(sql, id, other)).toEqual(before)
})

test('capture_hold() raises LGFND when a manual DEBIT has taken what was held', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`select place_hold(${id}, 5)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 70)`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select capture_hold(${id}, 1)`)).toBe('LGFND')
  // The other hold stays held.
  expect(await codeOf(sql`select capture_hold(${id}, 1, 25.01)`)).toBe('LGFND')
  expect(await stateOf(sql, id)).toEqual(before)
  expect(await one(sql`select balance, available from capture_hold(${id}, 1, 25)`))
    .toEqual({ balance: '5.00', available: '0.00' })
  expect(await one(sql`select balance from capture_hold(${id}, 2)`)).toEqual({ balance: '0.00' })
  expect(await historyOf(sql, id))
    .toEqual(['+100.00=100.00', '-70.00=30.00', '-25.00=5.00', '-5.00=0.00'])
})

test('capture_hold() raises LGKEY for a key of another hold or amount', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`select place_hold(${id}, 20)`
  await sql`select capture_hold(${id}, 1, 20, 'k')`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select capture_hold(${id}, 1, 21, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select capture_hold(${id}, 1, null, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select capture_hold(${id}, 2, 20, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select capture_hold(${id}, 2, null, 'k')`)).toBe('LGKEY')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('of a capture and a release at once one passes', async () => {
  const { sql } = ledger
  for (const commits of [true, false]) {
    const id = await held()
    const [capturing, releasing] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(releasing)
    await capturing`begin`
    await capturing`select capture_hold(${id}, 1)`
    const released = start(codeOf(releasing`select release_hold(${id}, 1)`))
    await untilBlocked(sql, pid)
    await capturing.unsafe(commits ? 'commit' : 'rollback')
    expect(await released).toBe(commits ? 'LGHLD' : 'ok')
    expect(await snapshotOf(sql, id))
      .toBe(commits ? '40.00, 40.00 at 2, version 4' : '100.00, 100.00 at 1, version 3')
  }
})

test('the same capture twice at once captures once', async () => {
  const { sql } = ledger
  const id = await held()
  const [first, second] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(second)
  await first`begin`
  const captured = await one(first`select * from capture_hold(${id}, 1, 60, 'k')`)
  const repeated = start(one(second`select * from capture_hold(${id}, 1, 60, 'k')`))
  await untilBlocked(sql, pid)
  await first`commit`
  expect(await repeated).toEqual({ ...captured, replayed: true })
})

test('capture_hold() with final => false leaves the rest held, until nothing is left', async () => {
  const { sql } = ledger
  const id = await held()
  const part = (amount: number | null, final: boolean) =>
    one(sql`
      select amount, balance, available
        from capture_hold(${id}, 1, ${amount}::numeric, final => ${final})`)
  expect(await part(20, false)).toEqual({ amount: '20.00', balance: '80.00', available: '40.00' })
  expect(await codeOf(sql`select debit_user(${id}, 40.01)`)).toBe('LGFND')
  expect(await codeOf(sql`select capture_hold(${id}, 1, 40.01)`)).toBe('LGAMT')
  expect(await part(15, false)).toEqual({ amount: '15.00', balance: '65.00', available: '40.00' })
  expect(await part(null, false)).toEqual({ amount: '25.00', balance: '40.00', available: '40.00' })
  expect(await codeOf(sql`select capture_hold(${id}, 1, 1, final => false)`)).toBe('LGHLD')
  expect(await one(sql`select status from ledger.get_hold(${id}, 1)`))
    .toEqual({ status: 'captured' })
  expect(await findingsOf(sql, id)).toEqual([])
})

test('capture_hold() repeats each part to its key, and raises LGKEY for another part', async () => {
  const { sql } = ledger
  const id = await held()
  const part = (key: string, amount: number | null, final: boolean) =>
    sql`select * from capture_hold(${id}, 1, ${amount}::numeric, ${key}, null, ${final})`
  const first = await one(part('a', 20, false))
  const second = await one(part('b', null, true))
  expect(second).toMatchObject({ amount: '40.00' })
  const before = await stateOf(sql, id)
  expect(await one(part('a', 20, false))).toEqual({ ...first, replayed: true })
  // All that was left then, whatever it takes to say so.
  for (const amount of [null, 40]) {
    for (const final of [true, false]) {
      expect(await one(part('b', amount, final))).toEqual({ ...second, replayed: true })
    }
  }
  expect(await codeOf(part('a', 20, true))).toBe('LGKEY')
  expect(await codeOf(part('a', null, false))).toBe('LGKEY')
  expect(await codeOf(part('b', 60, true))).toBe('LGKEY')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('capture_hold() of a part raises LGFND unless what stays held is covered, too', async () => {
  const { sql } = ledger
  const id = await held()
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 70)`
  expect(await codeOf(sql`select capture_hold(${id}, 1, 1, final => false)`)).toBe('LGFND')
  expect(await codeOf(sql`select capture_hold(${id}, 1, 30)`)).toBe('ok')
})
