/** A key belongs to one request of one user, whatever kind of request that was. */
import type postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { codeOf, one, snapshotOf, stateOf, useLedger } from '../../support/ledger.ts'
import { findingsOf } from '../../support/findings.ts'

const ledger = useLedger()

interface Setting {
  sql: postgres.Sql
  id: number
  other: number
}

/** Each takes 5 of the same user in its own way; the holds and the entry are there already. */
const OPERATIONS: Record<string, (setting: Setting, key: string | null) => PromiseLike<unknown>> = {
  debit_user: ({ sql, id }, key) => sql`select * from debit_user(${id}, 5, ${key}::text)`,
  debit_users: async ({ sql, id }, key) => {
    const row = await one(sql`
      select * from debit_users(array[${id}::bigint], array[5.0], array[${key}::text])`)
    if (row['status'] !== 'ok') throw Object.assign(new Error(), { code: row['status'] })
  },
  credit_user: ({ sql, id }, key) => sql`select * from credit_user(${id}, 5, ${key}::text)`,
  transfer: ({ sql, id, other }, key) =>
    sql`select * from transfer(${id}, ${other}, 5, ${key}::text)`,
  place_hold: ({ sql, id }, key) =>
    sql`select * from place_hold(${id}, 5, idempotency_key => ${key}::text)`,
  capture_hold: ({ sql, id }, key) =>
    sql`select * from capture_hold(${id}, 1, idempotency_key => ${key}::text)`,
  release_hold: ({ sql, id }, key) => sql`select * from release_hold(${id}, 2, ${key}::text)`,
  reverse_entry: ({ sql, id }, key) => sql`select * from reverse_entry(${id}, 2, ${key}::text)`,
}
const NAMES = Object.keys(OPERATIONS)

/** A user with 90, of which two holds have 5 each, and whose entry 2 is a debit of 5. */
async function set(): Promise<Setting> {
  const { sql } = ledger
  const [id, other] = [await ledger.user(100), await ledger.user()]
  await sql`select debit_user(${id}, 5)`
  await sql`select place_hold(${id}, 5)`
  await sql`select place_hold(${id}, 5)`
  return { sql, id, other }
}

const PAIRS = NAMES.flatMap((first) => NAMES.map((second) => [first, second] as const))
// One kind of request for one and for many.
const SAME = new Set(['debit_user debit_users', 'debit_users debit_user'])

test.each(PAIRS)('after %s(), its key makes %s() a repeat or LGKEY', async (first, second) => {
  const setting = await set()
  const { sql, id, other } = setting
  await OPERATIONS[first]!(setting, 'k')
  const before = await stateOf(sql, id, other)
  const repeats = first === second || SAME.has(`${first} ${second}`)
  expect(await codeOf(OPERATIONS[second]!(setting, 'k'))).toBe(repeats ? 'ok' : 'LGKEY')
  expect(await stateOf(sql, id, other)).toEqual(before)
  expect(await findingsOf(sql, id)).toEqual([])
})

