/**
 * What the OpenAPI document describes, sent well, nearly well and badly, and bytes that are no HTTP
 * at all, to a service in a process of its own; a third of it to another one on the same database
 * that has access on, from callers who may do it, may not, and aren't known. LEDGER_TEST_SEED
 * repeats a run as far as the order in which the service takes requests allows.
 */
import fc from 'fast-check'
import type postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startRedisRest } from '../../dev/redis_rest.ts'
import { writeTokens } from '../support/access.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { type Books, checksum, openBooks } from './books.ts'
import { callers, heldBy, reachFaults, refusalFaults, refusalOf } from './callers.ts'
import { type Answer, Connection } from './connection.ts'
import { bytesOfAll, MALFORMED, malformed, type Sent } from './malformed.ts'
import { bytesOf, calledBy, type Request, requests } from './requests.ts'
import { problemFaults, routeOf, violationsOf } from './rules.ts'
import { connectTo, createUser, findingsOf, historyOf } from '../support/ledger.ts'
import { type Document, operationsOf } from '../support/openapi.ts'
import { type Run, run } from '../support/run_typescript.ts'
import { serveCommand } from '../support/service.ts'
import { SEED, SHARE, shareOf } from '../support/share.ts'

const REQUESTS = shareOf(20_000)
const MALFORMED_COUNT = Math.ceil(REQUESTS / 10)
const ROUND = 1_000
const REPEATED = 100
const CONNECTIONS = 32
const USERS = 10
/** How many of them the caller reaches who is bound to some. */
const BOUND = 3
const UNKNOWN_ID = 999_999
/** Is there, and nobody may ever touch it. */
const CANARY = 7_777_777_777

let database: TestDatabase
let redis: Awaited<ReturnType<typeof startRedisRest>>
let sql: postgres.Sql
let servers: Run[]
let url: string
/** Of the service with access on. */
let guardedUrl: string
let tokens: { path: string; remove: () => void }
let document: Document
let books: Books
let users: number[]
let hasEnded = false

beforeAll(async () => {
  database = await createDatabase()
  redis = await startRedisRest({})
  sql = connectTo(database.url)
  users = [1]
  for (let n = 0; n < USERS; n++) users.push(await createUser(sql, n % 2 ? '1000000' : '50'))
  tokens = writeTokens(heldBy(users.slice(0, BOUND)))
  const access = { ACCESS_TOKENS_FILE: tokens.path, ACCESS_FAILURES_PER_MINUTE: '999999' }
  servers = [{}, access].map((settings) =>
    run(serveCommand(), {
      DATABASE_URL: database.serviceUrl,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      PORT: '0',
      LOG_LEVEL: 'warn',
      REQUEST_DEADLINE_MS: '60000',
      ...settings,
    })
  )
  for (const server of servers) void server.ended.finally(() => hasEnded = true)
  const ready = servers.map((server) => server.line(/listens on (http:\S+)/))
  ;[url, guardedUrl] = (await Promise.all(ready)).map(([, at]) => at!) as [string, string]
  document = await (await fetch(`${url}/openapi.json`)).json() as Document
  await sql`select create_user(${CANARY})`
  books = await openBooks(sql)
})

afterAll(async () => {
  for (const server of servers) server.signal('SIGKILL')
  await Promise.all(servers.map((server) => server.ended))
  tokens.remove()
  await sql.end({ timeout: 0 })
  await redis.close()
  await database.drop()
})

/** Expects none, and shows the first few. */
const expectNone = (violations: string[]) => expect(violations.slice(0, 5)).toEqual([])

async function expectTrueBooks(): Promise<void> {
  expectNone(await books.differences())
  expectNone(await findingsOf(sql))
  expect(await historyOf(sql, CANARY)).toEqual([])
}

/** What the service itself complained of. */
const complaints = () =>
  servers.flatMap((server) => server.output().split('\n'))
    .filter((line) => /"level":"error"|\bat \S.*:\d+:\d+/.test(line))

