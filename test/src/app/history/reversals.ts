/** Entries are taken back. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { findingsOf } from '../../../support/findings.ts'
import { historyOf } from '../../../support/ledger.ts'
import { call, http, ID, user } from './service.ts'

const REPLAYED = { 'idempotency-replayed': 'true' }

describe('POST /users/:id/history/:seq/reverse', () => {
  const reverse = (
    id: number,
    seq: number | string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => call('POST', `/users/${id}/history/${seq}/reverse`, body, headers)

  test('takes an entry back, once', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    expectAnswer(await reverse(id, 2, { metadata: { why: 'x' } }), 201, {
      ...snapshotOf(id, '10.00', 3),
      entry: entryOf(3, 'CREDIT', '4.00', '10.00', { metadata: { why: 'x' }, reverses: 2 }),
    }, { location: `/users/${id}/history/3` })
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '10.00', 3), {
      'x-cache': 'hit',
    })
    const again = await expectNothingWritten(http, () => reverse(id, 2))
    expectProblem(again, 'already_reversed')
    // A reversal is an entry like others.
    expect(await reverse(id, 3)).toMatchObject({ status: 201, body: { balance: '6.00' } })
  })

  test('a repeat is the first answer, byte for byte', async () => {
    const id = await user('10')
    const headers = { 'Idempotency-Key': 'r' }
    const first = await reverse(id, 1, {}, headers)
    await reverse(id, 2)
    expect(await reverse(id, 1, {}, headers))
      .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    expectProblem(await reverse(id, 3, {}, headers), 'idempotency_key_reused')
  })

  test('20 at once: one takes it back, or all get that answer if they have its key', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const keyed = await Promise.all(
      Array.from({ length: 20 }, () => reverse(id, 2, {}, { 'Idempotency-Key': 'r' })),
    )
    expect(new Set(keyed.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    const bare = await Promise.all(Array.from({ length: 20 }, () => reverse(id, 3)))
    expect(bare.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(bare.filter(({ status }) => status === 409)).toHaveLength(19)
    expect(await historyOf(http.sql, id)).toHaveLength(4)
  })

  test('a transfer goes back whole, from either half, and both caches know', async () => {
    const [from, to] = [await user('10'), await user()]
    await call('POST', '/transfers', { from, to, amount: 7 })
    expectAnswer(await reverse(from, 2), 201, {
      ...snapshotOf(from, '10.00', 3),
      entry: entryOf(3, 'CREDIT', '7.00', '10.00', {
        transfer: { user_id: to, seq: 2 },
        reverses: 2,
      }),
    }, { location: `/users/${from}/history/3` })
    expectAnswer(await call('GET', `/users/${to}`), 200, snapshotOf(to, '0.00', 2), {
      'x-cache': 'hit',
    })
    expectProblem(await reverse(to, 1), 'already_reversed')
  })

  test('what was spent can not be taken back; the amounts are of whoever spent it', async () => {
    const [from, to] = [await user('10'), await user()]
    await call('POST', '/transfers', { from, to, amount: 7 })
    await call('POST', `/users/${to}/debit`, { amount: 5 })
    for (const [id, seq] of [[from, 2], [to, 1]] as const) {
      const answer = await expectNothingWritten(http, () => reverse(id, seq))
      expectProblem(answer, 'insufficient_funds', {
        balance: '2.00',
        available: '2.00',
        required: '7.00',
        shortfall: '5.00',
      })
    }
    expect(await findingsOf(http.sql, from)).toEqual([])
  })

  test('reaches a manual entry as soon as it has that number', async () => {
    const id = await user('10')
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    expect(await reverse(id, 2)).toMatchObject({
      status: 201,
      body: { balance: '10.00', entry: { seq: 3, reverses: 2 } },
    })
  })

  test('refuses what is not there, and malformed requests', async () => {
    const id = await user('10')
    await expectNothingWritten(http, async () => {
      expectProblem(await reverse(id, 2), 'unknown_entry')
      expectProblem(await reverse(4711, 1), 'unknown_user')
      expectProblem(await reverse(id, 'x'), 'invalid_request', invalid('seq', ID))
      expectProblem(
        await reverse(id, 1, { final: false }),
        'invalid_request',
        invalid('final', 'is unknown'),
      )
      for (const amount of [0, '1.001', null]) {
        expect((await reverse(id, 1, { amount })).status).toBe(400)
      }
    })
  })

  test('takes a part back, then the rest, and no more than the entry was', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    const headers = { 'Idempotency-Key': 'part' }
    const first = await reverse(id, 2, { amount: '1.5' }, headers)
    expectAnswer(first, 201, {
      ...snapshotOf(id, '7.50', 3),
      entry: entryOf(3, 'CREDIT', '1.50', '7.50', { idempotency_key: 'part', reverses: 2 }),
    }, { location: `/users/${id}/history/3` })
    const entry = () => call('GET', `/users/${id}/history/2`)
    expect((await entry()).body).toMatchObject({ reversed_by: 3, reversed: '1.50' })
    const tooMuch = await expectNothingWritten(http, () => reverse(id, 2, { amount: 2.51 }))
    expectProblem(
      tooMuch,
      'invalid_request',
      invalid('amount', 'must be at most what is left of the hold or entry'),
    )
    expect(await reverse(id, 2)).toMatchObject({ status: 201, body: { entry: { amount: '2.50' } } })
    expect((await entry()).body).toMatchObject({ reversed_by: 4 })
    expect((await entry()).body).not.toHaveProperty('reversed')
    expectProblem(await reverse(id, 2, { amount: 1 }), 'already_reversed')
    expect(await reverse(id, 2, { amount: 1.5 }, headers))
      .toEqual({ ...first, headers: { ...first.headers, 'idempotency-replayed': 'true' } })
    expectProblem(await reverse(id, 2, {}, headers), 'idempotency_key_reused')
    expect(await findingsOf(http.sql, id)).toEqual([])
  })
})
