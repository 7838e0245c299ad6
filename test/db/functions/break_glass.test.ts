import { expect, test } from 'vitest'
import { codeOf, one, useLedger } from '../../support/ledger.ts'
import { verifyLedger, verifyUser } from '../../support/tampering.ts'

const ledger = useLedger()

const REASON = 'ticket 42: the court ordered it'

test('break_glass() lets its own transaction change history, and leaves a trace for ever', async () => {
  const sql = ledger.connect()
  const id = await ledger.user(10)
  await sql`select credit_user(${id}::bigint, 5, null, '{"name": "secret"}')`
  await sql`select credit_user(${id}::bigint, 7)`
  await sql`begin`
  await sql`select break_glass(${REASON}::text)`
  await sql`update payment_history set metadata = null where user_id = ${id} and seq = 2`
  await sql`delete from payment_history where user_id = ${id} and seq = 3`
  await sql`commit`

  const traces = await sql`
    select operation, reason, role, user_id, seq, before ->> 'amount' as amount
      from interventions order by id`
  expect([...traces]).toEqual([
    { operation: 'BREAK GLASS', reason: REASON, role: 'postgres', user_id: null, seq: null },
    { operation: 'UPDATE', reason: null, role: 'postgres', user_id: `${id}`, seq: '2' },
    { operation: 'DELETE', reason: null, role: 'postgres', user_id: `${id}`, seq: '3' },
  ].map((trace, i) => ({ ...trace, amount: [null, '5.00', '7.00'][i] })))
  expect(await verifyUser(sql, id)).toEqual([
    `hash_differs ${id}/2`,
    `intervention ${id}/2`,
    `intervention ${id}/3`,
    `tail_missing ${id}/3`,
  ])
  expect(await verifyLedger(sql)).toEqual(expect.arrayContaining(['intervention -/-']))
  expect(await codeOf(sql`delete from payment_history where user_id = ${id}`)).toBe('LGIMM')
})

test('without break_glass() in the same transaction LGIMM stands', async () => {
  const [sql, other] = [ledger.connect(), ledger.connect()]
  const id = await ledger.user(10)
  const remove = (on: typeof sql) => codeOf(on`delete from payment_history where user_id = ${id}`)
  await sql`begin`
  await sql`select break_glass(${REASON}::text)`
  expect(await remove(other)).toBe('LGIMM')
  await sql`rollback`
  expect(await remove(sql)).toBe('LGIMM')
  // Nor may a rolled back savepoint leave the glass broken.
  await sql`begin`
  await sql`savepoint before`
  await sql`select break_glass(${REASON}::text)`
  await sql`rollback to before`
  expect(await remove(sql)).toBe('LGIMM')
  await sql`rollback`
})

test('a use of long ago whose transaction had the same number opens nothing', async () => {
  const sql = ledger.connect()
  const id = await ledger.user(10)
  await sql`begin`
  await sql`
    insert into interventions (operation, reason, at, hash)
      values ('BREAK GLASS', 'restored from a copy', now() - interval '1 us', '')`
  expect(await codeOf(sql`delete from payment_history where user_id = ${id}`)).toBe('LGIMM')
  await sql`rollback`
})

test('history can’t be truncated even after break_glass()', async () => {
  const sql = ledger.connect()
  await sql`begin`
  await sql`select break_glass(${REASON}::text)`
  expect(await codeOf(sql`truncate payment_history`)).toBe('LGIMM')
  await sql`rollback`
})

test.each([
  'update interventions set reason = reason',
  'delete from interventions',
  'truncate interventions',
])('LGIMM for %s, whatever the session_replication_role', async (statement) => {
  const sql = ledger.connect()
  await sql`begin`
  await sql`select break_glass(${REASON}::text)`
  await sql`set local session_replication_role = replica`
  expect(await codeOf(sql.unsafe(statement))).toBe('LGIMM')
  await sql`rollback`
})

test('break_glass() raises 22023 without a reason', async () => {
  for (const reason of [null, '', 'because']) {
    expect(await codeOf(ledger.sql`select break_glass(${reason}::text)`)).toBe('22023')
  }
})

test.each(['ledger_service', 'ledger_dba'] as const)('%s can’t break the glass', async (role) => {
  const sql = ledger.connect(role)
  expect(await codeOf(sql`select break_glass(${REASON}::text)`)).toBe('42501')
  const insert = sql`
    insert into interventions (operation, reason) values ('BREAK GLASS', ${REASON}::text)`
  expect(await codeOf(insert)).toBe('42501')
})

test('whoever was granted UPDATE on payment_history alone still gets LGIMM', async () => {
  const id = await ledger.user(10)
  await ledger.sql`
    do $$ begin create role ledger_test_updater; exception when duplicate_object then null; end $$`
  await ledger.sql`grant select, update on payment_history to ledger_test_updater`
  const sql = ledger.connect('ledger_test_updater' as 'ledger_dba')
  expect(await codeOf(sql`update payment_history set ts = now() where user_id = ${id}`)).toBe(
    'LGIMM',
  )
  const { rows } = await one(ledger.sql`
    select count(*)::int as rows from interventions where user_id = ${id}`)
  expect(rows).toBe(0)
})
