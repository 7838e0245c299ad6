/** On a plain server that looks like a worker, and gives positions of two series one by one. */
import { beforeAll, expect, test } from 'vitest'
import type { Shard } from '../../../src/ledger/shard_map.ts'
import { codeOf, one, useLedger } from '../../support/ledger.ts'
import { makeShards } from '../../support/shards.ts'

const ledger = useLedger()
const SHARDS: Shard[] = [{ id: '101', minHash: -(2 ** 31), host: 'server', port: 1 }]
const FIRST = String(2n ** 48n)
const LAST = String(2n ** 49n - 1n)

interface Row {
  series: number
  position: string | null
  digest: string | null
  type: string | null
  through: string | null
  needs: string | null
  shards: string | null
}

interface Given {
  afters?: string[]
  untils?: string[]
  read?: string[]
  type?: string
  maxRows?: number
}

const array = (values: string[]) => `{${values.join(',')}}`

async function getShardEvents(
  { afters = ['0', FIRST], untils = ['1000', LAST], read = afters, type, maxRows = 10 }: Given,
): Promise<Row[]> {
  return await ledger.sql<Row[]>`
    select x.series, (x.event).position, (x.event).digest, (x.event).type, (x.event).through,
           x.needs::text, x.shards::text
      from ledger.get_shard_events(ledger.epoch(0), ${array(afters)}::bigint[],
        ${array(untils)}::bigint[], ${array(read)}::bigint[], null,
        ${type === undefined ? null : array([type])}::text[], ${maxRows}) x
     order by x.shards nulls first, (x.event).position, x.series`
}

let user: number
beforeAll(async () => {
  const { sql } = ledger
  await makeShards(sql, SHARDS, ['101'], 'views')
  user = await ledger.user()
  const { last } = await one(sql`select last_value::text as last from payment_history_id_seq`)
  await sql`select credit_user(${user}, 10), place_hold(${user}, 5), freeze_user(${user}, 'a test')`
  await sql`select setval('payment_history_id_seq', ${FIRST}::bigint)`
  await sql`select thaw_user(${user}), debit_user(${user}, 1), capture_hold(${user}, 1, 2)`
  await sql`select setval('payment_history_id_seq', ${last as string}::bigint + 100)`
  await sql`select credit_user(${user}, 1)`
})

/** Without what was there before. */
const shown = (rows: Row[]) =>
  rows.filter(({ type }) => type !== null).map(({ series, type }) => `${series} ${type}`)

test('get_shard_events() has what stands in the shards, of each series in order', async () => {
  const rows = await getShardEvents({})
  expect(shown(rows)).toEqual([
    '0 entry.posted',
    '0 hold.placed',
    '0 user.frozen',
    '0 entry.posted',
    '1 user.thawed',
    '1 entry.posted',
    '1 hold.captured',
    '1 entry.posted',
  ])
  expect(rows.slice(-2)).toMatchObject([
    { series: 0, through: '1000', shards: '{101}' },
    { series: 1, through: LAST, shards: '{101}' },
  ])
})

test('each says what comes right before it, if it may be in another series', async () => {
  const rows = await getShardEvents({})
  const at = rows.map(({ position }) => position!)
  const [entry, placed, frozen, last, thawed, debit, captured, capture] = at
  expect(rows.slice(0, -2).map(({ needs }) => needs)).toEqual([
    '{}',
    `{${entry}}`,
    '{}',
    `{${capture}}`,
    `{${frozen}}`,
    `{${entry}}`,
    `{${debit},${placed}}`,
    `{${debit},${captured}}`,
  ])
  expect(thawed! > last!).toBe(true)
  // Who has read all of one has nothing of it to wait for.
  const rest = await getShardEvents({ afters: [last!, FIRST] })
  expect(rest.slice(0, -2).map(({ needs }) => needs)).toEqual([null, null, null, null])
})

test('a page ends after max_rows of a series, and nothing of it is left out', async () => {
  const all = shown(await getShardEvents({}))
  for (const type of [undefined, 'entry.posted']) {
    const found: string[] = []
    let afters = ['0', FIRST]
    for (let pages = 0; pages < 5; pages++) {
      const rows = await getShardEvents({ afters, maxRows: 1, ...type && { type } })
      found.push(...shown(rows))
      afters = rows.slice(-2).map(({ through }) => through!)
    }
    expect(found.sort()).toEqual(all.filter((one) => !type || one.endsWith(type)).sort())
  }
})

test('it finds the digests of what was read, and refuses another epoch', async () => {
  const rows = await getShardEvents({})
  const read = [rows[0]!, rows[4]!]
  const ends = (await getShardEvents({ read: read.map(({ position }) => position!) })).slice(-2)
  expect(ends.map(({ digest }) => digest)).toEqual(read.map(({ digest }) => digest))
  expect((await getShardEvents({ read: ['77777', LAST] })).at(-1)!.digest).toBeNull()
  expect(
    await codeOf(ledger.sql`
    select from ledger.get_shard_events('another', '{0}', '{0}', '{0}')`),
  ).toBe('55P03')
})

test('get_series() tells of whoever has locked a user here, and has not ended', async () => {
  const { sql } = ledger
  const get = () =>
    one(sql`select s.series, s.last_position::text as last, s.oldest_open::text as open,
      s.horizon::text as horizon, s.epoch = ledger.epoch(0) as is_same from ledger.get_series() s`)
  const before = await get()
  expect(before).toMatchObject({ series: 1, open: null, horizon: null, is_same: true })
  const other = ledger.connect()
  await other`begin`
  await other`select pg_current_xact_id()`
  expect((await get())['open']).toBeNull()
  await other`select from users_101 where id = ${user} for no key update`
  const during = await get()
  expect(BigInt(during['open'] as string)).toBeLessThan(BigInt(during['horizon'] as string))
  await other`rollback`
  expect((await get())['open']).toBeNull()
  await sql`select debit_user(${user}, 1)`
  expect(BigInt((await get())['last'] as string)).toBe(BigInt(before['last'] as string) + 1n)
})

test('get_servers() names nobody where all users are on one server', async () => {
  expect(Array.from(await ledger.sql`select * from ledger.get_servers()`)).toEqual([])
})
