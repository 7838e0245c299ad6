/** Transfers at once, and those that wait. */
import { expect, test } from 'vitest'
import { expectProblem } from '../../../support/problems.ts'
import { findingsOf } from '../../../support/findings.ts'
import { historyOf, one } from '../../../support/ledger.ts'
import { call, http, transfer, user } from './service.ts'

test('many between two users, in both directions, keep the sum and nobody deadlocks', async () => {
  const [a, b] = [await user('50'), await user('50')]
  const answers = await Promise.all(
    Array.from(
      { length: 40 },
      (_, n) => transfer(n % 2 ? { from: a, to: b, amount: 7 } : { from: b, to: a, amount: 5 }),
    ),
  )
  for (const { status } of answers) expect([201, 422]).toContain(status)
  const { sum } = await one(
    http.sql`select sum(balance)::text as sum from users where id in (${a}, ${b})`,
  )
  expect(sum).toBe('100.00')
  expect(await findingsOf(http.sql, a)).toEqual([])
  expect(await findingsOf(http.sql, b)).toEqual([])
})

test('a user with more manual entries than one call posts is worked off, then served', async () => {
  const [from, to] = [await user('1'), await user()]
  await http.sql`
    insert into payment_history (user_id, action, amount)
    select ${from}, 'CREDIT', 0.01 from generate_series(1, 2500)`
  const statuses: number[] = []
  do statuses.push((await transfer({ from, to, amount: 26 })).status)
  while (statuses.at(-1) === 503 && statuses.length < 10)
  expect(statuses.at(-1)).toBe(201)
  expect(await call('GET', `/users/${from}`)).toMatchObject({ body: { balance: '0.00' } })
})

test('a user who is held at psql is busy, and others are served meanwhile', async () => {
  const [held, to, other] = [await user('100'), await user(), await user('100')]
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${held}::bigint, 1)`
  try {
    let isOver = false
    const busy = Promise.all(
      Array.from({ length: 20 }, () => transfer({ from: held, to, amount: 1 })),
    ).finally(() => isOver = true)
    const target = await user()
    let meanwhile = 0
    for (let n = 0; n < 10; n++) {
      expect((await transfer({ from: other, to: target, amount: 1 })).status).toBe(201)
      if (!isOver) meanwhile++
    }
    expect(meanwhile).toBeGreaterThan(0)
    for (const answer of await busy) expectProblem(answer, 'busy')
  } finally {
    await psql`rollback`
  }
  expect(await historyOf(http.sql, held)).toEqual(['+100.00=100.00'])
})

test('a transfer that waits for somebody is lost with no connection', async () => {
  async function movedWhileCut(): Promise<number> {
    const [from, to] = [await user('100'), await user()]
    const psql = http.connect()
    await psql`begin`
    await psql`select debit_user(${from}::bigint, 1)`
    const headers = { 'Idempotency-Key': 'waits' }
    const moved = transfer({ from, to, amount: 2 }, headers)
    // It has been refused by then: who comes later is served.
    expect((await call('POST', `/users/${to}/credit`, { amount: 1 })).status).toBe(201)
    await http.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and usename = 'ledger_service' and state <> 'active'`
    await psql`commit`
    const { status } = await moved
    const again = await transfer({ from, to, amount: 2 }, headers)
    expect(again).toMatchObject({ status: 201, body: { from: { balance: '97.00' } } })
    expect(await historyOf(http.sql, to)).toEqual(['+1.00=1.00', '+2.00=3.00'])
    return status
  }
  // One that is just being tried is cut in the middle: of that alone nothing can be said.
  const statuses = [await movedWhileCut()]
  while (!statuses.includes(201) && statuses.length < 5) statuses.push(await movedWhileCut())
  expect(statuses).toContain(201)
})
