/** Transfers between shards, and writes of a session that Citus no longer hands on. */
import type postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { isNotHandedOn } from '../../../src/core/errors.ts'
import { createDatabase } from '../../../src/database/database.ts'
import { createLedgerPost } from '../../../src/ledger/post_function.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { codeOf } from '../../support/ledger.ts'

const ledger = useCitusLedger({ isDistributed: true })
let distributed: postgres.Sql

beforeAll(() => {
  if (!citusIsMissing) distributed = ledger.connect()
})

test.skipIf(citusIsMissing)('transfers across shards are lost by nobody', async () => {
  const users = Array.from({ length: 12 }, (_, n) => 1000 + n)
  for (const id of users) {
    await distributed`select create_user(${id}), credit_user(${id}, 100)`
  }
  const done = await Promise.all([0, 1, 2, 3].map(async (client) => {
    const sql = ledger.connect()
    let transfers = 0
    for (let n = 0; n < 25; n++) {
      const [from, to] = [users[(client * 5 + n) % 12]!, users[(client + n * 7 + 1) % 12]!]
      const key = `${client}-${n}`
      const code = await codeOf(sql`select from transfer(${from}, ${to}, 1, ${key})`)
      if (code === 'ok') transfers++
      // A deadlock that Citus ended, and a transfer to the same user.
      else expect(['40P01', 'LGSAM']).toContain(code)
    }
    return transfers
  }))
  const [sum] = await distributed`
    select sum(balance) as balance from balances where id = any (${`{${
    users.join(',')
  }}`}::bigint[])`
  expect(sum!['balance']).toBe('1200.00')
  const [halves] = await distributed`
    select count(*)::integer as n from entries
     where user_id = any (${`{${users.join(',')}}`}::bigint[]) and peer_user_id is not null`
  expect(halves!['n']).toBe(2 * done.reduce((all, n) => all + n))
  expect([...await distributed`select * from verify_ledger()`]).toEqual([])
})

test.skipIf(citusIsMissing)('transfers of one session go on after the tenth', async () => {
  const sql = ledger.connect()
  const users = Array.from({ length: 12 }, (_, n) => 2000 + n)
  for (const id of users) await sql`select create_user(${id}), credit_user(${id}, 10)`
  for (const [n, id] of users.entries()) {
    const peer = users[(n + 1) % users.length]!
    await sql`select transfer(${id}, ${peer}, 7, ${`t${n}`})`
    const [last] = await sql`select max(seq) as seq from entries where user_id = ${id}`
    await sql`select reverse_entry(${id}, ${last!['seq']})`
  }
  expect([
    ...await sql`
    select distinct balance from balances where id = any (${`{${users.join(',')}}`}::bigint[])`,
  ])
    .toEqual([{ balance: '10.00' }])
})

/** Citus can't plan it, and then takes all that follows in the session for a part of it. */
const stopDelegating = async (sql: postgres.Sql) =>
  expect(
    await codeOf(sql`
      select from (select u.id from users u where exists (
        select from payment_history h where h.amount > u.balance) limit 1) s`),
  ).toBe('0A000')

test.skipIf(citusIsMissing)('the DateStyle of a session changes no moment', async () => {
  const sql = ledger.connect()
  await sql`select create_user(2300), create_user(2301), credit_user(2300, 10)`
  for (const style of ['SQL, DMY', 'German', 'Postgres, MDY']) {
    await sql`select set_config('datestyle', ${style}, false)`
    await sql`select from transfer(2300, 2301, 1)`
    const [last] = await sql`select max(seq) as seq from entries where user_id = 2300`
    await sql`select reverse_entry(2300, ${last!['seq']})`
  }
  expect([...await distributed`select * from verify_ledger()`]).toEqual([])
})

test.skipIf(citusIsMissing)('a session in which Citus stops delegating gets LGMOV', async () => {
  const sql = ledger.connect()
  await sql`select create_user(2100), create_user(2101), credit_user(2100, 10)`
  await stopDelegating(sql)
  for (
    const call of [
      'select from transfer(2100, 2101, 3)',
      'select from recalculate_balance(2100)',
      'select from debit_users(array[2100], array[1])',
      "select from ledger.post(array['DEBIT'], array[2100], array[1], wait => true)",
    ]
  ) expect([call, await codeOf(sql.unsafe(call))]).toEqual([call, 'LGMOV'])
  const balance = await distributed`select balance from balances where id = 2100`
  expect([...balance]).toEqual([{ balance: '10.00' }])
  expect(await codeOf(distributed`select from transfer(2100, 2101, 3)`)).toBe('ok')
})

test.skipIf(citusIsMissing)(
  'the service goes on in a session in which Citus delegates',
  async () => {
    await distributed`select create_user(2200), create_user(2201), credit_user(2200, 10)`
    const database = createDatabase({ url: ledger.url, max: 1, isOfSession: isNotHandedOn })
    const writer = createLedgerPost(database, database)
    const transfer = { kind: 'transfer', userId: 2200, peerId: 2201, amount: '3' } as const
    try {
      for (let n = 0; n < 2; n++) {
        await database.run(stopDelegating)
        const outcomes = await writer.post([transfer, transfer], { wait: n > 0 })
        expect(outcomes.map(({ status }) => status)).toEqual(n ? ['ok', 'LGFND'] : ['ok', 'ok'])
      }
    } finally {
      await database.end()
    }
    const balance = await distributed`select balance from balances where id = 2201`
    expect([...balance]).toEqual([{ balance: '9.00' }])
  },
)
