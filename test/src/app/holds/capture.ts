/** Holds are captured, whole or in parts. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { findingsOf } from '../../../support/findings.ts'
import { historyOf } from '../../../support/ledger.ts'
import { call, close, http, place, REPLAYED, user } from './service.ts'

describe('capture', () => {
  test('takes all of a hold, once', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    expectAnswer(await close(id, 1, 'capture'), 201, {
      ...snapshotOf(id, '40.00', 2),
      entry: entryOf(2, 'DEBIT', '60.00', '40.00', { hold: 1 }),
    }, { location: `/users/${id}/history/2` })
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '40.00', 2), {
      'x-cache': 'hit',
    })
    await expectNothingWritten(http, async () => {
      expectProblem(await close(id, 1, 'capture'), 'hold_not_active')
      expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    })
  })

  test('takes a part and gives back the rest', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    await place(id, { amount: 10 })
    expectAnswer(await close(id, 1, 'capture', { amount: '25.00', metadata: { x: 1 } }), 201, {
      ...snapshotOf(id, '75.00', 2, '65.00'),
      entry: entryOf(2, 'DEBIT', '25.00', '75.00', { metadata: { x: 1 }, hold: 1 }),
    }, { location: `/users/${id}/history/2` })
  })

  test('but no more than was held', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const answer = await expectNothingWritten(
      http,
      () => close(id, 1, 'capture', { amount: 60.01 }),
    )
    expectProblem(
      answer,
      'invalid_request',
      invalid('amount', 'must be at most what is left of the hold or entry'),
    )
  })

  test('a repeat is the first answer, byte for byte', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const headers = { 'Idempotency-Key': 'cap' }
    const first = await close(id, 1, 'capture', { amount: 20 }, headers)
    await call('POST', `/users/${id}/credit`, { amount: 1 })
    await call('POST', `/users/${id}/history/2/reverse`)
    expect(await close(id, 1, 'capture', { amount: '20.00' }, headers))
      .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    expectProblem(
      await close(id, 1, 'capture', { amount: 21 }, headers),
      'idempotency_key_reused',
    )
  })

  test('fails when manual entries have taken the money', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 70)`
    expect(await close(id, 1, 'capture')).toMatchObject({
      status: 422,
      body: { code: 'insufficient_funds', balance: '30.00', required: '60.00' },
    })
    expect((await close(id, 1, 'release')).body).toMatchObject({ available: '30.00' })
  })
})

describe('captures in parts', () => {
  test('leave the rest held with final: false, until the last', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    expectAnswer(await close(id, 1, 'capture', { amount: 20, final: false }), 201, {
      ...snapshotOf(id, '80.00', 2, '40.00'),
      entry: entryOf(2, 'DEBIT', '20.00', '80.00', { hold: 1 }),
    }, { location: `/users/${id}/history/2` })
    const shown = async () => (await call('GET', `/users/${id}/holds/1`)).body
    expect(await shown()).toMatchObject({
      status: 'active',
      amount: '60.00',
      captured: '20.00',
      remaining: '40.00',
    })
    const tooMuch = await expectNothingWritten(
      http,
      () => close(id, 1, 'capture', { amount: 40.01, final: false }),
    )
    expectProblem(
      tooMuch,
      'invalid_request',
      invalid('amount', 'must be at most what is left of the hold or entry'),
    )
    expectAnswer(await close(id, 1, 'capture', { amount: 30, final: true }), 201, {
      ...snapshotOf(id, '50.00', 3),
      entry: entryOf(3, 'DEBIT', '30.00', '50.00', { hold: 1 }),
    }, { location: `/users/${id}/history/3` })
    expect(await shown()).toMatchObject({
      status: 'captured',
      captured: '50.00',
      remaining: '0.00',
      closed_at: 'TIME',
    })
    expectProblem(await close(id, 1, 'capture', { final: false }), 'hold_not_active')
  })

  test('end with the one that takes the last of it, or with a release', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    await place(id, { amount: 10 })
    await close(id, 1, 'capture', { amount: 20, final: false })
    expect((await close(id, 1, 'capture', { final: false })).body)
      .toMatchObject({ entry: { amount: '40.00' } })
    expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    await close(id, 2, 'capture', { amount: 4, final: false })
    expectAnswer(await close(id, 2, 'release'), 200, snapshotOf(id, '36.00', 4))
    const { body } = await call('GET', `/users/${id}/holds`)
    expect((body as { holds: unknown[] }).holds).toMatchObject([
      { status: 'captured', captured: '60.00', remaining: '0.00' },
      { status: 'released', captured: '4.00', remaining: '0.00' },
    ])
    expect(await findingsOf(http.sql, id)).toEqual([])
  })

  test('with a key: a repeat is the first answer, unless it is another part', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const part = { amount: 20, final: false }
    const [one, two] = [{ 'Idempotency-Key': 'one' }, { 'Idempotency-Key': 'two' }]
    const first = await close(id, 1, 'capture', part, one)
    const second = await close(id, 1, 'capture', {}, two)
    expect(second.body).toMatchObject({ entry: { amount: '40.00' } })
    const again = (answer: typeof first) => (
      { ...answer, headers: { ...answer.headers, ...REPLAYED } }
    )
    expect(await close(id, 1, 'capture', part, one)).toEqual(again(first))
    expect(await close(id, 1, 'capture', {}, two)).toEqual(again(second))
    await expectNothingWritten(http, async () => {
      for (const body of [{ amount: 20 }, { amount: 21, final: false }, { final: false }, {}]) {
        expectProblem(await close(id, 1, 'capture', body, one), 'idempotency_key_reused')
      }
    })
  })

  test.each(['false', 0, null])('final is true or false, not %j', async (final) => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const answer = await close(id, 1, 'capture', { final })
    expectProblem(answer, 'invalid_request', invalid('final', 'must be true or false'))
  })
})

describe('capture of more than is left, after a manual DEBIT', () => {
  test.each([
    ['all of it', {}, '8.00', '3.00'],
    ['a part', { amount: 6 }, '6.00', '1.00'],
  ])('%s: what the hold holds is available to it', async (_, body, required, shortfall) => {
    const id = await user('12')
    await place(id, { amount: 8 })
    await place(id, { amount: 1 })
    await http.sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 6)`
    expectProblem(await close(id, 1, 'capture', body), 'insufficient_funds', {
      balance: '6.00',
      available: '5.00',
      required,
      shortfall,
    })
    expect(await historyOf(http.sql, id)).toEqual(['+12.00=12.00', '-6.00=6.00'])
    expect(await close(id, 1, 'capture', { amount: 5 })).toMatchObject({ status: 201 })
  })
})
