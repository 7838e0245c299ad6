import { expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../ledger.ts'

const ledger = useLedger()

test('get_moments() answers each moment in order, with the entry that it stands on', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select debit_user(${id}, 4)`
  const entries = await sql`
    select sealed_at, hash from entries where user_id = ${id} order by seq`
  const [first, second] = entries
  const rows = await sql`
    select * from get_moments(${id},
      array[${second!['sealed_at']}, '2000-01-01', null, ${first!['sealed_at']}]::timestamptz[])`
  expect([...rows]).toEqual([
    { at: second!['sealed_at'], seq: '2', balance: '6.00', hash: second!['hash'] },
    { at: '2000-01-01 00:00:00+00', seq: '0', balance: '0.00', hash: null },
    { at: expect.stringMatching(/^\d{4}-/), seq: '2', balance: '6.00', hash: second!['hash'] },
    { at: first!['sealed_at'], seq: '1', balance: '10.00', hash: first!['hash'] },
  ])
  expect(first!['hash']).toMatch(/^[0-9a-f]{64}$/)
})

test('get_moments() says when now is, not before what it has seen', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const row = await one(sql`
    select m.at >= e.sealed_at as after, m.at <= clock_timestamp() as past
      from get_moments(${id}, array[null]::timestamptz[]) m
      join entries e on e.user_id = ${id} and e.seq = m.seq`)
  expect(row).toEqual({ after: true, past: true })
})

test('get_moments() answers nothing for no moments, and raises LGUSR for no user', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  expect(await sql`select * from get_moments(${id}, '{}')`).toHaveLength(0)
  expect(await codeOf(sql`select * from get_moments(999999, '{now}')`)).toBe('LGUSR')
  expect(await codeOf(sql`select * from get_moments(null, '{now}')`)).toBe('LGUSR')
})
