/** On a distributed ledger a call answers what it answers on one server, or refuses. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectTo } from '../../support/ledger.ts'
import { runTypeScript } from '../../support/run_typescript.ts'

const ledger = useCitusLedger({ isDistributed: true })
let database: TestDatabase
let plain: postgres.Sql
let distributed: postgres.Sql

beforeAll(async () => {
  if (citusIsMissing) return
  database = await createDatabase()
  plain = connectTo(database.url)
  distributed = ledger.connect()
})
afterAll(async () => {
  await plain?.end()
  await database?.drop()
})

/** The rows without what differs from one database to another, or the code of the error. */
async function answer(sql: postgres.Sql, statement: string): Promise<unknown> {
  try {
    const rows = await sql.unsafe(statement)
    return rows.map((row) =>
      Object.entries(row).map(([name, value]) =>
        /(^|_)(at|ts|hash|id|position|transaction)$/.test(name) && value !== null ? name : value
      )
    )
  } catch (error) {
    return (error as postgres.PostgresError).code
  }
}

/** Some of them more than once, because the sixth plan of a statement is another one. */
const CALLS = [
  'select created from create_user(7)',
  "select created from create_user(8, 'a reference', '{\"a\": 1}', 'key of a user')",
  "select created, replayed from create_user(8, 'a reference', '{\"a\": 1}', 'key of a user')",
  'select * from debit_user(7, 1)',
  'select * from debit_user(9, 1)',
  ...Array.from({ length: 8 }, () => 'select * from credit_user(7, 100)'),
  ...Array.from({ length: 8 }, () => 'select * from debit_user(7, 1.50)'),
  ...Array.from({ length: 8 }, (_, n) => `select * from debit_user(7, 1, 'k${n}', '{"n": ${n}}')`),
  ...Array.from({ length: 8 }, (_, n) => `select * from debit_user(7, 1, 'k${n}', '{"n": ${n}}')`),
  "select * from debit_user(7, 2, 'k1')",
  'select * from debit_user(7, 1.001)',
  'select * from debit_user(7, 100000)',
  ...Array.from({ length: 8 }, () => 'select * from place_hold(7, 10)'),
  "select * from place_hold(7, 10, null, 'h1')",
  "select * from place_hold(7, 10, null, 'h1')",
  'select * from extend_hold(7, 2, 600)',
  'select * from capture_hold(7, 1, 4)',
  'select * from capture_hold(7, 2, 4, final => false)',
  "select * from capture_hold(7, 2, null, 'c1')",
  "select * from capture_hold(7, 2, null, 'c1')",
  ...[3, 4, 5, 6, 7, 8].map((hold) => `select * from release_hold(7, ${hold})`),
  'select * from release_hold(7, 8)',
  'select * from reverse_entry(7, 1, amount => 5)',
  "select * from reverse_entry(7, 1, 'r1')",
  "select * from reverse_entry(7, 1, 'r1')",
  "insert into payment_history (user_id, action, amount) values (7, 'CREDIT', 30)",
  "insert into payment_history (user_id, action, amount) values (7, 'CREDIT', 1.001)",
  "insert into payment_history (user_id, action, amount) values (99, 'CREDIT', 1)",
  'select * from debit_user(7, 1)',
  "insert into payment_history (user_id, action, amount) select 7, 'CREDIT', n from generate_series(1, 9) n",
  'select * from recalculate_balance(7)',
  "select * from freeze_user(7, 'a test')",
  'select * from debit_user(7, 1)',
  'select * from thaw_user(7)',
  'select * from set_credit_limit(8, 20)',
  'select * from debit_user(8, 15)',
  ...Array.from({ length: 8 }, () => 'select * from transfer(7, 8, 3)'),
  ...Array.from({ length: 8 }, () => 'select * from transfer(8, 7, 1)'),
  "select * from transfer(7, 8, 3, 't1', '{\"n\": 1}')",
  "select * from transfer(7, 8, 3, 't1', '{\"n\": 1}')",
  "select * from transfer(7, 8, 4, 't1')",
  'select * from transfer(7, 8, 100000)',
  'select * from transfer(7, 99, 1)',
  ...Array.from({ length: 8 }, () => 'select * from debit_users(array[7, 8, 99], array[1, 1, 1])'),
  'select * from transfer(7, 7, 1)',
  'select * from reverse_entry(8, (select max(seq) from entries where user_id = 8))',
  "select balance_at(7, clock_timestamp() - interval '1 hour')",
  'select * from ledger.get_history(7)',
  'select * from ledger.get_statement(8)',
  'select * from ledger.get_hold(7, 2)',
  'select * from ledger.get_moments(7, array[null]::timestamptz[])',
  'select * from ledger.list_holds(7)',
  "select * from ledger.find_keys(7, 'c')",
  'select * from ledger.list_controls(7)',
  'select * from ledger.get_user_state(8)',
  'select * from entries order by user_id, seq',
  'select * from balances order by id',
  'select * from active_holds order by user_id, hold',
  'select * from pending_entries',
  'update payment_history set amount = 1 where user_id = 7 and seq = 1',
  'delete from payment_history where user_id = 7 and seq = 1',
  'truncate payment_history',
  'delete from users where id = 7',
  'select * from verify_user(7)',
  'select * from verify_ledger()',
]

