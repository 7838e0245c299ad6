import { describe, expect, test } from 'vitest'
import { expectAnswer, snapshotOf, useHttp } from '../../support/http.ts'
import { expectProblem, invalid } from '../../support/problems.ts'

const http = useHttp()
const call: typeof http.call = (...request) => http.call(...request)

const controlled = (
  id: number,
  balance: string,
  seq: number,
  available: string,
  state: object,
) => ({
  ...snapshotOf(id, balance, seq, available),
  frozen_at: null,
  credit_limit: '0.00',
  ...state,
})

describe('POST /users/:id/freeze and thaw', () => {
  test('stop what takes money, and let it go on', async () => {
    const id = await http.user('100')
    const frozen = controlled(id, '100.00', 1, '100.00', { frozen_at: 'TIME' })
    for (let n = 0; n < 2; n++) {
      expectAnswer(await call('POST', `/users/${id}/freeze`, { reason: 'fraud?' }), 200, frozen)
    }
    for (
      const [path, body] of [
        [`/users/${id}/debit`, { amount: 1 }],
        [`/users/${id}/holds`, { amount: 1 }],
        ['/transfers', { from: id, to: 1, amount: 1 }],
        [`/users/${id}/history/1/reverse`, {}],
      ] as const
    ) {
      expectProblem(await call('POST', path, body), 'user_frozen')
    }
    const { body } = await call('POST', '/debits', [{ user_id: id, amount: 1 }])
    expect(body).toMatchObject({ results: [{ status: 409, code: 'user_frozen' }] })
    expect((await call('POST', `/users/${id}/credit`, { amount: 1 })).status).toBe(201)
    expectAnswer(
      await call('POST', `/users/${id}/thaw`),
      200,
      controlled(id, '101.00', 2, '101.00', {}),
    )
    expect((await call('POST', `/users/${id}/debit`, { amount: 1 })).status).toBe(201)
  })

  test('a repeat with the key of a debit before the freeze gets its answer', async () => {
    const id = await http.user('100')
    const debit = () =>
      call('POST', `/users/${id}/debit`, { amount: 1 }, { 'Idempotency-Key': 'k' })
    const first = await debit()
    await call('POST', `/users/${id}/freeze`)
    const again = await debit()
    expect([again.status, again.text]).toEqual([201, first.text])
  })
})

test.each([
  ['freeze', {}],
  ['thaw', { reason: 'again' }],
  ['credit-limit', { credit_limit: '5.00' }],
])('POST /users/:id/%s takes no Idempotency-Key, and sets nothing with one', async (path, body) => {
  const id = await http.user('10')
  for (const key of ['k', '"k"', 'a b']) {
    const answer = await call('POST', `/users/${id}/${path}`, body, { 'Idempotency-Key': key })
    expectProblem(
      answer,
      'invalid_request',
      invalid('Idempotency-Key', 'is not taken by this path'),
    )
  }
  expect((await call('GET', `/users/${id}/controls`)).body)
    .toMatchObject({ changes: [], frozen_at: null, credit_limit: '0.00' })
})

test('a control that is repeated writes nothing, unless another one was set meanwhile', async () => {
  const id = await http.user('10')
  const set = async (operation: string) => {
    expect((await call('POST', `/users/${id}/${operation}`)).status).toBe(200)
    const { body } = await call('GET', `/users/${id}/controls`)
    return (body as { changes: { operation: string }[] }).changes.map((one) => one.operation)
  }
  expect(await set('freeze')).toEqual(['freeze'])
  expect(await set('freeze')).toEqual(['freeze'])
  expect(await set('thaw')).toEqual(['thaw', 'freeze'])
  expect(await set('freeze')).toEqual(['freeze', 'thaw', 'freeze'])
})

describe('POST /users/:id/credit-limit', () => {
  test('is part of what is available, in the cache, too', async () => {
    const id = await http.user('10')
    await call('GET', `/users/${id}`)
    const json = { credit_limit: '50.5', reason: 'good' }
    expectAnswer(
      await call('POST', `/users/${id}/credit-limit`, json),
      200,
      controlled(id, '10.00', 1, '60.50', { credit_limit: '50.50' }),
    )
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '10.00', 1, '60.50'), {
      'x-cache': 'hit',
    })
    const { body } = await call('POST', `/users/${id}/debit`, { amount: 60 })
    expect(body).toMatchObject({ balance: '-50.00', available: '0.50' })
    expect(await call('POST', `/users/${id}/debit`, { amount: 1 })).toMatchObject({
      status: 422,
      body: { code: 'insufficient_funds', balance: '-50.00', available: '0.50', shortfall: '0.50' },
    })
    expect(await call('POST', `/users/${id}/credit-limit`, { credit_limit: 0 }))
      .toMatchObject({ status: 200, body: { available: '-50.00', credit_limit: '0.00' } })
  })

  test.each([-1, 0.001, '-0', '00', 'x', null, true, 10_000_000_000])(
    'refuses %s',
    async (credit_limit) => {
      const id = await http.user()
      expectProblem(
        await call('POST', `/users/${id}/credit-limit`, { credit_limit }),
        'invalid_request',
        invalid(
          'credit_limit',
          'must be 0, or from 0.01 to 9999999999.99, with at most two decimals',
        ),
      )
    },
  )
})

describe('GET /users/:id/controls', () => {
  test('says who set what, when and why, newest first, page by page', async () => {
    const id = await http.user('10')
    await call('POST', `/users/${id}/credit-limit`, { credit_limit: 5 })
    await call('POST', `/users/${id}/freeze`, { reason: 'a ticket' })
    await call('POST', `/users/${id}/freeze`, { reason: 'another' })
    await http.sql`select thaw_user(${id}, 'at psql')`
    const common = { at: 'TIME', role: expect.any(String) as string }
    const state = { id, frozen_at: null, credit_limit: '5.00' }
    const changes = [
      { ...common, number: 3, operation: 'thaw', reason: 'at psql' },
      { ...common, number: 2, operation: 'freeze', reason: 'a ticket' },
      { ...common, number: 1, operation: 'credit_limit', credit_limit: '5.00' },
    ]
    const at = `/users/${id}/controls`
    expect((await call('GET', at)).body).toEqual({ ...state, changes, next: null })
    expect((await call('GET', `${at}?limit=2`)).body)
      .toEqual({ ...state, changes: changes.slice(0, 2), next: 2 })
    expect((await call('GET', `${at}?limit=2&before=2`)).body)
      .toEqual({ ...state, changes: changes.slice(2), next: null })
  })

  test('is 404 for nobody', async () => {
    expectProblem(await call('GET', '/users/4711/controls'), 'unknown_user')
    expectProblem(await call('POST', '/users/4711/freeze'), 'unknown_user')
  })
})

test("what is done is outcome_unknown, never busy, when the user can't be read", async () => {
  const id = await http.user('10')
  await http.sql`alter function ledger.get_users rename to moved`
  const answer = await call('POST', `/users/${id}/freeze`, { reason: 'fraud?' })
  await http.sql`alter function ledger.moved rename to get_users`
  expectProblem(answer, 'outcome_unknown')
  expectAnswer(
    await call('POST', `/users/${id}/freeze`),
    200,
    controlled(id, '10.00', 1, '10.00', { frozen_at: 'TIME' }),
  )
  expect((await call('GET', `/users/${id}/controls`)).body)
    .toMatchObject({ changes: [{ operation: 'freeze', reason: 'fraud?' }] })
})
