import { Hono } from 'hono'
import { beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { docsPage } from '../../src/docs.ts'
import { PROBLEMS } from '../../src/errors.ts'
import { createMetrics } from '../../src/metrics.ts'
import { type Answer, type Call, useHttp } from '../http.ts'

interface Schema {
  $ref?: string
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: unknown
  items?: Schema
  enum?: unknown[]
  pattern?: string
  anyOf?: Schema[]
  minimum?: number
  maximum?: number
}

interface Operation {
  operationId: string
  summary?: string
  parameters?: { in: string; name: string; required?: boolean; schema?: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, {
    description: string
    content?: Record<string, { schema?: Schema }>
  }>
}

interface Document {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

const http = useHttp()
const call: Call = (...request) => http.call(...request)

let document: Document
let page: string

beforeAll(async () => {
  document = (await call('GET', '/openapi.json')).body as Document
  page = (await call('GET', '/docs')).text
})

const operations = (): [string, string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
      method,
      path,
      operation,
    ])
  )

/** What in a value isn't as its schema says; members that it doesn't name are wrong, too. */
function faultsOf(schema: Schema, value: unknown, at = '$'): string[] {
  if (schema.$ref !== undefined) {
    const found = document.components.schemas[schema.$ref.replace('#/components/schemas/', '')]
    return found ? faultsOf(found, value, at) : [`${at}: ${schema.$ref} is not there`]
  }
  if (schema.anyOf) {
    const fits = schema.anyOf.some((one) => faultsOf(one, value, at).length === 0)
    return fits ? [] : [`${at} is none of them`]
  }
  const type = Array.isArray(value) ? 'array' : typeof value
  const isType = schema.type === undefined || schema.type === type ||
    (schema.type === 'integer' && Number.isInteger(value))
  if (!isType) return [`${at} is ${type}, not ${schema.type}`]
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is not in the list`]
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value as string)) {
    return [`${at} is not like ${schema.pattern}`]
  }
  if (type === 'array') {
    return (value as unknown[]).flatMap((item, i) =>
      faultsOf(schema.items ?? {}, item, `${at}.${i}`)
    )
  }
  if (type !== 'object') return []
  const members = value as Record<string, unknown>
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(members, name))
  return [
    ...missing.map((name) => `${at}.${name} is missing`),
    ...Object.entries(members).flatMap(([name, member]) => {
      const known = schema.properties?.[name]
      if (known) return faultsOf(known, member, `${at}.${name}`)
      return schema.additionalProperties ? [] : [`${at}.${name} is not in the schema`]
    }),
  ]
}

/** What in a real answer isn't documented. */
function undocumented(method: string, path: string, answer: Answer): string[] {
  const response = document.paths[path]?.[method]?.responses[answer.status]
  if (!response) return [`no answer ${answer.status}`]
  const type = answer.headers['content-type']!.replace(/;.*/, '')
  const content = response.content?.[type]
  if (!content) return [`no ${type} in answer ${answer.status}`]
  const { code } = answer.body as { code?: string }
  const missing = answer.status >= 400 && !response.description.includes(`\`${code}\``)
  return [
    ...(missing ? [`no code ${code} in answer ${answer.status}`] : []),
    ...(content.schema ? faultsOf(content.schema, answer.body) : []),
  ]
}

/** The members of a document that OpenAPI 3.1 demands of it, and references that lead nowhere. */
function structureFaults(): string[] {
  const ids = operations().map(([, , { operationId }]) => operationId)
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref]) => ref!)
  const known = Object.keys(document.components.schemas).map((name) =>
    `#/components/schemas/${name}`
  )
  return [
    ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `${id} is there twice`),
    ...refs.filter((ref) => !known.includes(ref)).map((ref) => `${ref} is not there`),
    ...operations().flatMap(([method, path, { parameters = [], responses }]) => {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const named = parameters.filter((p) => p.in === 'path' && p.required).map(({ name }) => name)
      return [
        ...(inPath.join() === named.join() ? [] : ['its parameters']),
        ...(Object.keys(responses).length > 0 ? [] : ['no responses']),
        ...Object.entries(responses).flatMap(([status, { description }]) =>
          /^[1-5]\d\d$/.test(status) && description ? [] : [`response ${status}`]
        ),
        ...parameters.flatMap(({ name, schema }) => schema ? [] : [`no schema of ${name}`]),
      ].map((fault) => `${method} ${path}: ${fault}`)
    }),
  ]
}

test('it is an OpenAPI 3.1 document in its structure', () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/)
  expect(document.info).toMatchObject({ title: 'Ledger', version: expect.any(String) as string })
  expect(structureFaults()).toEqual([])
})