describe.each(NAMES.filter((name) => name !== 'debit_users'))('%s()', (name) => {
  const run = OPERATIONS[name]!

  test('answers a repeat with the first answer, whatever has happened since', async () => {
    const setting = await set()
    const { sql, id, other } = setting
    const first = await run(setting, 'k') as postgres.Row[]
    expect(first.map((row) => row['replayed'] as boolean)).toEqual(first.map(() => false))
    await sql`select credit_user(${id}, 7)`
    await sql`select credit_user(${other}, 7)`
    await sql`select place_hold(${id}, 1, 60)`
    const before = await stateOf(sql, id, other)
    const repeated = await run(setting, 'k') as postgres.Row[]
    expect([...repeated]).toEqual(first.map((row) => ({ ...row, replayed: true })))
    expect(await stateOf(sql, id, other)).toEqual(before)
  })

  test('posts manual entries at a repeat, too, and copies the balance', async () => {
    const setting = await set()
    const { sql, id } = setting
    const first = await run(setting, 'k') as postgres.Row[]
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 50)`
    const repeated = await run(setting, 'k') as postgres.Row[]
    expect([...repeated]).toEqual(first.map((row) => ({ ...row, replayed: true })))
    expect(await findingsOf(sql, id)).toEqual([])
    const { pending } = await one(sql`
      select count(*)::int as pending from payment_history where user_id = ${id} and seq is null`)
    expect(pending).toBe(0)
  })

  test('posts manual entries first, and copies the balance', async () => {
    const setting = await set()
    const { sql, id } = setting
    await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 50)`
    await run(setting, null)
    expect(await findingsOf(sql, id)).toEqual([])
    expect((await snapshotOf(sql, id)).split(' at ')[0]).toBe(
      {
        debit_user: '140.00, 130.00',
        credit_user: '150.00, 140.00',
        transfer: '140.00, 130.00',
        place_hold: '145.00, 130.00',
        capture_hold: '140.00, 135.00',
        release_hold: '145.00, 140.00',
        reverse_entry: '150.00, 140.00',
      }[name],
    )
  })

  test('leaves the key of a refusal free, and keeps the keys of users apart', async () => {
    const [setting, poor] = [await set(), await set()]
    const { sql } = setting
    await sql`insert into payment_history (user_id, action, amount)
      values (${poor.id}, 'DEBIT', 1000)`
    const refused = await codeOf(run(poor, 'k'))
    if (!['credit_user', 'release_hold', 'reverse_entry'].includes(name)) {
      expect(refused).toBe('LGFND')
      await sql`insert into payment_history (user_id, action, amount)
        values (${poor.id}, 'CREDIT', 1000)`
      expect(await codeOf(run(poor, 'k'))).toBe('ok')
    }
    const rows = await run(setting, 'k') as postgres.Row[]
    expect(rows[0]!['replayed']).toBe(false)
  })

  test.each(['', 'a b', 'ä', 'x'.repeat(256)])('raises 22023 for the key %j', async (key) => {
    const setting = await set()
    const before = await stateOf(setting.sql, setting.id, setting.other)
    expect(await codeOf(run(setting, key))).toBe('22023')
    expect(await stateOf(setting.sql, setting.id, setting.other)).toEqual(before)
  })

  test('happens with its caller’s transaction, or not at all', async () => {
    const setting = await set()
    const { id, other } = setting
    const before = await stateOf(ledger.sql, id, other)
    const sql = ledger.connect()
    await sql`begin`
    await run({ sql, id, other }, 'k')
    expect(await stateOf(ledger.sql, id, other)).toEqual(before)
    await sql`savepoint s`
    expect(await codeOf(sql`select debit_user(${id}, 1000)`)).toBe('LGFND')
    await sql`rollback to s`
    await sql`rollback`
    expect(await stateOf(ledger.sql, id, other)).toEqual(before)
    await sql`begin`
    await run({ sql, id, other }, 'k')
    await sql`commit`
    expect(await stateOf(ledger.sql, id, other)).not.toEqual(before)
    expect(await findingsOf(ledger.sql)).toEqual([])
  })
})

test('a key of a transfer is its sender’s, not the receiver’s', async () => {
  const setting = await set()
  const { sql, id, other } = setting
  await OPERATIONS['transfer']!(setting, 'k')
  expect(await one(sql`select replayed from debit_user(${other}, 5, 'k')`))
    .toEqual({ replayed: false })
  expect(await codeOf(sql`select transfer(${other}, ${id}, 5, 'k')`)).toBe('LGKEY')
})

test('a number that is null makes no entry of another kind a repeat', async () => {
  const { sql, id } = await set()
  await sql`select debit_user(${id}, 5, 'k')`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`select capture_hold(${id}, null, 5, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select reverse_entry(${id}, null, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select release_hold(${id}, null, 'k')`)).toBe('LGKEY')
  expect(await codeOf(sql`select capture_hold(${id}, null)`)).toBe('LGHLU')
  expect(await codeOf(sql`select reverse_entry(${id}, null)`)).toBe('LGENT')
  expect(await codeOf(sql`select release_hold(${id}, null)`)).toBe('LGHLU')
  expect(await codeOf(sql`select reverse_entry(null, 1)`)).toBe('LGUSR')
  expect(await stateOf(sql, id)).toEqual(before)
})
