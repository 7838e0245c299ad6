import { expect, test } from 'vitest'
import type postgres from 'postgres'
import {
  blocks,
  codeOf,
  copyOf,
  findingsOf,
  historyOf,
  pidOf,
  start,
  stateOf,
  useLedger,
} from '../../support/ledger.ts'

const ledger = useLedger()

type Item = [userId: number | null, amount: string | number | null, key?: string | null]

const array = (values: (string | number | null | undefined)[]) =>
  `{${values.map((value) => value ?? 'null').join(',')}}`

const call = (sql: postgres.Sql, ...items: Item[]) =>
  sql`select * from debit_users(
    ${array(items.map(([id]) => id))}::bigint[],
    ${array(items.map(([, amount]) => amount))}::numeric[],
    ${array(items.map(([, , key]) => key))}::text[])`

const statuses = async (sql: postgres.Sql, ...items: Item[]) =>
  (await call(sql, ...items)).map(({ status }) => status as string)

test('debit_users() answers a row for each item in their order', async () => {
  const { sql } = ledger
  const [a, b] = [await ledger.user(10), await ledger.user(20)]
  const rows = await call(sql, [b, 1, 'k'], [a, 2], [b, '3.50'], [a, 4])
  const common = {
    action: 'DEBIT',
    ts: expect.stringMatching(/^\d{4}-/),
    replayed: false,
    status: 'ok',
  }
  const row = (id: number, seq: number, amount: string, balance: string) => ({
    user_id: String(id),
    seq: String(seq),
    amount,
    balance,
    available: balance,
    ...common,
  })
  expect([...rows]).toEqual([
    row(b, 2, '1.00', '19.00'),
    row(a, 2, '2.00', '8.00'),
    row(b, 3, '3.50', '15.50'),
    row(a, 3, '4.00', '4.00'),
  ])
  expect(await copyOf(sql, a)).toBe('4.00 at 3')
  expect(await copyOf(sql, b)).toBe('15.50 at 3')
  expect(await findingsOf(sql)).toEqual([])
})

test('debit_users() takes its arguments by name, keys or not', async () => {
  const id = await ledger.user(10)
  const rows = await ledger.sql`select * from debit_users(
    amounts => '{1,1}', user_ids => ${array([id, id])}::bigint[])`
  expect(rows.map(({ seq }) => seq)).toEqual(['2', '3'])
})

test('debit_users() answers nothing for no items', async () => {
  expect(await statuses(ledger.sql)).toEqual([])
})

test('debit_users() refuses one item and lets the others pass', async () => {
  const { sql } = ledger
  const [a, b, poor] = [await ledger.user(10), await ledger.user(20), await ledger.user()]
  await sql`select debit_user(${a}, 1, 'used')`
  expect(
    await statuses(
      sql,
      [a, 1],
      [999_999, 1],
      [null, 1],
      [a, 'NaN'],
      [a, 'Infinity'],
      [a, '0.001'],
      [a, 0],
      [a, -1],
      [a, null],
      [a, '1e10'],
      [poor, 1],
      [a, 100],
      [a, 2, 'used'],
      [a, 1, '"a b"'],
      [a, 1, '""'],
      [b, 20],
      [b, '0.01'],
      [a, 8],
    ),
  ).toEqual([
    'ok',
    'LGUSR',
    'LGUSR',
    ...Array.from({ length: 7 }, () => 'LGAMT'),
    'LGFND',
    'LGFND',
    'LGKEY',
    '22023',
    '22023',
    'ok',
    'LGFND',
    'ok',
  ])
  expect(await historyOf(sql, a))
    .toEqual(['+10.00=10.00', '-1.00=9.00', '-1.00=8.00', '-8.00=0.00'])
  expect(await historyOf(sql, b)).toEqual(['+20.00=20.00', '-20.00=0.00'])
  expect(await historyOf(sql, poor)).toEqual([])
  expect(await findingsOf(sql)).toEqual([])
})

test('debit_users() tells of a refusal what is there, and of an unknown user nothing', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const [poor, unknown] = await call(sql, [id, 11], [999_999, 1])
  expect(poor).toEqual({
    user_id: String(id),
    seq: null,
    action: 'DEBIT',
    amount: '11.00',
    balance: '10.00',
    available: '10.00',
    ts: null,
    replayed: false,
    status: 'LGFND',
  })
  expect(unknown).toMatchObject({ seq: null, balance: null, available: null, status: 'LGUSR' })
})

