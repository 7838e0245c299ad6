/** A filled ledger moves to Citus as it is, with its guards; where there is none, it stays. */
import type postgres from 'postgres'
import { expect, inject, test } from 'vitest'
import { migrate } from '../../../db/migrate.ts'
import { citusIsMissing, distribute, SHARDS, useCitusLedger } from '../../support/citus.ts'
import { connectTo, one } from '../../support/ledger.ts'
import { createDatabase } from '../../support/database.ts'

const ledger = useCitusLedger({ isDistributed: false })

const isDistributed = async (sql: postgres.Sql) =>
  (await one(sql`select ledger.is_distributed() as answer`))['answer']

/** All that people see of the ledger, and every row of the history. */
const contents = (sql: postgres.Sql) =>
  one(sql`
    select (select json_agg(e order by e.user_id, e.seq) from entries e)::text as entries,
           (select json_agg(h order by h.user_id, h.id) from payment_history h)::text as history,
           (select json_agg(b order by b.id) from balances b)::text as balances,
           (select json_agg(h order by h.user_id, h.hold) from holds h)::text as holds,
           (select json_agg(c order by c.user_id) from user_controls c)::text as controls`)

const findings = async (sql: postgres.Sql) => Array.from(await sql`select * from verify_ledger()`)

test('npm run distribute changes nothing on a server without Citus', async () => {
  const database = await createDatabase()
  try {
    const [code, output] = await distribute(database.url)
    expect([code, output.trim().split('\n').length]).toEqual([2, 1])
    expect(output).toContain('without Citus')
    const sql = connectTo(database.url)
    expect(await isDistributed(sql)).toBe(false)
    await sql.end()
  } finally {
    await database.drop()
  }
})

test('npm run distribute refuses a database without a ledger', async () => {
  const [code, output] = await distribute(inject('databaseUrl'))
  expect([code, output]).toEqual([2, expect.stringContaining('has no ledger')])
})

test.skipIf(citusIsMissing)('npm run distribute moves a filled ledger as it is', async () => {
  const sql = ledger.connect()
  await sql`select create_user() from generate_series(1, 20)`
  await sql`select credit_user(u.id, 100), debit_user(u.id, 7, 'key'), place_hold(u.id, 5)
              from users u`
  await sql`select transfer(u.id, u.id + 1, 2) from users u where u.id <= 10`
  await sql`select freeze_user(3, 'a test'), set_credit_limit(4, 50)`
  await sql`insert into payment_history (user_id, action, amount)
            select u.id, 'CREDIT', 3 from users u where u.id <= 8`
  await sql`select withdraw_entry(2, (select id from pending_entries where user_id = 2))`
  expect(await findings(sql)).toEqual([])
  const before = await contents(sql)

  const [planned, plan] = await distribute(ledger.url, '--dry-run', '--shards', `${SHARDS}`)
  expect([planned, plan]).toEqual([0, expect.stringMatching(/^moves 21 users .* 6 shards/m)])
  expect(await isDistributed(sql)).toBe(false)

  // Something is in the way on one worker: what was done before is taken back.
  const worker = ledger.connect(ledger.workerUrls[0])
  await worker`set citus.enable_ddl_propagation = off`
  await worker`create table public.user_controls (a integer)`
  const [failed] = await distribute(ledger.url, '--shards', `${SHARDS}`)
  expect(failed).toBe(2)
  expect(await isDistributed(sql)).toBe(false)
  expect(await contents(sql)).toEqual(before)
  expect(await findings(sql)).toEqual([])
  await worker`drop table public.user_controls`

  const [code, output] = await distribute(ledger.url, '--shards', `${SHARDS}`)
  expect([code, output]).toEqual([0, expect.stringContaining('the ledger is distributed')])
  expect(await isDistributed(sql)).toBe(true)
  expect(await contents(sql)).toEqual(before)
  expect(await findings(sql)).toEqual([])
  const [local] = await sql`select pg_relation_size('payment_history') as size`
  expect(local!['size']).toBe('0')

  // Once more, as after a migration.
  await migrate(ledger.url)
  const [again] = await distribute(ledger.url)
  expect(again).toBe(0)
  const [other, why] = await distribute(ledger.url, '--shards', `${SHARDS + 1}`)
  expect([other, why]).toEqual([2, expect.stringContaining('--shards')])
})

test.skipIf(citusIsMissing)('npm run distribute refuses the URL of a worker', async () => {
  const [code, output] = await distribute(ledger.workerUrls[0]!)
  expect([code, output]).toEqual([2, expect.stringMatching(/worker|no ledger/)])
})
