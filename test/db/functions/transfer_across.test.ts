/** On one server that has all shards, as a worker and as the coordinator at once. */
import type postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { shardOf } from '../../../src/ledger/shard_map.ts'
import { codeOf, useLedger } from '../../support/ledger.ts'
import { makeShards, placeShard } from '../../support/shards.ts'

const ledger = useLedger()
const SHARDS = [
  { id: '101', minHash: -(2 ** 31), host: 'server', port: 1 },
  { id: '102', minHash: 0, host: 'server', port: 1 },
]
const ids = Array.from({ length: 40 }, (_, n) => n + 10)
const [LOW, LOW_PEER] = ids.filter((id) => shardOf(SHARDS, id).id === '101') as [number, number]
const [HIGH] = ids.filter((id) => shardOf(SHARDS, id).id === '102') as [number]
const NOBODY = 99
let sql: postgres.Sql

beforeAll(async () => {
  sql = ledger.connect()
  await makeShards(sql, SHARDS, ['101', '102'], 'views')
  await sql`
    create or replace function ledger.is_distributed() returns boolean
      language sql immutable parallel safe as $$ select true $$`
  for (const { definition } of await sql`select definition from ledger.calls_in_shards()`) {
    await sql.unsafe(definition as string)
  }
  await sql`set application_name = 'citus_internal gpid=1'`
  for (const id of [LOW, LOW_PEER, HIGH]) {
    await sql`insert into users (id) values (${id})`
    await sql`select credit_user(${id}, 100)`
  }
})

/** What is kept of all users: their copies, and the last entry of each. */
const stateOf = async () => {
  const rows = await sql<{ id: string; state: string }[]>`
    select u.id, concat_ws(' ', u.balance, h.action, h.balance, h.peer_user_id, h.idempotency_key)
             as state
      from users u join payment_history h on h.user_id = u.id and h.seq = u.seq`
  return Object.fromEntries(rows.map(({ id, state }) => [id, state]))
}
const transferred = (from: number, to: number, amount: string, key: string | null = null) =>
  sql<{ user_id: string; action: string; balance: string; replayed: boolean }[]>`
    select user_id, action, balance, replayed from transfer(${from}, ${to}, ${amount}, ${key})`
const across = async (from: number, to: number, amount: string, key: string | null = null) => {
  const [row] = await sql<{ entries: string | null }[]>`
    select ledger.transfer_across(${from}, ${to}, ${amount}, ${key}, null)::text as entries`
  return row!.entries
}

test('both halves are written, whoever sends', async () => {
  expect([...await transferred(LOW, HIGH, '30', 'one')]).toEqual([
    { user_id: `${LOW}`, action: 'DEBIT', balance: '70.00', replayed: false },
    { user_id: `${HIGH}`, action: 'CREDIT', balance: '130.00', replayed: false },
  ])
  expect(await stateOf()).toMatchObject({
    [LOW]: `70.00 DEBIT 70.00 ${HIGH} one`,
    [HIGH]: `130.00 CREDIT 130.00 ${LOW}`,
  })
  expect([...await transferred(HIGH, LOW, '50', 'two')]).toEqual([
    { user_id: `${HIGH}`, action: 'DEBIT', balance: '80.00', replayed: false },
    { user_id: `${LOW}`, action: 'CREDIT', balance: '120.00', replayed: false },
  ])
  expect(await across(LOW_PEER, LOW, '10')).not.toBeNull()
  expect(await stateOf()).toEqual({
    [LOW]: `130.00 CREDIT 130.00 ${LOW_PEER}`,
    [LOW_PEER]: `90.00 DEBIT 90.00 ${LOW}`,
    [HIGH]: `80.00 DEBIT 80.00 ${LOW} two`,
  })
})

test('each half chains to the entry before it, and names the other of its moment', async () => {
  for (const id of [LOW, LOW_PEER, HIGH]) {
    expect([...await sql`select * from verify_user(${id}::bigint)`]).toEqual([])
  }
  const wrong = await sql`
    select e.user_id, e.seq from payment_history e
      left join payment_history o on o.user_id = e.peer_user_id and o.seq = e.peer_seq
     where e.peer_user_id is not null
       and (o.peer_user_id, o.peer_seq, o.ts) is distinct from (e.user_id, e.seq, e.ts)`
  expect([...wrong]).toEqual([])
})

test.each([[LOW, HIGH, '30', 'one'], [HIGH, LOW, '50', 'two']])(
  'a repeat is answered as before, and changes nothing (%i to %i)',
  async (from, to, amount, key) => {
    const before = await stateOf()
    expect(await across(from, to, amount, key)).toBeNull()
    expect(await stateOf()).toEqual(before)
    expect([...await transferred(from, to, amount, key)].map((entry) => entry.replayed))
      .toEqual([true, true])
    expect(await stateOf()).toEqual(before)
  },
)

test.each([
  ['LGFND', LOW, HIGH, '500', null],
  ['LGFND', HIGH, LOW, '500', null],
  ['LGKEY', LOW, HIGH, '31', 'one'],
  ['LGKEY', HIGH, LOW, '31', 'two'],
  ['LGUSR', LOW, NOBODY, '1', null],
  ['LGUSR', NOBODY, HIGH, '1', null],
  ['LGSAM', LOW, LOW, '1', null],
  ['LGAMT', LOW, HIGH, '0.001', null],
  ['22023', LOW, HIGH, '1', ''],
])('%s: nothing is written (%i to %i, %s, key %s)', async (code, from, to, amount, key) => {
  const before = await stateOf()
  expect(await across(from, to, amount, key)).toBeNull()
  expect(await codeOf(transferred(from, to, amount, key))).toBe(code)
  expect(await stateOf()).toEqual(before)
})

test('LGFRZ: a frozen user sends nothing, and receives', async () => {
  await sql`select freeze_user(${HIGH}, 'test')`
  expect(await codeOf(transferred(HIGH, LOW, '1'))).toBe('LGFRZ')
  expect(await codeOf(transferred(LOW, HIGH, '1'))).toBe('ok')
  await sql`select thaw_user(${HIGH}, 'test')`
})

test('LGMOV: a half whose shard has moved takes back the other', async () => {
  const before = await stateOf()
  await placeShard(sql, '102', false)
  expect(await codeOf(transferred(LOW, HIGH, '1'))).toBe('LGMOV')
  expect(await codeOf(transferred(HIGH, LOW, '1'))).toBe('LGMOV')
  await placeShard(sql, '102', true)
  expect(await stateOf()).toEqual(before)
})
