import { beforeEach, expect, test } from 'vitest'
import {
  blocks,
  codeOf,
  copyOf,
  historyOf,
  one,
  pidOf,
  start,
  stateOf,
  useLedger,
} from '../../support/ledger.ts'
import { tamper, verifyLedger, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

let user: number
let entry: string
beforeEach(async () => {
  user = await ledger.user(100)
  entry = (await one(ledger.connect('ledger_dba')`
    insert into payment_history (user_id, action, amount, metadata)
      values (${user}, 'CREDIT', 500, '{"typo": true}') returning id`))['id']
})

test('withdraw_entry() takes back a pending entry and keeps who did it, why, and what it was', async () => {
  const sql = ledger.connect('ledger_dba')
  const before = await one(sql`
    select to_jsonb(h)::text as row from payment_history h where id = ${entry} and seq is null`)
  expect(await one(sql`select * from withdraw_entry(${user}, ${entry}, 'should be 5.00')`))
    .toMatchObject({ user_id: `${user}`, id: entry, action: 'CREDIT', amount: '500.00' })
  const trace = await one(sql`
    select operation, role, reason, user_id, seq, before::text from interventions
     where user_id = ${user}`)
  expect(trace).toEqual({
    operation: 'WITHDRAW',
    role: 'postgres',
    reason: 'should be 5.00',
    user_id: `${user}`,
    seq: null,
    before: before['row'],
  })
  await sql`select recalculate_balance(${user})`
  expect([await historyOf(sql, user), await copyOf(sql, user)]).toEqual([
    ['+100.00=100.00'],
    '100.00 at 1',
  ])
  expect([await verifyUser(sql, user), await verifyLedger(sql)]).toEqual([[], []])
})

test('withdraw_entry() raises LGIMM once the entry is posted, LGENT a second time, LGUSR, and changes nothing', async () => {
  const { sql } = ledger
  const other = await ledger.user()
  const state = () => stateOf(sql, user, other)
  const before = await state()
  const refused: [number | null, string | null, string][] = [
    [other, entry, 'LGENT'],
    [user, '0', 'LGENT'],
    [0, entry, 'LGUSR'],
    [null, entry, 'LGUSR'],
    [user, null, 'LGENT'],
  ]
  for (const [id, n, code] of refused) {
    expect(await codeOf(sql`select withdraw_entry(${id}::bigint, ${n}::bigint)`)).toBe(code)
  }
  // An entry of the engine was never a manual one.
  const { id } = await one(sql`select id from payment_history where user_id = ${user} and seq = 1`)
  expect(await codeOf(sql`select withdraw_entry(${user}, ${id}::bigint)`)).toBe('LGENT')
  expect(await state()).toEqual(before)
  await sql`select recalculate_balance(${user})`
  const posted = await state()
  expect(await codeOf(sql`select withdraw_entry(${user}, ${entry}::bigint)`)).toBe('LGIMM')
  expect(await state()).toEqual(posted)
  const { id: next } = await one(sql`
    insert into payment_history (user_id, action, amount) values (${user}, 'DEBIT', 1) returning id`)
  expect(await codeOf(sql`select withdraw_entry(${user}, ${next}::bigint)`)).toBe('ok')
  expect(await codeOf(sql`select withdraw_entry(${user}, ${next}::bigint)`)).toBe('LGENT')
})

test('withdraw_entry() and whoever posts the entry wait for each other', async () => {
  const [a, b] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(b)
  await a`begin`
  await a`select withdraw_entry(${user}, ${entry}::bigint)`
  const debit = start(b`select balance from debit_user(${user}, 1)`)
  expect(await blocks(ledger.sql, pid, debit)).toBe(true)
  await a`commit`
  expect([...await debit]).toEqual([{ balance: '99.00' }])
  expect(await verifyUser(ledger.sql, user)).toEqual([])
})

test('a transaction that withdrew an entry may delete nothing else', async () => {
  const { sql } = ledger
  const { id: other } = await one(sql`
    insert into payment_history (user_id, action, amount) values (${user}, 'DEBIT', 1) returning id`)
  await sql`begin`
  await sql`select withdraw_entry(${user}, ${entry}::bigint)`
  await sql`savepoint before`
  expect(await codeOf(sql`delete from payment_history where id = ${other}`)).toBe('LGIMM')
  await sql`rollback to before`
  expect(await codeOf(sql`delete from payment_history where user_id = ${user} and seq = 1`)).toBe(
    'LGIMM',
  )
  await sql`rollback`
})

test('verify_user() finds an entry that was withdrawn as something else, or without a trace', async () => {
  const { sql } = ledger
  await sql`select withdraw_entry(${user}, ${entry}::bigint)`
  expect(await verifyUser(sql, user)).toEqual([])
  await tamper(
    sql,
    `update interventions set before = before || '{"amount": 5.00}' where user_id = ${user}`,
  )
  expect(await verifyUser(sql, user)).toEqual([`manual_entry_invalid ${user}/-`])
  await tamper(sql, `delete from interventions where user_id = ${user}`)
  expect(await verifyUser(sql, user)).toEqual([`manual_entry_invalid ${user}/-`])
})

test('withdraw_entry() is for ledger_dba, not for the service', async () => {
  const sql = ledger.connect('ledger_service')
  expect(await codeOf(sql`select withdraw_entry(${user}, ${entry}::bigint)`)).toBe('42501')
})
