/**
 * PostgreSQL that doesn't answer any more: every request is answered within its deadline all the
 * same, and what it is answered with is true.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import type { Service } from '../../src/service.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { type Answer, caller } from '../support/http.ts'
import { findingsOf } from '../support/findings.ts'
import { serve } from '../support/service.ts'

const DEADLINE_MS = 1500

let database: TestDatabase
let sql: postgres.Sql
let proxy: Server
let service: Service
let silent = false
const sockets = new Set<Socket>()
const call = caller(() => service.url)

/** While it is silent nothing goes through, either way, and nobody is told. */
function relay(client: Socket): void {
  const { hostname, port } = new URL(database.serviceUrl)
  const server = connect(Number(port), hostname)
  for (const [from, to] of [[client, server], [server, client]] as const) {
    sockets.add(from)
    from.on('error', () => {})
    from.on('data', (data) => {
      if (!silent) to.write(data)
    })
    from.on('close', () => to.destroy())
  }
}

beforeAll(async () => {
  database = await createDatabase()
  sql = postgres(database.url, { max: 1, onnotice: () => {} })
  await sql`select create_user(n) from generate_series(1, 400) n`
  await sql`select credit_user(n, 1000) from generate_series(1, 400) n`
  proxy = createServer(relay)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = new URL(database.serviceUrl)
  url.port = String((proxy.address() as AddressInfo).port)
  const config = loadConfig({ LOG_LEVEL: 'silent', DATABASE_URL: url.href })
  service = await serve({ ...config, port: 0, requestDeadlineMs: DEADLINE_MS })
})

afterAll(async () => {
  await service.stop()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => proxy.close(resolve))
  await sql.end()
  await database.drop()
})

/** Sends all of it while nothing goes through, until the last of it is answered. */
async function inSilence(requests: (() => Promise<Answer>)[]): Promise<Answer[]> {
  // What only waits for a connection was never sent: the ones for batches have to be there.
  await Promise.all(
    [390, 391, 392, 393].map((id) => call('POST', `/users/${id}/credit`, { amount: 1 })),
  )
  silent = true
  const answers = await Promise.all(requests.map((request) => request()))
  // What was connected may have lost bytes: it is cut, as a network does in the end.
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  silent = false
  await vi.waitUntil(async () => (await call('GET', '/readyz')).status === 200, {
    interval: 50,
  })
  return answers
}

const codeIn = ({ body }: Answer) => (body as { code?: string }).code

test('every request is answered though nothing comes: reads are busy, writes that were sent unknown', async () => {
  const key = (name: string) => ({ 'Idempotency-Key': name })
  const reads = [
    '/users/2?',
    '/users/2/history',
    '/users/2/history/1',
    '/users/2/balance',
    '/users/2/verify',
    '/readyz',
  ]
  const writes: [string, unknown][] = [
    ['/users/2/debit', { amount: 1 }],
    ['/users/3/credit', { amount: 1 }],
    ['/users/4/recalculate', {}],
    ['/users', {}],
    ['/transfers', { from: 6, to: 7, amount: 1 }],
    ['/users/8/holds', { amount: 1 }],
  ]
  const answers = await inSilence([
    ...reads.map((path) => () => call('GET', path, undefined, { 'Cache-Control': 'no-cache' })),
    ...writes.map(([path, body], n) => () => call('POST', path, body, key(`write-${n}`))),
    ...writes.map(([path, body]) => () => call('POST', path, body)),
    () => call('POST', '/debits', [{ user_id: 10, amount: 1 }, { user_id: 11, amount: 1 }]),
  ])
  expect(answers.slice(0, reads.length).map(codeIn)).toEqual(reads.map(() => 'busy'))
  const codes = answers.slice(reads.length, -1).map(codeIn)
  // Those behind the batch that was sent were not.
  expect(codes.filter((code) => code !== 'busy' && code !== 'outcome_unknown')).toEqual([])
  expect(codes.slice(0, 2)).toContain('outcome_unknown')
  // A repeat with the key tells what became of it, and nothing happened twice.
  for (const [n, [path, body]] of writes.entries()) {
    expect((await call('POST', path, body, key(`write-${n}`))).status, path).toBeLessThan(300)
  }
  const twice = await sql`
    select idempotency_key from payment_history where idempotency_key is not null
     group by user_id, idempotency_key having count(*) > 1`
  expect([...twice]).toEqual([])
  expect(await findingsOf(sql)).toEqual([])
})

test('what waited behind others until its deadline is busy, and is never written', async () => {
  const items = Array.from({ length: 300 }, (_, n) => ({
    user_id: n + 50,
    amount: '0.07',
    idempotency_key: 'behind',
  }))
  const [answer] = await inSilence([() => call('POST', '/debits', items)])
  const codes = (answer!.body as { results: { code: string }[] }).results.map(({ code }) => code)
  expect(new Set(codes)).toEqual(new Set(['busy', 'outcome_unknown']))
  // Once the service has nothing more to do, nothing of it can come any more.
  const busy = items.filter((_, n) => codes[n] === 'busy').map((item) => item.user_id)
  const written = await sql<{ user_id: string }[]>`
    select user_id from payment_history where idempotency_key = 'behind'`
  expect(written.map((row) => Number(row.user_id)).filter((id) => busy.includes(id))).toEqual([])
})

test('a debit of somebody who is held is busy while he still is', async () => {
  await sql`begin`
  await sql`select debit_user(300, 1)`
  expect(codeIn(await call('POST', '/users/300/debit', { amount: 1 }))).toBe('busy')
  await sql`rollback`
})
