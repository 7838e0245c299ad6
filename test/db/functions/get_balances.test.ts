import { expect, test } from 'vitest'
import type postgres from 'postgres'
import { codeOf, one, pidOf, start, untilBlocked, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

const balances = (sql: postgres.Sql, ids: (number | null)[], at: string | null = null) =>
  sql`select * from ledger.get_balances(
    user_ids => ${`{${ids.map(String).join()}}`}::bigint[], at => ${at}::timestamptz)`

test('get_balances() answers users in their order, as of one moment', async () => {
  const { sql } = ledger
  const [a, b] = [await ledger.user(10), await ledger.user()]
  const { at: before } = await one(sql`select clock_timestamp() as at`)
  await sql`select transfer(${a}, ${b}, 4)`
  const { at } = await one(sql`select sealed_at as at from entries where user_id = ${b}`)
  const rows = await balances(sql, [b, a, b], at)
  expect([...rows]).toEqual([
    { user_id: `${b}`, as_of: at, balance: '4.00', seq: '1' },
    { user_id: `${a}`, as_of: at, balance: '6.00', seq: '2' },
    { user_id: `${b}`, as_of: at, balance: '4.00', seq: '1' },
  ])
  expect((await balances(sql, [b, a], before)).map((row) => [row['balance'], row['seq']]))
    .toEqual([['0.00', '0'], ['10.00', '1']])
  const now = await balances(sql, [a, b])
  expect(now.map(({ balance }) => balance as string)).toEqual(['6.00', '4.00'])
  expect(now[0]!['as_of']).toBe(now[1]!['as_of'])
  expect(await balances(sql, [])).toHaveLength(0)
})

test('get_balances() raises LGUSR for an unknown user, 55P03 for a moment to come', async () => {
  const { sql } = ledger
  const id = await ledger.user(1)
  expect(await codeOf(balances(sql, [id, 999_999]))).toBe('LGUSR')
  expect(await codeOf(balances(sql, [null]))).toBe('LGUSR')
  expect(await codeOf(balances(sql, [id], '2999-01-01'))).toBe('55P03')
})

test('get_balances() waits for a transfer that may count from before its moment', async () => {
  const { sql } = ledger
  const [a, b] = [await ledger.user(10), await ledger.user()]
  const [writing, asking, other] = [ledger.connect(), ledger.connect(), ledger.connect()]
  const pid = await pidOf(asking)
  await writing`begin`
  await writing`select transfer(${a}, ${b}, 4)`
  const asked = start(balances(asking, [b, a]).then((rows) => rows.map((row) => row['balance'])))
  await untilBlocked(sql, pid)
  await other`set lock_timeout = '50ms'`
  expect(await codeOf(balances(other, [b, a]))).toBe('55P03')
  await writing`commit`
  // Before it or after it, but not half of it.
  const [to, from] = (await asked).map(Number)
  expect(to! + from!).toBe(10)
})

test('the total of a bank stays what it is under transfers', async () => {
  const { sql } = ledger
  const ids = await Promise.all(Array.from({ length: 5 }, () => ledger.user(20)))
  const state = { done: false }
  const writers = [0, 1].map(async (w) => {
    const own = ledger.connect()
    for (let n = w; !state.done; n++) {
      await codeOf(own`select transfer(${ids[n % 5]!}, ${ids[(n * 3 + 1) % 5]!}, ${1 + n % 7})`)
    }
  })
  const moments: string[] = []
  try {
    for (let n = 0; n < 100; n++) {
      const rows = await balances(sql, ids)
      expect(rows.reduce((sum, row) => sum + Number(row['balance']), 0)).toBe(100)
      moments.push(rows[0]!['as_of'] as string)
    }
  } finally {
    state.done = true
    await Promise.all(writers)
  }
  for (const at of moments) {
    const rows = await balances(sql, ids, at)
    expect(rows.reduce((sum, row) => sum + Number(row['balance']), 0)).toBe(100)
  }
})