test('debit_users() replays a key, also one used twice in the same batch', async () => {
  const { sql } = ledger
  const [a, b] = [await ledger.user(10), await ledger.user(10)]
  const rows = await call(sql, [a, 1, 'x'], [b, 1, 'x'], [a, 1, 'x'], [a, 2, 'x'], [a, 1, 'y'])
  expect(rows.map(({ status, seq, replayed }) => [status, seq, replayed])).toEqual([
    ['ok', '2', false],
    ['ok', '2', false],
    ['ok', '2', true],
    ['LGKEY', null, false],
    ['ok', '3', false],
  ])
  expect(rows[2]).toEqual({ ...rows[0], replayed: true })
  const again = await call(sql, [a, 1, 'y'], [a, 1, 'x'])
  expect(again.map(({ ts, balance }) => [ts, balance]))
    .toEqual([rows[4], rows[0]].map((row) => [row!['ts'], row!['balance']]))
  expect(await copyOf(sql, a)).toBe('8.00 at 3')
})

test('debit_users() never replays items without a key', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const rows = await call(sql, [id, 1], [id, 1, 'x'], [id, 1], [id, 1])
  expect(rows.map(({ seq, replayed }) => [seq, replayed]))
    .toEqual([['2', false], ['3', false], ['4', false], ['5', false]])
})

test('debit_users() leaves the key of a refusal free, also for the same batch', async () => {
  const id = await ledger.user(10)
  const rows = await call(ledger.sql, [id, 11, 'x'], [id, 10, 'x'], [id, 10, 'x'])
  expect(rows.map(({ status, replayed }) => [status, replayed]))
    .toEqual([['LGFND', false], ['ok', false], ['ok', true]])
})

test('debit_users() answers 55P03 at once for a user whom somebody else holds', async () => {
  const { sql } = ledger
  const [a, held, c] = [await ledger.user(10), await ledger.user(10), await ledger.user(10)]
  const [holder, caller] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(caller)
  await holder`begin`
  await holder`select debit_user(${held}, 5)`
  const debit = start(statuses(caller, [held, 1], [a, 1], [held, 1], [c, 1]))
  expect(await blocks(sql, pid, debit)).toBe(false)
  expect(await debit).toEqual(['55P03', 'ok', '55P03', 'ok'])
  await holder`rollback`
  expect(await statuses(caller, [held, 1])).toEqual(['ok'])
  expect(await historyOf(sql, held)).toEqual(['+10.00=10.00', '-1.00=9.00'])
})

test('debit_users() posts manual entries first, also an open one of its transaction', async () => {
  const id = await ledger.user()
  const caller = ledger.connect()
  await caller`begin`
  await caller`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
  expect(await statuses(caller, [id, 5], [id, 5])).toEqual(['ok', 'LGFND'])
  await caller`rollback`
  expect(await historyOf(ledger.sql, id)).toEqual([])
})

test('debit_users() answers 55P03 until more than 1000 manual entries are worked off', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(), await ledger.user(1)]
  await sql`
    insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 1 from generate_series(1, 2500)`
  expect(await statuses(sql, [id, 1], [other, 1])).toEqual(['55P03', 'ok'])
  expect(await copyOf(sql, id)).toBe('1000.00 at 1000')
  expect(await statuses(sql, [id, 1])).toEqual(['55P03'])
  expect(await statuses(sql, [id, 2500])).toEqual(['ok'])
  expect(await copyOf(sql, id)).toBe('0.00 at 2501')
})

test('debit_users() under repeatable read raises 40001 for what its snapshot has not seen', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const caller = ledger.connect()
  await caller`begin isolation level repeatable read`
  await caller`select 1 from users limit 1`
  await sql`select debit_user(${id}, 10)`
  expect(await codeOf(call(caller, [id, 10]))).toBe('40001')
  await caller`rollback`
  expect(await copyOf(sql, id)).toBe('0.00 at 2')
})

test.each([
  ["'{1}'", "'{1,1}'", 'null'],
  ["'{1}'", "'{1}'", "'{a,b}'"],
  ['null', "'{1}'", 'null'],
  ["'{1}'", 'null', 'null'],
])('debit_users(%s, %s, %s) raises 22023', async (ids, amounts, keys) => {
  const { sql } = ledger
  const before = await stateOf(sql, 1)
  const query = `select debit_users(${ids}, ${amounts}, ${keys})`
  expect(await codeOf(sql.unsafe(query))).toBe('22023')
  expect(await stateOf(sql, 1)).toEqual(before)
})
