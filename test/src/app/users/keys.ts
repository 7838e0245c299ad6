/** Idempotency keys of debits and credits. */
import { describe, expect, test } from 'vitest'
import {
  answerOf,
  entryOf,
  expectAnswer,
  expectNothingWritten,
  snapshotOf,
} from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { historyOf } from '../../../support/ledger.ts'
import { call, http, user } from './service.ts'

describe.each([['debit', 'DEBIT', 'LGFND'], ['credit', 'CREDIT', 'LGRNG']])('POST /users/:id/%s', (
  route,
  action,
) => {
  test('a repeat under the same key, bare or quoted, is the first answer byte for byte', async () => {
    const id = await user('100')
    const headers = { 'Idempotency-Key': 'abc-1' }
    const body = { amount: '1.50', metadata: { b: 1, a: [1.5, 'é'] } }
    const first = await call('POST', `/users/${id}/${route}`, body, headers)
    expect(first.status).toBe(201)
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    await call('POST', `/users/${id}/credit`, { amount: 5 })
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 7)`
    for (const key of ['abc-1', '"abc-1"', '"abc-1"']) {
      const again = await call('POST', `/users/${id}/${route}`, { ...body, amount: 1.5 }, {
        'Idempotency-Key': key,
      })
      expect(again.text).toBe(first.text)
      expect(again).toMatchObject({
        status: 201,
        headers: { ...first.headers, 'idempotency-replayed': 'true' },
      })
    }
    expect(await call('GET', `/users/${id}`, undefined, { 'Cache-Control': 'no-cache' }))
      .toMatchObject({ body: { balance: action === 'DEBIT' ? '110.50' : '113.50' } })
  })

  test('a key of psql is a key of HTTP, and the other way round', async () => {
    const id = await user('100')
    const f = http.sql(`${route}_user`)
    const [by] = await http.sql`select * from ${f}(${id}::bigint, 2.5, 'k-1')`
    const replay = await call('POST', `/users/${id}/${route}`, { amount: 2.5 }, {
      'Idempotency-Key': 'k-1',
    })
    const balance = action === 'DEBIT' ? '97.50' : '102.50'
    expectAnswer(
      replay,
      201,
      {
        ...snapshotOf(id, balance, 2),
        entry: entryOf(2, action, '2.50', balance, { idempotency_key: 'k-1' }),
      },
      { location: `/users/${id}/history/2`, 'idempotency-replayed': 'true' },
    )
    expect(by).toMatchObject({ seq: '2', balance, replayed: false })

    const first = await call('POST', `/users/${id}/${route}`, { amount: 1 }, {
      'Idempotency-Key': '"k \\" 2"'.replaceAll(' ', ''),
    })
    expect(first.body).toMatchObject({ entry: { idempotency_key: 'k"2', seq: 3 } })
    const [again] = await http.sql`select * from ${f}(${id}::bigint, 1, 'k"2')`
    expect(again).toMatchObject({ seq: '3', replayed: true })
    expect(await historyOf(http.sql, id)).toHaveLength(3)
  })

  test('the same key for something else is refused and writes nothing', async () => {
    const id = await user('100')
    const other = route === 'debit' ? 'credit' : 'debit'
    const headers = { 'Idempotency-Key': 'once' }
    await call('POST', `/users/${id}/${route}`, { amount: 1 }, headers)
    for (const [path, amount] of [[route, 2], [other, 1]]) {
      const answer = await expectNothingWritten(
        http,
        () => call('POST', `/users/${id}/${path}`, { amount }, headers),
      )
      expectProblem(answer, 'idempotency_key_reused')
    }
  })

  test('the same key of another user is another key', async () => {
    const ids = [await user('9'), await user('9')]
    for (const id of ids) {
      const answer = await call('POST', `/users/${id}/${route}`, { amount: 1 }, {
        'Idempotency-Key': 'mine',
      })
      expect(answer).toMatchObject({ status: 201, body: { id, seq: 2 } })
      expect(answer.headers['idempotency-replayed']).toBeUndefined()
    }
  })

  test('50 copies at once make one entry and get the same answer', async () => {
    const id = await user('100')
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        call('POST', `/users/${id}/${route}`, { amount: 3 }, {
          'Idempotency-Key': n % 2 ? 'copy' : '"copy"',
        })),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'])).toHaveLength(49)
    expect(await historyOf(http.sql, id)).toHaveLength(2)
  })

  test('refuses every other key', async () => {
    const id = await user('100')
    const keys = [
      ['', '""', '"', '"a', 'a b', '"a b"', 'é', '"é"', 'a\tb', '"a"b"', '"a\\b"', '"a", "b"'],
      ['a'.repeat(256), `"${'a'.repeat(256)}"`, '"a" ; p=1', 'a, a'],
    ].flat()
    await expectNothingWritten(http, async () => {
      for (const key of keys) {
        const answer = await call('POST', `/users/${id}/${route}`, { amount: 1 }, {
          'Idempotency-Key': key,
        })
        expectProblem(answer, 'invalid_idempotency_key', {}, {}, key)
      }
    })
  })

  test('takes keys of 1 to 255 visible characters', async () => {
    const id = await user('100')
    const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, n) => 33 + n))
    const bare = visible.slice(2)
    for (
      const key of ['a', '~', 'a'.repeat(255), bare, 'a,b', 'a"b', 'a\\b', `"${'b'.repeat(255)}"`]
    ) {
      const answer = await call('POST', `/users/${id}/${route}`, { amount: 0.01 }, {
        'Idempotency-Key': key,
      })
      expect(answer).toMatchObject({
        status: 201,
        body: { entry: { idempotency_key: key.replace(/^"(.*)"$/, '$1') } },
      })
    }
    const quoted = `"${visible.replace(/["\\]/g, '\\$&')}"`
    expect(
      await call('POST', `/users/${id}/${route}`, { amount: 0.01 }, { 'Idempotency-Key': quoted }),
    )
      .toMatchObject({ status: 201, body: { entry: { idempotency_key: visible } } })
  })
})

test('two Idempotency-Key lines are refused', async () => {
  const id = await user('100')
  for (const lines of [['a', 'b'], ['a', 'a'], ['"a"', '"b"'], ['', 'a']]) {
    const answer = await expectNothingWritten(http, async () => {
      const headers: [string, string][] = lines.map((line) => ['Idempotency-Key', line])
      return await answerOf(
        await fetch(`${http.service.url}/users/${id}/debit`, {
          method: 'POST',
          headers: [['Content-Type', 'application/json'], ...headers],
          body: '{"amount":1}',
        }),
      )
    })
    expectProblem(answer, 'invalid_idempotency_key', {}, {}, lines.join())
  }
})
