/** Users whom somebody else holds, or who have much to post. */
import { expect, test, vi } from 'vitest'
import { type Answer, entryOf, expectAnswer, snapshotOf } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { historyOf, waitingPids } from '../../../support/ledger.ts'
import { call, http, user } from './service.ts'

test('a user who is held at psql is busy, and nobody else waits', async () => {
  const [held, other] = [await user('100'), await user('100')]
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${held}::bigint, 1)`
  try {
    let isOver = false
    const busy = Promise.all([
      call('POST', `/users/${held}/debit`, { amount: 1 }, { 'Idempotency-Key': 'later' }),
      call('POST', `/users/${held}/credit`, { amount: 1 }),
      call('POST', `/users/${held}/recalculate`),
    ]).finally(() => isOver = true)
    let meanwhile = 0
    for (let n = 0; n < 20; n++) {
      const answer = await call('POST', `/users/${other}/debit`, { amount: 1 })
      expect(answer.status).toBe(201)
      if (!isOver) meanwhile++
    }
    expect(meanwhile).toBeGreaterThan(0)
    // A read waits for no lock.
    expect(await call('GET', `/users/${held}`)).toMatchObject({ body: { balance: '100.00' } })
    for (const answer of await busy) expectProblem(answer, 'busy')
  } finally {
    await psql`rollback`
  }
  expect(await historyOf(http.sql, held)).toEqual(['+100.00=100.00'])
  expect(await call('POST', `/users/${held}/debit`, { amount: 1 }, { 'Idempotency-Key': 'later' }))
    .toMatchObject({
      status: 201,
      headers: expect.not.objectContaining({ 'idempotency-replayed': '' }),
    })
})

test('one who waits for a short transaction of psql is served after it', async () => {
  const id = await user('100')
  const psql = http.connect()
  await psql`begin`
  await psql`select debit_user(${id}::bigint, 60)`
  const waiting = call('POST', `/users/${id}/debit`, { amount: 60 })
  await vi.waitUntil(async () => (await waitingPids(http.sql)).length > 0)
  await psql`commit`
  expectProblem(await waiting, 'insufficient_funds', {
    balance: '40.00',
    available: '40.00',
    required: '60.00',
    shortfall: '20.00',
  })
})

test('a bulk load is worked off a step at a time, while its user waits or is busy', async () => {
  const id = await user('1')
  await http.sql`
    insert into payment_history (user_id, action, amount)
    select ${id}, 'CREDIT', 0.01 from generate_series(1, 3500)`
  const statuses: number[] = []
  let answer: Answer
  do {
    answer = await call('POST', `/users/${id}/debit`, { amount: 36 })
    statuses.push(answer.status)
    if (answer.status === 503) expectProblem(answer, 'busy')
  } while (answer.status === 503 && statuses.length < 10)
  expectAnswer(
    answer,
    201,
    { ...snapshotOf(id, '0.00', 3502), entry: entryOf(3502, 'DEBIT', '36.00', '0.00') },
    { location: `/users/${id}/history/3502` },
  )
})
