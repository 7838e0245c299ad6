import { beforeAll, describe, expect, test } from 'vitest'
import type postgres from 'postgres'
import { codeOf, one, stateOf, useLedger } from '../../support/ledger.ts'
import { refusedWith } from '../../support/on_citus.ts'

const ledger = useLedger()

let id: number
let sql: postgres.Sql

beforeAll(async () => {
  id = await ledger.user(10)
  sql = ledger.connect()
  await sql`
    insert into payment_history (user_id, action, amount, metadata)
      values (${id}, 'CREDIT', 1, '{"a": 1}')`
})

const SEAL = `seq = 2, balance = 11, held = 0, hash = '', sealed_at = '2100-01-01'`

const REFUSED = [
  'delete from payment_history',
  'delete from payment_history where seq is null',
  'truncate payment_history',
  'update payment_history set id = id',
  'update payment_history set amount = amount where seq is not null',
  'update payment_history set balance = 12 where seq is not null',
  'update payment_history set seq = 5 where seq is not null',
  'update payment_history set seq = null, balance = null, held = null, hash = null, sealed_at = null where seq is not null',
  'update payment_history set amount = 2 where seq is null',
  `update payment_history set ts = '2000-01-01' where seq is null`,
  `update payment_history set ${SEAL}, amount = 2 where seq is null`,
  `update payment_history set ${SEAL}, action = 'DEBIT' where seq is null`,
  `update payment_history set ${SEAL}, user_id = 1 where seq is null`,
  `update payment_history set ${SEAL}, ts = '2000-01-01' where seq is null`,
  `update payment_history set ${SEAL}, idempotency_key = 'x' where seq is null`,
  `update payment_history set ${SEAL}, metadata = null where seq is null`,
  `update payment_history set ${SEAL}, metadata = '{"a": 2}' where seq is null`,
  `merge into payment_history h using (values (1)) v on true when matched then delete`,
]

describe.each(['origin', 'replica', 'local'])('session_replication_role = %s', (role) => {
  test.each(REFUSED)('even a superuser gets LGIMM for %s', async (statement) => {
    const before = await stateOf(sql, id)
    await sql`select set_config('session_replication_role', ${role}, false)`
    expect(refusedWith('LGIMM')).toContain(await codeOf(sql.unsafe(statement)))
    expect(await stateOf(sql, id)).toEqual(before)
  })
})

test('LGIMM doesn’t depend on the search_path of whoever tries', async () => {
  const elsewhere = ledger.connect()
  await elsewhere`set search_path = ''`
  expect(await codeOf(elsewhere`delete from public.payment_history`)).toBe('LGIMM')
  expect(await codeOf(elsewhere`update public.payment_history set amount = 1`)).toBe('LGIMM')
})

test('a pending entry is not deleted by whoever says in a setting that it is withdrawn', async () => {
  const own = ledger.connect()
  const { id: entry } = await one(sql`
    select id from payment_history where user_id = ${id} and seq is null`)
  await own`select set_config('ledger.withdrawn', ${entry}, false)`
  const statement = own`delete from payment_history where user_id = ${id} and seq is null`
  expect(await codeOf(statement)).toBe('LGIMM')
})

test('a pending entry may be posted, and get another id with that, once', async () => {
  await sql`begin`
  const posted = await sql.unsafe(
    `update payment_history set id = 999, ${SEAL}
      where user_id = ${id} and seq is null returning amount`,
  )
  expect(posted).toHaveLength(1)
  expect(await codeOf(sql.unsafe(`update payment_history set ${SEAL} where user_id = ${id}`)))
    .toBe('LGIMM')
  await sql`rollback`
})

test('an entry is posted with all of seq, balance, held, hash and sealed_at, or LGIMM', async () => {
  const parts = SEAL.split(', ')
  for (const part of parts) {
    const rest = parts.filter((other) => other !== part).join(', ')
    const statement = `update payment_history set ${rest} where user_id = ${id} and seq is null`
    expect(await codeOf(sql.unsafe(statement))).toBe('LGIMM')
  }
})

test.each([
  ['23514', `1, 'CREDIT', 0`],
  ['23514', `1, 'CREDIT', -1`],
  ['23514', `1, 'CREDIT', 'NaN'`],
  ['23514', `1, 'CREDIT', 'Infinity'`],
  ['23514', `1, 'CREDIT', 1e10`],
  ['23514', `1, 'CREDIT', 5.005`],
  ['23514', `1, 'CREDIT', 0.001`],
  ['23514', `1, 'credit', 1`],
  ['23514', `1, 'REFUND', 1`],
  ['23502', `1, 'CREDIT', null`],
  ['23502', `1, null, 1`],
  ['23502', `null, 'CREDIT', 1`],
  ['23503', `999999, 'CREDIT', 1`],
])('a manual entry raises %s for (%s)', async (code, values) => {
  const statement = `insert into payment_history (user_id, action, amount) values (${values})`
  expect(refusedWith(code)).toContain(await codeOf(sql.unsafe(statement)))
  const { rows } = await one(sql`select count(*)::int as rows from payment_history`)
  expect(rows).toBe(2)
})

test('a manual entry raises 23514 for metadata that is no object or too long', async () => {
  for (const metadata of ['1', '[]', 'null', JSON.stringify({ x: 'x'.repeat(8192) })]) {
    const insert = sql`
      insert into payment_history (user_id, action, amount, metadata)
        values (${id}, 'CREDIT', 1, ${metadata}::text::jsonb)`
    expect(await codeOf(insert)).toBe('23514')
  }
})

test.each([
  'seq = 3',
  'balance = 12',
  'held = 0',
  `hash = sha256('')`,
  'sealed_at = now()',
  `seq = 3, balance = 12, held = 0, hash = sha256('')`,
  'seq = 3, balance = 12, held = 0, sealed_at = now()',
  'hold = 1',
  'reverses = 1',
  'peer_user_id = 1',
  'peer_seq = 1',
  'peer_user_id = 1, peer_seq = 1',
])('a manual entry raises 23514 even for a superuser with %s', async (given) => {
  const before = await stateOf(sql, id)
  const columns = given.split(/, (?=\w+ = )/).map((part) => part.split(' = '))
  const statement = `
    insert into payment_history (user_id, action, amount, ${columns.map(([name]) => name).join()})
      values (${id}, 'CREDIT', 1, ${columns.map(([, value]) => value).join()})`
  expect(await codeOf(sql.unsafe(statement))).toBe('23514')
  expect(await stateOf(sql, id)).toEqual(before)
})

test('a manual entry keeps 1, 1.0, 1.00 and 1.000 as 1.00', async () => {
  await sql`begin`
  const rows = await sql`
    insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', n from unnest('{1,1.0,1.00,1.000}'::numeric[]) n
    returning amount`
  expect(rows.map(({ amount }) => amount as string)).toEqual(['1.00', '1.00', '1.00', '1.00'])
  await sql`rollback`
})
