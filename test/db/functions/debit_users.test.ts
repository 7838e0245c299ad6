import { expect, test } from 'vitest'
import { codeOf, copyOf, historyOf, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { array, call, statuses } from './debit_users.ts'

const ledger = useLedger()

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
