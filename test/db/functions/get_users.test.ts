import { expect, test } from 'vitest'
import { one, stateOf, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('get_users() answers those that exist', async () => {
  const { sql } = ledger
  const [a, b] = [await ledger.user('10.5'), await ledger.user()]
  const rows = await sql`
    select * from ledger.get_users(user_ids => ${`{${a},${b},999999,null}`}::bigint[]) order by id`
  const times = {
    updated_at: expect.stringMatching(/^\d{4}-/),
    read_at: expect.stringMatching(/^\d{4}-/),
    expires_in_ms: null,
  }
  expect([...rows]).toEqual([
    { id: String(a), balance: '10.50', available: '10.50', seq: '1', version: '1', ...times },
    { id: String(b), balance: '0.00', available: '0.00', seq: '0', version: '0', ...times },
  ])
})

test('get_users() answers one row for an id given twice, and none for none', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  expect(await sql`select * from ledger.get_users(${`{${id},${id}}`}::bigint[])`).toHaveLength(1)
  expect(await sql`select * from ledger.get_users('{}')`).toHaveLength(0)
  expect(await sql`select * from ledger.get_users(null)`).toHaveLength(0)
})

test('get_users() reads the history, whatever users.balance says', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`update users set balance = 1000, seq = 5 where id = ${id}`
  expect(await one(sql`select * from ledger.get_users(${`{${id}}`}::bigint[])`))
    .toMatchObject({ balance: '10.00', available: '10.00', seq: '1', version: '1' })
})

test('get_users() leaves manual entries pending, and posts nothing', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  const before = await stateOf(sql, id)
  expect(await one(sql`select * from ledger.get_users(${`{${id}}`}::bigint[])`))
    .toMatchObject({ balance: '10.00', seq: '1' })
  expect(await stateOf(sql, id)).toEqual(before)
})

test('get_users() waits for nobody and sees nothing that is open', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const holder = ledger.connect()
  await holder`begin`
  await holder`select debit_user(${id}, 4)`
  expect(await one(sql`select * from ledger.get_users(${`{${id}}`}::bigint[])`))
    .toMatchObject({ balance: '10.00', seq: '1' })
  await holder`commit`
  expect(await one(sql`select * from ledger.get_users(${`{${id}}`}::bigint[])`))
    .toMatchObject({ balance: '6.00', seq: '2' })
})

test('get_users() says when by the clock of the database', async () => {
  const row = await one(ledger.sql`
    select read_at = statement_timestamp() as same from ledger.get_users('{1}')`)
  expect(row['same']).toBe(true)
})
