/** Users are read, and what is no id of one. */
import { describe, expect, test } from 'vitest'
import { expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { call, http, user } from './service.ts'

const ID = 'must be digits, from 1 to 9007199254740991'

describe('GET /users/:id', () => {
  test('is a miss, then a hit, and a bypass when it must be fresh', async () => {
    const id = await user('900')
    for (const cache of ['miss', 'hit', 'hit']) {
      expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '900.00', 1), {
        'x-cache': cache,
      })
    }
    for (const control of ['no-cache', 'No-Cache', 'max-age=0, no-cache', 'no-cache,no-store']) {
      expectAnswer(
        await call('GET', `/users/${id}`, undefined, { 'Cache-Control': control }),
        200,
        snapshotOf(id, '900.00', 1),
        { 'x-cache': 'bypass' },
      )
    }
  })

  test('HEAD is the same without a body', async () => {
    const id = await user('3')
    const head = await call('HEAD', `/users/${id}`)
    expect(head).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json', 'x-cache': 'miss' },
      text: '',
      body: '',
    })
  })

  test('a user nobody knows', async () => {
    expectProblem(await call('GET', '/users/4711'), 'unknown_user')
    expectProblem(
      await call('GET', '/users/4711', undefined, { 'Cache-Control': 'no-cache' }),
      'unknown_user',
    )
  })
})

describe('user ids in paths', () => {
  test('everything but digits from 1 to 9007199254740991 is refused on every route', async () => {
    const ids = [
      ['0', '00', '-1', '+1', '1.0', '1e3', '0x1', 'one', '%20', '1%20', '%201', '1%00', '%00'],
      ['9007199254740992', '9223372036854775807', '9223372036854775808', '1'.repeat(40)],
      ['%D9%A1', '1;drop', 'null', 'undefined', 'NaN', '%2F', '1%2F', '%ff', '%'],
    ].flat()
    await expectNothingWritten(http, async () => {
      for (const id of ids) {
        const answers = [
          await call('GET', `/users/${id}`),
          await call('POST', `/users/${id}/debit`, { amount: 1 }),
          await call('POST', `/users/${id}/credit`, { amount: 1 }),
          await call('POST', `/users/${id}/recalculate`, {}),
        ]
        for (const answer of answers) {
          expectProblem(answer, 'invalid_request', invalid('id', ID), {}, id)
        }
      }
    })
  })

  test('zeros in front and escaped digits change nothing', async () => {
    const id = await user('5')
    for (
      const path of [`0${id}`, `${'0'.repeat(30)}${id}`, `%3${String(id)[0]}${String(id).slice(1)}`]
    ) {
      expect(await call('GET', `/users/${path}`)).toMatchObject({ status: 200, body: { id } })
    }
  })

  test('the largest is a user like any other', async () => {
    expectProblem(
      await call('POST', '/users/9007199254740990/debit', { amount: 1 }),
      'unknown_user',
    )
  })
})
