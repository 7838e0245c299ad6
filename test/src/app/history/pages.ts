/** Pages of a history. */
import { describe, expect, test } from 'vitest'
import { entryOf, expectAnswer } from '../../../support/http.ts'
import { expectProblem, invalid } from '../../../support/problems.ts'
import { call, history, ID, load, user } from './service.ts'

const LIMIT = 'must be digits, from 1 to 1000'

describe('GET /users/:id/history', () => {
  test('is newest first, in pages', async () => {
    const id = await user('10')
    await call('POST', `/users/${id}/debit`, { amount: 3, metadata: { a: 1 } }, {
      'Idempotency-Key': 'k',
    })
    await call('POST', `/users/${id}/holds`, { amount: 2 })
    await call('POST', `/users/${id}/holds/1/capture`)
    await call('POST', `/users/${id}/history/2/reverse`)
    const entries = [
      entryOf(4, 'CREDIT', '3.00', '8.00', { reverses: 2 }),
      entryOf(3, 'DEBIT', '2.00', '5.00', { hold: 1 }),
      entryOf(2, 'DEBIT', '3.00', '7.00', {
        idempotency_key: 'k',
        metadata: { a: 1 },
        reversed_by: 4,
      }),
      entryOf(1, 'CREDIT', '10.00', '10.00'),
    ]
    expectAnswer(await history(id), 200, { entries, next: null })
    expectAnswer(await history(id, '?limit=2'), 200, { entries: entries.slice(0, 2), next: 3 })
    expectAnswer(await history(id, '?limit=2&before=3'), 200, {
      entries: entries.slice(2),
      next: null,
    })
    expectAnswer(await history(id, '?limit=3'), 200, { entries: entries.slice(0, 3), next: 2 })
    expectAnswer(await history(id, '?before=1'), 200, { entries: [], next: null })
    expectAnswer(await history(id, '?before=9007199254740991'), 200, { entries, next: null })
    for (const entry of entries) {
      expectAnswer(await call('GET', `/users/${id}/history/${entry.seq}`), 200, entry)
    }
  })

  test('has 50 entries a page unless told otherwise, and 1000 at most', async () => {
    const id = await user()
    await load(id, 1001)
    const seqs = async (query: string) => {
      const { entries, next } = (await history(id, query)).body as {
        entries: { seq: number }[]
        next: number | null
      }
      return [entries.length, entries[0]!.seq, entries.at(-1)!.seq, next]
    }
    expect(await seqs('')).toEqual([50, 1001, 952, 952])
    expect(await seqs('?limit=1000')).toEqual([1000, 1001, 2, 2])
    expect(await seqs('?limit=1000&before=2')).toEqual([1, 1, 1, null])
  })

  test('of a new user is empty, of nobody unknown', async () => {
    expectAnswer(await history(await user()), 200, { entries: [], next: null })
    expectProblem(await history(4711), 'unknown_user')
    expectProblem(await call('GET', `/users/${await user()}/history/1`), 'unknown_entry')
    expectProblem(await call('GET', '/users/4711/history/1'), 'unknown_user')
  })

  test('names what is bad in the query', async () => {
    const id = await user('1')
    for (const limit of ['0', '1001', '-1', '1.5', 'x', '', '1e2', '%201']) {
      expectProblem(
        await history(id, `?limit=${limit}`),
        'invalid_request',
        invalid('limit', LIMIT),
      )
    }
    for (const before of ['0', '-1', 'x', '', '1.0', '9007199254740992']) {
      expectProblem(
        await history(id, `?before=${before}`),
        'invalid_request',
        invalid('before', ID),
      )
    }
    for (const seq of ['0', 'x', '1.5', '9007199254740992']) {
      expectProblem(
        await call('GET', `/users/${id}/history/${seq}`),
        'invalid_request',
        invalid('seq', ID),
      )
    }
    expect((await history(id, '?limit=1&limit=2')).status).toBe(400)
  })
})
