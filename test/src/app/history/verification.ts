/** Verification over HTTP. */
import { describe, expect, test } from 'vitest'
import { expectAnswer } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { call, http, user } from './service.ts'

describe('GET /users/:id/verify', () => {
  test('finds nothing in a history that is as it was made', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 4 })
    expectAnswer(await call('GET', `/users/${id}/verify`), 200, {
      id,
      ok: true,
      entries: 2,
      findings: [],
    })
    expectProblem(await call('GET', '/users/4711/verify'), 'unknown_user')
  })

  test('finds what somebody changed', async () => {
    const id = await user('10')
    await http.sql`update users set balance = 11 where id = ${id}`
    const answer = await call('GET', `/users/${id}/verify`)
    expect(answer).toMatchObject({
      status: 200,
      body: { id, ok: false, entries: 1, findings: [{ user_id: id }] },
    })
  })
})
