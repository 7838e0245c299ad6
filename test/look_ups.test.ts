/** A million rows: no debit and no look-up reads more of them than it has to. */
import type postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { useLedger } from './support/ledger.ts'
import * as plans from './support/plans.ts'
import { shareOf } from './support/share.ts'

const ROWS = shareOf(1_000_000, 50_000)
const USERS = ROWS / 10

const ledger = useLedger()
let sql: postgres.Sql
const big = 100
const small = 101

beforeAll(async () => {
  sql = ledger.connect()
  // Statistics are as old as the tests want them.
  await sql`alter table payment_history set (autovacuum_enabled = false)`
  await sql`alter table users set (autovacuum_enabled = false)`
  await sql`
    insert into users (id, seq, balance)
      select g, 0, 0 from generate_series(${big}::int, ${big - 1 + USERS}::int) g`
  await sql`
    insert into user_references (user_id, reference)
      select g, 'customer-' || g from generate_series(${big}::int, ${big - 1 + USERS}::int) g`
  // As they would have been posted, but for their hashes, which nothing here looks at.
  await sql`
    insert into payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held, hash)
      select ${big}, 'CREDIT', 1, x.at, x.n, x.n, x.at, 0.00, sha256(''::bytea)
        from (select n, now() + (n - 1 - ${ROWS}::int) * interval '1 s' as at
                from generate_series(1, ${ROWS}::int) n) x`
  await sql`update users set seq = ${ROWS}, balance = ${ROWS} where id = ${big}`
  await sql`select credit_user(id, 1000) from generate_series(${small}, 109) id`
})

const pagesOf = (statement: string) => plans.pagesOf(sql, statement)
const scansOf = (statements: string[]) => plans.scansOf(ledger.url, statements)

const DEBIT = (id: number) => `select * from debit_user(${id}, 0.01)`
const BATCH = (id: number) => `select * from debit_users('{${id},102}', '{0.01,0.01}')`
const READ = (id: number) => `select * from ledger.get_users('{${id}}')`
const EPOCH = '(select ledger.epoch(last_value - (not is_called)::int) from interventions_id_seq)'
const EVENTS = (after: number, more = '') =>
  `select * from ledger.get_events(${EPOCH}, ${
    10 * ROWS
  }, read_to => ${after}, max_rows => 20 ${more})`

const MOMENT = (id: number) =>
  `select balance_at(${id}, (select max(sealed_at) - interval '1 s' from ledger.get_history(${id})))`

/** Writes and reads of every kind. */
async function expectIndexScansOnly(id: number, other: number) {
  const scans = await scansOf(
    Array.from({ length: 7 }, (_, n) => [
      DEBIT(id),
      BATCH(id),
      READ(id),
      `select * from transfer(${id}, ${other}, 1, 'transfer-${n}')`,
      `select * from place_hold(${id}, 1, null, 'hold-${n}')`,
      `select * from capture_hold(${id}, ${2 * n + 1}, null, 'capture-${n}')`,
      `select * from place_hold(${id}, 1, 60)`,
      `select * from ledger.get_hold(${id}, ${2 * n + 2})`,
      `select * from extend_hold(${id}, ${2 * n + 2}, null)`,
      `select * from release_hold(${id}, ${2 * n + 2}, 'release-${n}')`,
      `select reverse_entry(${id}, s.seq, 'reverse-${n}', null, 0.5)
         from ledger.get_users('{${id}}') s`,
      `select reverse_entry(${id}, s.seq - 1, 'rest-${n}') from ledger.get_users('{${id}}') s`,
      MOMENT(id),
      `select * from ledger.get_moments(${id}, array[now(), null])`,
      `select * from ledger.get_history(${id})`,
      `select * from ledger.get_statement(${id})`,
      `select * from ledger.find_entries(${id}, metadata => '{"a": "b"}')`,
      `select * from ledger.find_entries(${id}, idempotency_key => 'transfer-${n}')`,
      `select * from ledger.find_keys(${id}, 'transfer-')`,
      'select * from ledger.list_journal()',
      EVENTS(n),
      EVENTS(n, `, types => '{user.credit_limit_set}', user_ids => '{${id},${other}}'`),
      `select * from ledger.list_holds(${id}, 'captured', 2)`,
      `select * from ledger.list_holds(${id}, idempotency_key => 'release-${n}')`,
      `select * from ledger.list_users('nobody')`,
      `select * from ledger.list_users(null, ${id})`,
      `select * from ledger.list_controls(${id})`,
      `select * from set_credit_limit(${id}, ${n + 1})`,
    ]).flat(),
  )
  // The epoch is in a sequence, and in a catalog that is small.
  const isByIndex = /^Index (Only )?Scan on |^Seq Scan on (interventions_id_seq|pg_database)$/
  expect([...scans].filter((scan) => !isByIndex.test(scan))).toEqual([])
  expect(scans).toContain('Index Scan on holds')
}

