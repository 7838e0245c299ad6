/** What each row that post() answers says of its operation. */
import type postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { findingsOf } from '../../support/findings.ts'
import { useLedger } from '../../support/ledger.ts'
import { post } from '../../support/post.ts'

const ledger = useLedger()

/** What is said of an outcome, without what is null, times and hashes. */
function said(row: postgres.Row): postgres.Row {
  const left = Object.entries(row).filter(([name, value]) =>
    value !== null && !/^(ts|posted_at|updated_at|read_at|hash|expires_at)$/.test(name)
  )
  return Object.fromEntries(left)
}

/** The same but for the expiry, which nearly an hour of is left. */
function withoutExpiry(row: postgres.Row): postgres.Row {
  const { expires_in_ms, ...rest } = said(row)
  expect(expires_in_ms === undefined || Number(expires_in_ms) > 3_000_000).toBe(true)
  return rest
}

/** The user as it is after an operation. */
const user = (seq: number, balance: string, version = seq, available = balance) => ({
  user_seq: `${seq}`,
  user_balance: balance,
  user_available: available,
  version: `${version}`,
})

describe('outcomes', () => {
  test('of a transfer: a row for each user, also of a replay, and of a reversal', async () => {
    const { sql } = ledger
    const [a, b] = [await ledger.user(10), await ledger.user(1)]
    const transfer = { op: 'TRANSFER', user: a, peer: b, amount: 4, key: 'k', metadata: '{"m": 1}' }
    const rows = await post(sql, [
      transfer,
      { op: 'REVERSE', user: b, ref: 2 },
      transfer,
      { ...transfer, amount: 5 },
      { ...transfer, peer: 999_999 },
    ])
    const common = { status: 'ok', replayed: false, amount: '4.00', metadata: '{"m": 1}' }
    const [from, to] = [
      { ...common, n: 1, user_id: `${a}`, action: 'DEBIT', seq: '2', balance: '6.00' },
      { ...common, n: 1, user_id: `${b}`, action: 'CREDIT', seq: '2', balance: '5.00' },
    ]
    const [half, other] = [
      { available: '6.00', peer_user_id: `${b}`, peer_seq: '2' },
      { available: '5.00', peer_user_id: `${a}`, peer_seq: '2' },
    ]
    const { metadata: _, ...plain } = common
    const back = { ...plain, n: 2, seq: '3', reverses: '2', peer_seq: '3' }
    expect(rows.map(said)).toEqual([
      { ...from, ...half, ...user(2, '6.00') },
      { ...to, ...other, ...user(2, '5.00') },
      {
        ...back,
        user_id: `${b}`,
        action: 'DEBIT',
        balance: '1.00',
        available: '1.00',
        peer_user_id: `${a}`,
        ...user(3, '1.00'),
      },
      {
        ...back,
        user_id: `${a}`,
        action: 'CREDIT',
        balance: '10.00',
        available: '10.00',
        peer_user_id: `${b}`,
        ...user(3, '10.00'),
      },
      { ...from, ...half, n: 3, replayed: true, ...user(3, '10.00') },
      { ...to, ...other, n: 3, replayed: true, ...user(3, '1.00') },
      { n: 4, status: 'LGKEY', replayed: false, user_id: `${a}`, ...user(3, '10.00') },
      { n: 4, status: 'LGKEY', replayed: false, user_id: `${b}`, ...user(3, '1.00') },
      { n: 5, status: 'LGUSR', replayed: false, user_id: `${a}`, ...user(3, '10.00') },
      { n: 5, status: 'LGUSR', replayed: false, user_id: '999999' },
    ])
    expect(rows[4]!['hash']).toBe(rows[0]!['hash'])
    expect(rows[4]!['ts']).toBe(rows[0]!['ts'])
    expect([rows[0]!['ts'], rows[1]!['ts']]).toEqual([rows[0]!['posted_at'], rows[0]!['posted_at']])
  })

  test('of holds: as first answered, also of a replay once they are closed', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const hold = { op: 'HOLD', user: id, amount: 4, expiresIn: 3600, key: 'h' }
    const release = { op: 'RELEASE', user: id, ref: 1, key: 'r' }
    const rows = await post(sql, [
      hold,
      { op: 'HOLD', user: id, amount: 3 },
      release,
      { op: 'CAPTURE', user: id, ref: 2, amount: 1, key: 'c' },
      hold,
      release,
      { op: 'CAPTURE', user: id, ref: 2, amount: 1, key: 'c' },
      { op: 'CAPTURE', user: id, ref: 2 },
      { op: 'CAPTURE', user: id, ref: 3 },
    ])
    const common = { status: 'ok', replayed: false, user_id: `${id}` }
    const active = {
      ...common,
      hold: '1',
      hold_status: 'active',
      amount: '4.00',
      available: '6.00',
    }
    const released = {
      ...common,
      hold: '1',
      hold_status: 'released',
      amount: '4.00',
      seq: '1',
      balance: '10.00',
      available: '7.00',
    }
    const captured = {
      ...common,
      hold: '2',
      action: 'DEBIT',
      amount: '1.00',
      seq: '2',
      balance: '9.00',
      available: '9.00',
    }
    const end = user(2, '9.00', 6)
    expect(rows.map(withoutExpiry)).toEqual([
      { n: 1, ...active, ...user(1, '10.00', 2, '6.00') },
      {
        n: 2,
        ...common,
        hold: '2',
        hold_status: 'active',
        amount: '3.00',
        available: '3.00',
        ...user(1, '10.00', 3, '3.00'),
      },
      { n: 3, ...released, ...user(1, '10.00', 4, '7.00') },
      { n: 4, ...captured, ...end },
      { n: 5, ...active, replayed: true, ...end },
      { n: 6, ...released, replayed: true, ...end },
      { n: 7, ...captured, replayed: true, ...end },
      { n: 8, ...common, status: 'LGHLD', ...end },
      { n: 9, ...common, status: 'LGHLU', ...end },
    ])
    expect(rows[5]!['posted_at']).toBe(rows[2]!['posted_at'])
    expect(rows[4]!['expires_at']).toBe(rows[0]!['expires_at'])
    expect(await findingsOf(sql, id)).toEqual([])
  })

  test('of LGFND: what is missing, on the row of whoever lacks it', async () => {
    const { sql } = ledger
    const [a, b] = [await ledger.user(10), await ledger.user()]
    await sql`select transfer(${a}, ${b}, 6)`
    await sql`select place_hold(${b}, 5), place_hold(${b}, 1)`
    await sql`insert into payment_history (user_id, action, amount) values (${b}, 'DEBIT', 3)`
    const rows = await post(sql, [
      { op: 'DEBIT', user: a, amount: '4.01' },
      { op: 'TRANSFER', user: a, peer: b, amount: 5 },
      { op: 'HOLD', user: a, amount: 6 },
      // The hold itself is there for its capture; the other one isn't.
      { op: 'CAPTURE', user: b, ref: 1 },
      { op: 'CAPTURE', user: b, ref: 1, amount: '2.50' },
      { op: 'REVERSE', user: a, ref: 2 },
      { op: 'REVERSE', user: b, ref: 1 },
    ])
    const missing = (row: postgres.Row) =>
      ['n', 'user_id', 'status', 'balance', 'available', 'required', 'shortfall']
        .map((name) => row[name] as string)
    expect(rows.map(missing)).toEqual([
      [1, `${a}`, 'LGFND', '4.00', '4.00', '4.01', '0.01'],
      [2, `${a}`, 'LGFND', '4.00', '4.00', '5.00', '1.00'],
      [2, `${b}`, 'LGFND', null, null, null, null],
      [3, `${a}`, 'LGFND', '4.00', '4.00', '6.00', '2.00'],
      [4, `${b}`, 'LGFND', '3.00', '2.00', '5.00', '3.00'],
      [5, `${b}`, 'LGFND', '3.00', '2.00', '2.50', '0.50'],
      [6, `${a}`, 'LGFND', null, null, null, null],
      [6, `${b}`, 'LGFND', '3.00', '-3.00', '6.00', '9.00'],
      [7, `${b}`, 'LGFND', '3.00', '-3.00', '6.00', '9.00'],
      [7, `${a}`, 'LGFND', null, null, null, null],
    ])
  })
})
