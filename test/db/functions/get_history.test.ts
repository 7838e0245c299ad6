import { beforeAll, expect, test } from 'vitest'
import { one, stateOf, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()
let id: number
let other: number

beforeAll(async () => {
  const { sql } = ledger
  id = await ledger.user(100)
  other = await ledger.user()
  await sql`select debit_user(${id}, 1, 'key', '{"m": 1}')`
  await sql`select transfer(${id}, ${other}, 2)`
  await sql`select place_hold(${id}, 10)`
  await sql`select capture_hold(${id}, 1, 3)`
  await sql`select reverse_entry(${id}, 2)`
  await sql`select place_hold(${id}, 4)`
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
})

const seqs = async (query: PromiseLike<readonly { seq: string }[]>) =>
  (await query).map(({ seq }) => Number(seq))

test('get_history() answers the last entries, newest first, without pending rows', async () => {
  const { sql } = ledger
  const before = await stateOf(sql, id)
  const rows = await sql`select * from ledger.get_history(${id})`
  const plain = {
    user_id: String(id),
    idempotency_key: null,
    metadata: null,
    peer_user_id: null,
    peer_seq: null,
    reverses: null,
    reversed_by: null,
    hold: null,
    reversed: null,
    held: expect.stringMatching(/^\d+\.\d\d$/),
    ts: expect.stringMatching(/^\d{4}-/),
    sealed_at: expect.stringMatching(/^\d{4}-/),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  }
  const debit = { ...plain, action: 'DEBIT' }
  const credit = { ...plain, action: 'CREDIT' }
  expect([...rows]).toEqual([
    { ...credit, seq: '5', amount: '1.00', balance: '95.00', available: '95.00', reverses: '2' },
    { ...debit, seq: '4', amount: '3.00', balance: '94.00', available: '94.00', hold: '1' },
    {
      ...debit,
      seq: '3',
      amount: '2.00',
      balance: '97.00',
      available: '97.00',
      peer_user_id: String(other),
      peer_seq: '1',
    },
    {
      ...debit,
      seq: '2',
      amount: '1.00',
      balance: '99.00',
      available: '99.00',
      idempotency_key: 'key',
      metadata: { m: 1 },
      reversed_by: '5',
    },
    { ...credit, seq: '1', amount: '100.00', balance: '100.00', available: '100.00' },
  ])
  expect(await stateOf(sql, id)).toEqual(before)
})

test('get_history() pages by seq', async () => {
  const { sql } = ledger
  const page = (before: number | null, rows: number) =>
    seqs(sql`select seq from ledger.get_history(${id}, ${before}::bigint, ${rows})`)
  expect(await page(null, 2)).toEqual([5, 4])
  expect(await page(4, 2)).toEqual([3, 2])
  expect(await page(2, 2)).toEqual([1])
  expect(await page(1, 2)).toEqual([])
  expect(await page(0, 2)).toEqual([])
  expect(await page(1000, 1000)).toEqual([5, 4, 3, 2, 1])
  expect(await page(null, 0)).toEqual([])
})

test('get_history() answers nothing for an unknown user, and waits for nobody', async () => {
  const { sql } = ledger
  const holder = ledger.connect()
  await holder`begin`
  await holder`select debit_user(${id}, 1)`
  await sql`set lock_timeout = '1s'`
  expect(await one(sql`select seq, balance from ledger.get_history(${id}, null, 1)`))
    .toEqual({ seq: '5', balance: '95.00' })
  await holder`rollback`
  for (const user of [999_999, null]) {
    expect(await sql`select * from ledger.get_history(${user}::bigint)`).toHaveLength(0)
  }
})
