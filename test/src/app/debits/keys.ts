/** The key of a list. */
import { describe, expect, test } from 'vitest'
import { expectNothingWritten } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { historyOf } from '../../../support/ledger.ts'
import { call, debits, http, resultsOf, user } from './service.ts'

describe('the header Idempotency-Key', () => {
  test('gives each item without a key one of its own, so that a repeat is the first answer', async () => {
    const [a, b] = [await user('10'), await user('10')]
    const items = [
      { user_id: a, amount: 1 },
      { user_id: b, amount: 2, idempotency_key: 'own' },
      { user_id: a, amount: 3 },
      { user_id: a, amount: 100 },
    ]
    const headers = { 'Idempotency-Key': 'all' }
    const first = await debits(items, headers)
    expect(resultsOf(first)).toEqual([201, 201, 201, 422])
    const again = await debits(items, headers)
    expect(again.text.replace(/"status":422.*/, '')).toBe(first.text.replace(/"status":422.*/, ''))
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(await historyOf(http.sql, a)).toEqual(['+10.00=10.00', '-1.00=9.00', '-3.00=6.00'])
    expect(await call('GET', `/users/${b}/history/2`))
      .toMatchObject({ body: { idempotency_key: 'own' } })
    expect(await call('GET', `/users/${a}/history/3`))
      .toMatchObject({ body: { idempotency_key: expect.stringMatching(/^all#[0-9a-f]{16}$/) } })
  })

  test('does no item twice, in another order, with items left out or added', async () => {
    const [a, b] = [await user('100'), await user('100')]
    const headers = { 'Idempotency-Key': 'list' }
    const item = (user_id: number, amount = 10) => ({ user_id, amount })
    expect(resultsOf(await debits([item(a), item(b), item(a)], headers))).toEqual([201, 201, 201])
    const repeats = [
      [item(b), item(a), item(a)],
      [item(b)],
      [item(a)],
      [{ ...item(4711), idempotency_key: 'own' }, item(a), item(b)],
    ]
    for (const items of repeats) await debits(items, headers)
    expect(await historyOf(http.sql, a))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-10.00=80.00'])
    expect(await historyOf(http.sql, b)).toEqual(['+100.00=100.00', '-10.00=90.00'])
    // More of a user than before: only what wasn't there is done.
    expect(resultsOf(await debits([item(b), item(b, 5)], headers))).toEqual([201, 201])
    expect(await historyOf(http.sql, b))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-5.00=85.00'])
    // What differs in amount is another request.
    const other = await debits([item(a, 11)], headers)
    expect(other.body).toMatchObject({
      results: [{ code: 'idempotency_key_reused', idempotency_key: 'list#0' }],
    })
  })

  test('does no debit of a user twice, wherever others of the same user are refused or come', async () => {
    const id = await user('100')
    const send = async (amounts: number[]) => {
      const items = amounts.map((amount) => ({ user_id: id, amount }))
      return resultsOf(await debits(items, { 'Idempotency-Key': 'same' }))
    }
    expect(await send([500, 10])).toEqual([422, 201])
    expect(await send([10])).toEqual([201])
    expect(await send([10, 500])).toEqual([201, 422])
    expect(await send([20, 10])).toEqual([201, 201])
    expect(await send([10, 20])).toEqual([201, 201])
    // The only item of a user that differs is another request.
    expect(await send([25])).toEqual([422])
    const both = await Promise.all([send([1, 10, 20]), send([20, 1, 10]), send([10, 20, 1])])
    expect(both.flat()).toEqual(Array(9).fill(201))
    expect(await historyOf(http.sql, id))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-20.00=70.00', '-1.00=69.00'])
  })

  test('may be as long as any, and long ones that begin alike are different', async () => {
    const id = await user('100')
    const items = Array.from({ length: 11 }, () => ({ user_id: id, amount: 1 }))
    for (const length of [251, 252, 254, 255]) {
      for (const last of ['x', 'y']) {
        const headers = { 'Idempotency-Key': 'k'.repeat(length - 1) + last }
        const first = await debits(items, headers)
        expect(resultsOf(first), `${length}`).toEqual(items.map(() => 201))
        const again = await debits(items, headers)
        expect([again.text, again.headers['idempotency-replayed']]).toEqual([first.text, 'true'])
      }
    }
    expect(await historyOf(http.sql, id)).toHaveLength(1 + 4 * 2 * items.length)
  })

  test('is refused when it is none', async () => {
    const id = await user('10')
    for (const key of ['a b', 'a'.repeat(256)]) {
      const answer = await expectNothingWritten(
        http,
        () => debits([{ user_id: id, amount: 1 }], { 'Idempotency-Key': key }),
      )
      expectProblem(answer, 'invalid_idempotency_key')
    }
  })
})