test('everything is reached by index before there are any statistics', async () => {
  await expectIndexScansOnly(104, 105)
})

test('everything is reached by index with statistics of a million rows of one user', async () => {
  await sql`vacuum (analyze) payment_history`
  await sql`vacuum (analyze) users`
  await sql`analyze`
  await expectIndexScansOnly(106, 107)
})

test.each([['debit_user', DEBIT], ['debit_users', BATCH], ['get_users', READ]])(
  '%s() touches as few pages for a long history as for a short one',
  async (_name, statement) => {
    const [long, short] = [await pagesOf(statement(big)), await pagesOf(statement(small))]
    expect(short).toBeLessThan(150)
    expect(Math.abs(long - short)).toBeLessThan(10)
    console.info(`${long} pages with ${ROWS} rows, ${short} with some`)
  },
)

test.each([
  ['balance_at', MOMENT],
  ['get_moments', (id: number) => `select * from ledger.get_moments(${id}, array[now(), null])`],
  ['get_history', (id: number) => `select * from ledger.get_history(${id}, null, 20)`],
  ['get_history', (id: number) => `select * from ledger.get_history(${id}, ${ROWS / 2}, 20)`],
  ['list_journal', () => 'select * from ledger.list_journal(max_rows => 20)'],
  ['list_journal', () => `select * from ledger.list_journal(${ROWS / 2}, 20)`],
  ['get_events', () => EVENTS(0)],
  ['get_events', () => EVENTS(ROWS / 2)],
  ['find_entries', (id: number) => `select * from ledger.find_entries(${id}, max_rows => 20)`],
  [
    'find_entries',
    (id: number) =>
      `select * from ledger.find_entries(${id}, ${ROWS / 2}, action => 'CREDIT', max_rows => 20)`,
  ],
  [
    'find_entries',
    (id: number) => `select * from ledger.find_entries(${id}, idempotency_key => 'none')`,
  ],
  ['find_keys', (id: number) => `select * from ledger.find_keys(${id}, 'run-1#')`],
  // The bounds that from and to are translated to.
  [
    'find_entries',
    (id: number) =>
      `select * from ledger.find_entries(${id}, ${ROWS / 2}, ${ROWS / 4}, max_rows => 20)`,
  ],
  [
    'find_entries',
    (id: number) =>
      `select * from ledger.find_entries(${id}, metadata => '{"a": "b"}', max_scanned => 20)`,
  ],
  ['list_users', () => 'select * from ledger.list_users(null, 500, 20)'],
  ['list_users', () => `select * from ledger.list_users('nobody')`],
  ['list_users', () => `select * from ledger.list_users('customer-${USERS}')`],
  [
    'get_statement',
    (id: number) => `select * from ledger.get_statement(${id}, ${ROWS / 2}, null, 20)`,
  ],
])('%s() touches few pages of a long history: %o', async (_name, statement) => {
  const pages = await pagesOf(statement(big))
  console.info(`${pages} pages with ${ROWS} rows`)
  // Some twenty probes for each moment.
  expect(pages).toBeLessThan(400)
})

test('find_entries() looks at no more than max_scanned entries for what there is none of', async () => {
  const none = (scanned: number) =>
    `select * from ledger.find_entries(${big}, metadata => '{"a": "b"}', max_scanned => ${scanned})`
  const [few, all] = [await pagesOf(none(1000)), await pagesOf(none(5000))]
  console.info(`${few} pages for 1000 entries, ${all} for 5000, of ${ROWS}`)
  expect(all).toBeLessThan(6 * few)
  expect(await sql.unsafe(none(5000))).toMatchObject([{ is_match: false }])
})
