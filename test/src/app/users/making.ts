/** Users are made. */
import { describe, expect, test } from 'vitest'
import { expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { call, http } from './service.ts'

describe('POST /users', () => {
  test('makes a user with the next free id', async () => {
    const answer = await call('POST', '/users', {})
    const { id } = answer.body as { id: number }
    expectAnswer(answer, 201, snapshotOf(id, '0.00', 0), { location: `/users/${id}` })
    expectAnswer(
      await call('GET', `/users/${id}`, undefined, { 'Cache-Control': 'no-cache' }),
      200,
      snapshotOf(id, '0.00', 0),
      { 'x-cache': 'bypass' },
    )
  })

  test('needs no body at all', async () => {
    const answer = await call('POST', '/users')
    expect(answer).toMatchObject({ status: 201, body: { balance: '0.00', seq: 0 } })
  })

  test('with an id makes that user once, and answers 200 from then on', async () => {
    const id = 9007199254740991
    const first = await call('POST', '/users', { id })
    expectAnswer(first, 201, snapshotOf(id, '0.00', 0), { location: `/users/${id}` })
    await call('POST', `/users/${id}/credit`, { amount: 1 })
    expectAnswer(await call('POST', '/users', { id }), 200, snapshotOf(id, '1.00', 1))
  })

  test('an id that was given does not stand in the way of the next user', async () => {
    const { id } = (await call('POST', '/users', {})).body as { id: number }
    expect((await call('POST', '/users', { id: id + 1 })).status).toBe(201)
    expect((await call('POST', '/users', {})).body).toMatchObject({ id: id + 2 })
  })

  test.each([
    ['0', 'must be from 1 to 9007199254740991'],
    ['-1', 'must be from 1 to 9007199254740991'],
    ['1.5', 'must be a whole number from 1 to 9007199254740991'],
    ['9007199254740992', 'must be a whole number from 1 to 9007199254740991'],
    ['"7"', 'must be a whole number from 1 to 9007199254740991'],
    ['null', 'must be a whole number from 1 to 9007199254740991'],
    ['true', 'must be a whole number from 1 to 9007199254740991'],
    ['[1]', 'must be a whole number from 1 to 9007199254740991'],
  ])('refuses the id %s', async (id) => {
    const answer = await expectNothingWritten(http, () => call('POST', '/users', `{"id":${id}}`))
    expectProblem(
      answer,
      'invalid_request',
      invalid('id', 'must be a whole number from 1 to 9007199254740991'),
    )
  })

  test.each(['name', 'balance', 'toString', '__proto__', 'metadatas'])(
    'refuses the unknown member %s',
    async (name) => {
      const answer = await expectNothingWritten(http, () => call('POST', '/users', `{"${name}":1}`))
      expectProblem(answer, 'invalid_request', invalid(name, 'is unknown'))
    },
  )
})
