/** What a write costs must depend neither on what is pending or closed nor on statistics. */
import type postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { findingsOf } from './support/findings.ts'
import { copyOf, one, useLedger } from './support/ledger.ts'
import * as plans from './support/plans.ts'
import { shareOf } from './support/share.ts'

const ROWS = shareOf(100_000, 20_000)
const USERS = 20
const STEP_ROWS = 2000

const ledger = useLedger()
let sql: postgres.Sql
let big: number
let small: number

beforeAll(async () => {
  sql = ledger.connect()
  // Statistics are as old as the tests want them.
  await sql`alter table payment_history set (autovacuum_enabled = false)`
  await sql`alter table users set (autovacuum_enabled = false)`
  await sql`alter table manual_entries set (autovacuum_enabled = false)`
  await sql`
    insert into users (id) select g from generate_series(100, 99 + ${USERS}::int) g`
  big = 100
  small = 101
  await sql`
    insert into payment_history (user_id, action, amount)
      select ${big}, 'CREDIT', 1 from generate_series(1, ${ROWS})`
  await sql`insert into payment_history (user_id, action, amount) values (${small}, 'CREDIT', 100)`
})

const pagesOf = (statement: string) => plans.pagesOf(sql, statement)
const scansOf = (statements: string[]) => plans.scansOf(ledger.url, statements)

const STEP = (id: number) =>
  `select * from ledger.post('{null}', '{${id}}', '{null}', max_pending => 100)`
const DEBIT = (id: number) => `select * from debit_user(${id}, 0.01)`
const BATCH = (id: number) => `select * from debit_users('{${id},102}', '{0.01,0.01}')`
const ENTER = (id: number) =>
  `insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 0.01)`
const READ = (id: number) => `select * from ledger.get_users('{${id}}')`

async function expectIndexScansOnly() {
  const statements = [STEP(big), DEBIT(small), BATCH(small), ENTER(small), READ(big), READ(small)]
  // From the sixth on, plans are made once for all arguments.
  const scans = await scansOf(Array.from({ length: 7 }, () => statements).flat())
  expect([...scans].filter((scan) => !/^Index (Only )?Scan on /.test(scan))).toEqual([])
  expect(scans).toContain('Index Scan on payment_history')
  expect(scans).toContain('Index Scan on users')
}

test('nothing is scanned without statistics', async () => {
  await expectIndexScansOnly()
})

test('nothing is scanned when statistics say that all rows are one user’s', async () => {
  await sql`analyze`
  await expectIndexScansOnly()
  expect(await pagesOf(DEBIT(small))).toBeLessThan(150)
})

test('bulk-loaded rows are worked off in bounded steps, and nobody else waits', async () => {
  const other = ledger.connect()
  await other`select credit_user(id, 1000) from generate_series(101, 109) id`
  const { pending } = await one(sql<{ pending: number }[]>`
    select count(*)::int as pending from payment_history where user_id = ${big} and seq is null`)
  let steps = 0
  /** How many of others' debits were done by the end of each step. */
  const meanwhile: number[] = []
  let others = 0
  const state = { done: false }
  const debits = (async () => {
    for (; !state.done; others++) {
      const [row] = await other`select * from
        debit_users(array[${101 + others % 9}::bigint], array[0.01])`
      if (row!['status'] !== 'ok') throw new Error(row!['status'] as string)
    }
  })()
  while (!state.done) {
    const { status } = await one(sql`
      select status from ledger.post(
        array['DEBIT'], array[${big}::bigint], array[1.0], max_pending => ${STEP_ROWS})`)
    steps++
    meanwhile.push(others)
    expect(status).toBe(steps * STEP_ROWS < pending ? '55P03' : 'ok')
    state.done = status === 'ok'
  }
  await debits
  expect(steps).toBe(Math.ceil(pending / STEP_ROWS))
  expect(await copyOf(sql, big)).toBe(`${ROWS - 1}.00 at ${ROWS + 1}`)
  // They go on during the steps: they don't wait for the last.
  expect(new Set(meanwhile).size).toBeGreaterThan(steps / 2)
  expect(await findingsOf(sql)).toEqual([])
})

