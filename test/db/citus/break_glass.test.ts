/** break_glass() on a distributed ledger: all that it changes with its traces, or nothing. */
import postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { askOnce, crash, healed, moveShard } from '../../support/citus_faults.ts'
import { codeOf, connectTo, one } from '../../support/ledger.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useCitusLedger({ isDistributed: true })
const REASON = 'ticket 42: the court ordered it'
const USERS = Array.from({ length: 12 }, (_, n) => 100 + n)

beforeAll(async () => {
  if (citusIsMissing) return
  const sql = ledger.connect()
  for (const user of USERS) {
    await sql`select create_user(${user}), credit_user(${user}, 5, null, '{"name": "secret"}')`
  }
})

const interventions = async (sql: postgres.Sql) =>
  (await sql`select operation, user_id, seq, before ->> 'metadata' as was from interventions
     order by id`).map((row) => Object.values(row))

const breakGlass = (sql: postgres.Sql) => sql`select break_glass(${REASON})`
const change = (sql: postgres.Sql, user: number) =>
  sql`update payment_history set metadata = null where user_id = ${user}`

/** The worker that has a user. */
async function workerOf(user: number): Promise<string> {
  const { port } = await one(ledger.connect()`
    select n.nodeport as port from pg_dist_placement p join pg_dist_node n using (groupid)
     where p.shardid = get_shard_id_for_distribution_column('users', ${user}::bigint)`)
  return ledger.workerUrls.find((url) => new URL(url).port === `${port}`)!
}

test.skipIf(citusIsMissing)('each change leaves a trace, in two phases', async () => {
  const commands: string[] = []
  const sql = postgres(ledger.url, {
    max: 1,
    fetch_types: false,
    onnotice: ({ message = '' }) => commands.push(message),
  })
  try {
    await sql`set citus.log_remote_commands = on`
    await sql`begin`
    await breakGlass(sql)
    await change(sql, USERS[0]!)
    await sql`update payment_history set metadata = '{}' where user_id = any (${`{${
      USERS.slice(1, 9).join(',')
    }}`}::bigint[])`
    await sql`delete from payment_history where user_id = ${USERS[9]!}`
    await sql`commit`
    expect(commands.filter((text) => text.startsWith('issuing PREPARE TRANSACTION')))
      .toHaveLength(ledger.workerUrls.length)
  } finally {
    await sql.end()
  }
  const was = (operation: string, user: number) => [operation, `${user}`, '1', '{"name": "secret"}']
  const traces = await interventions(ledger.connect())
  expect(traces.slice(0, 2)).toEqual([['BREAK GLASS', null, null, null], was('UPDATE', USERS[0]!)])
  expect(traces.slice(2, -1).map(String).sort())
    .toEqual(USERS.slice(1, 9).map((user) => String(was('UPDATE', user))))
  expect(traces.at(-1)).toEqual(was('DELETE', USERS[9]!))
  expect(await codeOf(change(ledger.connect(), USERS[0]!))).toBe('LGIMM')
  // What erase_user takes out of the chain is nowhere else.
  expect((await ledger.connect()`select from intervention_traces where before is not null`).length)
    .toBe(0)
  expect((await verifyLedger(ledger.connect())).filter((one) => one.startsWith('intervention')))
    .toEqual(
      ['intervention -/-', ...USERS.slice(0, 10).map((user) => `intervention ${user}/1`)],
    )
})

test.skipIf(citusIsMissing)('what is rolled back leaves nothing, nor an open glass', async () => {
  const [sql, other] = [ledger.connect(), ledger.connect()]
  const before = await interventions(sql)
  await sql`begin`
  await breakGlass(sql)
  await change(sql, USERS[10]!)
  expect(await codeOf(change(other, USERS[11]!))).toBe('LGIMM')
  await sql`rollback`
  await sql`begin`
  await sql`savepoint a`
  await breakGlass(sql)
  await sql`rollback to a`
  expect(await codeOf(change(sql, USERS[10]!))).toBe('LGIMM')
  await sql`rollback`
  expect(await interventions(sql)).toEqual(before)
  await sql`begin`
  await breakGlass(sql)
  await sql`savepoint a`
  await change(sql, USERS[10]!)
  await sql`rollback to a`
  await sql`commit`
  expect(await interventions(sql)).toEqual([...before, ['BREAK GLASS', null, null, null]])
})

test.skipIf(citusIsMissing)('nobody opens it at a worker without a finding', async () => {
  const user = USERS[11]!
  const worker = ledger.connect(await workerOf(user))
  const sql = ledger.connect()
  const findings = await verifyLedger(sql)
  await sql`alter role ledger_dba login`
  const dba = connectTo(await workerOf(user), 'ledger_dba')
  const { id } = await one(worker`
    select get_shard_id_for_distribution_column('intervention_traces', ${user}::bigint) as id`)
  const row = `(user_id, number, intervention, operation, at, transaction)
    values (-1, 99, 99, 'BREAK GLASS', clock_timestamp(), pg_current_xact_id())`
  try {
    for (
      const call of [
        `select ledger.open_glass(-1, 99)`,
        `select break_glass('${REASON}')`,
        `insert into intervention_traces_${id} ${row}`,
        `insert into intervention_traces ${row}`,
      ]
    ) expect([call, await codeOf(dba.unsafe(call))]).toEqual([call, '42501'])
  } finally {
    await dba.end()
  }
  for (
    const call of [
      `update intervention_traces set number = 7`,
      `delete from intervention_traces`,
      `delete from intervention_traces_${id}`,
    ]
  ) expect([call, await codeOf(worker.unsafe(call))]).toEqual([call, 'LGIMM'])
  expect(await verifyLedger(sql)).toEqual(findings)
  // Its owner may write such a row, and then change others; no intervention says so.
  await worker`begin`
  await worker.unsafe(`insert into intervention_traces_${id} ${row}`)
  await change(worker, user)
  await worker`commit`
  expect(await verifyLedger(sql)).toEqual(
    [
      ...findings,
      'intervention_invalid -/-',
      `hash_differs ${user}/1`,
      `intervention_invalid ${user}/1`,
    ].sort(),
  )
})

test.skipIf(citusIsMissing)('a server that crashes leaves both or neither', async () => {
  const user = USERS[10]!
  const countOf = (sql: postgres.Sql) =>
    one(sql`select (select count(*)::integer from interventions where user_id = ${user}) as traces,
      (select count(*)::integer from payment_history where user_id = ${user}
        and metadata is not null) as left`)
  await moveShard(ledger, user, 'block_writes')
  for (const url of [...ledger.workerUrls, ledger.url]) {
    await askOnce(ledger.url, async (sql) => {
      await sql`begin`
      await breakGlass(sql)
      await change(sql, user)
      const committing = codeOf(sql`commit`)
      await crash(url)
      await committing
    }).catch(() => {})
    await healed(ledger)
    const { traces, left } = await askOnce(ledger.url, countOf)
    if (left === 1) expect(traces).toBe(0)
    else expect(traces).toBeGreaterThan(0)
  }
})
