/** The OpenAPI document says what the service does. */
import { expect, test } from 'vitest'
import { createApp } from '../../../src/app/app.ts'
import { dependenciesThat, unused } from '../../support/dependencies.ts'
import type { Answer } from '../../support/http.ts'
import { codesOf } from '../../support/openapi.ts'
import { call, document, faultsOf, operations, undocumented } from './openapi/service.ts'
import {
  amountRequests,
  controlRequests,
  historyRequests,
  type Request,
  transferRequests,
  userRequests,
} from './openapi/requests.ts'
import { holdRequests } from './openapi/hold_requests.ts'

const codeOf = ({ body }: Answer) => (body as { code?: string }).code

test('every route has an operation with a summary, and every operation a route', () => {
  const app = createApp(dependenciesThat(unused))
  const routes = new Set(
    app.routes.filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`),
  )
  const described = operations().filter(([, , { summary }]) => summary)
  const byName = (a: string, b: string) => a < b ? -1 : 1
  expect(described.map(([method, path]) => `${method} ${path}`).sort(byName))
    .toEqual([...routes].sort(byName))
})

// What needs a database that is gone, slow or distributed, or access that is on.
const NOT_HERE = [
  'busy',
  'outcome_unknown',
  'not_supported',
  'internal',
  'unauthorized',
  'forbidden',
  'rate_limited',
]

test('whatever a route answers is documented, and whatever is documented is answered', async () => {
  const requests: Request[] = [
    ...await amountRequests(),
    ...await userRequests(),
    ...await controlRequests(),
    ...await holdRequests(),
    ...await historyRequests(),
    ...await transferRequests(),
    ...operations().filter(([, path]) => !/^\/(users|transfers|debits)/.test(path))
      .map(([method, path]): Request => [method, path, `${path}?x=1`]),
    ['get', '/metrics', '/metrics'],
    ['options', '/', '/'],
    ['get', '/healthz', '/healthz'],
    ['get', '/livez', '/livez'],
    ['get', '/readyz', '/readyz'],
    ['get', '/openapi.json', '/openapi.json'],
    ['get', '/docs', '/docs'],
    ['get', '/me', '/me'],
    ['get', '/console', '/console'],
    ['get', '/console/{folder}/{file}', '/console/app/page.css'],
    ['get', '/console/{folder}/{file}', '/console/app/main.ts'],
    ['get', '/console/{folder}/{file}', '/console/app/package.json'],
    ['get', '/', '/'],
    ['get', '/', '/', undefined, { Accept: 'text/html' }],
    ['get', '/docs/{file}', '/docs/docs.css'],
    ['get', '/docs/{file}', '/docs/docs.js'],
    ['get', '/docs/{file}', '/docs/package.json'],
  ]
  const seen = new Set<string>()
  for (const [method, path, ...request] of requests) {
    const answer = await call(method.toUpperCase(), ...request)
    const what = answer.status < 400 ? answer.status : codeOf(answer)
    seen.add(`${method} ${path} ${what}`)
    expect(undocumented(method, path, answer), `${request[0]} ${what}`).toEqual([])
  }
  for (const [method, path, operation] of operations()) {
    const good = Object.keys(operation.responses).filter((status) => status < '400')
    const wanted = [
      ...good,
      ...codesOf(document, operation).filter((code) => !NOT_HERE.includes(code)),
    ]
    const missing = wanted.filter((what) => !seen.has(`${method} ${path} ${what}`))
    expect(missing, `${method} ${path}`).toEqual([])
  }
})

test('a database that is gone is documented, too', () => {
  for (const [method, path, operation] of operations()) {
    if (!/^\/(users|transfers|debits)/.test(path)) continue
    const codes = codesOf(document, operation)
    expect(codes, `${method} ${path}`).toContain('internal')
    // Each of many debits has its own problem.
    if (path === '/debits') continue
    expect(codes, `${method} ${path}`).toContain('busy')
    expect(codes.includes('outcome_unknown'), `${method} ${path}`).toBe(method === 'post')
  }
})

test('Idempotency-Key is documented where it works', () => {
  const takes = operations().filter(([, , { parameters = [] }]) =>
    parameters.some((parameter) =>
      parameter.in === 'header' && parameter.name === 'Idempotency-Key' && !parameter.required
    )
  ).map(([method, path]) => `${method} ${path}`)
  const posts = operations().filter(([method]) => method === 'post')
    .map(([method, path]) => `${method} ${path}`)
  // These change nothing the second time.
  const idempotent = ['recalculate', 'freeze', 'thaw', 'credit-limit'].map((name) =>
    `post /users/{id}/${name}`
  )
  expect(posts).toEqual(expect.arrayContaining(idempotent))
  expect(takes).toEqual(posts.filter((name) => !idempotent.includes(name)))
})

test('Last-Event-ID is documented where it works', () => {
  const takes = operations().filter(([, , { parameters = [] }]) =>
    parameters.some(({ in: where, name }) => where === 'header' && name === 'Last-Event-ID')
  ).map(([method, path]) => `${method} ${path}`)
  expect(takes).toEqual(['get /events'])
})

/** By path: which members a body must have, and which it may. */
const BODIES: Record<string, [string[], string[]]> = {
  '/users': [[], ['id', 'reference', 'metadata']],
  '/users/{id}/freeze': [[], ['reason']],
  '/users/{id}/thaw': [[], ['reason']],
  '/users/{id}/credit-limit': [['credit_limit'], ['credit_limit', 'reason']],
  '/users/{id}/debit': [['amount'], ['amount', 'metadata']],
  '/users/{id}/credit': [['amount'], ['amount', 'metadata']],
  '/users/{id}/recalculate': [[], []],
  '/users/{id}/holds': [['amount'], ['amount', 'expires_in', 'metadata']],
  '/users/{id}/holds/{hold}/capture': [[], ['amount', 'final', 'metadata']],
  '/users/{id}/holds/{hold}/extend': [['expires_in'], ['expires_in', 'metadata']],
  '/users/{id}/holds/{hold}/release': [[], ['metadata']],
  '/users/{id}/history/{seq}/reverse': [[], ['amount', 'metadata']],
  '/transfers': [['from', 'to', 'amount'], ['from', 'to', 'amount', 'metadata']],
  '/debits': [['user_id', 'amount'], ['user_id', 'amount', 'idempotency_key', 'metadata']],
}

test('bodies are documented, and their schemas refuse what is refused', () => {
  for (const [method, path, { requestBody }] of operations()) {
    expect(requestBody !== undefined, `${method} ${path}`).toBe(method === 'post')
    // Of several kinds.
    if (!requestBody || path === '/operations') continue
    const { schema } = requestBody.content['application/json']!
    const { required = [], properties = {}, additionalProperties } = schema.items ?? schema
    expect([required, Object.keys(properties)], path).toEqual(BODIES[path])
    expect(additionalProperties, path).toBe(false)
    expect(requestBody.required, path).toBe(schema.type === 'array' || required.length > 0)
  }
  const { schema } = document.paths['/users/{id}/debit']!['post']!
    .requestBody!.content['application/json']!
  expect(schema).toMatchObject({
    type: 'object',
    required: ['amount'],
    additionalProperties: false,
  })
  expect(Object.keys(schema.properties!)).toEqual(['amount', 'metadata'])
  expect(faultsOf(schema, { amount: 1 })).toEqual([])
  expect(faultsOf(schema, { amount: '10.50' })).toEqual([])
  for (const amount of ['', '1.000', '1e2', '-1', '1,5', null, true]) {
    expect(faultsOf(schema, { amount }), String(amount)).not.toEqual([])
  }
  expect(schema.properties!['metadata']).toMatchObject({ type: 'object' })
})

test('a body is required where none at all is refused', async () => {
  for (const [method, path, { requestBody }] of operations()) {
    if (!requestBody) continue
    // Nobody, with nothing.
    const { status, body } = await call(method.toUpperCase(), path.replace(/\{\w+\}/g, '4711'))
    const { errors = [] } = body as { errors?: { path: string }[] }
    const refused = status === 400 && errors.length > 0
    expect(refused, `${path}: ${status}`).toBe(requestBody.required)
  }
})
