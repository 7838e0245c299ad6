/** reverse_entry() for half of a transfer. */
import { expect, test } from 'vitest'
import {
  codeOf,
  copyOf,
  one,
  pidOf,
  start,
  stateOf,
  untilBlocked,
  useLedger,
} from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'
import { linksOf } from './entry_links.ts'

const ledger = useLedger()

test.each(['from', 'to'])(
  'a transfer goes back whole, reversed by whom it went %s',
  async (half) => {
    const { sql } = ledger
    for (const order of [1, -1]) {
      const [a, b] = [await ledger.user(10), await ledger.user(20)]
      const [from, to] = order === 1 ? [a, b] : [b, a]
      await sql`select transfer(${from}, ${to}, 4)`
      const mine = half === 'from' ? from : to
      const theirs = half === 'from' ? to : from
      const row = await one(sql`select * from reverse_entry(${mine}, 2, 'k')`)
      expect(row).toMatchObject({ user_id: String(mine), seq: '3', amount: '4.00' })
      expect(await copyOf(sql, a)).toBe('10.00 at 3')
      expect(await copyOf(sql, b)).toBe('20.00 at 3')
      for (const id of [a, b]) {
        expect(await linksOf(ledger.sql, id)).toEqual([
          '2, reversed by 3, with 2',
          '3 reverses 2, with 3',
        ])
      }
      const before = await stateOf(sql, a, b)
      expect(await one(sql`select * from reverse_entry(${mine}, 2, 'k')`))
        .toEqual({ ...row, replayed: true })
      expect(await codeOf(sql`select reverse_entry(${theirs}, 2)`)).toBe('LGREV')
      expect(await codeOf(sql`select reverse_entry(${theirs}, 2, 'k')`)).toBe('LGREV')
      expect(await stateOf(sql, a, b)).toEqual(before)
      // And forth again.
      await sql`select reverse_entry(${theirs}, 3)`
      expect(await findingsOf(sql)).toEqual([])
      expect(await copyOf(sql, from)).toBe(from === a ? '6.00 at 4' : '16.00 at 4')
    }
  },
)

test('a transfer doesn’t go back once the receiver has spent it: LGFND for both', async () => {
  const { sql } = ledger
  const [from, to] = [await ledger.user(10), await ledger.user()]
  await sql`select transfer(${from}, ${to}, 4)`
  await sql`select debit_user(${to}, 1)`
  const before = await stateOf(sql, from, to)
  expect(await codeOf(sql`select reverse_entry(${from}, 2)`)).toBe('LGFND')
  expect(await codeOf(sql`select reverse_entry(${to}, 1)`)).toBe('LGFND')
  expect(await stateOf(sql, from, to)).toEqual(before)
})

test('both halves of a transfer reversed at once neither deadlock nor go back twice', async () => {
  const { sql } = ledger
  const [low, high] = [await ledger.user(10), await ledger.user(10)]
  await sql`select transfer(${low}, ${high}, 5)`
  const [holder, a, b] = [ledger.connect(), ledger.connect(), ledger.connect()]
  const pids = [await pidOf(a), await pidOf(b)]
  await holder`begin`
  await holder`select ledger.lock_accounts(${`{${low},${high}}`}::bigint[], true, null)`
  const codes = [
    start(codeOf(a`select reverse_entry(${low}, 2)`)),
    start(codeOf(b`select reverse_entry(${high}, 2)`)),
  ]
  for (const pid of pids) await untilBlocked(sql, pid)
  await holder`commit`
  expect((await Promise.all(codes)).sort()).toEqual(['LGREV', 'ok'])
  expect(await copyOf(sql, low)).toBe('10.00 at 3')
  expect(await findingsOf(sql, low)).toEqual([])
})

test('reverse_entry() raises 55P03 for a transfer that it couldn’t see before it waited', async () => {
  const { sql } = ledger
  const [low, high] = [await ledger.user(10), await ledger.user(10)]
  const [transferring, reversing] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(reversing)
  await transferring`begin`
  await transferring`select transfer(${low}, ${high}, 5)`
  const guessed = start(codeOf(reversing`select reverse_entry(${high}, 2)`))
  await untilBlocked(sql, pid)
  await transferring`commit`
  // Its other half isn't locked.
  expect(await guessed).toBe('55P03')
  expect(await codeOf(reversing`select reverse_entry(${high}, 2)`)).toBe('ok')
  expect(await findingsOf(sql, high)).toEqual([])
})
