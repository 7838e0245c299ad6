/** Problems, paths and methods. */
import { describe, expect, test } from 'vitest'
import { Problem, PROBLEMS } from '../../../../src/core/errors.ts'
import { expectAnswer, expectNothingWritten } from '../../../support/http.ts'
import { expectProblem, PINNED_PROBLEMS, type PinnedCode } from '../../../support/problems.ts'
import { appWith, call, debit, http, ROUTES } from './service.ts'

test('every code has a pinned status and title', () => {
  expect(Object.keys(PINNED_PROBLEMS)).toEqual(Object.keys(PROBLEMS))
})

test.each(Object.keys(PROBLEMS) as PinnedCode[])(
  'the whole answer to %s is what is pinned',
  async (code) => {
    const app = appWith(() => Promise.reject(new Problem(code)))
    expectProblem(await debit(app), code)
    const detailed = appWith(() => Promise.reject(new Problem(code, { balance: '1.00' })))
    expectProblem(await debit(detailed), code, { balance: '1.00' })
  },
)

describe('404 and 405', () => {
  test.each([
    ['/nothing', '/users/', '/users/1/', '/users/1/nothing', '/users/1/debit/', '//users/1'],
    ['/Users/1', '/metrics/', '/docs/x/y', '/users/1/debit/1', '/.env', '/users%2F1', '/*'],
  ].flat())('%s is nothing to any method', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expectProblem(await call(method, path), 'not_found')
    }
    expect(await call('HEAD', path)).toEqual({
      status: 404,
      headers: { 'content-type': 'application/problem+json' },
      text: '',
      body: '',
    })
  })

  test('/ answers to OPTIONS, which probes ask, and is read-only', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expectProblem(await call(method, '/'), 'method_not_allowed', {}, { allow: 'GET, HEAD' })
    }
    expectAnswer(await call('OPTIONS', '/'), 200, { status: 'live' })
    expectAnswer(await call('GET', '/healthz'), 200, { status: 'live' })
  })

  test.each(Object.entries(ROUTES))('%s allows %j and nothing else', async (path, allowed) => {
    await expectNothingWritten(http, async () => {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
        if (allowed.includes(method)) continue
        const answer = await call(method, path)
        expectProblem(answer, 'method_not_allowed', {}, { allow: allowed.join(', ') }, method)
      }
      if (allowed.includes('HEAD')) return
      expect(await call('HEAD', path)).toEqual({
        status: 405,
        headers: { 'content-type': 'application/problem+json', allow: allowed.join(', ') },
        text: '',
        body: '',
      })
    })
  })

  test.each(Object.keys(ROUTES).filter((path) => ROUTES[path]!.includes('HEAD')))(
    'HEAD %s is GET without its body',
    async (path) => {
      await http.sql`select credit_user(1, 1, 'an-entry-to-look-at')`
      await http.sql`select place_hold(1, 1, null, 'a-hold-to-look-at')`
      // The first read of a user is a miss.
      await call('GET', path)
      const [get, head] = [await call('GET', path), await call('HEAD', path)]
      expect(head).toEqual({ status: 200, headers: get.headers, text: '', body: '' })
      expect(get.text).not.toBe('')
    },
  )
})
