import { expect, test } from 'vitest'
import {
  codeOf,
  copyOf,
  historyOf,
  one,
  pidOf,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { sealCredit } from '../../support/sealing.ts'
import { linksOf } from './entry_links.ts'

const ledger = useLedger()

test('reverse_entry() takes a debit back and links both ways', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 30.5)`
  const row = await one(sql`
    select * from reverse_entry(seq => 2, user_id => ${id}, metadata => '{"m": 1}')`)
  expect(row).toEqual({
    user_id: String(id),
    seq: '3',
    action: 'CREDIT',
    amount: '30.50',
    balance: '100.00',
    available: '100.00',
    ts: expect.stringMatching(/^\d{4}-/),
    replayed: false,
  })
  expect(await linksOf(ledger.sql, id)).toEqual(['2, reversed by 3', '3 reverses 2'])
  expect(await copyOf(sql, id)).toBe('100.00 at 3')
  expect(await one(sql`select metadata from entries where user_id = ${id} and seq = 3`))
    .toEqual({ metadata: { m: 1 } })
  expect(await findingsOf(sql)).toEqual([])
})

test('reverse_entry() takes a credit back, unless it was spent or is held: LGFND', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 1)`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select reverse_entry(${id}, 1)`)).toBe('LGFND')
  expect(await stateOf(sql, id)).toEqual(before)
  await sql`select credit_user(${id}, 2)`
  await sql`select place_hold(${id}, 2)`
  expect(await codeOf(sql`select reverse_entry(${id}, 1)`)).toBe('LGFND')
  await sql`select release_hold(${id}, 1)`
  expect(await one(sql`select action, balance from reverse_entry(${id}, 1)`))
    .toEqual({ action: 'DEBIT', balance: '1.00' })
})

test('reverse_entry() raises LGREV the second time', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 10)`
  await sql`select reverse_entry(${id}, 2, 'k')`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select reverse_entry(${id}, 2)`)).toBe('LGREV')
  expect(await codeOf(sql`select reverse_entry(${id}, 2, 'l')`)).toBe('LGREV')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('reverse_entry() can take a reversal back, and that one, too', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 10)`
  for (const seq of [2, 3, 4]) await sql`select reverse_entry(${id}, ${seq})`
  expect(await linksOf(ledger.sql, id)).toEqual([
    '2, reversed by 3',
    '3 reverses 2, reversed by 4',
    '4 reverses 3, reversed by 5',
    '5 reverses 4',
  ])
  expect(await historyOf(sql, id)).toEqual([
    '+100.00=100.00',
    '-10.00=90.00',
    '+10.00=100.00',
    '-10.00=90.00',
    '+10.00=100.00',
  ])
})

test('reverse_entry() raises LGENT or LGUSR for what isn’t there', async () => {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user(100)]
  await sql`select debit_user(${other}, 1)`
  const before = await stateOf(sql, id, other)
  for (const seq of [2, 0, -1, '9223372036854775807']) {
    expect(await codeOf(sql`select reverse_entry(${id}, ${seq})`)).toBe('LGENT')
  }
  expect(await codeOf(sql`select reverse_entry(999999, 1)`)).toBe('LGUSR')
  expect(await stateOf(sql, id, other)).toEqual(before)
})

test('reverse_entry() finds a manual entry, posted already or just now', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 130)`
  await sql`select recalculate_balance(${id})`
  expect(await one(sql`select balance from reverse_entry(${id}, 2)`)).toEqual({ balance: '100.00' })
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 7)`
  expect(await one(sql`select seq, balance from reverse_entry(${id}, 4)`))
    .toEqual({ seq: '5', balance: '100.00' })
  expect(await findingsOf(sql, id)).toEqual([])
})

test('reverse_entry() gives back what a hold has captured', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select place_hold(${id}, 60)`
  await sql`select capture_hold(${id}, 1, 50)`
  expect(await one(sql`select balance, available from reverse_entry(${id}, 2)`))
    .toEqual({ balance: '100.00', available: '100.00' })
  expect(await codeOf(sql`select capture_hold(${id}, 1)`)).toBe('LGHLD')
  expect(await findingsOf(sql, id)).toEqual([])
})

test('reverse_entry() raises LGRNG when the balance would have more than 18 digits', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select debit_user(${id}, 10)`
  await sealCredit(sql, id, { balance: '999999999999999999.98' })
  expect(await codeOf(sql`select reverse_entry(${id}, 2)`)).toBe('LGRNG')
})

test('reverse_entry() raises LGKEY for a key of another reversal', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 10), debit_user(${id}, 10)`
  await sql`select reverse_entry(${id}, 2, 'k')`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select reverse_entry(${id}, 3, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select reverse_entry(${id}, 99, 'k')`)).toBe('LGKEY')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('the same entry reversed twice at once is reversed once', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 10)`
  const [first, second] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(second)
  await first`begin`
  await first`select reverse_entry(${id}, 2)`
  const reversed = start(codeOf(second`select reverse_entry(${id}, 2)`))
  await untilBlocked(sql, pid)
  await first`commit`
  expect(await reversed).toBe('LGREV')
  expect(await historyOf(sql, id)).toEqual(['+100.00=100.00', '-10.00=90.00', '+10.00=100.00'])
})

test('reverse_entry() takes parts back, never more than the entry was', async () => {
  const { sql } = ledger
  const id = await ledger.user(100)
  await sql`select debit_user(${id}, 10)`
  const links = () =>
    one(sql`select reversed_by, reversed from entries where user_id = ${id} and seq = 2`)
  const part = (amount: number | null) =>
    sql`select seq, amount, balance from reverse_entry(${id}, 2, amount => ${amount}::numeric)`
  expect(await one(part(4))).toEqual({ seq: '3', amount: '4.00', balance: '94.00' })
  expect(await links()).toEqual({ reversed_by: '3', reversed: '4.00' })
  expect(await codeOf(part(6.01))).toBe('LGAMT')
  expect(await codeOf(part(0))).toBe('LGAMT')
  expect(await one(part(1))).toEqual({ seq: '4', amount: '1.00', balance: '95.00' })
  expect(await one(part(null))).toEqual({ seq: '5', amount: '5.00', balance: '100.00' })
  expect(await links()).toEqual({ reversed_by: '5', reversed: null })
  expect(await codeOf(part(0.01))).toBe('LGREV')
  // A part can be taken back itself; then nothing more of the first can be reversed.
  await sql`select reverse_entry(${id}, 3, amount => 2)`
  expect(await codeOf(part(null))).toBe('LGREV')
  expect(await findingsOf(sql, id)).toEqual([])
})

test('reverse_entry() repeats each part to its key, and raises LGKEY for another part', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(10), await ledger.user()]
  await sql`select transfer(${from}, ${to}, 9)`
  const part = (key: string, amount: number | null) =>
    sql`select * from reverse_entry(${from}, 2, ${key}, null, ${amount}::numeric)`
  const first = await one(part('a', 4))
  const second = await one(part('b', null))
  expect(second).toMatchObject({ amount: '5.00' })
  const before = await stateOf(sql, from, to)
  expect(await one(part('a', 4))).toEqual({ ...first, replayed: true })
  for (const amount of [null, 5]) {
    expect(await one(part('b', amount))).toEqual({ ...second, replayed: true })
  }
  for (const amount of [null, 5, 9]) expect(await codeOf(part('a', amount))).toBe('LGKEY')
  expect(await codeOf(part('b', 9))).toBe('LGKEY')
  expect(await stateOf(sql, from, to)).toEqual(before)
  expect(await findingsOf(sql, to)).toEqual([])
})
