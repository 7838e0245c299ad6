/**
 * What the OpenAPI document describes, sent well, nearly well and badly, and bytes that are no HTTP
 * at all, to a service in a process of its own. LEDGER_TEST_SEED repeats a run as far as the order
 * in which the service takes requests allows; LEDGER_TEST_FUZZ_REQUESTS says how many.
 */
import fc from 'fast-check'
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRedisRest } from '../src/dev/redis_rest.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { type Books, checksum, openBooks } from './fuzz/books.ts'
import { type Answer, Connection } from './fuzz/connection.ts'
import { bytesOf, type Request, requests } from './fuzz/requests.ts'
import { routeOf, violationsOf } from './fuzz/rules.ts'
import { connectTo, createUser, findingsOf } from './ledger.ts'
import type { Document } from './openapi.ts'
import { type Run, run } from './run_typescript.ts'

const SEED = Number(process.env['LEDGER_TEST_SEED'] ?? Date.now() % 1_000_000)
const REQUESTS = Number(process.env['LEDGER_TEST_FUZZ_REQUESTS'] ?? 20_000)
const MALFORMED = Math.ceil(REQUESTS / 10)
const ROUND = 1_000
const REPEATED = 250
const CONNECTIONS = 32
const USERS = 10
const UNKNOWN_ID = 999_999

let database: TestDatabase
let redis: Awaited<ReturnType<typeof startRedisRest>>
let sql: postgres.Sql
let server: Run
let url: string
let document: Document
let books: Books
let users: number[]

beforeAll(async () => {
  database = await createDatabase()
  redis = await startRedisRest({})
  sql = connectTo(database.url)
  server = run(serveCommand(), {
    DATABASE_URL: database.serviceUrl,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    PORT: '0',
    LOG_LEVEL: 'warn',
  })
  url = (await server.line(/listens on (http:\S+)/))[1]!
  document = await (await fetch(`${url}/openapi.json`)).json() as Document
  users = [1]
  for (let n = 0; n < USERS; n++) users.push(await createUser(sql, n % 2 ? '1000000' : '50'))
  books = await openBooks(sql)
})

afterAll(async () => {
  server?.signal('SIGKILL')
  await server?.ended
  await sql.end({ timeout: 0 })
  await redis.close()
  await database.drop()
})

interface Exchange {
  request: Request
  answer: Answer | undefined
}

/** Sends all of them over CONNECTIONS connections, each after the answer to the one before. */
async function exchange(all: Request[]): Promise<Exchange[]> {
  const exchanges: Exchange[] = []
  const waiting = all.values()
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    let connection: Connection | undefined
    for (const request of waiting) {
      if (!connection || connection.isClosed) connection = new Connection(url)
      connection.send(bytesOf(request))
      const answer = await connection.answer(request.method)
      exchanges.push({ request, answer })
      if (!answer || /\bclose\b/i.test(answer.headers['connection'] ?? '')) {
        connection.close()
        connection = undefined
      }
    }
    connection?.close()
  }))
  return exchanges
}

const shown = (request: Request) =>
  JSON.stringify(bytesOf(request).toString('latin1')).slice(0, 3_000)

/** Takes note of what was written, and of rules that were broken. */
function judge({ request, answer }: Exchange): string[] {
  if (!answer) return [`no answer: ${shown(request)}`]
  books.note(request, routeOf(document, request), answer)
  return violationsOf(document, request, answer).map((violation) =>
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

const outcomes: Record<string, number> = {}

test(`${REQUESTS - MALFORMED} requests: seed ${SEED}`, { timeout: 300_000 }, async () => {
  const all = fc.sample(requests(document, { users: [...users, UNKNOWN_ID] }), {
    seed: SEED,
    numRuns: REQUESTS - MALFORMED,
  })
  for (let at = 0; at < all.length; at += ROUND) {
    const exchanges = await exchange(all.slice(at, at + ROUND))
    expect(exchanges.flatMap(judge)).toEqual([])
    for (const { answer } of exchanges) {
      const code = /"code":"(\w+)"/.exec(answer!.text)?.[1]
      const outcome = `${answer!.status} ${answer!.status < 400 ? '' : code}`
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
    const refused = exchanges.filter(({ answer }) => answer!.status >= 400)
    expect(await repeatRefused(refused.slice(0, REPEATED).map(({ request }) => request))).toEqual(
      [],
    )
  }
  console.log(outcomes, books.counts())
  expect(await books.differences()).toEqual([])
  expect(await findingsOf(sql)).toEqual([])
})
