/** Metadata of debits and credits. */
import { describe, expect, test } from 'vitest'
import { expectNothingWritten } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { call, http, NUMBERS, user } from './service.ts'

const STRINGS = 'has a NUL or half a surrogate pair'

describe.each(['debit', 'credit'])('POST /users/:id/%s', (route) => {
  test('takes 4096 bytes of metadata and not one more', async () => {
    const id = await user('100')
    const of = (bytes: number, letter: string) => {
      const rest = bytes - '{"m":""}'.length
      const size = new TextEncoder().encode(letter).length
      return { m: letter.repeat(Math.floor(rest / size)) + 'x'.repeat(rest % size) }
    }
    for (const letter of ['m', 'é', '€', '😀']) {
      const edge = { amount: 1, metadata: of(4096, letter) }
      expect((await call('POST', `/users/${id}/credit`, edge)).status).toBe(201)
      const answer = await expectNothingWritten(
        http,
        () => call('POST', `/users/${id}/${route}`, { amount: 1, metadata: of(4097, letter) }),
      )
      expectProblem(
        answer,
        'invalid_request',
        invalid('metadata', 'must be at most 4096 bytes of JSON'),
      )
    }
  })

  test('takes 4096 bytes of metadata made of the shortest members', async () => {
    const id = await user('100')
    // PostgreSQL prints a space after each comma and colon.
    const numbers = Array.from({ length: 2043 }, () => 1)
    const metadata = { m: [...numbers, 10] }
    expect(JSON.stringify(metadata)).toHaveLength(4096)
    expect((await call('POST', `/users/${id}/${route}`, { amount: 1, metadata })).status).toBe(201)
  })

  test('numbers that grow when PostgreSQL prints them are refused or kept, never a fault', async () => {
    const id = await user('100')
    const metadata = `{"m":[${Array.from({ length: 500 }, () => '1e308').join(',')}]}`
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/${route}`, `{"amount":1,"metadata":${metadata}}`),
    )
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  test('deep metadata is refused or kept, never a fault', async () => {
    const id = await user('100')
    for (const depth of [100, 2000, 10_000, 30_000]) {
      const metadata = `{"m":${'['.repeat(depth)}${']'.repeat(depth)}}`
      const answer = await call(
        'POST',
        `/users/${id}/${route}`,
        `{"amount":1,"metadata":${metadata}}`,
      )
      expect([depth, answer.status]).toEqual([depth, depth <= 2000 ? 201 : 400])
    }
  })

  test.each([
    ['{"amount":1,"metadata":{"a":"\\u0000"}}', 'metadata.a', STRINGS],
    ['{"amount":1,"metadata":{"a\\u0000":1}}', 'metadata.a\0', STRINGS],
    ['{"amount":1,"metadata":{"a":"\\ud800"}}', 'metadata.a', STRINGS],
    ['{"amount":1,"metadata":{"a":[0,0.1000000000000000055]}}', 'metadata.a.1', NUMBERS],
    ['{"amount":1,"metadata":{"a":12345678901234567890}}', 'metadata.a', NUMBERS],
    ['{"amount":1,"metadata":{"a":1,"a":1}}', 'metadata.a', 'is given twice'],
    ['{"amount":1,"amount":1}', 'amount', 'is given twice'],
    ['{"amount":1,"\\u0061mount":5}', 'amount', 'is given twice'],
  ])('refuses %s', async (body, path, message) => {
    const id = await user('100')
    const answer = await expectNothingWritten(
      http,
      () => call('POST', `/users/${id}/${route}`, body),
    )
    expectProblem(answer, 'invalid_request', invalid(path, message))
  })
})
