/**
 * The answer of PostgreSQL is lost after its commit: nothing may happen twice, nothing be denied.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import type { Service } from '../../src/service.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { serve } from '../support/service.ts'

let database: TestDatabase
let sql: postgres.Sql
let proxy: Server
let service: Service
/** The connection that sends this is cut when PostgreSQL answers; each mark once. */
const marks = new Set<string>()
const sockets = new Set<Socket>()

function relay(client: Socket) {
  const { hostname, port } = new URL(database.serviceUrl)
  const server = connect(Number(port), hostname)
  let doomed = false
  for (const socket of [client, server]) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      client.destroy()
      server.destroy()
    })
  }
  client.on('data', (data) => {
    for (const mark of marks) {
      if (data.includes(mark)) doomed = marks.delete(mark)
    }
    server.write(data)
  })
  server.on('data', (data) => {
    if (doomed) client.destroy()
    else client.write(data)
  })
}

beforeAll(async () => {
  database = await createDatabase()
  sql = postgres(database.url, { max: 1, onnotice: () => {} })
  await sql`select credit_user(1, 1000)`
  proxy = createServer(relay)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = new URL(database.serviceUrl)
  url.port = String((proxy.address() as AddressInfo).port)
  const config = loadConfig({ LOG_LEVEL: 'silent', DATABASE_URL: url.href })
  service = await serve({ ...config, port: 0 })
})

afterAll(async () => {
  await service.stop()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => proxy.close(resolve))
  await sql.end()
  await database.drop()
})

async function post(path: string, body: object, key?: string) {
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(key && { 'Idempotency-Key': key }) },
    body: JSON.stringify(body),
  })
  return {
    status: response.status,
    replayed: response.headers.get('Idempotency-Replayed'),
    body: await response.text(),
  }
}

const countOf = async (amount: string) =>
  (await sql`select from payment_history where user_id = 1 and amount = ${amount}`).length

test.each([
  ['/users/1/debit', { amount: '1.11' }, '1.11'],
  ['/users/1/credit', { amount: '2.22' }, '2.22'],
  ['/transfers', { from: 1, to: 2, amount: '3.33' }, '3.33'],
])('with a key, %s is answered all the same, and happens once', async (path, body, amount) => {
  await sql`select create_user(2)`
  const key = `key-${amount}`
  marks.add(key)
  const first = await post(path, body, key)
  expect(marks.size).toBe(0)
  expect(first).toMatchObject({ status: 201, replayed: 'true' })
  expect(await post(path, body, key)).toEqual(first)
  expect(await countOf(amount)).toBe(1)
})

/** What can be done once, and the path and body of it. */
const ONCE: [string, () => Promise<[string, object]>][] = [
  ['a hold', () => Promise.resolve(['/users/1/holds', { amount: '4.44' }])],
  ['a capture', async () => [`/users/1/holds/${await hold()}/capture`, {}]],
  ['a release', async () => [`/users/1/holds/${await hold()}/release`, {}]],
  ['a reversal of a credit', async () => [`/users/1/history/${await credit()}/reverse`, {}]],
  ['a reversal of half a transfer', async () => [`/users/1/history/${await move()}/reverse`, {}]],
]

const numberOf = async (path: string, body: object) =>
  JSON.parse((await post(path, body)).body) as {
    hold: number
    entry: { seq: number }
    from: { entry: { seq: number } }
  }
const hold = async () => (await numberOf('/users/1/holds', { amount: 1 })).hold
const credit = async () => (await numberOf('/users/1/credit', { amount: 1 })).entry.seq
const move = async () =>
  (await numberOf('/transfers', { from: 1, to: 2, amount: 1 })).from.entry.seq

const rows = async () => (await sql`select count(*) from payment_history`)[0]!['count'] as string

test.each(ONCE)(
  '%s with a key is answered all the same, and happens once',
  async (what, prepare) => {
    const [path, body] = await prepare()
    const key = `key-${what.replaceAll(' ', '-')}`
    marks.add(key)
    const first = await post(path, body, key)
    expect(marks.size).toBe(0)
    expect(first.status).toBe(what === 'a release' ? 200 : 201)
    expect(first.replayed).toBe('true')
    const before = await rows()
    expect(await post(path, body, key)).toEqual(first)
    expect(await rows()).toBe(before)
  },
)

test.each(ONCE)('%s without a key is outcome_unknown, and done', async (what, prepare) => {
  const [path, body] = await prepare()
  const mark = `mark-${what.replaceAll(' ', '-')}`
  marks.add(mark)
  const answer = await post(path, { ...body, metadata: { mark } })
  expect(marks.size).toBe(0)
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'outcome_unknown' })
  const done = await sql`
    select from payment_history where metadata ->> 'mark' = ${mark}
    union all select from hold_changes where metadata ->> 'mark' = ${mark}`
  expect(done).toHaveLength(what.includes('half') ? 2 : 1)
})

test.each([
  ['/users/1/debit', { amount: '5.55' }, '5.55'],
  ['/transfers', { from: 1, to: 2, amount: '6.66' }, '6.66'],
])('without a key, %s is outcome_unknown, and not repeated', async (path, body, amount) => {
  marks.add(amount)
  const answer = await post(path, body)
  expect(marks.size).toBe(0)
  expect(answer.status).toBe(503)
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'outcome_unknown' })
  expect(await countOf(amount)).toBe(1)
})
