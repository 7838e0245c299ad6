import { expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

test('get_moments() answers each moment in order, with the entry that it stands on', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select debit_user(${id}, 4)`
  const entries = await sql`
    select sealed_at, hash from entries where user_id = ${id} order by seq`
  const [first, second] = entries
  const last = second!['sealed_at'] as string
  const rows = await sql`
    select * from ledger.get_moments(${id},
      array[${second!['sealed_at']}, '2000-01-01', null, ${first!['sealed_at']}]::timestamptz[])`
  expect([...rows]).toEqual([
    { at: second!['sealed_at'], seq: '2', balance: '6.00', hash: second!['hash'] },
    { at: '2000-01-01 00:00:00+00', seq: '0', balance: '0.00', hash: null },
    { at: last, seq: '2', balance: '6.00', hash: second!['hash'] },
    { at: first!['sealed_at'], seq: '1', balance: '10.00', hash: first!['hash'] },
  ])
  expect(first!['hash']).toMatch(/^[0-9a-f]{64}$/)
})

test('get_moments() of now is the last entry, or when the user was made: final, and no wait', async () => {
  const { sql } = ledger
  const [id, none] = [await ledger.user(10), await ledger.user()]
  const holder = ledger.connect()
  await holder`begin`
  await holder`select debit_user(${id}, 1)`
  await sql`set lock_timeout = '1s'`
  const now = (user: number) =>
    one(sql`select at, seq from ledger.get_moments(${user}, array[null]::timestamptz[])`)
  const { at } = await one(sql`select sealed_at as at from entries where user_id = ${id}`)
  expect(await now(id)).toEqual({ at, seq: '1' })
  const made = await one(sql`select created_at as at from users where id = ${none}`)
  expect(await now(none)).toEqual({ at: made['at'], seq: '0' })
  await holder`rollback`
  await sql`reset lock_timeout`
})

test('get_moments() answers as of now for a moment to come, which its caller refuses', async () => {
  const id = await ledger.user(10)
  expect(
    await one(ledger.sql`
    select seq, balance from ledger.get_moments(${id}, '{2999-01-01}')`),
  )
    .toEqual({ seq: '1', balance: '10.00' })
})

test('get_moments() answers nothing for no moments, and raises LGUSR for no user', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  expect(await sql`select * from ledger.get_moments(${id}, '{}')`).toHaveLength(0)
  expect(await codeOf(sql`select * from ledger.get_moments(999999, '{now}')`)).toBe('LGUSR')
  expect(await codeOf(sql`select * from ledger.get_moments(null, '{now}')`)).toBe('LGUSR')
})
