/** What others did is not within reach. */
import type { Context, Next } from 'hono'
import { describe, expect, test } from 'vitest'
import { createApp } from '../../../../src/app/app.ts'
import { Problem } from '../../../../src/core/errors.ts'
import { bearer } from '../../../support/access.ts'
import { dependenciesThat, unused } from '../../../support/dependencies.ts'
import { expectNothingWritten } from '../../../support/http.ts'
import { expectProblem } from '../../../support/problems.ts'
import { ask, expectRefused, FOREIGN, http, OWN, type Request } from './callers.ts'

describe('what others did', () => {
  const all = (more: object = {}) => ({ ...bearer('all-of-them'), ...more })
  const mine = (more: object = {}) => ({ ...bearer('mine-new'), ...more })
  const keyed = (key: string) => ({ 'Idempotency-Key': key })

  test('is no more within reach by its key than without', async () => {
    const requests: [string, Request][] = [
      ['debited', ['POST', `/users/${FOREIGN}/debit`, { amount: 1 }]],
      ['credited', ['POST', `/users/${FOREIGN}/credit`, { amount: 1 }]],
      ['held', ['POST', `/users/${FOREIGN}/holds`, { amount: 1 }]],
      ['sent', ['POST', '/transfers', { from: OWN, to: FOREIGN, amount: 1 }]],
      ['got', ['POST', '/transfers', { from: FOREIGN, to: OWN, amount: 1 }]],
    ]
    for (const [key, request] of requests) {
      expect((await ask(request, all(keyed(key)))).status).toBe(201)
    }
    await expectNothingWritten(http, async () => {
      for (const [key, request] of requests) {
        expect((await ask(request, all(keyed(key)))).headers['idempotency-replayed']).toBe('true')
        expectRefused(request, await ask(request, mine(keyed(key))), 'forbidden')
      }
      const [item] = [{ user_id: FOREIGN, amount: 1, idempotency_key: 'debited' }]
      const { body } = await http.call('POST', '/debits', [item], mine())
      expect(body).toMatchObject({ results: [{ status: 403, code: 'forbidden' }] })
      expect((body as { results: object[] }).results[0]).not.toHaveProperty('entry')
    })
  })

  test('a key of an own user that stands for something else shows nothing of it', async () => {
    await ask(['POST', '/transfers', { from: OWN, to: FOREIGN, amount: 2 }], all(keyed('over')))
    await expectNothingWritten(http, async () => {
      for (
        const request of [
          ['POST', `/users/${OWN}/debit`, { amount: 2 }],
          ['POST', '/transfers', { from: OWN, to: OWN, amount: 2 }],
          ['POST', `/users/${OWN}/holds`, { amount: 2 }],
        ] as Request[]
      ) {
        const answer = await ask(request, mine(keyed('over')))
        expect(answer.status).toBe(422)
        expect(answer.text).not.toContain('"entry"')
      }
    })
  })

  test('half of a transfer with a foreign user is not reversed, nor is its reversal', async () => {
    const moved = await ask(['POST', '/transfers', { from: OWN, to: FOREIGN, amount: 3 }], all())
    const { entry } = (moved.body as { from: { entry: { seq: number } } }).from
    const reverse = (seq: number): Request => ['POST', `/users/${OWN}/history/${seq}/reverse`, {}]
    await expectNothingWritten(http, async () => {
      expectRefused(reverse(1), await ask(reverse(entry.seq), mine(keyed('back'))), 'forbidden')
    })
    const reversed = await ask(reverse(entry.seq), all(keyed('back')))
    expect(reversed.status).toBe(201)
    const { seq } = (reversed.body as { entry: { seq: number } }).entry
    await expectNothingWritten(http, async () => {
      // A replay is no way around.
      expectRefused(reverse(1), await ask(reverse(entry.seq), mine(keyed('back'))), 'forbidden')
      expectRefused(reverse(1), await ask(reverse(seq), mine()), 'forbidden')
      expectProblem(await ask(reverse(9999), mine()), 'unknown_entry')
    })
    const own = await ask(['POST', `/users/${OWN}/credit`, { amount: 3 }], mine())
    const credited = (own.body as { entry: { seq: number } }).entry.seq
    expect((await ask(reverse(credited), mine())).status).toBe(201)
  })

  test('a manual entry is reversed by a bound caller as by any other', async () => {
    await http
      .sql`insert into payment_history (user_id, action, amount) values (${OWN}, 'CREDIT', 1)`
    const [row] = await http.sql<{ seq: string }[]>`
      select max(seq) + 1 as seq from payment_history where user_id = ${OWN}`
    const path = `/users/${OWN}/history/${row!.seq}/reverse`
    expect((await http.call('POST', path, {}, mine())).status).toBe(201)
  })
})

test('an entry that comes while it is looked for is not reversed by a bound caller', async () => {
  const calls: string[] = []
  const reverse = async (users: Set<number> | undefined) => {
    const rest = dependenciesThat(unused)
    const app = createApp({
      ...rest,
      access: {
        middleware: () => async (c: Context, next: Next) => {
          c.set('caller', { name: 'bound', scopes: new Set(), users } as never)
          await next()
        },
        userMiddleware: (_c: Context, next: Next) => next(),
      },
      ledger: {
        ...rest.ledger,
        // Twice it isn't there; by the third time it may be half of a transfer.
        getEntry: () => {
          calls.push('read')
          return Promise.resolve(undefined)
        },
      },
      write: ({ kind }) => {
        calls.push(kind)
        return Promise.reject(new Problem('busy'))
      },
    })
    const response = await app.request('/users/1/history/2/reverse', { method: 'POST' })
    return (await response.json() as { code: string }).code
  }
  expect(await reverse(new Set([1]))).toBe('busy')
  expect(calls).toEqual(['read', 'recalculate'])
  // Whoever is bound to nobody leaves that to SQL.
  expect(await reverse(undefined)).toBe('busy')
  expect(calls).toEqual(['read', 'recalculate', 'reverse'])
})
