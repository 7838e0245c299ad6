/** Methods and errors of the client, and what it repeats. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  BusyError,
  createLedgerClient,
  type Entry,
  ERRORS,
  InsufficientFundsError,
  InvalidRequestError,
  OPERATIONS,
  OutcomeUnknownError,
  ProblemError,
  UnauthorizedError,
  UnexpectedAnswerError,
  UnreachableError,
} from '../../../client/ledger.ts'
import { apiDocument, clientApi } from '../../../dev/generate_client_api.ts'
import { PROBLEMS } from '../../../src/core/errors.ts'
import { clientWith, http, type Reply } from './service.ts'

test('client/api.ts is what `npm run client:api` makes of the OpenAPI document', async () => {
  expect(readFileSync('client/api.ts', 'utf8')).toBe(clientApi(await apiDocument()))
})

test('every route has a method but those for people who run the service', async () => {
  const { paths } = await apiDocument()
  const methods = Object.values(OPERATIONS).map(([method, path]) => `${method} ${path}`)
  const others = Object.entries(paths).flatMap(([path, byMethod]) =>
    Object.keys(byMethod).map((method) => `${method.toUpperCase()} ${path}`)
  ).filter((route) => !methods.includes(route))
  expect(others.sort()).toEqual([
    'GET /',
    'GET /console',
    'GET /console/{folder}/{file}',
    'GET /docs',
    'GET /docs/{file}',
    'GET /healthz',
    'GET /livez',
    'GET /metrics',
    'GET /openapi.json',
    'GET /readyz',
    'OPTIONS /',
  ])
})

test('operations of any kind go in one list, and come back with what was kept', async () => {
  const id = await http.user('100')
  const metadata: NonNullable<Entry['metadata']> = { order: '17' }
  const { client, keys } = clientWith([lost])
  const { results } = await client.postOperations([
    { kind: 'debit', user_id: id, amount: '1.00', metadata },
    { kind: 'hold', user_id: id, amount: '1000.00' },
  ])
  expect(results.map(({ status, replayed }) => [status, replayed]))
    .toEqual([[201, true], [422, undefined]])
  expect([keys.length, new Set(keys).size]).toEqual([2, 1])
  expect((await client.listEntries(id)).entries[0]!.metadata).toEqual(metadata)
})

test('every code has a class of its own', () => {
  expect(Object.keys(ERRORS)).toEqual(Object.keys(PROBLEMS))
  expect(new Set(Object.values(ERRORS)).size).toBe(Object.keys(PROBLEMS).length)
})

const problem = (code: keyof typeof PROBLEMS, headers: Record<string, string> = {}) => {
  const { status, title } = PROBLEMS[code]
  return new Response(JSON.stringify({ type: `/docs#${code}`, title, status, code }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  })
}

const lost: Reply = async (url, init) => {
  await (await fetch(url, init)).text()
  throw new TypeError('fetch failed')
}
/** As fetch does while nobody answers. */
const never: Reply = (_, init) =>
  new Promise((_, reject) => {
    const fail = () => reject(init!.signal!.reason as Error)
    if (init!.signal!.aborted) fail()
    init!.signal!.addEventListener('abort', fail)
  })

test('busy, outcome_unknown, rate_limited, a lost answer and a proxy: once, with one key', async () => {
  const id = await http.user('100')
  const { client, keys } = clientWith([
    problem('busy'),
    lost,
    problem('outcome_unknown'),
    problem('rate_limited', { 'Retry-After': '0' }),
    new Response('Bad Gateway', { status: 502 }),
  ])
  const { balance, entry } = await client.debitUser(id, { amount: '30.00' })
  expect([balance, entry.seq, entry.idempotency_key]).toEqual(['70.00', 2, keys[0]])
  expect(keys).toHaveLength(6)
  expect(new Set(keys).size).toBe(1)
  expect(await http.sql`select 1 from payment_history where user_id = ${id}`).toHaveLength(2)
})

test('each call has a key of its own, and a caller may give one', async () => {
  const id = await http.user('100')
  const { client, keys } = clientWith([])
  await client.debitUser(id, { amount: 1 })
  await client.debitUser(id, { amount: 1 })
  await client.debitUser(id, { amount: 1 }, { idempotencyKey: 'mine' })
  await client.debitUser(id, { amount: 1 }, { idempotencyKey: 'mine' })
  expect(new Set(keys).size).toBe(3)
  expect((await client.getUser(id)).balance).toBe('97.00')
  expect(keys.at(-1)).toBeNull()
})

