/** No route takes a parameter that it doesn't know: what would be ignored is refused. */
import { expect, test } from 'vitest'
import { createMetricsApp } from '../../../src/app/app.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { answerOf, expectNothingWritten, useHttp } from '../../support/http.ts'
import { expectProblem, invalid } from '../../support/problems.ts'
import { type Document, operationsOf } from '../../support/openapi.ts'

const http = useHttp()

const ROUTES: [string, string, unknown?][] = [
  ['GET', '/users/1'],
  ['HEAD', '/users/1'],
  ['GET', '/users/1/history'],
  ['GET', '/users/1/history/1'],
  ['GET', '/users/1/balance'],
  ['GET', '/users/1/verify'],
  ['GET', '/users'],
  ['POST', '/users', {}],
  ['POST', '/operations', []],
  ['GET', '/entries'],
  ['GET', '/users/1/holds'],
  ['GET', '/users/1/holds/1'],
  ['GET', '/users/1/controls'],
  ['POST', '/users/1/freeze'],
  ['POST', '/users/1/thaw'],
  ['POST', '/users/1/credit-limit', { credit_limit: 0 }],
  ['POST', '/users/1/debit', { amount: 1 }],
  ['POST', '/users/1/credit', { amount: 1 }],
  ['POST', '/users/1/recalculate'],
  ['POST', '/users/1/history/1/reverse', {}],
  ['POST', '/users/1/holds', { amount: 1 }],
  ['POST', '/users/1/holds/1/capture', {}],
  ['POST', '/users/1/holds/1/extend', {}],
  ['POST', '/users/1/holds/1/release', {}],
  ['POST', '/transfers', { from: 1, to: 1, amount: 1 }],
  ['POST', '/debits', [{ user_id: 1, amount: 1 }]],
  ['GET', '/balances'],
  ['GET', '/metrics'],
  ['GET', '/livez'],
  ['GET', '/healthz'],
  ['OPTIONS', '/'],
  ['GET', '/readyz'],
  ['GET', '/openapi.json'],
  ['GET', '/docs'],
  ['GET', '/docs/1'],
  ['GET', '/console'],
  ['GET', '/console/1/1'],
  ['GET', '/events'],
  ['GET', '/me'],
  ['GET', '/'],
]

test('the list has every route', async () => {
  const { body } = await http.call('GET', '/openapi.json')
  const named = operationsOf(body as Document).map(([method, path]) =>
    `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '1')}`
  )
  const listed = ROUTES.filter(([method]) => method !== 'HEAD').map(([method, path]) =>
    `${method} ${path}`
  )
  expect(listed.toSorted()).toEqual(named.toSorted())
})

test.each(ROUTES)('%s %s refuses unknown parameters by name', async (method, path, body) => {
  await expectNothingWritten(http, async () => {
    for (const name of ['fro', 'page', 'Limit', '__proto__', 'toString', 'amount', 'é']) {
      for (const query of [`${encodeURIComponent(name)}=1`, encodeURIComponent(name)]) {
        const answer = await http.call(method, `${path}?${query}`, body)
        if (method === 'HEAD') expect(answer.status, query).toBe(400)
        else expectProblem(answer, 'invalid_request', invalid(name, 'is unknown'), {}, query)
      }
    }
  })
})

test('each name is there once, and of very many only the first', async () => {
  const { body } = await http.call('GET', '/livez?b=1&a=2&b=3&&')
  expect(body).toMatchObject({
    errors: ['b', 'a'].map((path) => ({ path, message: 'is unknown' })),
  })
  const many = Array.from({ length: 1000 }, (_, n) => `x${n}`).join('&')
  const { errors } = (await http.call('GET', `/users/1?${many}`)).body as { errors: object[] }
  expect(errors).toHaveLength(20)
})

test('what a route knows it takes, written in any way, but once', async () => {
  await http.call('POST', '/users/1/credit', { amount: 1 })
  for (const query of ['', '?', '?limit=1', '?%6Cimit=1', '?limit=1&before=9', '?&limit=1&']) {
    expect((await http.call('GET', `/users/1/history${query}`)).status, query).toBe(200)
  }
  expect((await http.call('GET', '/users/1/balance?at=2026-01-01T00:00:00Z')).status).toBe(200)
  const twice = await http.call('GET', '/users/1/history?limit=1&limit=2')
  expect(twice.body).toMatchObject({ code: 'invalid_request', errors: [{ path: 'limit' }] })
})

test('so does the port of the metrics', async () => {
  const app = createMetricsApp({ metrics: createMetrics(), onFailure: () => {} })
  expect((await app.request('/metrics')).status).toBe(200)
  const answer = await answerOf(await app.request('/metrics?x=1'))
  expectProblem(answer, 'invalid_request', invalid('x', 'is unknown'))
})

test.each([
  ['/users/1/holds', 'status', 'open', 'active, captured, released, expired'],
  ['/users/1/history', 'action', 'debit', 'CREDIT, DEBIT'],
])('%s names what %s may be', async (path, name, value, names) => {
  const answer = await http.call('GET', `${path}?${name}=${value}`)
  expectProblem(answer, 'invalid_request', invalid(name, `must be one of ${names}`))
})
