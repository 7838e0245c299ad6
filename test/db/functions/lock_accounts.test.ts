import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { ageHolds } from '../../support/holds.ts'
import {
  blocks,
  codeOf,
  historyOf,
  pidOf,
  start,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'

const ledger = useLedger()

/** Whose accounts it returns. */
async function accounts(sql: postgres.Sql, userIds: string, wait: boolean): Promise<number[]> {
  const rows = await sql`
    select a.user_id from unnest(ledger.lock_accounts(${userIds}::bigint[], ${wait}, null))
      with ordinality a order by a.ordinality`
  return rows.map((row) => Number(row['user_id']))
}

const ids = (...ids: number[]) => `{${ids.join(',')}}`

test('lock_accounts() locks in id order, so that opposite orders don’t deadlock', async () => {
  const { sql } = ledger
  const [low, high] = [await ledger.user(), await ledger.user()]
  const [holder, waiting] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(waiting)
  await holder`begin`
  await holder`select ledger.lock_accounts(${ids(low)}, true, null)`
  await waiting`begin`
  const locked = start(accounts(waiting, ids(high, low), true))
  await untilBlocked(sql, pid)
  // Whoever waits for the low one doesn't hold the high one yet.
  await holder`set lock_timeout = '2s'`
  expect(await codeOf(accounts(holder, ids(high), true))).toBe('ok')
  await holder`commit`
  expect(await locked).toEqual([low, high])
  await waiting`commit`
})

test('lock_accounts() without wait leaves out those that somebody else holds', async () => {
  const { sql } = ledger
  const [a, held, c] = [await ledger.user(), await ledger.user(), await ledger.user()]
  const [holder, caller] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(caller)
  await holder`begin`
  await accounts(holder, ids(held), true)
  const locked = start(accounts(caller, ids(c, held, a, a, 999_999), false))
  expect(await blocks(sql, pid, locked)).toBe(false)
  expect(await locked).toEqual([a, c])
  await holder`rollback`
})

test('lock_accounts() returns nobody for nobody', async () => {
  const { sql } = ledger
  for (const wait of [true, false]) {
    expect(await accounts(sql, '{}', wait)).toEqual([])
    expect(await accounts(sql, '{999999}', wait)).toEqual([])
  }
})

test('lock_accounts() posts what is pending, and says what the history and the holds say', async () => {
  const { sql } = ledger
  const [a, b, c] = [await ledger.user(10), await ledger.user(10), await ledger.user()]
  await sql`select place_hold(${a}, 1), place_hold(${a}, 2, 3600), place_hold(${a}, 4, 7200)`
  await ageHolds(sql, a)
  await sql`select place_hold(${a}, 3, 7200)`
  await sql`insert into payment_history (user_id, action, amount)
    select ${b}, 'CREDIT', 1 from generate_series(1, 3)`
  const rows = await sql`
    select a.problem, a.seq, a.balance, a.held, a.next_expiry > now() as expires,
           encode(a.hash, 'hex') as hash
      from unnest(ledger.lock_accounts(${ids(b, a, c)}, false, 2)) a order by a.user_id`
  // Its statement has begun before it posted what it says.
  const hashOf = async (id: number, seq: number) =>
    (await sql`select hash from entries where user_id = ${id} and seq = ${seq}`)[0]![
      'hash'
    ] as string
  const common = { expires: null, held: '0.00', problem: null }
  expect([...rows]).toEqual([
    {
      ...common,
      seq: '1',
      balance: '10.00',
      held: '4.00',
      expires: true,
      hash: await hashOf(a, 1),
    },
    { ...common, seq: '3', balance: '12.00', problem: '55P03', hash: await hashOf(b, 3) },
    { ...common, seq: '0', balance: '0.00', hash: null },
  ])
  expect(await historyOf(sql, b)).toEqual(['+10.00=10.00', '+1.00=11.00', '+1.00=12.00', '+1.00'])
})
