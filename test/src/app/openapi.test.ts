import { beforeAll, expect, test } from 'vitest'
import { createApp } from '../../../src/app/app.ts'
import { dependenciesThat, unused } from '../../support/dependencies.ts'
import { type Answer, type Call, useHttp } from '../../support/http.ts'
import { ageHolds, placeMostHolds, sealCredit } from '../../support/ledger.ts'
import {
  codesOf,
  type Document,
  operationsOf,
  type Schema,
  schemaFaults,
  undocumented as undocumentedIn,
} from '../../support/openapi.ts'

const http = useHttp()
const call: Call = (...request) => http.call(...request)

let document: Document

beforeAll(async () => {
  document = (await call('GET', '/openapi.json')).body as Document
})

const operations = () => operationsOf(document)
const faultsOf = (schema: Schema, value: unknown) => schemaFaults(document, schema, value)
const undocumented = (method: string, path: string, answer: Answer) =>
  undocumentedIn(document, method, path, {
    status: answer.status,
    type: answer.headers['content-type']!,
    text: answer.text,
  })
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

/** Method and path of an operation; path, body and headers of a request. */
type Request = [string, string, string, unknown?, Record<string, string>?]

const TEXT = { 'Content-Type': 'text/plain' }
const keyed = (key: string) => ({ 'Idempotency-Key': key })

/** What every POST with a body refuses before it looks at anything. */
const malformed = (path: string, at: string, big = ' '.repeat(70_000)): Request[] => [
  ['post', path, at, { x: 1 }],
  ['post', path, at, big],
  ['post', path, at, '{}', TEXT],
]

async function amountRequests(): Promise<Request[]> {
  const [id, full] = [await http.user('100'), await fullUser()]
  const json = { amount: 1, metadata: { a: [1] } }
  return ['debit', 'credit'].flatMap((action): Request[] => {
    const path = `/users/{id}/${action}`
    return [
      ...malformed(path, `/users/${id}/${action}`),
      ['post', path, `/users/${id}/${action}`, json, keyed(action)],
      ['post', path, `/users/${id}/${action}`, json, keyed(action)],
      ['post', path, `/users/${id}/${action}`, { amount: 2 }, keyed(action)],
      ['post', path, `/users/${id}/${action}`, {}],
      ['post', path, `/users/x/${action}`, json],
      ['post', path, `/users/4711/${action}`, json],
      ['post', path, `/users/${full}/${action}`, json],
      ['post', path, `/users/${id}/${action}`, json, keyed('a b')],
      ...(action === 'debit'
        ? [['post', path, `/users/${id}/debit`, { amount: 5000 }, keyed('more')] as Request]
        : []),
    ]
  })
}

async function userRequests(): Promise<Request[]> {
  const [id, full] = [await http.user('100'), await fullUser()]
  const recalculate = '/users/{id}/recalculate'
  return [
    ['get', '/users/{id}', `/users/${id}`],
    ['get', '/users/{id}', '/users/x'],
    ['get', '/users/{id}', '/users/4711'],
    ...malformed(recalculate, `/users/${id}/recalculate`),
    ['post', recalculate, `/users/${id}/recalculate`],
    ['post', recalculate, '/users/x/recalculate'],
    ['post', recalculate, '/users/4711/recalculate'],
    ['post', recalculate, `/users/${full}/recalculate`],
    ...malformed('/users', '/users'),
    ['post', '/users', '/users', {}],
    ['post', '/users', '/users', { id }],
    ['post', '/users', '/users', { id: 0 }],
    ['post', '/users', '/users', { reference: 'r', metadata: { a: 1 } }, keyed('new')],
    ['post', '/users', '/users', { reference: 'r', metadata: { a: 1 } }],
    ['post', '/users', '/users', { reference: 'other' }, keyed('new')],
    ['post', '/users', '/users', {}, keyed('a b')],
    ['get', '/users', '/users'],
    ['get', '/users', '/users?limit=1'],
    ['get', '/users', '/users?after=x'],
  ]
}

async function controlRequests(): Promise<Request[]> {
  const [id, full] = [await http.user('100'), await fullUser()]
  const [path, at] = ['/users/{id}/controls', `/users/${id}/controls`]
  const frozen = await http.user('100')
  await http.sql`select place_hold(${frozen}, 1), freeze_user(${frozen})`
  const own = `/users/${frozen}`
  return [
    ...['freeze', 'thaw', 'credit-limit'].flatMap((name): Request[] => {
      const path = `/users/{id}/${name}`
      const json = { reason: 'why', ...(name === 'credit-limit' && { credit_limit: 5 }) }
      return [
        ...malformed(path, `/users/${id}/${name}`),
        ['post', path, `/users/${id}/${name}`, json],
        ['post', path, `/users/x/${name}`, json],
        ['post', path, `/users/4711/${name}`, json],
        ['post', path, `/users/${full}/${name}`, json],
      ]
    }),
    ['get', path, at],
    ['get', path, `${at}?limit=1`],
    ['get', path, `${at}?limit=x`],
    ['get', path, '/users/4711/controls'],
    ['post', '/users/{id}/debit', `${own}/debit`, { amount: 1 }],
    ['post', '/users/{id}/holds', `${own}/holds`, { amount: 1 }],
    ['post', '/users/{id}/holds/{hold}/capture', `${own}/holds/1/capture`, {}],
    ['post', '/users/{id}/history/{seq}/reverse', `${own}/history/1/reverse`, {}],
    ['post', '/transfers', '/transfers', { from: frozen, to: id, amount: 1 }],
  ]
}

