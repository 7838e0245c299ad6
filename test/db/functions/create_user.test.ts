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
  expect(await one(sql`select id, created from create_user()`)).toEqual({ id: '3', created: true })
  expect(await one(sql`select id, created from create_user(1)`)).toEqual({
    id: '1',
    created: false,
  })
})

test('create_user() makes the id that is asked for, once', async () => {
  const { sql } = ledger
  expect(await one(sql`select id, created from create_user(user_id => 5000)`))
    .toEqual({ id: '5000', created: true })
  await sql`select credit_user(5000, 1)`
  const before = await stateOf(sql, 5000)
  expect(await one(sql`select id, created from create_user(5000)`)).toEqual({
    id: '5000',
    created: false,
  })
  expect(await stateOf(sql, 5000)).toEqual(before)
})

test('create_user() passes over ids that were taken explicitly', async () => {
  const { sql } = ledger
  const first = Number((await one(sql`select id from create_user()`))['id'])
  for (const id of [first + 1, first + 2, first + 4]) await sql`select create_user(${id})`
  const made = new Set([first, first + 1, first + 2, first + 4])
  for (let n = 0; n < 5; n++) {
    const { id, created } = await one(sql`select id, created from create_user()`)
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
  const { id, created } = await one(sql`select id, created from create_user()`)
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
  const other = start(one(second`select id, created from create_user(7000)`))
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

const made = (row: Record<string, unknown>) => [row['id'], row['created'], row['replayed']]

test('create_user() makes one user for each reference, and finds it again', async () => {
  const { sql } = ledger
  const first = await one(
    sql`select * from create_user(reference => 'shop:1', metadata => '{"a":1}')`,
  )
  expect(first).toMatchObject({ created: true, replayed: false, reference: 'shop:1' })
  const again = await one(sql`select * from create_user(null, 'shop:1', '{"a": 1}')`)
  expect(made(again)).toEqual([first['id'], false, false])
  expect(again['created_at']).toEqual(first['created_at'])
  const id = first['id'] as string
  expect(made(await one(sql`select * from create_user(${id}::bigint, 'shop:1', '{"a": 1}')`)))
    .toEqual([id, false, false])
  expect(made(await one(sql`select * from create_user(${id}::bigint)`))).toEqual([id, false, false])
  // To the byte.
  expect(await one(sql`select * from create_user(reference => 'Shop:1')`))
    .toMatchObject({ created: true })
})

test('create_user() makes one user for each idempotency key, and says so', async () => {
  const { sql } = ledger
  const call = () =>
    one(sql`select * from create_user(metadata => '{"b":2}', idempotency_key => 'k-1')`)
  const first = await call()
  expect(first).toMatchObject({ created: true, replayed: false })
  const again = await call()
  expect(made(again)).toEqual([first['id'], false, true])
  expect(again['created_at']).toEqual(first['created_at'])
})

test.each([
  `null, 'taken', null, null`,
  `null, 'taken', '{"a":2}', null`,
  `8001, 'taken', '{"a":1}', null`,
  `1, 'other', null, null`,
  `8000, 'other', '{"a":1}', null`,
  `8000, null, '{"a":1}', null`,
  `null, 'taken', '{"a":1}', 'key'`,
  `8000, null, '{"a":1}', 'key'`,
  `8000, 'taken', '{"a":2}', 'key'`,
  `null, null, null, 'key'`,
])('create_user(%s) raises LGKEY for who was made as something else', async (others) => {
  const { sql } = ledger
  await sql`select create_user(8000, 'taken', '{"a":1}', 'key')`
  const before = await sql`select count(*) from users`
  expect(await codeOf(sql.unsafe(`select create_user(${others})`))).toBe('LGKEY')
  expect(await sql`select count(*) from users`).toEqual(before)
  expect(await sql`select reference from user_references where reference = 'other'`).toEqual([])
})

test.each([
  `reference => ''`,
  `reference => ' a'`,
  `reference => E'a\\tb'`,
  `reference => E'a\\x7f'`,
  `reference => E'a\\u0085'`,
  `reference => repeat('ä', 256)`,
  `idempotency_key => 'a b'`,
  `metadata => '[]'`,
])('create_user(%s) raises 22023', async (argument) => {
  expect(await codeOf(ledger.sql.unsafe(`select create_user(${argument})`))).toBe('22023')
})

test.each([`repeat('ä', 255)`, `'name with spaces'`, `'''; drop table users; --'`])(
  'create_user() takes the reference %s',
  async (reference) => {
    expect(await one(ledger.sql.unsafe(`select * from create_user(reference => ${reference})`)))
      .toMatchObject({ created: true })
  },
)

test.each([
  [`reference => 'race'`, [false, false]],
  [`idempotency_key => 'race'`, [false, true]],
])('create_user(%s) makes one user for two at once', async (argument, expected) => {
  const { sql } = ledger
  const [first, second] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(second)
  const users = async () => (await one(sql`select count(*) from users`))['count']
  const before = Number(await users())
  await first`begin`
  const { id } = await one(first.unsafe(`select * from create_user(${argument})`))
  const other = start(one(second.unsafe(`select * from create_user(${argument})`)))
  await untilBlocked(sql, pid)
  await first`commit`
  expect(made(await other as Record<string, unknown>)).toEqual([id, ...expected])
  expect(Number(await users())).toBe(before + 1)
})

test.each([`null, 'between', null, 'between'`, `9000, null, null, 'between-id'`])(
  'create_user(%s) repeats what commits after it has looked for the key',
  async (given) => {
    const { sql } = ledger
    const [first, second] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(second)
    await first`begin`
    const { id } = await one(first.unsafe(`select * from create_user(${given})`))
    // What the other one reads next after keys.
    await first`lock table user_references`
    const other = start(one(second.unsafe(`select * from create_user(${given})`)))
    await untilBlocked(sql, pid)
    await first`commit`
    expect(made(await other as Record<string, unknown>)).toEqual([id, false, true])
  },
)
