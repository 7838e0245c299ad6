import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

interface Row {
  position: string
  digest: string
  type: string | null
  user_id: string | null
  through: string | null
  seq: string | null
  number: string | null
}

let epoch: string
let user: number
let other: number
/** Before what a test does. */
let start: string

const lastId = async () =>
  (await one(ledger.sql<{ id: string }[]>`
    select last_id as id from ledger.get_changes(null, null, null, null)`)).id

/** Everything is settled here, as nobody else is at work. */
async function getEvents(more: Record<string, string | number | null> = {}): Promise<Row[]> {
  const given = { settled: await lastId(), read_to: start, ...more }
  const names = Object.keys(given).map((name, i) => `${name} => $${i + 2}`)
  return await ledger.sql.unsafe<Row[]>(
    `select * from ledger.get_events($1, ${names.join(', ')})`,
    [epoch, ...Object.values(given)],
  )
}

const shown = (rows: Row[]) =>
  rows.filter(({ type }) => type !== null)
    .map((row) => `${row.type} ${row.user_id}/${row.seq ?? row.number}`)

beforeAll(async () => {
  epoch = (await one(ledger.sql<{ epoch: string }[]>`
    select epoch_now as epoch from ledger.get_changes(null, null, null, null)`)).epoch
})

beforeEach(async () => {
  user = await ledger.user()
  other = await ledger.user()
  start = await lastId()
})

test('get_events() gives every entry and every change of a user in their order', async () => {
  const { sql } = ledger
  await sql`select credit_user(${user}, 10), freeze_user(${user}), thaw_user(${user})`
  await sql`select transfer(${user}, ${other}, 1)`
  await sql`select set_credit_limit(${other}, 5)`
  await sql`select place_hold(${user}, 5, 60), capture_hold(${user}, 1, 2)`
  const rows = await getEvents()
  expect(shown(rows)).toEqual([
    `entry.posted ${user}/1`,
    `user.frozen ${user}/1`,
    `user.thawed ${user}/2`,
    `entry.posted ${user}/2`,
    `entry.posted ${other}/1`,
    `user.credit_limit_set ${other}/1`,
    `hold.placed ${user}/2`,
    `hold.captured ${user}/3`,
    `entry.posted ${user}/3`,
  ])
  expect(rows.at(-1)).toMatchObject({ through: await lastId(), position: rows.at(-2)!.position })
})

test('get_events() gives pending entries once they are posted, in the order of seq', async () => {
  const { sql } = ledger
  await sql`insert into payment_history (user_id, action, amount)
    select ${user}::bigint, 'CREDIT', n from generate_series(1, 300) n`
  expect(shown(await getEvents())).toEqual([])
  await sql`select credit_user(${user}, 1)`
  const rows = await getEvents({ max_rows: 1000 })
  expect(rows.slice(0, -1).map(({ seq }) => Number(seq)))
    .toEqual(Array.from({ length: 301 }, (_, n) => n + 1))
})

test('get_events() leaves out no event for a pending entry with the same id', async () => {
  const { sql } = ledger
  await sql`select credit_user(${user}, 1)`
  const [{ id }] = await sql<[{ id: string }]>`
    select id from payment_history where user_id = ${user}`
  await sql`insert into payment_history (id, user_id, action, amount)
    overriding system value values (${id}, ${other}, 'CREDIT', 1)`
  const first = await getEvents({ max_rows: 1 })
  const again = await getEvents({ max_rows: 1, read_to: first.at(-1)!.through })
  expect([...shown(first), ...shown(again)]).toEqual([`entry.posted ${user}/1`])
})

test('get_events() gives nothing beyond what is settled', async () => {
  await ledger.sql`select credit_user(${user}, 1)`
  const settled = await lastId()
  await ledger.sql`select credit_user(${user}, 1)`
  const rows = await getEvents({ settled })
  expect(shown(rows)).toEqual([`entry.posted ${user}/1`])
  expect(rows.at(-1)).toMatchObject({ through: settled })
})

describe('pages', () => {
  beforeEach(async () => {
    for (let n = 0; n < 4; n++) await ledger.sql`select credit_user(${user}, 1)`
    await ledger.sql`select credit_user(${other}, 1), freeze_user(${user})`
  })

  test.each([
    [{}, 6],
    [{ max_rows: 4 }, 4],
    [{ max_rows: 1 }, 1],
    [{ user_ids: `{1}`, max_scanned: 2 }, 0],
    [{ types: '{user.frozen}', max_scanned: 2 }, 0],
    [{ types: '{user.frozen}' }, 1],
  ])('with %o go on where the one before ended', async (more, expected) => {
    const first = await getEvents(more)
    expect(shown(first)).toHaveLength(expected)
    const all = shown(first)
    for (let end = first.at(-1)!; end.through !== await lastId();) {
      const next = await getEvents({
        ...more,
        after_position: end.position,
        after_digest: end.digest,
        read_to: end.through,
      })
      all.push(...shown(next))
      end = next.at(-1)!
    }
    const whole = shown(await getEvents({ ...more, max_rows: 100, max_scanned: 100 }))
    expect(all).toEqual(whole)
  })

  test('of some users have theirs alone', async () => {
    expect(shown(await getEvents({ user_ids: `{${other}}` }))).toEqual([`entry.posted ${other}/1`])
  })
})

test('get_events() raises LGCUR for an event that is not there, or is another one', async () => {
  await ledger.sql`select credit_user(${user}, 1), place_hold(${user}, 1), freeze_user(${user})`
  for (const row of (await getEvents()).slice(0, -1)) {
    const after = { after_position: row.position, after_digest: row.digest }
    expect(await codeOf(getEvents(after))).toBe('ok')
    expect(await codeOf(getEvents({ ...after, after_digest: '0'.repeat(16) }))).toBe('LGCUR')
  }
  const beyond = { after_position: '99999999', after_digest: '0'.repeat(16) }
  expect(await codeOf(getEvents(beyond))).toBe('LGCUR')
})

test('get_events() raises 55P03 in a history of another epoch', async () => {
  const owner = ledger.connect()
  expect(await codeOf(getEvents())).toBe('ok')
  await owner`begin`
  await owner`select break_glass('ticket 42: the court ordered it')`
  await owner`commit`
  expect(await codeOf(getEvents())).toBe('55P03')
})

test('a debit writes nothing for events: an entry and its user, by no index of theirs', async () => {
  const own = ledger.connect()
  const id = await ledger.user(10)
  await own`begin`
  await own`select debit_user(${id}, 1)`
  const written = await own<{ name: string; rows: number }[]>`
    select relname as name, (n_tup_ins + n_tup_upd + n_tup_del)::int as rows
      from pg_stat_xact_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0 order by 1`
  await own`commit`
  expect([...written]).toEqual([
    { name: 'payment_history', rows: 1 },
    { name: 'users', rows: 1 },
  ])
  const indexes = await own<{ name: string }[]>`
    select indexrelid::regclass::text as name from pg_index
     where indrelid = 'payment_history'::regclass order by 1`
  expect(indexes.map(({ name }) => name)).toEqual([
    'payment_history_pending_idx',
    'payment_history_pkey',
    'payment_history_reverses_idx',
    'payment_history_user_id_idempotency_key_key',
    'payment_history_user_id_seq_key',
  ])
})
