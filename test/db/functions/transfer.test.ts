import { expect, test } from 'vitest'
import { codeOf, historyOf, snapshotOf, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { sealCredit } from '../../support/sealing.ts'

const ledger = useLedger()

test('transfer() takes from one, adds to the other, and each half names the other', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(100), await ledger.user()]
  const rows = await sql`
    select * from transfer(metadata => '{"m": 1}', amount => 30.5, to_user_id => ${to},
      from_user_id => ${from})`
  const ts = expect.stringMatching(/^\d{4}-/)
  expect([...rows]).toEqual([
    {
      user_id: String(from),
      seq: '2',
      action: 'DEBIT',
      amount: '30.50',
      balance: '69.50',
      available: '69.50',
      ts,
      replayed: false,
    },
    {
      user_id: String(to),
      seq: '1',
      action: 'CREDIT',
      amount: '30.50',
      balance: '30.50',
      available: '30.50',
      ts,
      replayed: false,
    },
  ])
  const halves = await sql`
    select user_id, peer_user_id, peer_seq, metadata from entries
     where peer_user_id is not null and user_id in (${from}, ${to}) order by user_id`
  expect([...halves]).toEqual([
    { user_id: String(from), peer_user_id: String(to), peer_seq: '1', metadata: { m: 1 } },
    { user_id: String(to), peer_user_id: String(from), peer_seq: '2', metadata: { m: 1 } },
  ])
  expect(await findingsOf(sql)).toEqual([])
})

test('transfer() goes to a lower id as well as to a higher one', async () => {
  const { sql } = ledger
  const [low, high] = [await ledger.user(5), await ledger.user(5)]
  await sql`select transfer(${low}, ${high}, 5)`
  await sql`select transfer(${high}, ${low}, 10)`
  expect(await historyOf(sql, low)).toEqual(['+5.00=5.00', '-5.00=0.00', '+10.00=10.00'])
  expect(await historyOf(sql, high)).toEqual(['+5.00=5.00', '+5.00=10.00', '-10.00=0.00'])
})

test('transfer() raises LGFND for more than is available to the sender', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(10), await ledger.user(100)]
  await sql`select place_hold(${from}, 4)`
  const before = await stateOf(sql, from, to)
  expect(await codeOf(sql`select transfer(${from}, ${to}, 6.01)`)).toBe('LGFND')
  expect(await stateOf(sql, from, to)).toEqual(before)
  expect(await codeOf(sql`select transfer(${from}, ${to}, 6)`)).toBe('ok')
})

test.each([['seq = 9223372036854775807'], ['balance = 1000'], [`balance = 'NaN'`]])(
  'transfer() puts the copies of both right where they say %s',
  async (copy) => {
    const { sql } = ledger
    const [from, to] = [await ledger.user(10), await ledger.user(5)]
    await sql.unsafe(`update users set ${copy} where id in (${from}, ${to})`)
    expect(await codeOf(sql`select transfer(${from}, ${to}, 11)`)).toBe('LGFND')
    await sql`select transfer(${from}, ${to}, 3.000)`
    expect([...await sql`select seq, balance from users where id in (${from}, ${to}) order by id`])
      .toEqual([{ seq: '2', balance: '7.00' }, { seq: '2', balance: '8.00' }])
    expect(await findingsOf(sql)).toEqual([])
  },
)

test('transfer() raises LGSAM to the same user', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select transfer(${id}, ${id}, 1)`)).toBe('LGSAM')
  expect(await codeOf(sql`select transfer(999999, 999999, 1)`)).toBe('LGSAM')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('transfer() raises LGUSR if either is unknown', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const before = await stateOf(sql, id)
  for (const [from, to] of [[id, 999_999], [999_999, id], [null, id], [id, null], [null, null]]) {
    expect(await codeOf(sql`select transfer(${from!}::bigint, ${to!}::bigint, 1)`)).toBe('LGUSR')
  }
  expect(await stateOf(sql, id)).toEqual(before)
})

test.each(['0', '-1', '0.001', 'NaN', 'Infinity', '1e10', null])(
  'transfer() raises LGAMT for %s',
  async (amount) => {
    const { sql } = ledger
    const [from, to] = [await ledger.user(10), await ledger.user(10)]
    const before = await stateOf(sql, from, to)
    expect(await codeOf(sql`select transfer(${from}, ${to}, ${amount}::numeric)`)).toBe('LGAMT')
    expect(await stateOf(sql, from, to)).toEqual(before)
  },
)

test('transfer() raises LGRNG when the receiver would have more than 18 digits', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(10), await ledger.user()]
  await sealCredit(sql, to, { balance: '999999999999999998.99' })
  await sql`select recalculate_balance(${to})`
  const before = await stateOf(sql, from, to)
  expect(await codeOf(sql`select transfer(${from}, ${to}, 1.01)`)).toBe('LGRNG')
  expect(await stateOf(sql, from, to)).toEqual(before)
  const rows = await sql`select balance from transfer(${from}, ${to}, 1)`
  expect(rows.map(({ balance }) => balance as string)).toEqual(['9.00', '999999999999999999.99'])
  expect(await sql`select transfer(${to}, ${from}, 9999999999.99)`).toHaveLength(2)
  expect(await snapshotOf(sql, to))
    .toBe('999999990000000000.00, 999999990000000000.00 at 3, version 3')
})

test('transfer() raises LGKEY for a key of another amount or receiver', async () => {
  const { sql } = ledger
  const [from, to, other] = [await ledger.user(10), await ledger.user(), await ledger.user()]
  await sql`select transfer(${from}, ${to}, 5, 'k')`
  const before = await stateOf(sql, from, to, other)
  expect(await codeOf(sql`select transfer(${from}, ${to}, 4, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select transfer(${from}, ${other}, 5, 'k')`)).toBe('LGKEY')
  expect(await stateOf(sql, from, to, other)).toEqual(before)
})

test('transfer() posts manual entries of both', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(), await ledger.user()]
  await sql`insert into payment_history (user_id, action, amount)
    values (${from}, 'CREDIT', 5), (${to}, 'DEBIT', 2)`
  await sql`select transfer(${from}, ${to}, 5)`
  expect(await historyOf(sql, from)).toEqual(['+5.00=5.00', '-5.00=0.00'])
  expect(await historyOf(sql, to)).toEqual(['-2.00=-2.00', '+5.00=3.00'])
  expect([...await findingsOf(sql, from), ...await findingsOf(sql, to)]).toEqual([])
})

test('both halves of a transfer, and of its reversal, count from the same moment', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(10), await ledger.user()]
  // As a clock that was an hour fast has left it.
  await sealCredit(sql, to, { later: '1 h' })
  await sql`select transfer(${from}, ${to}, 5)`
  await sql`select reverse_entry(${from}, 2)`
  const rows = await sql`
    select count(*)::int as halves, count(distinct (h.sealed_at, h.ts))::int as moments
      from payment_history h where h.user_id in (${from}, ${to}) and h.peer_user_id is not null
     group by coalesce(h.reverses is null, false)`
  expect([...rows]).toEqual([{ halves: 2, moments: 1 }, { halves: 2, moments: 1 }])
  expect([...await findingsOf(sql, from), ...await findingsOf(sql, to)]).toEqual([])
})