async function expectAliveAndQuiet(): Promise<void> {
  expect(hasEnded).toBe(false)
  for (const at of [url, guardedUrl]) expect((await fetch(`${at}/livez`)).status).toBe(200)
  expect(complaints()).toEqual([])
}

afterEach(expectAliveAndQuiet)

interface Page {
  events: { id: string }[]
  next: string
}

interface Exchange {
  request: Request
  answer: Answer | undefined
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

const shown = (request: Request) =>
  JSON.stringify(bytesOf(request).toString('latin1')).slice(0, 3_000)

/** Takes note of what was written, and of rules that were broken. */
function judge({ request, answer }: Exchange): string[] {
  if (!answer) return [`no answer: ${shown(request)}`]
  const refusal = refusalOf(document, request)
  // What is written for whom this should have been refused is not noted: nobody was to be told.
  if (!refusal) books.note(request, routeOf(document, request), answer)
  const violations = refusal
    ? refusalFaults(document, refusal, request, answer)
    : [...violationsOf(document, request, answer), ...reachFaults(request, answer)]
  return violations.map((violation) =>
    `${violation}: ${answer.status} ${answer.text.slice(0, 300)} to ${shown(request)}`
  )
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

const NEXT: Request = { method: 'HEAD', target: '/next', headers: [['Host', 'ledger']] }
/** What it says to who sends no request, by status. */
const REFUSALS: Record<number, string> = {
  400: 'The request is not valid HTTP.',
  431: 'The head must be at most 16384 bytes.',
}

/** What became of it, by the words of the table, and what is wrong with the answers. */
async function verdictOn(sent: Sent): Promise<{ verdict: string; violations: string[] }> {
  const { request, before } = sent
  const connection = new Connection(url)
  const violations: string[] = []
  try {
    connection.send(bytesOfAll(sent))
    if (sent.ends) connection.end()
    for (const request of before) {
      violations.push(...judge({ request, answer: await connection.answer(request.method) }))
    }
    const answer = await connection.answer(request.method)
    if (!answer) return { verdict: connection.isClosed ? 'cut' : 'nothing at all', violations }
    if (sent.never && answer.text.includes(sent.never)) violations.push(`has ${sent.never}`)
    const isProblem = answer.text.includes(REFUSALS[answer.status] ?? '{none}')
    if (isProblem) violations.push(...problemFaults(document, answer))
    else violations.push(...judge({ request, answer }))
    // Whatever is left of the bytes must not be a request: this one is the next.
    if (!sent.ends) connection.send(bytesOf(NEXT))
    const next = await connection.answer(NEXT.method)
    if (next && ![400, 404].includes(next.status)) violations.push(`and then ${next.status}`)
    if (!isProblem) return { verdict: 'served', violations }
    if (next) return { verdict: 'declined', violations }
    return { verdict: answer.status === 431 ? 'too large' : 'problem', violations }
  } finally {
    connection.close()
  }
}

test(`${MALFORMED_COUNT} that are hardly HTTP: seed ${SEED}`, async () => {
  const all = fc.sample(malformed({ users, canary: CANARY }), {
    seed: SEED,
    numRuns: MALFORMED_COUNT,
  })
  const waiting = all.values()
  const wrong: string[] = []
  const seen = new Set<string>()
  await Promise.all(Array.from({ length: CONNECTIONS / 2 }, async () => {
    for (const sent of waiting) {
      const { verdict, violations } = await verdictOn(sent)
      const { verdicts } = MALFORMED[sent.name]!
      if (!(verdicts as string[]).includes(verdict)) {
        violations.push(`${verdict}, not ${verdicts.join(' or ')}`)
      }
      seen.add(sent.name)
      const text = JSON.stringify(bytesOfAll(sent).toString('latin1')).slice(0, 3_000)
      wrong.push(...violations.map((violation) => `${sent.name}: ${violation}: ${text}`))
    }
  }))
  expectNone(wrong)
  await expectTrueBooks()
  if (SHARE >= 1) expect([...seen].sort()).toEqual(Object.keys(MALFORMED).sort())
})
