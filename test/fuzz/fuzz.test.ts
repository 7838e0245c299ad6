/**
 * What the OpenAPI document describes, sent well, nearly well and badly, and bytes that are no HTTP
 * at all, to a service in a process of its own; a third of it to another one on the same database
 * that has access on, from callers who may do it, may not, and aren't known. LEDGER_TEST_SEED
 * repeats a run as far as the order in which the service takes requests allows.
 */
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { checksum } from './books.ts'
import { callers } from './callers.ts'
import { Connection } from './connection.ts'
import { bytesOf, type Request } from './request.ts'
import { calledBy, requests } from './requests.ts'
import { routeOf } from './rules.ts'
import { operationsOf } from '../support/openapi.ts'
import { SEED, SHARE } from '../support/share.ts'
import {
  books,
  BOUND,
  CONNECTIONS,
  document,
  type Exchange,
  expectAliveAndQuiet,
  expectNone,
  expectTrueBooks,
  guardedUrl,
  judge,
  MALFORMED_COUNT,
  REQUESTS,
  sql,
  url,
  users,
} from './services.ts'
import './malformed_cases.ts'

const ROUND = 1_000
const REPEATED = 100
const UNKNOWN_ID = 999_999

afterEach(expectAliveAndQuiet)

interface Page {
  events: { id: string }[]
  next: string
}

async function ask(used: Connection | undefined, request: Request) {
  if (used && !used.isClosed) {
    used.send(bytesOf(request))
    const answer = await used.answer(request.method)
    // One that was idle for too long may be closed just now, and nothing have been read of this.
    if (answer || !used.isClosed || used.rest !== '') return { connection: used, answer }
  }
  const connection = new Connection(request.caller ? guardedUrl : url)
  connection.send(bytesOf(request))
  return { connection, answer: await connection.answer(request.method) }
}

/** Sends all of them over CONNECTIONS connections, each after the answer to the one before. */
async function exchange(all: Request[]): Promise<Exchange[]> {
  const exchanges: Exchange[] = []
  const waiting = all.values()
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    /** One to each of the services. */
    const connections = new Map<boolean, Connection>()
    for (const request of waiting) {
      const isGuarded = request.caller !== undefined
      const { connection, answer } = await ask(connections.get(isGuarded), request)
      connections.set(isGuarded, connection)
      exchanges.push({ request, answer })
      if (!answer || /\bclose\b/i.test(answer.headers['connection'] ?? '')) {
        connection.close()
        connections.delete(isGuarded)
      }
    }
    for (const connection of connections.values()) connection.close()
  }))
  return exchanges
}

/**
 * Repeats what was refused. Some of it is accepted by now, for others have written meanwhile; what
 * is left when all of it is refused must not have changed anything.
 */
async function repeatRefused(refused: Request[]): Promise<string[]> {
  for (let left = refused; left.length > 0;) {
    const before = await checksum(sql)
    const exchanges = await exchange(left)
    const violations = exchanges.flatMap(judge)
    const again = exchanges.filter(({ answer }) => (answer?.status ?? 0) >= 400)
    if (violations.length > 0) return violations
    if (again.length === left.length) {
      return await checksum(sql) === before ? [] : ['something was written by refused requests']
    }
    left = again.map(({ request }) => request)
  }
  return []
}

test(`${REQUESTS - MALFORMED_COUNT} requests: seed ${SEED}`, async () => {
  const { events, next } = await (await fetch(`${url}/events`)).json() as Page
  const cursors = [...events.map(({ id }) => id), next]
  const open = requests(document, { users: [...users, UNKNOWN_ID], cursors })
  const all = fc.sample(calledBy(open, callers(users.slice(0, BOUND))), {
    seed: SEED,
    numRuns: REQUESTS - MALFORMED_COUNT,
  })
  const seen = new Map<string, number>()
  for (let at = 0; at < all.length; at += ROUND) {
    const exchanges = await exchange(all.slice(at, at + ROUND))
    expectNone(exchanges.flatMap(judge))
    for (const { request, answer } of exchanges) {
      const route = routeOf(document, request)
      const name = 'path' in route ? `${route.method} ${route.path}` : ''
      const { status } = answer!
      const what = [`${status}`, `${name} ${status < 400}`, `${name} ${status}`]
      if (request.caller?.users) what.push(`bound ${status}`)
      for (const one of what) {
        seen.set(one, (seen.get(one) ?? 0) + 1)
      }
    }
    const refused = exchanges.filter(({ answer }) => answer!.status >= 400)
    expectNone(await repeatRefused(refused.slice(0, REPEATED).map(({ request }) => request)))
  }
  await expectTrueBooks()
  console.log(Object.fromEntries([...seen].filter(([what]) => what.length === 3)), books.counts())
  // A small share doesn't get everywhere.
  if (SHARE < 1) return
  for (const what of ['401', 'bound 200', 'bound 201', 'bound 403']) {
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(0)
  }
  // Not everything may have been refused, or accepted.
  for (const [method, path] of operationsOf(document)) {
    // The document doesn't say which files there are.
    if (path === '/console/{folder}/{file}') continue
    expect(seen.get(`${method} ${path} true`) ?? 0, `${method} ${path}`).toBeGreaterThan(0)
    // The others are asked seldom, and take nothing that could be wrong.
    if (!/^\/(users|transfers|debits|balances)/.test(path)) continue
    expect(seen.get(`${method} ${path} 403`) ?? 0, `${method} ${path} 403`).toBeGreaterThan(0)
    expect(seen.get(`${method} ${path} false`) ?? 0, `${method} ${path}`).toBeGreaterThan(0)
  }
})
