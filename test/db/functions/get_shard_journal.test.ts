/** On a plain server that looks like a worker, and gives positions of two series one by one. */
import { beforeAll, expect, test } from 'vitest'
import type { Shard } from '../../../src/ledger/shard_map.ts'
import { one, useLedger } from '../../support/ledger.ts'
import { makeShards } from '../../support/shards.ts'

const ledger = useLedger()
const SHARDS: Shard[] = [{ id: '101', minHash: -(2 ** 31), host: 'server', port: 1 }]
const FIRST = 2n ** 48n
const LAST = 2n ** 49n

interface Row {
  position: string | null
  user_id: string | null
  seq: string | null
  newer: string | null
  through: string | null
  shards: string | null
}

let user: number
/** Positions of the user's entries, by seq. */
let at: string[]

const getShardJournal = async (
  befores: (bigint | string)[],
  maxRows = 10,
  maxScanned = 10_000,
): Promise<Row[]> =>
  await ledger.sql<Row[]>`
    select (x.entry).position, (x.entry).user_id, (x.entry).seq, x.newer, x.through,
           x.shards::text
      from ledger.get_shard_journal(${`{${befores.join(',')}}`}::bigint[], ${maxRows},
        ${maxScanned}) with ordinality x
     order by coalesce((x.entry).position, x.through) >> 48, (x.entry).position desc nulls last`

beforeAll(async () => {
  const { sql } = ledger
  await makeShards(sql, SHARDS, ['101'], 'views')
  user = await ledger.user()
  const { last } = await one(sql`select last_value::text as last from payment_history_id_seq`)
  await sql`select credit_user(${user}, 10)`
  await sql`select setval('payment_history_id_seq', ${`${FIRST}`}::bigint)`
  await sql`select debit_user(${user}, 1), debit_user(${user}, 2)`
  await sql`select setval('payment_history_id_seq', ${last as string}::bigint + 100)`
  await sql`select credit_user(${user}, 1, null, '{"a": 1}')`
  const rows = await sql<{ id: string }[]>`
    select id from payment_history where user_id = ${user} order by seq`
  at = ['', ...rows.map(({ id }) => id)]
})

const own = (rows: Row[]) =>
  rows.filter(({ user_id: id }) => id === `${user}`)
    .map(({ position, seq, newer }) => [seq, position, newer])

test('get_shard_journal() has the entries of each series, the highest first', async () => {
  const rows = await getShardJournal([FIRST, LAST])
  expect(own(rows)).toEqual([
    ['4', at[4], null],
    ['1', at[1], at[2]],
    ['3', at[3], at[4]],
    ['2', at[2], at[3]],
  ])
  expect(rows.filter(({ through }) => through !== null)).toMatchObject([
    { through: '0', shards: '{101}' },
    { through: `${FIRST}`, shards: '{101}' },
  ])
  expect(own(await getShardJournal([at[4]!, at[3]!])).map(([seq]) => seq)).toEqual(['1', '2'])
})

test('it shows an entry as list_journal() does', async () => {
  const [here] = await ledger.sql`
    select x.entry::text as entry from ledger.get_shard_journal(array[${`${FIRST}`}]::bigint[], 1) x
     where x.entry is distinct from null`
  const [there] = await ledger.sql`
    select l::text as entry from ledger.list_journal(${`${FIRST}`}::bigint, 1) l`
  expect(here).toEqual(there)
})

test('of each series it answers max_rows, and says down to where', async () => {
  const rows = await getShardJournal([FIRST, LAST], 1)
  expect(own(rows).map(([seq]) => seq)).toEqual(['4', '3'])
  expect(rows.flatMap(({ through }) => through ?? [])).toEqual([at[4], at[3]])
})

test('pending entries are passed over, max_scanned at most', async () => {
  const { sql } = ledger
  await sql`begin`
  await sql`insert into payment_history (user_id, action, amount)
    select ${user}, 'CREDIT', 1 from generate_series(1, 150)`
  const rows = await getShardJournal([FIRST], 10, 1)
  const { id } = await one(sql`
    select id from payment_history where seq is null order by id desc offset 99 limit 1`)
  expect(rows).toMatchObject([{ position: null, through: id, shards: '{101}' }])
  const rest = await getShardJournal([rows[0]!.through!], 1)
  expect(own(rest).map(([seq]) => seq)).toEqual(['4'])
  await sql`rollback`
})
