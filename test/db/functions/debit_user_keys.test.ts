/** debit_user() with an idempotency key. */
import { describe, expect, test } from 'vitest'
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

const ledger = useLedger()

describe('keys', () => {
  test('debit_user() answers a repeat from the entry of the first', async () => {
    const { sql } = ledger
    const id = await ledger.user(100)
    const first = await one(sql`select * from debit_user(${id}, 10, 'a', '{"x": 1}')`)
    await sql`select debit_user(${id}, 5, 'b')`
    await sql`select credit_user(${id}, 7)`
    const before = await stateOf(sql, id)
    const second = await one(sql`select * from debit_user(${id}, 10.00, 'a', '{"x": 1}')`)
    expect(second).toEqual({ ...first, replayed: true })
    expect(await stateOf(sql, id)).toEqual(before)
  })

  test('debit_user() is done once with a key, however often a select list calls it', async () => {
    const { sql } = ledger
    const [id, other] = [await ledger.user(100), await ledger.user()]
    await sql`select (debit_user(${id}, 10, 'a')).*`
    await sql`select debit_user(${id}, 10, 'b'), transfer(${id}, ${other}, 1)`
    expect(await copyOf(sql, id)).toBe('79.00 at 4')
  })

  test('debit_user() answers a repeat even when nothing is left', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const first = await one(sql`select * from debit_user(${id}, 10, 'a')`)
    expect(await one(sql`select * from debit_user(${id}, 10, 'a')`))
      .toEqual({ ...first, replayed: true })
    expect(await copyOf(sql, id)).toBe('0.00 at 2')
  })

  test('debit_user() raises LGKEY for a key of another amount or action', async () => {
    const { sql } = ledger
    const id = await ledger.user(100)
    await sql`select debit_user(${id}, 10, 'a')`
    await sql`select credit_user(${id}, 10, 'c')`
    const before = await stateOf(sql, id)
    expect(await codeOf(sql`select debit_user(${id}, 11, 'a')`)).toBe('LGKEY')
    expect(await codeOf(sql`select debit_user(${id}, 1000, 'a')`)).toBe('LGKEY')
    expect(await codeOf(sql`select debit_user(${id}, 10, 'c')`)).toBe('LGKEY')
    expect(await stateOf(sql, id)).toEqual(before)
  })

  test.each([null, '{}', '{"x": 2}', '{"x": 1, "y": null}', '{"X": 1}'])(
    'debit_user() raises LGKEY for a key that came with {"x": 1} and comes with %s',
    async (metadata) => {
      const { sql } = ledger
      const id = await ledger.user(100)
      await sql`select debit_user(${id}, 10, 'a', '{"x": 1}')`
      const before = await stateOf(sql, id)
      const again = sql`select debit_user(${id}, 10, 'a', ${metadata}::text::jsonb)`
      expect(await codeOf(again)).toBe('LGKEY')
      expect(await stateOf(sql, id)).toEqual(before)
      await sql`select debit_user(${id}, 10, 'b')`
      expect(await codeOf(sql`select debit_user(${id}, 10, 'b', '{}')`)).toBe('LGKEY')
    },
  )

  test('debit_user() leaves the key of a refusal free', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    expect(await codeOf(sql`select debit_user(${id}, 20, 'a')`)).toBe('LGFND')
    expect(await codeOf(sql`select debit_user(${id}, 0, 'a')`)).toBe('LGAMT')
    await sql`select credit_user(${id}, 10)`
    expect(await one(sql`select * from debit_user(${id}, 15, 'a')`))
      .toMatchObject({ seq: '3', replayed: false })
  })

  test('debit_user() keeps the keys of users apart', async () => {
    const { sql } = ledger
    const [one1, other] = [await ledger.user(10), await ledger.user(20)]
    await sql`select debit_user(${one1}, 1, 'a')`
    expect(await one(sql`select * from debit_user(${other}, 2, 'a')`))
      .toMatchObject({ user_id: String(other), amount: '2.00', replayed: false })
  })

  test('debit_user() tells keys apart by case, and takes none as none', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    for (const key of ['a', 'A', null, null]) {
      expect(await one(sql`select * from debit_user(${id}, 1, ${key}::text)`))
        .toMatchObject({ replayed: false })
    }
    expect(await copyOf(sql, id)).toBe('6.00 at 5')
  })

  test('debit_user() debits once for the same key at once', async () => {
    const { sql } = ledger
    const id = await ledger.user(10)
    const [first, second] = [ledger.connect(), ledger.connect()]
    const pid = await pidOf(second)
    await first`begin`
    const debited = await one(first`select * from debit_user(${id}, 10, 'a')`)
    const repeated = start(one(second`select * from debit_user(${id}, 10, 'a')`))
    await untilBlocked(sql, pid)
    await first`commit`
    expect(await repeated).toEqual({ ...debited, replayed: true })
    expect(await copyOf(sql, id)).toBe('0.00 at 2')
  })

  test.each(['', 'a b', 'ä', 'a\n', '\t', 'x'.repeat(256)])(
    'debit_user() raises 22023 for the key %j',
    async (key) => {
      const { sql } = ledger
      const id = await ledger.user(10)
      const before = await stateOf(sql, id)
      expect(await codeOf(sql`select debit_user(${id}, 1, ${key})`)).toBe('22023')
      expect(await stateOf(sql, id)).toEqual(before)
    },
  )

  test.each(['!', '~', 'x'.repeat(255), `a"b\\c'd{,}`])('debit_user() takes %j', async (key) => {
    const id = await ledger.user(10)
    await ledger.sql`select debit_user(${id}, 1, ${key})`
    expect(await one(ledger.sql`select * from debit_user(${id}, 1, ${key})`))
      .toMatchObject({ seq: '2', replayed: true })
  })
})
