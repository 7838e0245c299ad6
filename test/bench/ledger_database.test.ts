/** What the benchmark would say of a ledger that lost something. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { createUser, one } from '../support/ledger.ts'
import { createLedgerDatabase, type LedgerDatabase } from './ledger_database.ts'
import type { LoadResult } from './load.ts'

let testDatabase: TestDatabase
let database: LedgerDatabase
let user: number

/** What a load says that was answered this. */
const acked = (user: number, ...seqs: number[]): LoadResult => ({
  cpu_ms: 0,
  streams: [{
    perSecond: 0,
    p50_ms: 0,
    p99_ms: 0,
    max_ms: 0,
    good: seqs.length,
    statuses: {},
    acks: {
      action: 'DEBIT',
      users: new Uint32Array(seqs.map(() => user)),
      seqs: new Uint32Array(seqs),
    },
  }],
})

const check = async (...results: LoadResult[]) => {
  const again = createLedgerDatabase({ ...database, name: 'bench' })
  results.forEach((result) => again.note(result))
  const found = await again.check()
  await again.sql.end()
  return found
}

beforeAll(async () => {
  testDatabase = await createDatabase()
  database = createLedgerDatabase({ name: 'bench', ...testDatabase })
  user = await createUser(database.sql, 1)
  for (let n = 0; n < 3; n++) await database.sql`select debit_user(${user}::bigint, 0.01)`
})

afterAll(async () => {
  await database.sql.end()
  await testDatabase.drop()
})

test('a ledger that has all that was acknowledged is sound', async () => {
  expect(await check(acked(user, 2, 3), acked(user, 4))).toEqual([])
})

test('a debit that was acknowledged and is not there is found', async () => {
  expect(await check(acked(user, 4, 5))).toEqual(['bench: 1 acknowledged entries are missing'])
  // The first entry is a credit.
  expect(await check(acked(user, 1))).toEqual(['bench: 1 acknowledged entries are missing'])
})

test('an entry that was acknowledged twice is found', async () => {
  expect(await check(acked(user, 2, 3), acked(user, 3))).toEqual([
    'bench: 1 entries were acknowledged twice',
  ])
})

test('a balance that is not the sum of its history is found', async () => {
  await database.sql`update users set balance = 2 where id = ${user}`
  expect(await check()).toEqual([
    'bench: 1 balances are not the sums of their histories',
    'bench: all balances are not the sum of all histories',
    `bench: verify_ledger: copy_differs of ${user}`,
  ])
  await database.sql`select recalculate_balance(${user}::bigint)`
  expect(await check()).toEqual([])
})

test('a row that nobody counted is found', async () => {
  await database.sql`
    insert into payment_history (user_id, action, amount) values (${user}, 'CREDIT', 1)`
  expect(await check()).toContain('bench: 1 rows are pending')
  await database.sql`select recalculate_balance(${user}::bigint)`
  const { balance } = await one(database.sql`select balance from users where id = ${user}`)
  expect(balance).toBe('1.97')
})
