/** Two services on one database, and whether they are all right. */
import type postgres from 'postgres'
import { afterAll, beforeAll, expect } from 'vitest'
import { startRedisRest } from '../../dev/redis_rest.ts'
import { writeTokens } from '../support/access.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { type Books, openBooks } from './books.ts'
import { heldBy, reachFaults, refusalFaults, refusalOf } from './callers.ts'
import type { Answer } from './connection.ts'
import { bytesOf, type Request } from './request.ts'
import { routeOf, violationsOf } from './rules.ts'
import { connectTo, createUser, historyOf } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import type { Document } from '../support/openapi.ts'
import { type Run, run } from '../support/run_typescript.ts'
import { serveCommand } from '../support/service.ts'
import { shareOf } from '../support/share.ts'

export const REQUESTS = shareOf(20_000)
export const MALFORMED_COUNT = Math.ceil(REQUESTS / 10)
export const CONNECTIONS = 32
const USERS = 10
/** How many of them the caller reaches who is bound to some. */
export const BOUND = 3
/** Is there, and nobody may ever touch it. */
export const CANARY = 7_777_777_777

let database: TestDatabase
let redis: Awaited<ReturnType<typeof startRedisRest>>
export let sql: postgres.Sql
let servers: Run[]
export let url: string
/** Of the service with access on. */
export let guardedUrl: string
let tokens: { path: string; remove: () => void }
export let document: Document
export let books: Books
export let users: number[]
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
export const expectNone = (violations: string[]) => expect(violations.slice(0, 5)).toEqual([])

export async function expectTrueBooks(): Promise<void> {
  expectNone(await books.differences())
  expectNone(await findingsOf(sql))
  expect(await historyOf(sql, CANARY)).toEqual([])
}

/** What the service itself complained of. */
const complaints = () =>
  servers.flatMap((server) => server.output().split('\n'))
    .filter((line) => /"level":"error"|\bat \S.*:\d+:\d+/.test(line))

export async function expectAliveAndQuiet(): Promise<void> {
  expect(hasEnded).toBe(false)
  for (const at of [url, guardedUrl]) expect((await fetch(`${at}/livez`)).status).toBe(200)
  expect(complaints()).toEqual([])
}

export interface Exchange {
  request: Request
  answer: Answer | undefined
}

const shown = (request: Request) =>
  JSON.stringify(bytesOf(request).toString('latin1')).slice(0, 3_000)

/** Takes note of what was written, and of rules that were broken. */
export function judge({ request, answer }: Exchange): string[] {
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
