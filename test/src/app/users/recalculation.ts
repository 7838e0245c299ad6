/** Recalculations. */
import { describe, expect, test } from 'vitest'
import { expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { historyOf, one } from '../../../support/ledger.ts'
import { call, http, user } from './service.ts'

describe('POST /users/:id/recalculate', () => {
  test('posts manual entries and shows in the next read', async () => {
    const id = await user('10')
    await call('GET', `/users/${id}`)
    await http.sql`
      insert into payment_history (user_id, action, amount)
      values (${id}, 'CREDIT', 5), (${id}, 'DEBIT', 1), (${id}, 'CREDIT', 0.25)`
    expectAnswer(await call('POST', `/users/${id}/recalculate`), 200, snapshotOf(id, '14.25', 4))
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '14.25', 4), {
      'x-cache': 'hit',
    })
    expect(await historyOf(http.sql, id))
      .toEqual(['+10.00=10.00', '+5.00=15.00', '-1.00=14.00', '+0.25=14.25'])
    expectAnswer(
      await call('POST', `/users/${id}/recalculate`, {}),
      200,
      snapshotOf(id, '14.25', 4),
    )
  })

  test('puts right what somebody wrote over a balance', async () => {
    const id = await user('10')
    await http.sql`update users set balance = 1000000 where id = ${id}`
    expectAnswer(
      await call('POST', `/users/${id}/recalculate`, {}),
      200,
      snapshotOf(id, '10.00', 1),
    )
    expect(await one(http.sql`select balance from users where id = ${id}`))
      .toMatchObject({ balance: '10.00' })
  })

  // Read afterwards, it would be how the user is once somebody else has changed it, too.
  test('answers how it has left the user, without another look', async () => {
    const id = await user('10')
    await http.sql`
      insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`
    await http.sql`revoke execute on function ledger.get_users from ledger_service`
    try {
      const fresh = { 'Cache-Control': 'no-cache' }
      expectProblem(await call('GET', `/users/${id}`, undefined, fresh), 'internal')
      expectAnswer(await call('POST', `/users/${id}/recalculate`), 200, snapshotOf(id, '15.00', 2))
    } finally {
      await http.sql`grant execute on function ledger.get_users to ledger_service`
    }
  })

  test('knows no members and no unknown users', async () => {
    const id = await user('10')
    const [member, unknown] = await expectNothingWritten(http, () =>
      Promise.all([
        call('POST', `/users/${id}/recalculate`, { amount: 1 }),
        call('POST', '/users/4711/recalculate'),
      ]))
    expectProblem(member, 'invalid_request', invalid('amount', 'is unknown'))
    expectProblem(unknown, 'unknown_user')
  })
})
