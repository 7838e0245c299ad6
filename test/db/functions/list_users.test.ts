import { beforeAll, expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

beforeAll(async () => {
  await ledger.sql`select create_user(10, 'ten', '{"n": 10}')`
  for (const id of [11, 12, 13]) await ledger.sql`select create_user(${id})`
  await ledger.sql`select credit_user(11, 5)`
  await ledger.sql`select place_hold(11, 2)`
})

const idsOf = (rows: readonly Record<string, unknown>[]) => rows.map(({ id }) => Number(id))

test('list_users() gives users in order of id, page by page', async () => {
  const { sql } = ledger
  expect(idsOf(await sql`select * from ledger.list_users()`)).toEqual([1, 10, 11, 12, 13])
  expect(idsOf(await sql`select * from ledger.list_users(after => 10, max_rows => 2)`))
    .toEqual([11, 12])
  expect(idsOf(await sql`select * from ledger.list_users(after => 13)`)).toEqual([])
})

test('list_users() says what a user was made as, and what it has', async () => {
  const { sql } = ledger
  expect(await one(sql`select * from ledger.list_users(reference => 'ten')`))
    .toMatchObject({ id: '10', reference: 'ten', metadata: { n: 10 }, balance: '0.00', seq: '0' })
  expect(await one(sql`select * from ledger.list_users(after => 10, max_rows => 1)`))
    .toMatchObject({ id: '11', reference: null, balance: '5.00', available: '3.00', seq: '1' })
})

test('list_users() gives nothing for a reference that nobody has', async () => {
  expect(await ledger.sql`select * from ledger.list_users(reference => 'TEN')`).toEqual([])
  expect(await ledger.sql`select * from ledger.list_users(reference => 'ten', after => 10)`)
    .toEqual([])
})

test('list_users() gives none but those who are asked for', async () => {
  const { sql } = ledger
  expect(idsOf(await sql`select * from ledger.list_users(user_ids => '{13,11,11,99}')`))
    .toEqual([11, 13])
  expect(idsOf(
    await sql`
    select * from ledger.list_users(user_ids => '{13,11}', after => 11, max_rows => 1)`,
  ))
    .toEqual([13])
  expect(await sql`select * from ledger.list_users(reference => 'ten', user_ids => '{11}')`)
    .toEqual([])
})
