import { expect, test } from 'vitest'
import { codeOf, one, stateOf, useLedger } from '../../support/ledger.ts'
import { refusedWith } from '../../support/on_citus.ts'

const ledger = useLedger()

test.each(['origin', 'replica'])(
  'a user with entries or holds stays, and keeps its id: 23503, also as %s',
  async (role) => {
    const sql = ledger.connect()
    const [id, holder] = [await ledger.user(10), await ledger.user(10)]
    await sql`select place_hold(${holder}, 1)`
    const before = await stateOf(sql, id, holder)
    await sql`select set_config('session_replication_role', ${role}, false)`
    for (const user of [id, holder]) {
      expect(await codeOf(sql`delete from users where id = ${user}`)).toBe('23503')
      expect(refusedWith('23503'))
        .toContain(await codeOf(sql`update users set id = 888888 where id = ${user}`))
    }
    expect(await codeOf(sql`truncate users`)).toBe('23503')
    expect(await codeOf(sql`truncate users, payment_history cascade`)).toMatch(/^(23503|LGIMM)$/)
    expect(await stateOf(sql, id, holder)).toEqual(before)
  },
)

test('a user with a pending entry only stays as well', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  expect(await codeOf(sql`delete from users where id = ${id}`)).toBe('23503')
})

test.each([
  ['a reference', `select id from create_user(reference => 'stays')`],
  ['a key', `select id from create_user(idempotency_key => 'stays')`],
  ['a credit limit', 'select user_id as id from set_credit_limit(ID, 5)'],
])('a user with %s stays: 23503', async (_, statement) => {
  const { sql } = ledger
  const user = await ledger.user()
  const { id } = await one(sql.unsafe<{ id: string }[]>(statement.replace('ID', `${user}`)))
  expect(await codeOf(sql`delete from users where id = ${id}`)).toBe('23503')
})

test('a user without anything may go', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  expect(await codeOf(sql`delete from users where id = ${id}`)).toBe('ok')
  expect(await sql`select from users where id = ${id}`).toHaveLength(0)
})

test.each(['0', '-1', '9007199254740992'])(
  'a user with the id %s is refused: 23514',
  async (id) => {
    expect(await codeOf(ledger.sql`insert into users (id) values (${id}::bigint)`)).toBe('23514')
    expect(await ledger.sql`select from users where id = ${id}::bigint`).toHaveLength(0)
  },
)

test('hold_changes never goes down: 23514', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  await sql`select place_hold(${id}, 1)`
  const before = await stateOf(sql, id)
  expect(await codeOf(sql`update users set hold_changes = 0 where id = ${id}`)).toBe('23514')
  expect(await stateOf(sql, id)).toEqual(before)
})
