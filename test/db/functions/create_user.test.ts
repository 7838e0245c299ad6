import { expect, test } from 'vitest'
import {
  codeOf,
  one,
  pidOf,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'

const ledger = useLedger()

// First, while nobody has been made.
test('the system user is there, and the first other one gets another id', async () => {
  const { sql } = ledger
  expect(await sql`select id, balance from users`).toEqual([{ id: '1', balance: '0.00' }])
  expect(await sql`insert into users default values returning id`).toEqual([{ id: '2' }])
  expect(await one(sql`select * from create_user()`)).toEqual({ id: '3', created: true })
  expect(await one(sql`select * from create_user(1)`)).toEqual({ id: '1', created: false })
})

test('create_user() makes the id that is asked for, once', async () => {
  const { sql } = ledger
  expect(await one(sql`select * from create_user(user_id => 5000)`))
    .toEqual({ id: '5000', created: true })
  await sql`select credit_user(5000, 1)`
  const before = await stateOf(sql, 5000)
  expect(await one(sql`select * from create_user(5000)`)).toEqual({ id: '5000', created: false })
  expect(await stateOf(sql, 5000)).toEqual(before)
})

test('create_user() passes over ids that were taken explicitly', async () => {
  const { sql } = ledger
  const first = Number((await one(sql`select id from create_user()`))['id'])
  for (const id of [first + 1, first + 2, first + 4]) await sql`select create_user(${id})`
  const made = new Set([first, first + 1, first + 2, first + 4])
  for (let n = 0; n < 5; n++) {
    const { id, created } = await one(sql`select * from create_user()`)
    expect([created, made.has(Number(id))]).toEqual([true, false])
    made.add(Number(id))
  }
})

test('create_user() passes over a million taken ids in few steps', async () => {
  const { sql } = ledger
  const from = Number((await one(sql`select max(id) from users`))['max']) + 1
  await sql`begin`
  // As an import is, which keeps its ids.
  await sql`insert into users (id) select g from generate_series(${from}::int, ${from + 100_000}) g`
  await sql`select setval('users_id_seq', ${from - 1}::bigint)`
  const before = await one(sql`select last_value from users_id_seq`)
  expect(Number(before['last_value'])).toBe(from - 1)
  const { id, created } = await one(sql`select * from create_user()`)
  expect(created).toBe(true)
  expect(Number(id)).toBeGreaterThan(from + 100_000)
  // Doubling steps: at most twice as far as the last taken one.
  expect(Number(id)).toBeLessThan(from + 2 * 100_002)
  await sql`rollback`
})

test('create_user() answers created once for the same id at once', async () => {
  const { sql } = ledger
  const [first, second] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(second)
  await first`begin`
  await first`select create_user(7000)`
  const other = start(one(second`select * from create_user(7000)`))
  await untilBlocked(sql, pid)
  await first`commit`
  expect(await other).toEqual({ id: '7000', created: false })
})

test.each(['9007199254740991', '1'])('create_user() takes %s', async (id) => {
  expect(await one(ledger.sql`select id from create_user(${id}::bigint)`)).toEqual({ id })
})

test.each(['0', '-1', '9007199254740992', '9223372036854775807'])(
  'create_user() raises 23514 for %s',
  async (id) => {
    expect(await codeOf(ledger.sql`select create_user(${id}::bigint)`)).toBe('23514')
    expect(await ledger.sql`select from users where id = ${id}::bigint`).toHaveLength(0)
  },
)