test('a refusal is final, and is an error of its code', async () => {
  const id = await http.user('10')
  const { client, keys } = clientWith([])
  const error = await client.debitUser(id, { amount: 25 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(InsufficientFundsError)
  expect(error).toBeInstanceOf(ProblemError)
  const { code, problem: { shortfall }, idempotencyKey } = error as InsufficientFundsError
  expect([code, shortfall, idempotencyKey]).toEqual(['insufficient_funds', '15.00', keys[0]])
  expect(keys).toHaveLength(1)
})

test('the message of an error says what is wrong, with each field', async () => {
  const { client } = clientWith([])
  const error = await client.debitUser(1, { amount: 'x' }).catch((thrown: unknown) => thrown)
  const { problem: { title, errors } } = error as InvalidRequestError
  expect((error as Error).message).toBe(`${title} amount ${errors![0]!.message}`)
})

test('after the deadline a write that may have happened is outcome_unknown, with its key', async () => {
  const id = await http.user('100')
  const busy = Array.from({ length: 1000 }, () => problem('busy'))
  const { client, keys } = clientWith([lost, ...busy], { deadlineMs: 200 })
  const error = await client.debitUser(id, { amount: 30 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(OutcomeUnknownError)
  expect((error as OutcomeUnknownError).idempotencyKey).toBe(keys[0])
})

test('after the deadline a write without a key that may have happened is unreachable', async () => {
  const id = await http.user()
  const busy = Array.from({ length: 1000 }, () => problem('busy'))
  const { client, keys } = clientWith([lost, ...busy], { deadlineMs: 200 })
  await expect(client.freezeUser(id, { reason: 'a reason' })).rejects
    .toBeInstanceOf(UnreachableError)
  expect(keys[0]).toBeNull()
  expect((await clientWith([]).client.listControls(id)).frozen_at).not.toBeNull()
})

test('after the deadline what was certainly not done is what the ledger said', async () => {
  const busy = Array.from({ length: 1000 }, () => problem('busy'))
  const { client } = clientWith(busy, { deadlineMs: 100 })
  await expect(client.debitUser(1, { amount: 30 })).rejects.toBeInstanceOf(BusyError)
})

test('Retry-After is waited for, unless the deadline is before', async () => {
  const { client, keys } = clientWith([problem('busy', { 'Retry-After': '3600' })])
  await expect(client.getUser(1)).rejects.toBeInstanceOf(BusyError)
  expect(keys).toHaveLength(1)
})

test('an answer that never comes is given up, and asked for again', async () => {
  const id = await http.user('100')
  const { client, keys } = clientWith([never], { requestMs: 50 })
  expect((await client.debitUser(id, { amount: 30 })).balance).toBe('70.00')
  expect(new Set(keys).size).toBe(1)
  const silent = clientWith([never], { deadlineMs: 50 }).client
  await expect(silent.getUser(1)).rejects.toBeInstanceOf(UnreachableError)
})

test('a signal ends a call at once, with its reason', async () => {
  const reason = new Error('no more')
  const { client } = clientWith([never])
  const controller = new AbortController()
  const call = client.getUser(1, { signal: controller.signal })
  controller.abort(reason)
  await expect(call).rejects.toBe(reason)
  await expect(client.getUser(1, { signal: controller.signal })).rejects.toBe(reason)
})

test('what is no ledger is an error of its own', async () => {
  const { client } = clientWith([new Response('<html>', { status: 404 })])
  await expect(client.getUser(1)).rejects.toBeInstanceOf(UnexpectedAnswerError)
})

test('what the function of the token throws is thrown, and nothing is sent', async () => {
  const refused = new Error('logged out')
  const { client, keys } = clientWith([], { token: () => Promise.reject(refused) })
  await expect(client.debitUser(1, { amount: '1' })).rejects.toBe(refused)
  expect(keys).toEqual([])
})

test('the token is asked for before each request', async () => {
  const seen: (string | null)[] = []
  let count = 0
  const client = createLedgerClient({
    url: http.service.url,
    token: () => `t${count++}`,
    fetch: (_, init) => {
      seen.push(new Headers(init?.headers).get('authorization'))
      return Promise.resolve(seen.length === 1 ? problem('busy') : problem('unauthorized'))
    },
  })
  await expect(client.getUser(1)).rejects.toBeInstanceOf(UnauthorizedError)
  expect(seen).toEqual(['Bearer t0', 'Bearer t1'])
})
