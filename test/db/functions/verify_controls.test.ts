import { beforeEach, expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { rehashControls, tamper, verifyLedger, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

let id: number
let other: number

/** Two users, each frozen, thawed, frozen again, and with a limit. */
beforeEach(async () => {
  const { sql } = ledger
  await tamper(sql, 'delete from user_controls; delete from payment_history; delete from users')
  ;[id, other] = [await ledger.user(10), await ledger.user(10)]
  for (const user of [id, other]) {
    await sql`select freeze_user(${user}, 'court order 7'), thaw_user(${user}, 'withdrawn')`
    await sql`select freeze_user(${user}), set_credit_limit(${user}, 50, 'an agreement')`
  }
})

const controls = (rest: string) => `user_controls set ${rest}`

test.each([
  ['at', controls(`at = '2020-01-01' where number = 2`)],
  ['transaction', controls(`transaction = '3' where number = 2`)],
  ['role', controls(`role = 'alice' where number = 2`)],
  ['actor', controls(`actor = 'alice' where number = 2`)],
  ['reason', controls(`reason = null where number = 2`)],
  ['position', controls(`position = position + 1 where number = 2`)],
  ['operation', controls(`operation = 'THAW' where number = 1`)],
  ['hash', controls(`hash = sha256(hash) where number = 2`)],
])('verify_user() finds that %s of a control was edited', async (_, statement) => {
  const { sql } = ledger
  await tamper(sql, `update ${statement} and user_id = ${id}`)
  expect(await verifyUser(sql, id)).toContain(`control_differs ${id}/-`)
  expect(await verifyUser(sql, other)).toEqual([])
})

test.each([
  ['a limit, and users with it', () => [
    `update user_controls set credit_limit = 500 where number = 4 and user_id = ${id}`,
    `update users set credit_limit = 500 where id = ${id}`,
  ]],
  ['the moment of a freeze, and users with it', () => [
    `update user_controls set at = '2020-01-01' where number = 3 and user_id = ${id}`,
    `update users set frozen_at = '2020-01-01' where id = ${id}`,
  ]],
  ['two that changed places', () => [
    `update user_controls set number = -number where user_id = ${id} and number in (1, 2)`,
    `update user_controls set number = 3 + number where user_id = ${id} and number < 0`,
  ]],
  ['one that was removed, with all that counts it', () => [
    `delete from user_controls where user_id = ${id} and number = 1`,
    `update user_controls set number = number - 1 where user_id = ${id}`,
    `update users set hold_changes = hold_changes - 1 where id = ${id}`,
  ]],
  ['those of another user in their place', () => [
    `delete from user_controls where user_id = ${id}`,
    `update user_controls set user_id = ${id} where user_id = ${other}`,
    `update users u set frozen_at = k.at from user_controls k
      where u.id = ${id} and k.user_id = ${id} and k.number = 3`,
  ]],
])('verify_ledger() finds %s', async (_, statements) => {
  const { sql } = ledger
  expect(await verifyLedger(sql)).toEqual([])
  await tamper(sql, ...statements())
  expect(await verifyUser(sql, id)).toContain(`control_differs ${id}/-`)
  expect(await verifyLedger(sql)).toContain(`control_differs ${id}/-`)
})

test('a control with another hash breaks the chain of those after it', async () => {
  const { sql } = ledger
  await tamper(
    sql,
    `update user_controls set role = 'alice' where user_id = ${id} and number = 4`,
    rehashControls(id),
  )
  // By its end alone: an anchor finds this.
  expect(await verifyUser(sql, id)).toEqual([])
  await tamper(
    sql,
    `update user_controls set hash = sha256(hash) where user_id = ${id} and number = 1`,
  )
  expect(await verifyUser(sql, id))
    .toEqual([`control_differs ${id}/-`, `control_differs ${id}/-`])
})
