/** Balances of the past. */
import { describe, expect, test } from 'vitest'
import { expectAnswer } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { BAD_MOMENTS, call, MOMENT, sealedAt, user } from './service.ts'

describe('GET /users/:id/balance', () => {
  const balance = (id: number, at?: string) =>
    call('GET', `/users/${id}/balance${at === undefined ? '' : `?at=${at}`}`)

  test('is what the ledger held at that moment, to the microsecond', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const at = await sealedAt(id, 2)
    const before = at.replace(
      /(\d{6})Z/,
      (_, digits) => `${String(Math.max(0, Number(digits) - 1)).padStart(6, '0')}Z`,
    )
    const answer = await balance(id, at)
    expect(JSON.parse(answer.text)).toEqual({ id, at, balance: '6.00', seq: 2 })
    expect(JSON.parse((await balance(id, before)).text))
      .toEqual({ id, at: before, balance: '10.00', seq: 1 })
    // Finer than what entries have.
    expect(JSON.parse((await balance(id, before.replace('Z', '999Z'))).text))
      .toEqual({ id, at: before, balance: '10.00', seq: 1 })
    expectAnswer(await balance(id, '2020-01-01T00:00:00Z'), 200, {
      id,
      at: 'TIME',
      balance: '0.00',
      seq: 0,
    })
    expectAnswer(await balance(id), 200, { id, at: 'TIME', balance: '6.00', seq: 2 })
  })

  test('takes every offset, and a plus that became a space', async () => {
    const id = await user('10')
    for (
      const at of [
        '2020-01-01T02:30:00%2B02:30',
        '2020-01-01T02:30:00+02:30',
        '2019-12-31t16:00:00.000-08:00',
        '2020-01-01T00:00:00z',
        '2020-01-01T00:00:00-00:00',
      ]
    ) {
      expect(JSON.parse((await balance(id, at)).text), at)
        .toEqual({ id, at: '2020-01-01T00:00:00.000000Z', balance: '0.00', seq: 0 })
    }
    expect(await balance(id, '0001-01-01T00:00:00Z')).toMatchObject({ status: 200 })
    expect(await balance(id, '2024-02-29T00:00:00Z')).toMatchObject({ status: 200 })
  })

  test('refuses the future and what is no moment', async () => {
    const id = await user('10')
    for (const at of ['2999-01-01T00:00:00Z', '9999-12-31T23:59:59-14:00']) {
      expectProblem(
        await balance(id, at),
        'invalid_request',
        invalid('at', 'must not be in the future'),
      )
    }
    for (const at of BAD_MOMENTS) {
      expectProblem(await balance(id, at), 'invalid_request', invalid('at', MOMENT), {}, at)
    }
    expectProblem(await balance(4711), 'unknown_user')
  })
})