async function holdRequests(): Promise<Request[]> {
  const [id, short, full] = [await http.user('100'), await http.user('10'), await fullUser()]
  const holding = await http.user('100')
  await placeMostHolds(http.sql, holding)
  await http.sql`select place_hold(${id}, 1, 60)`
  await ageHolds(http.sql, id)
  await http.sql`select place_hold(${id}, 5), place_hold(${id}, 5), place_hold(${id}, 5)`
  await http.sql`select place_hold(${short}, 5)`
  await http
    .sql`insert into payment_history (user_id, action, amount) values (${short}, 'DEBIT', 8)`
  const [holds, at] = ['/users/{id}/holds', `/users/${id}/holds`]
  const json = { amount: '1.5', expires_in: 60, metadata: { a: 1 } }
  return [
    ['get', holds, at],
    ['get', holds, `${at}?status=active&limit=1`],
    ['get', holds, `${at}?status=x`],
    ['get', holds, '/users/4711/holds'],
    ['get', '/users/{id}/holds/{hold}', `${at}/1`],
    ['get', '/users/{id}/holds/{hold}', `${at}/99`],
    ['get', '/users/{id}/holds/{hold}', `${at}/x`],
    ['get', '/users/{id}/holds/{hold}', '/users/4711/holds/1'],
    ['get', '/entries', '/entries'],
    ['get', '/entries', '/entries?limit=1'],
    ['get', '/entries', '/entries?before=x'],
    ['get', '/events', '/events'],
    ['get', '/events', '/events?limit=x'],
    ['get', '/events', `/events?after=9-${'0'.repeat(16)}`],
    ...malformed(holds, at),
    ['post', holds, at, json, keyed('held')],
    ['post', holds, at, json, keyed('held')],
    ['post', holds, at, { amount: 2 }, keyed('held')],
    ['post', holds, at, { amount: 1 }],
    ['post', holds, at, { amount: 1, expires_in: 0 }],
    ['post', holds, at, { amount: 5000 }],
    ['post', holds, at, json, keyed('a b')],
    ['post', holds, '/users/x/holds', json],
    ['post', holds, '/users/4711/holds', json],
    ['post', holds, `/users/${full}/holds`, json],
    ['post', holds, `/users/${holding}/holds`, json],
    ...['capture', 'release'].flatMap((action, n): Request[] => {
      const path = `/users/{id}/holds/{hold}/${action}`
      const at = (hold: number | string, user: number | string = id) =>
        `/users/${user}/holds/${hold}/${action}`
      return [
        ...malformed(path, at(2)),
        ['post', path, at(2 + n), { metadata: { a: 1 } }, keyed(action)],
        ['post', path, at(2 + n), { metadata: { a: 1 } }, keyed(action)],
        ['post', path, at(4), {}, keyed(action)],
        ['post', path, at(2 + n), {}],
        ['post', path, at(1), {}],
        ['post', path, at(99), {}],
        ['post', path, at(4), {}, keyed('a b')],
        ['post', path, at('x'), {}],
        ['post', path, at(1, 4711), {}],
        ['post', path, at(1, full), {}],
      ]
    }),
    ...extendRequests(at, full),
    ['post', '/users/{id}/holds/{hold}/capture', `${at}/4/capture`, { amount: 6 }],
    [
      'post',
      '/users/{id}/holds/{hold}/capture',
      `${at}/4/capture`,
      { amount: 1, final: false },
    ],
    ['post', '/users/{id}/holds/{hold}/capture', `${at}/4/capture`, { amount: 1, metadata: {} }],
    ['post', '/users/{id}/holds/{hold}/capture', `/users/${short}/holds/1/capture`, {}],
  ]
}

function extendRequests(at: string, full: number): Request[] {
  return [
    ...malformed('/users/{id}/holds/{hold}/extend', `${at}/4/extend`),
    ...([
      [{ expires_in: 600 }, 5, keyed('later')],
      [{ expires_in: 900 }, 5, keyed('later')],
      [{ expires_in: null }, 5],
      [{ expires_in: null }, 5],
      [{ expires_in: 60 }, 2],
      [{ expires_in: 60 }, 99],
      [{ expires_in: 60 }, 4, keyed('a b')],
      [{ expires_in: 60 }, 'x'],
    ] as const).map(([body, hold, headers]): Request => [
      'post',
      '/users/{id}/holds/{hold}/extend',
      `${at}/${hold}/extend`,
      body,
      headers ?? {},
    ]),
    ['post', '/users/{id}/holds/{hold}/extend', `/users/4711/holds/1/extend`, { expires_in: 1 }],
    ['post', '/users/{id}/holds/{hold}/extend', `/users/${full}/holds/1/extend`, { expires_in: 1 }],
  ]
}

