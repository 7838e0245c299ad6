import { expect, test } from 'vitest'
import type postgres from 'postgres'
import { blocks, codeOf, one, pidOf, start, untilBlocked, useLedger } from '../../support/ledger.ts'
import { sealCredit } from '../../support/sealing.ts'

const ledger = useLedger()

async function balanceAt(id: number, at: string, sql: postgres.Sql = ledger.sql): Promise<string> {
  const { balance } = await one(sql<{ balance: string }[]>`
    select balance_at(user_id => ${id}, at => ${at}::timestamptz) as balance`)
  return balance
}

/** When each entry was counted, in order. */
async function timesOf(id: number): Promise<string[]> {
  const rows = await ledger.sql<{ sealed_at: string }[]>`
    select sealed_at from payment_history where user_id = ${id} and seq is not null order by seq`
  return rows.map(({ sealed_at }) => sealed_at)
}

const moved = async (at: string, by: string) =>
  (await one(ledger.sql`select ${at}::timestamptz + ${by}::interval as at`))['at'] as string

test('balance_at() is exact to the microsecond', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  for (let n = 0; n < 6; n++) await sql`select debit_user(${id}, 1)`
  const balances = ['10.00', '9.00', '8.00', '7.00', '6.00', '5.00', '4.00']
  for (const [n, at] of (await timesOf(id)).entries()) {
    expect(await balanceAt(id, at)).toBe(balances[n])
    expect(await balanceAt(id, await moved(at, '-1 us'))).toBe(balances[n - 1] ?? '0.00')
    expect(await balanceAt(id, await moved(at, '1 us'))).toMatch(/^\d+\.00$/)
  }
  expect(await balanceAt(id, '-infinity')).toBe('0.00')
  expect(await balanceAt(id, '1970-01-01')).toBe('0.00')
  expect(await one(sql`select balance_at(${id}, null) is null as none`)).toEqual({ none: true })
})

test('balance_at() is 0.00 for a user without history, and raises LGUSR for none', async () => {
  const id = await ledger.user()
  expect(await balanceAt(id, 'now')).toBe('0.00')
  expect(await codeOf(ledger.sql`select balance_at(999999, now())`)).toBe('LGUSR')
  expect(await codeOf(ledger.sql`select balance_at(null, now())`)).toBe('LGUSR')
})

test('a manual entry counts from when it was posted, whatever its ts says', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const [credited] = await timesOf(id)
  await sql`insert into payment_history (user_id, action, amount, ts)
    values (${id}, 'CREDIT', 5, now() - interval '1 year'),
           (${id}, 'CREDIT', 7, now() + interval '1 year')`
  const { pending } = await one(sql`select clock_timestamp() as pending`)
  expect(await balanceAt(id, pending)).toBe('10.00')
  await sql`select recalculate_balance(${id})`
  const [, first, second] = await timesOf(id)
  expect(first! < second!).toBe(true)
  expect(await balanceAt(id, pending)).toBe('10.00')
  expect(await balanceAt(id, credited!)).toBe('10.00')
  expect(await balanceAt(id, first!)).toBe('15.00')
  expect(await balanceAt(id, await moved(first!, '-1 us'))).toBe('10.00')
  expect(await balanceAt(id, second!)).toBe('22.00')
  expect(await balanceAt(id, await moved(second!, '-1 us'))).toBe('15.00')
})

test('what balance_at() said of a moment stays, also when a row commits late', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const late = ledger.connect()
  await late`begin`
  await late`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 100)`
  const said = new Map<string, string>()
  for (let n = 0; n < 6; n++) {
    if (n === 3) await late`commit`
    await sql`select debit_user(${id}, 1)`
    const { at } = await one(sql`select clock_timestamp() as at`)
    said.set(at, await balanceAt(id, at))
    for (const [moment, balance] of said) expect(await balanceAt(id, moment)).toBe(balance)
  }
  expect([...said.values()]).toEqual(['9.00', '8.00', '7.00', '106.00', '105.00', '104.00'])
})

test('balance_at() raises 55P03 for a moment that has not come yet', async () => {
  const id = await ledger.user(10)
  for (const at of ['infinity', '2999-01-01']) {
    expect(await codeOf(balanceAt(id, at))).toBe('55P03')
  }
})

test('balance_at() waits for whoever may still post an entry before that moment', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const [posting, asking, other] = [ledger.connect(), ledger.connect(), ledger.connect()]
  const pid = await pidOf(asking)
  await posting`begin`
  await posting`select debit_user(${id}, 4)`
  const { at } = await one(sql`select clock_timestamp() as at`)
  const balance = start(balanceAt(id, at, asking))
  await untilBlocked(sql, pid)
  // What was before its last entry is final whoever is at work.
  expect(await balanceAt(id, (await timesOf(id))[0]!)).toBe('10.00')
  await other`set lock_timeout = '50ms'`
  expect(await codeOf(balanceAt(id, at, other))).toBe('55P03')
  await posting`commit`
  expect(await balance).toBe('6.00')
  expect(await balanceAt(id, at)).toBe('6.00')
})

test('balance_at() leaves no lock behind in a transaction that goes on', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const [holder, asking, debiting] = [ledger.connect(), ledger.connect(), ledger.connect()]
  await holder`begin`
  await holder`select debit_user(${id}, 4)`
  await holder`rollback`
  await asking`begin`
  expect(await balanceAt(id, 'now', asking)).toBe('10.00')
  const pid = await pidOf(debiting)
  const debit = start(codeOf(debiting`select debit_user(${id}, 1)`))
  expect(await blocks(sql, pid, debit)).toBe(false)
  expect(await debit).toBe('ok')
  await asking`commit`
})

test('balance_at() after a clock that went back still finds one entry for each moment', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  // As a clock that was an hour fast has left it.
  await sealCredit(sql, id, { amount: '5', balance: '15', later: '1 h' })
  await sql`select debit_user(${id}, 1)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 3)`
  await sql`select debit_user(${id}, 2)`
  const times = await timesOf(id)
  expect(new Set(times).size).toBe(5)
  expect(times).toEqual([...times].sort())
  expect(await balanceAt(id, times[0]!)).toBe('10.00')
  expect(await balanceAt(id, 'now')).toBe('10.00')
  expect(await codeOf(balanceAt(id, times[1]!))).toBe('55P03')
})

test('balance_at() agrees with the sum of what had been counted, at every moment', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  for (let n = 1; n <= 40; n++) {
    if (n % 7 === 0) {
      await sql`insert into payment_history (user_id, action, amount)
        values (${id}, 'CREDIT', 1), (${id}, 'DEBIT', 2)`
    }
    await sql`select debit_user(${id}, 0.01)`
  }
  const wrong = await sql`
    select at from (
        select sealed_at + d * interval '1 us' as at from payment_history h, generate_series(-1, 1) d
         where h.user_id = ${id}) m
     where balance_at(${id}, m.at) <> (
       select coalesce(sum(case action when 'CREDIT' then amount else -amount end), 0)
         from payment_history h where h.user_id = ${id} and h.sealed_at <= m.at)`
  expect([...wrong]).toEqual([])
})
