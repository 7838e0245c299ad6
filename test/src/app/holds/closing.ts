/** Holds are extended and released, and closed once. */
import { describe, expect, test } from 'vitest'
import { expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { ageHolds } from '../../../support/holds.ts'
import { findingsOf } from '../../../support/findings.ts'
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

describe('extend', () => {
  test('lets a hold expire later, or never', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 60 })
    const before_ms = Date.now()
    const extended = await close(id, 1, 'extend', { expires_in: 3600 })
    expect(extended).toMatchObject({ status: 200, body: holdOf(1, id, '60.00', '40.00', 'TIME') })
    expectHourFrom(before_ms, extended)
    expectAnswer(
      await close(id, 1, 'extend', { expires_in: null }),
      200,
      holdOf(1, id, '60.00', '40.00'),
    )
    await ageHolds(http.sql, id)
    expect((await close(id, 1, 'capture')).status).toBe(201)
    expect(await findingsOf(http.sql, id)).toEqual([])
  })

  test('never to an earlier time: expiry_not_later', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 3600 })
    await place(id, { amount: 1 })
    await expectNothingWritten(http, async () => {
      expectProblem(await close(id, 1, 'extend', { expires_in: 60 }), 'expiry_not_later')
      expectProblem(await close(id, 2, 'extend', { expires_in: 60 }), 'expiry_not_later')
      expectProblem(await close(id, 2, 'extend', { expires_in: null }), 'expiry_not_later')
    })
  })

  test('only what is active', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 60 })
    await place(id, { amount: 1, expires_in: 60 })
    await close(id, 2, 'release')
    await ageHolds(http.sql, id)
    const body = { expires_in: 3600 }
    expectProblem(await close(id, 1, 'extend', body), 'hold_not_active')
    expectProblem(await close(id, 2, 'extend', body), 'hold_not_active')
    expectProblem(await close(id, 3, 'extend', body), 'unknown_hold')
    expectProblem(await close(4711, 1, 'extend', body), 'unknown_user')
    for (const expires_in of [0, -1, 0.0001, '60', 3_155_760_001, undefined]) {
      const answer = await close(id, 1, 'extend', { expires_in })
      expectProblem(answer, 'invalid_request', invalid('expires_in', EXPIRES))
    }
  })

  test('with a key: a repeat is the first answer, and extends once', async () => {
    const id = await user('100')
    await place(id, { amount: 60, expires_in: 60 })
    const headers = { 'Idempotency-Key': 'later' }
    const first = await close(id, 1, 'extend', { expires_in: 3600 }, headers)
    await close(id, 1, 'extend', { expires_in: 7200 })
    await expectNothingWritten(http, async () => {
      expect(await close(id, 1, 'extend', { expires_in: 3600 }, headers))
        .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
      for (const [hold, expires_in] of [[1, 3601], [1, null], [2, 3600]] as const) {
        expectProblem(
          await close(id, hold, 'extend', { expires_in }, headers),
          'idempotency_key_reused',
        )
      }
    })
  })
})

describe('release', () => {
  test('gives back, once, and a repeat with the key is the first answer', async () => {
    const id = await user('100')
    await place(id, { amount: 60 })
    const headers = { 'Idempotency-Key': 'rel' }
    const first = await close(id, 1, 'release', {}, headers)
    expectAnswer(first, 200, snapshotOf(id, '100.00', 1))
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '100.00', 1), {
      'x-cache': 'hit',
    })
    await call('POST', `/users/${id}/debit`, { amount: 1 })
    expect(await close(id, 1, 'release', undefined, headers))
      .toEqual({ ...first, headers: { ...first.headers, ...REPLAYED } })
    expectProblem(await close(id, 1, 'release'), 'hold_not_active')
    expectProblem(await close(id, 1, 'capture'), 'hold_not_active')
  })
})

test('what a release is told is kept with its hold', async () => {
  const id = await user('1')
  await place(id, { amount: 1, metadata: { for: 'a' } })
  expect((await close(id, 1, 'release', { metadata: { by: 'b' } })).status).toBe(200)
  expect(await http.sql`select metadata from hold_changes where user_id = ${id} order by number`)
    .toEqual([{ metadata: { for: 'a' } }, { metadata: { by: 'b' } }])
})

test.each(['capture', 'release'] as const)('%s of a hold that never was', async (how) => {
  const id = await user('100')
  await expectNothingWritten(http, async () => {
    expectProblem(await close(id, 1, how), 'unknown_hold')
    expectProblem(await close(4711, 1, how), 'unknown_user')
    for (const hold of ['0', 'x', '-1', '1.5', '9007199254740992']) {
      expectProblem(await close(id, hold, how), 'invalid_request', invalid('hold', ID))
    }
    expectProblem(
      await close(id, 1, how, { nothing: 1 }),
      'invalid_request',
      invalid('nothing', 'is unknown'),
    )
  })
})

test('of captures and releases at once exactly one closes the hold', async () => {
  const id = await user('100')
  await place(id, { amount: 60 })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => close(id, 1, n % 2 ? 'capture' : 'release')),
  )
  expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
  for (const answer of answers.filter(({ status }) => status >= 300)) {
    expectProblem(answer, 'hold_not_active')
  }
  expect(await findingsOf(http.sql, id)).toEqual([])
})
