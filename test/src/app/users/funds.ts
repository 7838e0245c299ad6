/** Debits that are not covered, and credits that leave the range. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer, expectNothingWritten, snapshotOf } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { codeOf, historyOf } from '../../../support/ledger.ts'
import { sealCredit } from '../../../support/sealing.ts'
import { call, http, user } from './service.ts'

describe('debits', () => {
  test('more than there is: all the numbers, nothing written, and the key is free', async () => {
    const id = await user('99.99')
    const headers = { 'Idempotency-Key': 'again' }
    const refused = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/debit`, { amount: 100 }, headers),
    )
    const funds = { balance: '99.99', available: '99.99', required: '100.00', shortfall: '0.01' }
    expectProblem(refused, 'insufficient_funds', funds)
    await call('POST', `/users/${id}/credit`, { amount: '0.01' })
    const answer = await call('POST', `/users/${id}/debit`, { amount: 100 }, headers)
    expectAnswer(
      answer,
      201,
      {
        ...snapshotOf(id, '0.00', 3),
        entry: entryOf(3, 'DEBIT', '100.00', '0.00', { idempotency_key: 'again' }),
      },
      { location: `/users/${id}/history/3` },
    )
  })

  test('a new user has nothing', async () => {
    const id = await user()
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/debit`, { amount: '9999999999.99' }),
    )
    expectProblem(answer, 'insufficient_funds', {
      balance: '0.00',
      available: '0.00',
      required: '9999999999.99',
      shortfall: '9999999999.99',
    })
  })

  test('manual entries may take a balance below zero; a debit says so', async () => {
    const id = await user('5')
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 7.5)`
    expectProblem(await call('POST', `/users/${id}/debit`, { amount: 1 }), 'insufficient_funds', {
      balance: '-2.50',
      available: '-2.50',
      required: '1.00',
      shortfall: '3.50',
    })
    expectAnswer(await call('GET', `/users/${id}`), 200, snapshotOf(id, '-2.50', 2), {
      'x-cache': 'hit',
    })
  })

  test('many at once take what there is and no more', async () => {
    const id = await user('10')
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => call('POST', `/users/${id}/debit`, { amount: 1 })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(20)
    expect(await historyOf(http.sql, id)).toHaveLength(11)
  })
})

test('a credit that leaves the range is refused, and its key stays free', async () => {
  const id = await user()
  await sealCredit(http.sql, id, { amount: '1', balance: '999999999999999999.00' })
  const headers = { 'Idempotency-Key': 'edge' }
  await call('POST', `/users/${id}/recalculate`)
  const answer = await expectNothingWritten(
    http,
    () => call('POST', `/users/${id}/credit`, { amount: 1 }, headers),
  )
  expectProblem(answer, 'balance_out_of_range')
  expect(await call('POST', `/users/${id}/credit`, { amount: '0.99' }, headers))
    .toMatchObject({ status: 201, body: { balance: '999999999999999999.99' } })
})

test('what SQL refuses tells no more over HTTP than its code', async () => {
  const id = await user('1')
  expect(await codeOf(http.sql`select debit_user(${id}::bigint, 2)`)).toBe('LGFND')
  const answer = await call('POST', `/users/${id}/debit`, { amount: 2 })
  expect(answer.text).not.toMatch(/LGFND|select|detail/i)
})
