import type postgres from 'postgres'
import { beforeAll, expect, test } from 'vitest'
import { hashInt8 } from '../../../src/ledger/shard_map.ts'
import { codeOf, one, useLedger } from '../../support/ledger.ts'
import { makeShards, placeShard } from '../../support/shards.ts'

const ledger = useLedger()
const SHARDS = [
  { id: '101', minHash: -(2 ** 31), host: 'server', port: 1 },
  { id: '102', minHash: 0, host: 'another', port: 1 },
]
const ids = Array.from({ length: 20 }, (_, n) => n + 10)
const HERE = ids.find((id) => hashInt8(id) < 0)!
const ELSEWHERE = ids.find((id) => hashInt8(id) >= 0)!
/** As the coordinator calls a function on a worker. */
let sql: postgres.Sql

beforeAll(async () => {
  sql = ledger.connect()
  await makeShards(sql, SHARDS, ['101'])
  await sql`
    create or replace function ledger.is_distributed() returns boolean
      language sql immutable parallel safe as $$ select true $$`
  for (const { definition } of await sql`select definition from ledger.calls_in_shards()`) {
    await sql.unsafe(definition as string)
  }
  for (const table of ['users', 'users_101']) {
    await sql`insert into ${sql(table)} (id) values (${HERE}), (${ELSEWHERE})`
  }
  await sql`set application_name = 'citus_internal gpid=1'`
})

const seqOf = async (table: string, user: number) =>
  Number((await one(sql`select seq from ${sql(table)} where id = ${user}`))['seq'])

/** Credits a user. @returns the table whose user it was. */
async function creditedIn(user: number, on: postgres.Sql = sql): Promise<string[]> {
  const tables = ['users', 'users_101']
  const before = await Promise.all(tables.map((table) => seqOf(table, user)))
  await on`select credit_user(${user}, 1)`
  const after = await Promise.all(tables.map((table) => seqOf(table, user)))
  return tables.filter((_, n) => after[n]! > before[n]!)
}

test('a call of the coordinator works in the shard of the user', async () => {
  expect(await creditedIn(HERE)).toEqual(['users_101'])
  expect(await creditedIn(HERE)).toEqual(['users_101'])
  await sql`select debit_user(${HERE}, 0.25, 'key')`
  expect(await one(sql`select * from debit_user(${HERE}, 0.25, 'key')`))
    .toMatchObject({ balance: '1.75', replayed: true })
  expect(await one(sql`select * from place_hold(${HERE}, 1)`)).toMatchObject({ hold: '1' })
  expect(await one(sql`select * from capture_hold(${HERE}, 1, 0.50, final => false)`))
    .toMatchObject({ balance: '1.25', available: '0.75' })
  expect(await one(sql`select * from release_hold(${HERE}, 1)`))
    .toMatchObject({ available: '1.25' })
  expect(await codeOf(sql`select debit_user(${HERE}, 2)`)).toBe('LGFND')
})

test('a call for a user elsewhere goes through Citus, and so does any other', async () => {
  expect(await creditedIn(ELSEWHERE)).toEqual(['users'])
  expect(await creditedIn(HERE, ledger.connect())).toEqual(['users'])
  expect(await codeOf(sql`select credit_user(null, 1)`)).toBe('LGUSR')
})

test('a call goes through Citus when the shard has moved', async () => {
  await placeShard(sql, '101', false)
  expect(await creditedIn(HERE)).toEqual(['users'])
  await placeShard(sql, '101', true)
  expect(await creditedIn(HERE)).toEqual(['users_101'])
})

test('a call that may not see where the shard is by now goes through Citus', async () => {
  await sql`set default_transaction_isolation = 'repeatable read'`
  expect(await creditedIn(HERE)).toEqual(['users'])
  await sql`reset default_transaction_isolation`
})

test("verify_guards() finds a function that doesn't call that of the shard", async () => {
  const found = async () =>
    Array.from(await sql<{ detail: string }[]>`select detail from ledger.verify_guards()`)
      .filter(({ detail }) => detail.includes('debit_user('))
  expect(await found()).toEqual([])
  const [{ source }] = await sql<[{ source: string }]>`
    select pg_get_functiondef('debit_user'::regproc) as source`
  await sql.unsafe(source.replace('keeps_shard(101)', 'keeps_shard(102)'))
  expect(await found()).toHaveLength(1)
  await sql.unsafe(source.replace(/ {2}-- Calls.*-- End[^\n]*\n/s, ''))
  expect(await found()).toHaveLength(1)
  await sql.unsafe(source)
  expect(await found()).toEqual([])
})