async function historyRequests(): Promise<Request[]> {
  const [id, other, full] = [await http.user('100'), await http.user(), await fullUser()]
  await http.sql`select debit_user(${id}, 1, 'key', '{"a": 1}')`
  await http.sql`select transfer(${id}, ${other}, 10)`
  await http.sql`select place_hold(${id}, 5), capture_hold(${id}, 1)`
  const [path, at] = ['/users/{id}/history', `/users/${id}/history`]
  const reverse = `${path}/{seq}/reverse`
  const accept = (type: string) => ({ Accept: type })
  return [
    ...malformed(reverse, `${at}/3/reverse`),
    ['post', reverse, `${at}/3/reverse`, { metadata: { a: 1 } }, keyed('back')],
    ['post', reverse, `${at}/3/reverse`, {}, keyed('back')],
    ['post', reverse, `${at}/2/reverse`, {}, keyed('back')],
    ['post', reverse, `${at}/2/reverse`, {}, keyed('a b')],
    ['post', reverse, `${at}/3/reverse`, {}],
    ['post', reverse, `${at}/1/reverse`, {}],
    ['post', reverse, `${at}/99/reverse`, {}],
    ['post', reverse, '/users/4711/history/1/reverse', {}],
    ['post', reverse, `/users/${full}/history/1/reverse`, {}],
    ['get', path, at],
    ['get', path, `${at}?limit=1`],
    ['get', path, `${at}?limit=x`],
    ['get', path, '/users/4711/history'],
    ['get', path, at, undefined, accept('text/csv')],
    ['get', path, at, undefined, accept('application/x-ndjson')],
    ...[1, 2, 3, 4, 5].map((seq): Request => ['get', `${path}/{seq}`, `${at}/${seq}`]),
    ['get', `${path}/{seq}`, `${at}/99`],
    ['get', `${path}/{seq}`, `${at}/x`],
    ['get', `${path}/{seq}`, '/users/4711/history/1'],
    ['get', '/users/{id}/balance', `/users/${id}/balance`],
    ['get', '/users/{id}/balance', `/users/${id}/balance?at=2000-01-01T00:00:00Z`],
    ['get', '/users/{id}/balance', `/users/${id}/balance?at=now`],
    ['get', '/users/{id}/balance', '/users/4711/balance'],
    ['get', path, `${at}?after=1`, undefined, accept('application/x-ndjson')],
    ['get', '/balances', `/balances?ids=${id},${other}`],
    ['get', '/balances', `/balances?ids=${id}&at=2000-01-01T00:00:00Z`],
    ['get', '/balances', '/balances?ids=x'],
    ['get', '/balances', '/balances?ids=4711'],
    ['get', '/users/{id}/verify', `/users/${id}/verify`],
    ['get', '/users/{id}/verify', `/users/${full}/verify`],
    ['get', '/users/{id}/verify', '/users/x/verify'],
    ['get', '/users/{id}/verify', '/users/4711/verify'],
  ]
}

async function transferRequests(): Promise<Request[]> {
  const [from, to, full] = [await http.user('100'), await http.user(), await fullUser()]
  const json = { from, to, amount: 1, metadata: { a: 1 } }
  return [
    ...malformed('/transfers', '/transfers'),
    ['post', '/transfers', '/transfers', json, keyed('moved')],
    ['post', '/transfers', '/transfers', json, keyed('moved')],
    ['post', '/transfers', '/transfers', { ...json, amount: 2 }, keyed('moved')],
    ['post', '/transfers', '/transfers', json, keyed('a b')],
    ['post', '/transfers', '/transfers', { ...json, to: 4711 }],
    ['post', '/transfers', '/transfers', { ...json, to: from }],
    ['post', '/transfers', '/transfers', { ...json, to: full }],
    ['post', '/transfers', '/transfers', { ...json, amount: 5000 }],
    ...malformed('/operations', '/operations', ' '.repeat(1_100_000)),
    ['post', '/operations', '/operations', [
      { kind: 'transfer', ...json },
      { kind: 'hold', user_id: from, amount: 1 },
      { kind: 'debit', user_id: 4711, amount: 1 },
    ]],
    ['post', '/operations', '/operations', [], keyed('a b')],
    ...malformed('/debits', '/debits', ' '.repeat(1_100_000)),
    ['post', '/debits', '/debits', []],
    ['post', '/debits', '/debits', [
      { user_id: from, amount: 1, idempotency_key: 'own', metadata: { a: 1 } },
      { user_id: from, amount: 2, idempotency_key: 'own' },
      { user_id: from, amount: 5000 },
      { user_id: full, amount: 1 },
      { user_id: 4711, amount: 1 },
    ], keyed('many')],
    ['post', '/debits', '/debits', [], keyed('a b')],
  ]
}

/** Whose balance is at its bound, so that a manual entry can't be posted. */
async function fullUser(): Promise<number> {
  const id = await http.user()
  await sealCredit(http.sql, id, { balance: '999999999999999999.99' })
  await http.sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 1)`
  return id
}

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
    ['get', '/console/{folder}/{file}', '/console/app/console.css'],
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
