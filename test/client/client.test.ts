/** The client from its source: what it repeats, throws and checks. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  BusyError,
  createLedgerClient,
  type Entry,
  ERRORS,
  InsufficientFundsError,
  OPERATIONS,
  OutcomeUnknownError,
  ProblemError,
  StatementError,
  UnauthorizedError,
  UnexpectedAnswerError,
  UnreachableError,
} from '../../client/ledger.ts'
import { apiDocument, clientApi } from '../../dev/generate_client_api.ts'
import { PROBLEMS } from '../../src/core/errors.ts'
import { useHttp } from '../support/http.ts'

const http = useHttp()

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

type Fetch = typeof globalThis.fetch
type Reply = (...request: Parameters<Fetch>) => Promise<Response>

const problem = (code: keyof typeof PROBLEMS, headers: Record<string, string> = {}) => {
  const { status, title } = PROBLEMS[code]
  return new Response(JSON.stringify({ type: `/docs#${code}`, title, status, code }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  })
}

/** Answers with each of these in turn, and then as the service does. */
function clientWith(replies: (Reply | Response)[], options = {}) {
  const keys: (string | null)[] = []
  const asked: string[] = []
  const client = createLedgerClient({
    url: `${http.service.url}/`,
    ...options,
    fetch: async (url, init) => {
      asked.push(new Request(url).url.replace(http.service.url, ''))
      keys.push(new Headers(init?.headers).get('idempotency-key'))
      const reply = replies.shift()
      return reply instanceof Response ? reply : await (reply ?? fetch)(url, init)
    },
  })
  return { client, keys, asked }
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

test('after the deadline a write that may have happened is outcome_unknown, with its key', async () => {
  const id = await http.user('100')
  const busy = Array.from({ length: 1000 }, () => problem('busy'))
  const { client, keys } = clientWith([lost, ...busy], { deadlineMs: 200 })
  const error = await client.debitUser(id, { amount: 30 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(OutcomeUnknownError)
  expect((error as OutcomeUnknownError).idempotencyKey).toBe(keys[0])
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

async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of all) values.push(value)
  return values
}

test('a history is read page by page, to its end', async () => {
  const id = await http.user('100')
  const { client, keys } = clientWith([])
  for (let n = 0; n < 6; n++) await client.debitUser(id, { amount: 1 })
  keys.length = 0
  const entries = await collected(client.eachEntry(id, { limit: 3 }))
  expect(entries.map(({ seq }) => seq)).toEqual([7, 6, 5, 4, 3, 2, 1])
  expect(keys).toHaveLength(3)
  const users = await collected(client.eachUser({ limit: 2 }))
  expect(users.map((user) => user.id)).toContain(id)
})

test('without fromStandby no read has a min_seq', async () => {
  const id = await http.user('100')
  const { client, asked } = clientWith([])
  await client.debitUser(id, { amount: 1 })
  await client.listEntries(id)
  expect(asked.at(-1)).toBe(`/users/${id}/history`)
})

test('with fromStandby reads of a history name the last entry that was answered', async () => {
  const [id, peer] = [await http.user('100'), await http.user('100')]
  const { client, asked } = clientWith([], { fromStandby: true })
  const last = async (read: Promise<unknown> | AsyncIterable<unknown>) => {
    await (Symbol.asyncIterator in read ? collected(read) : read)
    return asked.at(-1)
  }
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history`)
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history?min_seq=1`)
  await client.debitUser(id, { amount: 1, metadata: { id: peer, seq: 99 } })
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.eachEntry(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.getBalanceAt(id))).toBe(`/users/${id}/balance?min_seq=2`)
  expect(await last(client.statement(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.statementCsv(id))).toBe(`/users/${id}/history?min_seq=2`)
  expect(await last(client.listEntries(id, { min_seq: 1 }))).toBe(`/users/${id}/history?min_seq=1`)
  // Of lists, too, and an older answer takes nothing back.
  await client.postOperations([{ kind: 'transfer', from: id, to: peer, amount: 1 }])
  await client.listEntries(id, { before: 2 })
  expect(await last(client.listEntries(id))).toBe(`/users/${id}/history?min_seq=3`)
  expect(await last(client.listEntries(peer))).toBe(`/users/${peer}/history?min_seq=2`)
})

test('an entry that a restored database lacks is forgotten', async () => {
  const id = await http.user('100')
  const answered = JSON.stringify({ id, seq: 50, balance: '1.00' })
  const { client, asked } = clientWith([new Response(answered)], { fromStandby: true })
  await client.getUser(id)
  expect((await client.listEntries(id)).entries).toHaveLength(1)
  expect(asked.slice(-2))
    .toEqual([`/users/${id}/history?min_seq=50`, `/users/${id}/history`])
  await client.listEntries(id)
  expect(asked.at(-1)).toBe(`/users/${id}/history?min_seq=1`)
})

/** A history with all that goes into a hash. */
async function history(): Promise<number> {
  const [id, peer] = [await http.user('1000.00'), await http.user()] as const
  const metadata = String
    .raw`{"é💶": 1.10, "a": [1e30, "\u2028\n", {"metadata": {"seq": 9}}], "q": "\"}"}`
  const { sql } = http
  await sql`select debit_user(${id}, 0.01, 'k"metadata":{1', ${metadata}::text::jsonb)`
  await sql`select transfer(${id}, ${peer}, 100.50, 't', '{}')`
  await sql`select place_hold(${id}, 60)`
  await sql`select credit_user(${id}, 9999999999.99)`
  await sql`select capture_hold(${id}, 1, 12.34)`
  await sql`select reverse_entry(${id}, 2)`
  await sql`insert into payment_history (user_id, action, amount, ts)
    values (${id}, 'DEBIT', 9999999999.99, '0850-01-01'), (${id}, 'DEBIT', 10000, '1999-12-31')`
  await sql`select recalculate_balance(${id})`
  return id
}

/** The service's answer, changed. */
const changed = (change: (text: string) => string): Reply => async (url, init) => {
  const response = await fetch(url, init)
  return new Response(change(await response.text()), response)
}

test('the hashes of a statement are checked', async () => {
  const id = await history()
  const { client } = clientWith([])
  const lines = await collected(client.statement(id))
  expect(lines).toHaveLength(10)
  const rest = await collected(client.statement(id, { after: 5 }))
  expect(rest.slice(1)).toEqual(lines.slice(6))
})

const CHANGES: [string, (text: string) => string][] = [
  ['another amount', (text) => text.replace('"amount":"0.01"', '"amount":"0.02"')],
  ['metadata written another way', (text) => text.replace('1.10', '1.1')],
  ['an entry left out', (text) => text.split('\n').toSpliced(3, 1).join('\n')],
  ['the last entry left out', (text) => text.split('\n').toSpliced(-3, 1).join('\n')],
  ['no closing line', (text) => text.split('\n').toSpliced(-2, 1).join('\n')],
  ['half of the closing line', (text) => text.slice(0, -20)],
  ['a line behind the closing line', (text) => text + text.split('\n')[0] + '\n'],
]

test.each(CHANGES)('a statement with %s is a StatementError', async (_, change) => {
  const id = await history()
  const { client } = clientWith([changed(change)])
  await expect(collected(client.statement(id))).rejects.toBeInstanceOf(StatementError)
})

test('CSV without its closing line is a StatementError', async () => {
  const id = await history()
  const whole = await collected(clientWith([]).client.statementCsv(id))
  expect(whole).toHaveLength(11)
  const cut = changed((text) => text.slice(0, text.indexOf('closing,') + 20))
  const error = await collected(clientWith([cut]).client.statementCsv(id))
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(StatementError)
  expect((error as StatementError).seq).toBe(8)
})
