/** Transfers that move, repeat and are refused. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { historyOf } from '../../../support/ledger.ts'
import { call, http, transfer, user } from './service.ts'

const AMOUNT = 'must be from 0.01 to 9999999999.99, with at most two decimals'
const ID = 'must be a whole number from 1 to 9007199254740991'

const REPLAYED = { 'idempotency-replayed': 'true' }

test('moves an amount: both users, both entries, each naming the other', async () => {
  const [from, to] = [await user('100'), await user()]
  expectAnswer(await transfer({ from, to, amount: '30.5' }), 201, {
    from: {
      ...snapshotOf(from, '69.50', 2),
      entry: entryOf(2, 'DEBIT', '30.50', '69.50', { transfer: { user_id: to, seq: 1 } }),
    },
    to: {
      ...snapshotOf(to, '30.50', 1),
      entry: entryOf(1, 'CREDIT', '30.50', '30.50', { transfer: { user_id: from, seq: 2 } }),
    },
  })
  // At once, and from the cache.
  for (const [id, balance, seq] of [[from, '69.50', 2], [to, '30.50', 1]] as const) {
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, balance, seq), {
      'x-cache': 'hit',
    })
  }
})

test('metadata goes with both entries, the key with the first', async () => {
  const [from, to] = [await user('5'), await user()]
  const metadata = { order: 17, nested: { a: ['ü', null] } }
  const answer = await transfer({ from, to, amount: 5, metadata }, { 'Idempotency-Key': 'k' })
  expect(answer).toMatchObject({
    status: 201,
    body: {
      from: { entry: { idempotency_key: 'k', metadata } },
      to: { entry: { metadata } },
    },
  })
  expect(JSON.parse(answer.text).to.entry).not.toHaveProperty('idempotency_key')
})

describe('keys', () => {
  test('a repeat is the first answer, byte for byte, whatever came later', async () => {
    const [from, to] = [await user('100'), await user('1')]
    const body = { from, to, amount: '10.00', metadata: { b: 1, a: 2 } }
    const first = await transfer(body, { 'Idempotency-Key': 'pay-1' })
    expect(first.headers).not.toHaveProperty('idempotency-replayed')
    await call('POST', `/users/${from}/debit`, { amount: 90 })
    await call('POST', `/users/${to}/history/2/reverse`)
    for (const key of ['pay-1', '"pay-1"']) {
      const again = await transfer({ ...body, amount: 10 }, { 'Idempotency-Key': key })
      expect(again).toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    }
    expect(await historyOf(http.sql, from))
      .toEqual(['+100.00=100.00', '-10.00=90.00', '-90.00=0.00', '+10.00=10.00'])
  })

  test('for another amount, user, or kind of write a key is reused', async () => {
    const [from, to, other] = [await user('100'), await user(), await user()]
    const headers = { 'Idempotency-Key': 'once' }
    await transfer({ from, to, amount: 10 }, headers)
    await expectNothingWritten(http, async () => {
      expectProblem(await transfer({ from, to, amount: 11 }, headers), 'idempotency_key_reused')
      expectProblem(
        await transfer({ from, to: other, amount: 10 }, headers),
        'idempotency_key_reused',
      )
      expectProblem(
        await call('POST', `/users/${from}/debit`, { amount: 10 }, headers),
        'idempotency_key_reused',
      )
      expectProblem(
        await call('POST', `/users/${from}/holds`, { amount: 10 }, headers),
        'idempotency_key_reused',
      )
    })
  })

  test('50 copies at once move once and get the same answer', async () => {
    const [from, to] = [await user('100'), await user()]
    const answers = await Promise.all(
      Array.from(
        { length: 50 },
        () => transfer({ from, to, amount: 3 }, { 'Idempotency-Key': 'c' }),
      ),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'])).toHaveLength(49)
    expect(await historyOf(http.sql, to)).toEqual(['+3.00=3.00'])
  })
})

describe('refused, with nothing written', () => {
  test('for want of funds: all the amounts, and the key stays free', async () => {
    const [from, to] = [await user('9.99'), await user()]
    const headers = { 'Idempotency-Key': 'later' }
    const refused = await expectNothingWritten(
      http,
      () => transfer({ from, to, amount: 10 }, headers),
    )
    expectProblem(refused, 'insufficient_funds', {
      balance: '9.99',
      available: '9.99',
      required: '10.00',
      shortfall: '0.01',
    })
    await call('POST', `/users/${from}/credit`, { amount: 0.01 })
    expect(await transfer({ from, to, amount: 10 }, headers)).toMatchObject({
      status: 201,
      body: { from: { balance: '0.00' } },
    })
  })

  test('what is held is not available', async () => {
    const [from, to] = [await user('10'), await user()]
    await call('POST', `/users/${from}/holds`, { amount: 4 })
    expectProblem(await transfer({ from, to, amount: 7 }), 'insufficient_funds', {
      balance: '10.00',
      available: '6.00',
      required: '7.00',
      shortfall: '1.00',
    })
    expect(await transfer({ from, to, amount: 6 })).toMatchObject({
      status: 201,
      body: { from: { balance: '4.00', available: '0.00' } },
    })
  })

  test('to the same user, from or to nobody, or beyond what a balance can be', async () => {
    const [from, to] = [await user('10'), await user()]
    await expectNothingWritten(http, async () => {
      expectProblem(await transfer({ from, to: from, amount: 1 }), 'same_user')
      expectProblem(await transfer({ from, to: 4711, amount: 1 }), 'unknown_user')
      expectProblem(await transfer({ from: 4711, to, amount: 1 }), 'unknown_user')
      expectProblem(await transfer({ from: 4711, to: 4712, amount: 1 }), 'unknown_user')
    })
  })

  test('for a malformed body, each member by name', async () => {
    const [from, to] = [await user('10'), await user()]
    const cases: [object, object][] = [
      [{ to, amount: 1 }, invalid('from', ID)],
      [{ from, to: '1', amount: 1 }, invalid('to', ID)],
      [{ from: 0, to, amount: 1 }, invalid('from', ID)],
      [{ from: 1.5, to, amount: 1 }, invalid('from', ID)],
      [{ from, to: 2 ** 53, amount: 1 }, invalid('to', ID)],
      [{ from, to }, invalid('amount', AMOUNT)],
      [{ from, to, amount: 0 }, invalid('amount', AMOUNT)],
      [{ from, to, amount: '1e2' }, invalid('amount', AMOUNT)],
      [{ from, to, amount: 0.001 }, invalid('amount', AMOUNT)],
      [{ from, to, amount: 1, metadata: [] }, invalid('metadata', 'must be an object')],
      [{ from, to, amount: 1, note: 1 }, invalid('note', 'is unknown')],
      [{ from, to, amount: 1, key: 1 }, invalid('key', 'is unknown')],
    ]
    await expectNothingWritten(http, async () => {
      for (const [body, details] of cases) {
        expectProblem(
          await transfer(body),
          'invalid_request',
          details,
          {},
          JSON.stringify(body),
        )
      }
      expectProblem(
        await transfer({ from, to, amount: 1 }, { 'Idempotency-Key': 'a b' }),
        'invalid_idempotency_key',
      )
    })
  })
})
