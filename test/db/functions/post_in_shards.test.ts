import { beforeAll, expect, test } from 'vitest'
import { hashInt8 } from '../../../src/ledger/shard_map.ts'
import { codeOf, one, useLedger } from '../../support/ledger.ts'
import { makeShards, moveLock, placeShard } from '../../support/shards.ts'

const ledger = useLedger()
const SHARDS = [
  { id: '101', minHash: -(2 ** 31), host: 'server', port: 1 },
  { id: '102', minHash: 0, host: 'server', port: 1 },
  { id: '103', minHash: 2 ** 30, host: 'server', port: 1 },
]
const shardOf = (user: number) => SHARDS.findLast(({ minHash }) => minHash <= hashInt8(user))!.id
const USERS = Array.from({ length: 40 }, (_, n) => n + 10)
/** Two users of each shard, in the order of the shards. */
const [a, b, c, d, e, f] = SHARDS.flatMap(({ id }) =>
  USERS.filter((user) => shardOf(user) === id).slice(0, 2)
)

beforeAll(async () => {
  const { sql } = ledger
  await makeShards(sql, SHARDS, ['101', '102', '103'])
  for (const user of [a, b, c, d, e, f]) {
    await sql`insert into ${sql(`users_${shardOf(user!)}`)} (id) values (${user!})`
  }
})

type Item = [kind: string, user: number, amount: string, key?: string | undefined, peer?: number]

/** Posts items, those of each shard together. @returns n, status, user and balance of each row */
async function post(parts: [shard: string, items: Item[]][], wait = false) {
  const items = parts.flatMap(([, items]) => items)
  const list = (values: (string | number | undefined)[]) =>
    `{${values.map((value) => value ?? 'null').join(',')}}`
  const rows = await ledger.sql`
    select n, status, user_id, user_balance from ledger.post_in_shards(
      ${list(parts.map(([id]) => id))}::bigint[],
      ${list(parts.map(([, items]) => items.length))}::integer[],
      ${list(items.map(([kind]) => kind))}::text[],
      ${list(items.map(([, user]) => user))}::bigint[],
      ${list(items.map(([, , amount]) => amount))}::numeric[],
      ${list(items.map(([, , , , peer]) => peer))}::bigint[],
      idempotency_keys => ${list(items.map(([, , , key]) => key))}::text[], wait => ${wait})`
  return rows.map(({ n, status, user_id: user, user_balance: balance }) => [
    n,
    status,
    Number(user),
    balance,
  ])
}

const balanceOf = async (user: number) =>
  (await one(ledger.sql`select balance from ${ledger.sql(`users_${shardOf(user)}`)}
    where id = ${user}`))['balance']

test('post_in_shards() answers and writes as post() does, shard by shard', async () => {
  expect(
    await post([
      ['101', [['CREDIT', a!, '10', 'k'], ['TRANSFER', a!, '4', undefined, b!]]],
      ['102', [['DEBIT', c!, '1'], ['CREDIT', d!, '5', 'k']]],
      ['103', [['CREDIT', e!, '7'], ['DEBIT', e!, '2', 'k'], ['DEBIT', e!, '2', 'k']]],
    ]),
  ).toEqual([
    [1, 'ok', a, '10.00'],
    [2, 'ok', a, '6.00'],
    [2, 'ok', b, '4.00'],
    [3, 'LGFND', c, '0.00'],
    [4, 'ok', d, '5.00'],
    [5, 'ok', e, '7.00'],
    [6, 'ok', e, '5.00'],
    [7, 'ok', e, '5.00'],
  ])
  expect(await post([['102', [['CREDIT', d!, '5', 'k']]]])).toEqual([[1, 'ok', d, '5.00']])
  expect(await Promise.all([a!, b!, c!, d!, e!].map(balanceOf)))
    .toEqual(['6.00', '4.00', '0.00', '5.00', '5.00'])
})

test('post_in_shards() answers LGMOV for a shard that is elsewhere, and does the rest', async () => {
  const { sql } = ledger
  await placeShard(sql, '102', false)
  const before = await balanceOf(a!)
  for (const wait of [false, true]) {
    expect((await post([
      ['101', [['CREDIT', a!, '1']]],
      ['102', [['CREDIT', c!, '1'], ['CREDIT', d!, '1']]],
      ['103', [['CREDIT', f!, '1']]],
    ], wait)).map(([n, status, user]) => [n, status, user])).toEqual([
      [1, 'ok', a],
      [2, 'LGMOV', c],
      [3, 'LGMOV', d],
      [4, 'ok', f],
    ])
  }
  await placeShard(sql, '102', true)
  expect(Number(await balanceOf(a!)) - Number(before)).toBe(2)
  expect(await balanceOf(f!)).toBe('2.00')
  expect(await balanceOf(c!)).toBe('0.00')
})

test('post_in_shards() answers 55P03 for a shard that is about to move', async () => {
  const mover = ledger.connect()
  await mover`begin`
  await moveLock(mover, '101')
  const items: [string, Item[]][] = [['101', [['DEBIT', a!, '1']]], ['102', [['DEBIT', d!, '1']]]]
  expect((await post(items)).map(([n, status, user]) => [n, status, user]))
    .toEqual([[1, '55P03', a], [2, 'ok', d]])
  await mover`commit`
  expect((await post(items, true)).map(([, status]) => status)).toEqual(['ok', 'ok'])
})

test('post_in_shards() raises LGMOV if a user is of another shard, and writes nothing', async () => {
  const before = await balanceOf(a!)
  expect(await codeOf(post([['101', [['CREDIT', a!, '1']]], ['102', [['CREDIT', e!, '1']]]])))
    .toBe('LGMOV')
  expect(await balanceOf(a!)).toBe(before)
  const unknown = USERS.findLast((user) => shardOf(user) === '101')!
  expect((await post([['101', [['CREDIT', unknown, '1']]]]))[0]![1]).toBe('LGUSR')
})
