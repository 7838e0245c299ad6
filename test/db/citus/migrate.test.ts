/** A distributed ledger of an older schema comes to the newest: migrate, then distribute again. */
import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { distribute as moveTables } from '../../../db/citus/distribute.ts'
import { makeShardFunctions } from '../../../db/citus/shard_functions.ts'
import { TABLES } from '../../../db/citus/tables.ts'
import { migrate } from '../../../db/migrate.ts'
import { citusIsMissing, distribute, SHARDS, useCitusLedger } from '../../support/citus.ts'
import { codeOf, one } from '../../support/ledger.ts'

/** The first schema that can be distributed. */
const ledger = useCitusLedger({ isDistributed: false, before: 'chain_controls' })
const USERS = Array.from({ length: 24 }, (_, n) => 100 + n)

/** A little of everything that a user may have. */
async function use(sql: postgres.Sql, round: string): Promise<void> {
  for (const [n, user] of USERS.entries()) {
    const peer = USERS[(n + 1) % USERS.length]!
    await sql`select credit_user(${user}, 100), debit_user(${user}, 7, ${`debit-${round}`})`
    await sql`select transfer(${user}, ${peer}, 2, ${`transfer-${round}`}, '{"n": 1}')`
    const { hold } = await one(sql`select hold from place_hold(${user}, 5)`)
    if (n % 2) await sql`select capture_hold(${user}, ${hold}, 3)`
    if (n % 5 === 0) {
      await sql`select set_credit_limit(${user}, ${n + 10}), freeze_user(${user}, 'a test')`
      await sql`select thaw_user(${user})`
    }
    if (n % 3) continue
    await sql`insert into payment_history (user_id, action, amount) values (${user}, 'CREDIT', 3)`
  }
  await sql`select create_user(reference => ${`of-${round}`}, metadata => '{"a": 1}',
    idempotency_key => ${round})`
}

/** Every row of what a user may have, but for columns that a newer schema adds. */
const contents = (sql: postgres.Sql) =>
  one(sql`
    select (select json_agg(h order by h.user_id, h.id) from payment_history h)::text as history,
           (select json_agg(b order by b.id) from balances b)::text as balances,
           (select json_agg(h order by h.user_id, h.hold) from holds h)::text as holds,
           (select json_agg(c order by c.user_id, c.hold, c.number) from hold_changes c)::text
             as hold_changes,
           (select json_agg(m order by m.user_id, m.id) from manual_entries m)::text as manual,
           (select json_agg(to_jsonb(c) - 'hash' order by c.user_id, c.number)
              from user_controls c)::text as controls,
           (select json_agg(to_jsonb(d) - 'hash' order by d.user_id) from user_details d)::text
             as details`)

const findings = async (sql: postgres.Sql) =>
  Array.from(await sql<{ finding: string }[]>`select * from verify_ledger()`)

/** How many triggers each table has, and each of its shards: ALWAYS of all. */
const guards = async (sql: postgres.Sql) =>
  await sql<{ table: string; triggers: string; on_shards: string[] }[]>`
    select d.logicalrelid::text as table, (
             select count(*) filter (where t.tgenabled = 'A') || ' of ' || count(*)
               from pg_trigger t where t.tgrelid = d.logicalrelid and not t.tgisinternal
                and t.tgtype & 32 = 0) as triggers,
           to_jsonb(array(select s.result from run_command_on_shards(d.logicalrelid, $$
             select count(*) filter (where t.tgenabled = 'A') || ' of ' || count(*)
               from pg_trigger t where t.tgrelid = '%s'::regclass and not t.tgisinternal
                and t.tgtype & 32 = 0 $$) s)) as on_shards
      from pg_dist_partition d where d.partmethod = 'h' order by 1`

test.skipIf(citusIsMissing)('a distributed ledger of an older schema is migrated', async () => {
  const sql = ledger.connect()
  for (const user of USERS) await sql`select create_user(${user})`
  await use(sql, 'before')
  await sql`select withdraw_entry(user_id, id) from pending_entries where user_id = ${USERS[0]!}`
  const { version: before } = await one(sql`select max(version) as version from schema_migrations`)
  // All that there was to do with that schema.
  await moveTables(
    sql,
    SHARDS,
    TABLES.filter(([table]) => !['erasures', 'intervention_traces'].includes(table)),
  )
  await makeShardFunctions(sql)
  await use(sql, 'distributed')
  // The old schema expects other rights than are given now, but nothing else.
  const others = (await findings(sql)).filter(({ finding }) => finding !== 'guard_missing')
  expect(others).toEqual([])
  const rows = await contents(sql)

  await migrate(ledger.url)
  expect(await one(sql`select max(version) > ${before}::text as newer from schema_migrations`))
    .toEqual({ newer: true })
  // Until the servers have got the functions, verification says so, and of nothing else.
  expect(new Set((await findings(sql)).map(({ finding }) => finding)))
    .toEqual(new Set(['guard_missing']))

  const [code, output] = await distribute(ledger.url)
  expect([code, output]).toEqual([0, expect.stringContaining('the ledger is distributed')])
  expect(await findings(sql)).toEqual([])
  expect(await contents(sql)).toEqual(rows)

  await use(ledger.connect(), 'migrated')
  expect(await findings(sql)).toEqual([])
  for (const url of ledger.workerUrls) {
    const worker = ledger.connect(url)
    for (const user of USERS) {
      expect(await codeOf(worker`update payment_history set amount = 1 where user_id = ${user}`))
        .toBe('LGIMM')
    }
  }
  for (const { table, triggers, on_shards: onShards } of await guards(sql)) {
    const [count, all] = triggers.split(' of ')
    expect([table, count, onShards.length]).toEqual([table, all, SHARDS])
    expect([table, new Set(onShards)]).toEqual([table, new Set([triggers])])
  }
})