test.skipIf(citusIsMissing)('calls answer the same as on one server', async () => {
  for (const call of CALLS) {
    const expected = await answer(plain, call)
    expect([call, await answer(distributed, call)]).toEqual([call, expected])
  }
})

test.skipIf(citusIsMissing)(
  'what the coordinator keeps commits with the server of the user',
  async () => {
    const commands: string[] = []
    const sql = postgres(ledger.url, {
      max: 1,
      fetch_types: false,
      onnotice: ({ message = '' }) => commands.push(message),
    })
    const prepares = () =>
      commands.splice(0).filter((text) => text.startsWith('issuing PREPARE TRANSACTION')).length
    try {
      await sql`set citus.log_remote_commands = on`
      await sql`select create_user(71)`
      expect(prepares()).toBe(0)
      await sql`select create_user(72, 'of 72')`
      expect(prepares()).toBe(ledger.workerUrls.length)
      const [row] = await sql<{ id: string }[]>`
      insert into payment_history (user_id, action, amount) values (72, 'CREDIT', 5) returning id`
      expect(prepares()).toBe(0)
      await sql`select withdraw_entry(72, ${row!.id}::bigint)`
      expect(prepares()).toBe(ledger.workerUrls.length)
    } finally {
      await sql.end()
    }
  },
)

test.skipIf(citusIsMissing)('what works on one server only is refused with LGDIS', async () => {
  const call = 'select * from ledger.list_journal()'
  expect([call, await answer(distributed, call)]).toEqual([call, 'LGDIS'])
})

test.skipIf(citusIsMissing)('a command that needs one server says so in one line', async () => {
  const run = runTypeScript('db/desk/seed.ts', [], { DATABASE_URL: ledger.url })
  expect(await run.ended).toBe(2)
  expect(run.output()).toMatch(/^npm run \w+ doesn't work on a distributed ledger: .+\n$/)
})

test.skipIf(citusIsMissing)(
  'a DBA inserts manual entries, and no more',
  async () => {
    await distributed`select create_user(9)`
    await distributed`alter role ledger_dba login`
    const dba = connectTo(ledger.url, 'ledger_dba')
    try {
      await dba`insert into payment_history (user_id, action, amount) values (9, 'CREDIT', 3)`
      const [{ seq }] = await dba<[{ seq: string }]>`select seq from recalculate_balance(9)`
      expect(await dba`select entered_by from manual_entries where (user_id, seq) = (9, ${seq})`)
        .toEqual([{ entered_by: 'ledger_dba' }])
      expect(
        await answer(
          dba,
          `insert into payment_history (user_id, action, amount, seq) values (9, 'CREDIT', 3, 99)`,
        ),
      ).toBe('42501')
      expect(await answer(distributed, 'select * from verify_ledger()')).toEqual([])
    } finally {
      await dba.end()
    }
  },
)

test.skipIf(citusIsMissing)('a shard that moves keeps its guards and its entries', async () => {
  const [from, to] = ledger.workerUrls.map((url) => new URL(url))
  const [shard] = await distributed<{ id: string }[]>`
    select get_shard_id_for_distribution_column('public.users', 7) as id`
  const [place] = await distributed<{ port: number }[]>`
    select n.nodeport as port from pg_dist_placement p join pg_dist_node n using (groupid)
     where p.shardid = ${shard!.id}`
  const [source, target] = String(place!.port) === from!.port ? [from!, to!] : [to!, from!]
  await distributed`
    select citus_move_shard_placement(${shard!.id}, ${source.hostname}, ${source.port}::integer,
      ${target.hostname}, ${target.port}::integer, 'block_writes')`
  expect(await answer(distributed, 'select * from debit_user(7, 1)')).toHaveLength(1)
  expect(await answer(distributed, 'update payment_history set amount = 1 where user_id = 7'))
    .toBe('LGIMM')
  expect(await answer(distributed, 'select * from verify_ledger()')).toEqual([])
})
