/**
 * SIGTERM while debits come in. A request has one of three ends: it is answered; its connection is
 * refused; or its connection is closed without a byte of an answer, and then nothing was done.
 */
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { connectTo, createUser, historyOf, waitingPids } from '../support/ledger.ts'
import { findingsOf } from '../support/findings.ts'
import { type Run, run } from '../support/run_typescript.ts'
import { serveCommand } from '../support/service.ts'

const CLIENTS = 16

interface Sent {
  key: string
  end: 'answered' | 'refused' | 'closed'
  status?: number
  body?: { seq: number; balance: string; entry: { idempotency_key: string } }
}

let database: TestDatabase
let sql: ReturnType<typeof connectTo>
let server: Run
let url: URL

beforeEach(async () => {
  database = await createDatabase()
  sql = connectTo(database.url)
  server = run(serveCommand(), {
    DATABASE_URL: database.serviceUrl,
    PORT: '0',
    LOG_LEVEL: 'info',
  })
  url = new URL((await server.line(/listens on (http:\S+)/))[1]!)
})

afterEach(async () => {
  server?.signal('SIGKILL')
  await server?.ended
  await sql.end({ timeout: 0 })
  await database.drop()
})

/** Sends one debit on the agent's connection and tells how that ended. */
function debit(agent: Agent, id: number, key: string): Promise<Sent> {
  return new Promise((resolve, reject) => {
    let answering = false
    const body = '{"amount":"0.01"}'
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'Idempotency-Key': key,
    }
    const call = request({
      agent,
      host: url.hostname,
      port: url.port,
      method: 'POST',
      path: `/users/${id}/debit`,
      headers,
    }, (answer) => {
      answering = true
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => text += chunk)
      answer.on('error', reject)
      answer.on('end', () => {
        const parsed = JSON.parse(text) as Exclude<Sent['body'], undefined>
        resolve({ key, end: 'answered', status: answer.statusCode!, body: parsed })
      })
    })
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (answering) reject(error)
      else resolve({ key, end: error.code === 'ECONNREFUSED' ? 'refused' : 'closed' })
    })
    call.end(body)
  })
}

/** Debits one after the other until the service takes no more connections. */
async function client(name: number, id: number, sent: Sent[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let n = 0;; n++) {
    const outcome = await debit(agent, id, `${name}-${n}`)
    sent.push(outcome)
    if (outcome.end === 'refused') break
  }
  agent.destroy()
}

const ready = async () =>
  await fetch(`${url.origin}/readyz`).then(async (answer) => {
    await answer.body?.cancel()
    return answer.status
  }, () => 'refused')

async function expectEnded(): Promise<void> {
  expect(await server.ended).toBe(0)
  expect(server.output()).not.toMatch(/"level":"(warn|error)"|\n\s+at /)
  await vi.waitUntil(async () =>
    (await sql`select from pg_stat_activity
                where datname = current_database() and usename = 'ledger_service'`).length === 0
  )
}

test('every debit that was answered is in the history once, and no other', async () => {
  const ids = [
    await createUser(sql, 1000),
    await createUser(sql, 1000),
    await createUser(sql, 1000),
  ]
  const sent: Sent[] = []
  const clients = Array.from({ length: CLIENTS }, (_, n) => client(n, ids[n % ids.length]!, sent))
  await vi.waitUntil(() => sent.length > 20 * CLIENTS, { interval: 5 })

  expect(await ready()).toBe(200)
  server.signal('SIGTERM')
  const states: unknown[] = []
  do states.push(await ready())
  while (states.at(-1) !== 'refused')
  await Promise.all(clients)
  await expectEnded()

  // Once it isn't ready it stays so.
  expect(states.slice(states.findIndex((state) => state !== 200))).not.toContain(200)
  const answered = sent.filter(({ end }) => end === 'answered')
  expect(answered.filter(({ status }) => status !== 201)).toEqual([])
  const rows = await sql`
    select idempotency_key as key, seq, balance from payment_history
     where action = 'DEBIT' order by idempotency_key`
  const expected = answered.map(({ key, body }) => ({
    key,
    seq: String(body!.seq),
    balance: body!.balance,
  }))
  expect([...rows]).toEqual(expected.sort((a, b) => a.key < b.key ? -1 : 1))
  expect(await findingsOf(sql)).toEqual([])
  expect(sent.filter(({ end }) => end === 'closed')).toEqual([])
})

test('a debit that waits for somebody is answered before the end', async () => {
  const id = await createUser(sql, 1)
  const psql = connectTo(database.url)
  await psql`begin`
  await psql`select debit_user(${id}::bigint, 0.5)`
  const agent = new Agent({ keepAlive: true })
  const waiting = debit(agent, id, 'waits')
  await vi.waitUntil(async () => (await waitingPids(sql)).length > 0)
  server.signal('SIGTERM')
  await vi.waitUntil(async () => await ready() === 'refused')
  await psql`commit`
  await psql.end()
  expect(await waiting).toMatchObject({ end: 'answered', status: 201, body: { balance: '0.49' } })
  await expectEnded()
  agent.destroy()
})

test('a request on its way on an idle connection is answered', async () => {
  const id = await createUser(sql, 1)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await debit(agent, id, 'first')).toMatchObject({ status: 201 })
  server.signal('SIGTERM')
  await vi.waitUntil(async () => await ready() !== 200, { interval: 5 })
  const { end, status } = await debit(agent, id, 'last')
  expect([end, status]).toEqual(['answered', 201])
  expect(Object.values(agent.freeSockets)).toEqual([])
  await expectEnded()
  expect(await historyOf(sql, id)).toHaveLength(3)
  agent.destroy()
})

test('connections that nobody uses do not hold it up', async () => {
  const unused = connect(Number(url.port), url.hostname).on('error', () => {})
  const agent = new Agent({ keepAlive: true })
  const id = await createUser(sql, 1)
  expect(await debit(agent, id, 'first')).toMatchObject({ status: 201 })
  server.signal('SIGTERM')
  // Not twice, however often it is told.
  server.signal('SIGTERM')
  await expectEnded()
  unused.destroy()
  agent.destroy()
})