/** Manual entries of a user that are still to be posted. */
const enter = (id: number, rows: number) =>
  sql`
    insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 1 from generate_series(1, ${rows})`

test('posting all that is pending at once touches pages in proportion to its rows', async () => {
  const pages: number[] = []
  for (const [id, rows] of [[110, 2_000], [111, 8_000]] as const) {
    await enter(id, rows)
    const explained = await one(sql.unsafe(
      `explain (analyze, buffers, format json) select recalculate_balance(${id})`,
    ))
    const plan = explained['QUERY PLAN'][0].Plan
    pages.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])
    expect(await copyOf(sql, id)).toBe(`${rows}.00 at ${rows}`)
  }
  expect(pages[1]! / pages[0]!).toBeLessThan(6)
})

test('posting reaches each row by index when statistics say that nothing is pending', async () => {
  await sql`select recalculate_balance(${big}), recalculate_balance(${small})`
  await sql`analyze manual_entries`
  await enter(112, 4000)
  const scans = await scansOf(['select recalculate_balance(112)'])
  expect([...scans].filter((scan) => scan.includes('manual_entries')))
    .toEqual(['Index Scan on manual_entries'])
})

const HOLDS = 20_000

test('holds that are closed or expired cost nothing', async () => {
  const [many, none, other] = [103, 104, 105]
  await sql`select credit_user(id, 1000) from unnest('{103,104,105}'::bigint[]) id`
  await sql`alter table holds set (autovacuum_enabled = false)`
  await sql`
    insert into holds (user_id, hold, amount, remaining, captured, status, expires_at, changes,
                         hash)
      select ${many}, n, 0.01, 0.01, 0, 'active',
             case when n % 2 = 0 then now() - n * interval '1 s' else 'infinity' end, 1, ''
        from generate_series(1, ${HOLDS}) n`
  // Without changes that are counted there, nobody looks for holds at all.
  await sql`update users set hold_changes = ${HOLDS * 3 / 2} where id in (${many}, ${none})`
  await sql`
    update holds set status = 'released', remaining = 0
     where user_id = ${many} and expires_at = 'infinity'`
  // Until then their places in the index are empty, but there: a page of it for a thousand.
  // Whoever began before, in any database, may keep them there for a while.
  const fewest = await pagesOf(DEBIT(none))
  await expect.poll(() => pagesOf(DEBIT(many))).toBeLessThan(fewest + HOLDS / 1000)
  await sql`vacuum holds`
  for (
    const statement of [
      DEBIT,
      READ,
      (id: number) => `select * from debit_users('{${id}}', '{0.01}')`,
      (id: number) => `select * from transfer(${id}, ${other}, 0.01)`,
      (id: number) => `select * from place_hold(${id}, 0.01, 0.001)`,
      (id: number) => `select * from ledger.get_hold(${id}, 1)`,
      (id: number) => `select * from ledger.list_holds(${id}, idempotency_key => 'none')`,
    ]
  ) {
    const [few, all] = [await pagesOf(statement(none)), await pagesOf(statement(many))]
    console.info(`${statement(many)}: ${all} pages with ${HOLDS} holds, ${few} with none`)
    expect(all - few).toBeLessThan(10)
  }
  // Also by a plan that doesn't know whether there is a key.
  await sql`insert into hold_changes (user_id, hold, number, action, amount, remaining, expires_at,
      at, idempotency_key, hash)
    values (${many}, ${HOLDS - 1}, 1, 'placed', 0.01, 0.01, 'infinity', now(), 'last', '')`
  await sql`set plan_cache_mode = force_generic_plan`
  expect(await pagesOf(`select * from ledger.list_holds(${many}, idempotency_key => 'last')`))
    .toBeLessThan(50)
  await sql`reset plan_cache_mode`
  expect(await pagesOf(`select * from ledger.list_holds(${many}, 'released', 9000, 1)`))
    .toBeLessThan(50)
})
