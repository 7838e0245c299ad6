/** What the service does at the edge as elsewhere: the same tests for each platform. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { startRedisRest } from '../../dev/redis_rest.ts'
import { SCOPES } from '../../src/auth/scopes.ts'
import { bearer, sha256 } from './access.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { type Answer, type Call, caller } from './http.ts'

export interface EdgeService {
  url: string
  stop(): Promise<unknown>
}

/** Starts the service with this environment. */
export type StartEdge = (env: Record<string, string>) => Promise<EdgeService>

const RATE_LIMIT = 64
const CALLERS = [
  { name: 'writer', scopes: SCOPES, sha256: [sha256('writer')] },
  { name: 'reader', scopes: ['read'], sha256: [sha256('reader')] },
  { name: 'teller', scopes: SCOPES, sha256: [sha256('teller')] },
  { name: 'eager', scopes: ['read'], sha256: [sha256('eager')] },
]

/** A service at the edge, and what its tests do there. */
interface Edge {
  call: Call
  /** The headers of a caller. */
  as: (token: string, headers?: Record<string, string>) => Record<string, string>
  post: (path: string, body: object, headers?: Record<string, string>) => Promise<Answer>
  get: (path: string, headers?: Record<string, string>) => Promise<Answer>
  /** A new user with this balance. */
  user: (amount: string) => Promise<number>
}

/** Tests a platform. @param missing what it needs and hasn't got */
export function testAtEdge(start: StartEdge, missing: string | undefined): void {
  const edge = useEdge(start, missing)
  const parts = [testRoutes, testKeys, testLimits, testBatches, testAccess, testCache, testMetrics]
  for (const part of parts) part(edge)
}

function useEdge(start: StartEdge, missing: string | undefined): Edge {
  let database: TestDatabase
  let redis: Awaited<ReturnType<typeof startRedisRest>>
  let service: EdgeService

  beforeEach(({ skip }) => {
    if (missing) skip(missing)
  })
  beforeAll(async () => {
    if (missing) return
    database = await createDatabase()
    redis = await startRedisRest({})
    service = await start({
      DATABASE_URL: database.serviceUrl,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      ACCESS_TOKENS_FILE: 'TOKENS',
      TOKENS: JSON.stringify(CALLERS),
      MAX_BODY_BYTES: '1024',
      RATE_LIMIT: String(RATE_LIMIT),
      RATE_LIMIT_SECONDS: '3600',
    })
  })
  afterAll(async () => {
    if (missing) return
    await service.stop()
    await redis.close()
    await database.drop()
  })

  const call = caller(() => service.url)
  const as: Edge['as'] = (token, headers) => ({ ...bearer(token), ...headers })
  const post: Edge['post'] = (path, body, headers) =>
    call('POST', path, body, as('writer', headers))
  return {
    call,
    as,
    post,
    get: (path, headers) => call('GET', path, undefined, as('writer', headers)),
    async user(amount) {
      const { id } = (await post('/users', {})).body as { id: number }
      await post(`/users/${id}/credit`, { amount })
      return id
    },
  }
}