test('every route has an operation with a summary, and every operation a route', () => {
  const unused = () => Promise.reject(new Error('must not be called'))
  const app = createApp({
    ledger: {
      createUser: unused,
      getUsers: unused,
      getHistory: unused,
      getStatement: unused,
      getMoments: unused,
      verifyUser: unused,
    },
    post: unused,
    unbatched: {
      transfer: unused,
      placeHold: unused,
      captureHold: unused,
      releaseHold: unused,
      reverseEntry: unused,
    },
    snapshots: { read: unused },
    metrics: createMetrics(),
    notReady: unused,
    onFailure: () => {},
  })
  const routes = new Set(
    app.routes.filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`),
  )
  const described = operations().filter(([, , { summary }]) => summary)
  const byName = (a: string, b: string) => a < b ? -1 : 1
  expect(described.map(([method, path]) => `${method} ${path}`).sort(byName))
    .toEqual([...routes].sort(byName))
})

test('whatever a route answers is documented, with its code and its members', async () => {
  const id = await http.user('100')
  const json = { amount: 1, metadata: { a: [1] } }
  const key = { 'Idempotency-Key': 'once' }
  const big = ' '.repeat(70_000)
  const text = { 'Content-Type': 'text/plain' }
  const requests: [string, string, string, unknown?, Record<string, string>?][] = []
  for (const action of ['debit', 'credit']) {
    const path = `/users/{id}/${action}`
    const own = { 'Idempotency-Key': action }
    requests.push(
      ['post', path, `/users/${id}/${action}`, json, own],
      ['post', path, `/users/${id}/${action}`, json, own],
      ['post', path, `/users/${id}/${action}`, { amount: 2 }, own],
      ['post', path, `/users/${id}/${action}`, {}],
      ['post', path, `/users/x/${action}`, json],
      ['post', path, `/users/4711/${action}`, json],
      ['post', path, `/users/${id}/${action}`, json, { 'Idempotency-Key': 'a b' }],
      ['post', path, `/users/${id}/${action}`, big],
      ['post', path, `/users/${id}/${action}`, '{}', text],
    )
  }
  requests.push(
    ['post', '/users/{id}/debit', `/users/${id}/debit`, { amount: 5000 }, key],
    ['get', '/users/{id}', `/users/${id}`],
    ['get', '/users/{id}', '/users/x'],
    ['get', '/users/{id}', '/users/4711'],
    ['post', '/users/{id}/recalculate', `/users/${id}/recalculate`],
    ['post', '/users/{id}/recalculate', '/users/x/recalculate'],
    ['post', '/users/{id}/recalculate', '/users/4711/recalculate'],
    ['post', '/users/{id}/recalculate', `/users/${id}/recalculate`, { x: 1 }],
    ['post', '/users/{id}/recalculate', `/users/${id}/recalculate`, big],
    ['post', '/users/{id}/recalculate', `/users/${id}/recalculate`, '{}', text],
    ['post', '/users', '/users', {}],
    ['post', '/users', '/users', { id }],
    ['post', '/users', '/users', { id: 0 }],
    ['post', '/users', '/users', big],
    ['post', '/users', '/users', '{}', text],
    ['get', '/metrics', '/metrics'],
    ['get', '/livez', '/livez'],
    ['get', '/readyz', '/readyz'],
    ['get', '/openapi.json', '/openapi.json'],
    ['get', '/docs', '/docs'],
  )
  const seen = new Set<string>()
  for (const [method, path, ...request] of requests) {
    const answer = await call(method.toUpperCase(), ...request)
    seen.add(`${method} ${path}`)
    expect(undocumented(method, path, answer), `${request[0]} ${answer.status}`).toEqual([])
  }
  expect(seen.size).toBe(operations().length)
})

test('a database that is gone is documented, too', () => {
  for (const [method, path, { responses }] of operations()) {
    if (!path.startsWith('/users')) continue
    expect(responses['503']?.description, `${method} ${path}`).toContain('`busy`')
    expect(responses['500']?.description, `${method} ${path}`).toContain('`internal`')
    expect(responses['503']?.description.includes('`outcome_unknown`'), `${method} ${path}`)
      .toBe(method === 'post')
  }
})

test('Idempotency-Key is documented where it works', () => {
  const takes = operations().filter(([, , { parameters = [] }]) =>
    parameters.some((parameter) =>
      parameter.in === 'header' && parameter.name === 'Idempotency-Key' && !parameter.required
    )
  ).map(([method, path]) => `${method} ${path}`)
  expect(takes).toEqual(['post /users/{id}/debit', 'post /users/{id}/credit'])
})

test('bodies are documented, and their schemas refuse what is refused', () => {
  for (const [method, path, { requestBody }] of operations()) {
    expect(requestBody !== undefined, `${method} ${path}`).toBe(method === 'post')
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

test('/docs shows every operation, schema and error', () => {
  for (const [method, path] of operations()) {
    expect(page).toContain(`<code>${method.toUpperCase()} ${path}</code>`)
  }
  for (const name of Object.keys(document.components.schemas)) {
    expect(page).toContain(`<h3 id="${name}">`)
  }
  // A problem's `type` leads here.
  for (const code of Object.keys(PROBLEMS)) expect(page).toContain(`<tr id="${code}">`)
})

test('/docs loads nothing and runs nothing', () => {
  expect(page).toMatch(/^\s*<!doctype html>/)
  expect(page).not.toMatch(/<script|<link|<img|<iframe|<object|<embed|@import|url\(|\son\w+=/i)
  expect([...page.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, target]) => target))
    .toEqual(['/openapi.json'])
})

test('/docs escapes what it shows', async () => {
  const paths = { '/<b>': { get: { summary: '<script>alert(1)</script>' } } }
  const app = new Hono().get('/', async (c) => c.html(docsPage({ info: { title: '<i>' }, paths })))
  const text = await (await app.request('/')).text()
  expect(text).not.toMatch(/<script|<i>|\/<b>/)
  expect(text).toContain('GET /&lt;b&gt;')
})
