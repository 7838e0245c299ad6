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
import { post } from '../../support/post.ts'

const ledger = useLedger()

test('post() credits, debits and recalculates in order', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  const rows = await post(sql, [
    { user: id, op: 'CREDIT', amount: 5, key: 'a', metadata: '{"m": 1.10}' },
    { user: id, op: null },
    { user: id, op: 'DEBIT', amount: 6 },
    { user: id, op: 'DEBIT', amount: 5 },
    { user: id, op: 'CREDIT', amount: 5, key: 'a', metadata: '{"m": 1.10}' },
  ])
  expect(
    rows.map((row) => [row['n'], row['status'], row['seq'], row['user_balance'], row['version']]),
  )
    .toEqual([
      [1, 'ok', '1', '5.00', '1'],
      [2, 'ok', null, '5.00', '1'],
      [3, 'LGFND', null, '5.00', '1'],
      [4, 'ok', '2', '0.00', '2'],
      [5, 'ok', '1', '0.00', '2'],
    ])
  expect(rows.map(({ shortfall }) => shortfall)).toEqual([null, null, '1.00', null, null])
  expect(rows.map(({ replayed }) => replayed)).toEqual([false, false, false, false, true])
  // As it is stored: whoever parses it may lose digits.
  expect([rows[0]!['metadata'], rows[4]!['metadata']]).toEqual(['{"m": 1.10}', '{"m": 1.10}'])
  expect(await historyOf(sql, id)).toEqual(['+5.00=5.00', '-5.00=0.00'])
  expect(await copyOf(sql, id)).toBe('0.00 at 2')
})

test('post() refuses a transfer to nobody, and not what comes after it', async () => {
  const { sql } = ledger
  const id = await ledger.user(10)
  const rows = await post(sql, [
    { user: id, op: 'TRANSFER', amount: 1 },
    { user: id, op: 'DEBIT', amount: 1 },
  ])
  expect(rows.map((row) => [row['n'], row['user_id'], row['status']]))
    .toEqual([[1, String(id), 'LGUSR'], [1, null, 'LGUSR'], [2, String(id), 'ok']])
})

test('post() puts what it does to a user in the order of its operations', async () => {
  const { sql } = ledger
  const [id, peer] = [await ledger.user(10), await ledger.user(10)]
  const rows = await post(sql, [
    { user: id, op: 'DEBIT', amount: 1 },
    { user: id, op: 'HOLD', amount: 2 },
    { user: peer, op: 'HOLD', amount: 3 },
    { user: id, op: 'CAPTURE PART', ref: 1, amount: 1 },
    { user: id, op: 'HOLD', amount: 4, expiresIn: 60 },
    { user: id, op: 'EXTEND', ref: 2, expiresIn: 600 },
    { user: peer, op: 'TRANSFER', peer: id, amount: 1 },
    { user: id, op: 'RELEASE', ref: 2 },
    { user: id, op: 'REVERSE', ref: 2 },
    { user: id, op: 'CAPTURE', ref: 1 },
  ])
  expect(rows.map(({ status }) => status)).toEqual(Array(11).fill('ok'))
  const done = await sql<{ what: string }[]>`
    select action || coalesce(' of ' || hold, '') as what from (
      select user_id, id, action, hold from payment_history where seq > 1
      union all select user_id, position, action, hold from hold_changes) d
     where user_id = ${id} order by id`
  expect(done.map(({ what }) => what)).toEqual([
    'DEBIT',
    'placed of 1',
    'captured of 1',
    'DEBIT of 1',
    'placed of 2',
    'extended of 2',
    'CREDIT',
    'released of 2',
    'CREDIT',
    'captured of 1',
    'DEBIT of 1',
  ])
  expect(await findingsOf(sql, id)).toEqual([])
})

test('post() refuses an operation that is none with LGAMT', async () => {
  const id = await ledger.user(5)
  const before = await stateOf(ledger.sql, id)
  const rows = await post(ledger.sql, [
    { user: id, op: 'debit', amount: 1 },
    { user: id, op: '', amount: 1 },
  ])
  expect(rows.map(({ status }) => status)).toEqual(['LGAMT', 'LGAMT'])
  expect(await stateOf(ledger.sql, id)).toEqual(before)
})

test('post() refuses LGRNG and lets the others pass', async () => {
  const { sql } = ledger
  const [rich, other] = [await ledger.user(), await ledger.user()]
  await sealCredit(sql, rich, { balance: '999999999999999999.98' })
  const credit = (user: number, amount: number | string) => ({ user, op: 'CREDIT', amount })
  const rows = await post(sql, [
    credit(rich, '0.02'),
    credit(other, '0.02'),
    credit(rich, '0.01'),
    credit(rich, '0.01'),
  ])
  expect(rows.map(({ status }) => status)).toEqual(['LGRNG', 'ok', 'ok', 'LGRNG'])
})