function testRoutes({ get, post, user }: Edge): void {
  test('routes answer: entries, transfers, holds, statements, moments, verification', async () => {
    const [a, b] = [await user('10'), await user('5')]
    expect((await get('/readyz')).status).toBe(200)
    expect((await post(`/users/${a}/debit`, { amount: '3.50' })).body).toMatchObject({
      balance: '6.50',
      entry: { seq: 2, action: 'DEBIT' },
    })
    expect((await post('/transfers', { from: a, to: b, amount: 1 })).body).toMatchObject({
      from: { balance: '5.50' },
      to: { balance: '6.00' },
    })
    expect((await post(`/users/${b}/holds`, { amount: 2 })).body).toMatchObject({
      hold: 1,
      available: '4.00',
    })
    expect((await post(`/users/${b}/debit`, { amount: 5 })).body).toMatchObject({
      code: 'insufficient_funds',
      shortfall: '1.00',
    })
    const { text } = await get(`/users/${a}/history`, { Accept: 'text/csv' })
    expect(text).toMatch(/\r\nclosing,3,,,5\.50,/)
    expect((await get(`/users/${a}/balance`)).body).toMatchObject({ balance: '5.50', seq: 3 })
    expect((await get(`/users/${a}/verify`)).body).toMatchObject({ ok: true, entries: 3 })
    expect((await get('/openapi.json')).body).toMatchObject({ openapi: '3.1.0' })
    expect(await get('/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
}

function testKeys({ get, post, user }: Edge): void {
  test('a key debits once, however many requests have it at once', async () => {
    const id = await user('10')
    const answers = await Promise.all(
      Array.from(
        { length: 8 },
        () =>
          post(`/users/${id}/debit`, { amount: 1, metadata: { order: 17 } }, {
            'Idempotency-Key': 'once',
          }),
      ),
    )
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers.filter(({ headers }) => !headers['idempotency-replayed'])).toHaveLength(1)
    expect((await get(`/users/${id}`)).body).toMatchObject({ balance: '9.00', seq: 2 })
    const other = await post(`/users/${id}/debit`, { amount: 2 }, { 'Idempotency-Key': 'once' })
    expect(other.body).toMatchObject({ code: 'idempotency_key_reused' })
  })
}

function testLimits({ as, call, post }: Edge): void {
  test('limits hold: of a body, and of the requests of a caller', async () => {
    const metadata = { text: 'x'.repeat(1024) }
    expect((await post('/users/1/credit', { amount: 1, metadata })).status).toBe(413)
    const requests = Array.from(
      { length: RATE_LIMIT + 2 },
      () => call('GET', '/me', undefined, as('eager')),
    )
    const statuses = (await Promise.all(requests)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(RATE_LIMIT)
    expect(statuses.filter((status) => status === 429)).toHaveLength(2)
  })
}

function testBatches({ as, call }: Edge): void {
  test('operations of an instance share calls of the database', async () => {
    const value = async (name: string) => {
      const { text } = await call('GET', '/metrics', undefined, as('writer'))
      return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)![1])
    }
    const before = await value('debit_batch_size_count')
    const credits = await Promise.all(
      Array.from(
        { length: RATE_LIMIT },
        () => call('POST', '/users/1/credit', { amount: 1 }, as('teller')),
      ),
    )
    expect(new Set(credits.map(({ status }) => status))).toEqual(new Set([201]))
    expect(await value('debit_batch_size_count') - before).toBeLessThan(RATE_LIMIT / 2)
  })
}

function testAccess({ as, call }: Edge): void {
  test('access is as the tokens say, which are a variable', async () => {
    expect((await call('GET', '/users/1')).status).toBe(401)
    expect((await call('GET', '/users/1', undefined, as('nobody'))).status).toBe(401)
    expect((await call('GET', '/users/1', undefined, as('reader'))).status).toBe(200)
    const debit = await call('POST', '/users/1/debit', { amount: 1 }, as('reader'))
    expect(debit).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })
}

function testCache({ get, post, user }: Edge): void {
  test('a balance is read from Redis once it is known which changes there were', async () => {
    const id = await user('10')
    await vi.waitUntil(async () => (await get(`/users/${id}`)).headers['x-cache'] === 'hit')
    await post(`/users/${id}/debit`, { amount: 1 })
    expect((await get(`/users/${id}`)).body).toMatchObject({ balance: '9.00' })
  })
}

function testMetrics({ get, post, user }: Edge): void {
  test('metrics count operations and requests', async () => {
    const id = await user('10')
    await post(`/users/${id}/debit`, { amount: 1 })
    const { text } = await get('/metrics')
    const value = (series: string) =>
      Number(text.split('\n').find((line) => line.startsWith(series))?.split(' ')[1])
    expect(value('ledger_operations_total{operation="debit",outcome="ok"}')).toBeGreaterThan(0)
    const route = 'method="POST",route="/users/:id/debit",status="201"'
    expect(value(`http_request_duration_seconds_count{${route}}`)).toBeGreaterThan(0)
  })
}
