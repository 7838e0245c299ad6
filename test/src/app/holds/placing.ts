/** Holds are placed, and expire. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { ageHolds } from '../../../support/holds.ts'
import { historyOf } from '../../../support/ledger.ts'
import {
  call,
  close,
  expectHourFrom,
  EXPIRES,
  holdOf,
  http,
  ID,
  place,
  REPLAYED,
  user,
} from './service.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'

describe('POST /users/:id/holds', () => {
  test('lowers what is available, not the balance, and is numbered per user', async () => {
    const id = await user('100')
    expectAnswer(await place(id, { amount: 60 }), 201, holdOf(1, id, '60.00', '40.00'))
    expectAnswer(await place(id, { amount: '40.00' }), 201, holdOf(2, id, '40.00', '0.00'))
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '100.00', 1, '0.00'), {
      'x-cache': 'hit',
    })
    expect(await historyOf(http.sql, id)).toEqual(['+100.00=100.00'])
    const other = await user('1')
    expectAnswer(await place(other, { amount: 1 }), 201, holdOf(1, other, '1.00', '0.00'))
  })

  test('a debit can take what is left, and says what is held', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    expectProblem(await call('POST', `/users/${id}/debit`, { amount: 41 }), 'insufficient_funds', {
      balance: '100.00',
      available: '40.00',
      required: '41.00',
      shortfall: '1.00',
    })
    // The refused debit left the right snapshot in the cache.
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '100.00', 1, '40.00'), {
      'x-cache': 'hit',
    })
    const headers = { 'Idempotency-Key': 'd' }
    const debited = await call('POST', `/users/${id}/debit`, { amount: 40 }, headers)
    expectAnswer(debited, 201, {
      ...snapshotOf(id, '60.00', 2, '0.00'),
      entry: entryOf(2, 'DEBIT', '40.00', '60.00', { idempotency_key: 'd' }),
    }, { location: `/users/${id}/history/2` })
    await close(id, 1, 'release')
    const again = await call('POST', `/users/${id}/debit`, { amount: 40 }, headers)
    expect(again.text).toBe(debited.text)
  })

  test('expires by itself, to the moment', async () => {
    const id = await user('10')
    const before_ms = Date.now()
    const placed = await place(id, { amount: 10, expires_in: 3600 })
    expectAnswer(placed, 201, holdOf(1, id, '10.00', '0.00', 'TIME'))
    expectHourFrom(before_ms, placed)
    await ageHolds(http.sql, id)
    await expectNothingWritten(http, async () => {
      expectProblem(await close(id, 1, 'capture'), 'hold_not_active')
      expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    })
    expect((await call('POST', `/users/${id}/debit`, { amount: 10 })).status).toBe(201)
  })

  test('a short one is not served from the cache when it is over', async () => {
    const id = await user('10')
    await place(id, { amount: 10, expires_in: 0.05 })
    await expect.poll(async () => (await call('GET', `/users/${id}`)).body)
      .toMatchObject({ available: '10.00' })
  })

  test('a repeat is the first answer, byte for byte, whatever became of the hold', async () => {
    const id = await user('100')
    const body = { amount: 5, expires_in: 0.125, metadata: { a: 1 } }
    const first = await place(id, body, { 'Idempotency-Key': 'h' })
    const kept = await place(id, { amount: 6 }, { 'Idempotency-Key': 'h2' })
    await close(id, 2, 'capture')
    for (const [sent, answer, key] of [[body, first, 'h'], [{ amount: 6 }, kept, 'h2']] as const) {
      expect(await place(id, sent, { 'Idempotency-Key': key }))
        .toEqual({ ...answer, headers: { ...answer.headers, ...REPLAYED } })
    }
    for (const other of [{ amount: 4, expires_in: 0.125 }, { amount: 5 }]) {
      const answer = await expectNothingWritten(
        http,
        () => place(id, other, { 'Idempotency-Key': 'h' }),
      )
      expectProblem(answer, 'idempotency_key_reused')
    }
  })

  test('50 copies at once hold once and get the same answer', async () => {
    const id = await user('100')
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => place(id, { amount: 3 }, { 'Idempotency-Key': 'c' })),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'])).toHaveLength(49)
    expect(await call('GET', `/users/${id}`)).toMatchObject({ body: { available: '97.00' } })
  })

  test('refuses more than is available with all the amounts, and the key stays free', async () => {
    const id = await user('5')
    const headers = { 'Idempotency-Key': 'h' }
    const answer = await expectNothingWritten(http, () => place(id, { amount: '5.01' }, headers))
    expectProblem(answer, 'insufficient_funds', {
      balance: '5.00',
      available: '5.00',
      required: '5.01',
      shortfall: '0.01',
    })
    expect((await place(id, { amount: 5 }, headers)).status).toBe(201)
  })

  test('refuses malformed bodies and unknown users', async () => {
    const id = await user('5')
    const cases: [unknown, object][] = [
      [{}, invalid('amount', AMOUNT)],
      [{ amount: 0 }, invalid('amount', AMOUNT)],
      ...[0, -1, 1e-4, 0.0015, 3155760001, '1', null, true].map((
        expires_in,
      ): [unknown, object] => [{ amount: 1, expires_in }, invalid('expires_in', EXPIRES)]),
      [{ amount: 1, expires_at: 1 }, invalid('expires_at', 'is unknown')],
    ]
    await expectNothingWritten(http, async () => {
      for (const [body, details] of cases) {
        expectProblem(await place(id, body), 'invalid_request', details, {}, JSON.stringify(body))
      }
      expectProblem(await place(4711, { amount: 1 }), 'unknown_user')
      expectProblem(await call('POST', '/users/x/holds', { amount: 1 }), 'invalid_request', {
        errors: [{ path: 'id', message: ID }],
      })
    })
    expect((await place(id, { amount: 1, expires_in: 3155760000 })).status).toBe(201)
    expect((await place(id, { amount: 1, expires_in: 0.001 })).status).toBe(201)
  })
})