test('post() answers the state of the user by the clock of the database', async () => {
  const { sql } = ledger
  const id = await ledger.user(5)
  const rows = await post(sql, [{ user: id, op: 'DEBIT', amount: 1 }])
  const user = await one(sql`select updated_at from users where id = ${id}`)
  expect(rows[0]).toMatchObject({ updated_at: user['updated_at'], ts: user['updated_at'] })
  const { ordered } = await one(sql`
    select ${rows[0]!['read_at']}::timestamptz <= ${rows[0]!['ts']}::timestamptz as ordered`)
  expect(ordered).toBe(true)
})

test('post() that only posts manual entries says when it posted the last of them', async () => {
  const { sql } = ledger
  const id = await ledger.user(5)
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  const [row] = await post(sql, [{ user: id, op: null, amount: null }])
  const { at } = await one(sql`
    select max(sealed_at)::text as at from payment_history where user_id = ${id}`)
  const user = await one(sql`select updated_at::text as at from users where id = ${id}`)
  expect([row!['updated_at'], user['at']]).toEqual([at, at])
})

test('post() with wait waits for the user; without, it answers 55P03', async () => {
  const { sql } = ledger
  const id = await ledger.user(5)
  const [holder, waiting] = [ledger.connect(), ledger.connect()]
  const pid = await pidOf(waiting)
  await holder`begin`
  await holder`select debit_user(${id}, 1)`
  const item = { user: id, op: 'DEBIT', amount: 1 }
  expect(await post(sql, [item])).toMatchObject([{ status: '55P03', seq: null, user_seq: null }])
  const posted = start(post(waiting, [item], { wait: true }))
  await untilBlocked(sql, pid)
  await holder`commit`
  expect(await posted).toMatchObject([{ status: 'ok', seq: '3', balance: '3.00' }])
})

test('post() with wait raises 55P03 after lock_timeout', async () => {
  const id = await ledger.user(5)
  const [holder, waiting] = [ledger.connect(), ledger.connect()]
  await waiting`set lock_timeout = '50ms'`
  await holder`begin`
  await holder`select debit_user(${id}, 1)`
  const item = { user: id, op: 'DEBIT', amount: 1 }
  expect(await codeOf(post(waiting, [item], { wait: true }))).toBe('55P03')
  await holder`rollback`
})

test('post() commits what max_pending allowed and answers 55P03 until all is done', async () => {
  const { sql } = ledger
  const id = await ledger.user()
  await sql`
    insert into payment_history (user_id, action, amount)
      select ${id}, 'CREDIT', 1 from generate_series(1, 7)`
  const debit = [{ user: id, op: 'DEBIT', amount: 7 }]
  const step = async () => (await post(sql, debit, { maxPending: 3 }))[0]!['status']
  expect(await step()).toBe('55P03')
  expect(await copyOf(sql, id)).toBe('3.00 at 3')
  expect(await step()).toBe('55P03')
  expect(await step()).toBe('ok')
  expect(await copyOf(sql, id)).toBe('0.00 at 8')
  expect(await findingsOf(sql, id)).toEqual([])
})

test('post() in opposite orders from two sessions doesn’t deadlock', async () => {
  const [a, b] = [await ledger.user(1000), await ledger.user(1000)]
  const sessions = [ledger.connect(), ledger.connect()]
  const both = sessions.map(async (sql, i) => {
    const users = i === 0 ? [a, b] : [b, a]
    const items = users.map((user) => ({ user, op: 'DEBIT', amount: 1 }))
    for (let n = 0; n < 50; n++) await post(sql, items, { wait: true })
  })
  expect(await codeOf(Promise.all(both))).toBe('ok')
  expect(await copyOf(ledger.sql, a)).toBe('900.00 at 101')
  expect(await copyOf(ledger.sql, b)).toBe('900.00 at 101')
})

test('post() numbers a thousand items of one user without gaps', async () => {
  const { sql } = ledger
  const id = await ledger.user(500)
  const items = Array.from({ length: 1000 }, (_, i) => ({
    user: id,
    op: 'DEBIT',
    amount: 1,
    ...(i % 2 === 0 && { key: `k${i % 100}` }),
  }))
  const rows = await post(sql, items)
  const count = (status: string, replayed: boolean) =>
    rows.filter((row) => row['status'] === status && row['replayed'] === replayed).length
  expect([count('ok', false), count('ok', true), count('LGFND', false)]).toEqual([500, 450, 50])
  expect(await copyOf(sql, id)).toBe('0.00 at 501')
  expect(await findingsOf(sql, id)).toEqual([])
})
