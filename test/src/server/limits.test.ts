/** The edges of connections, heads, bodies and queues: what still passes, and what doesn't. */
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { expectProblem, invalid } from '../../support/problems.ts'
import { useHttp } from '../../support/http.ts'
import { waitingPids } from '../../support/ledger.ts'

const http = useHttp({
  bodyDeadlineMs: 300,
  headersDeadlineMs: 300,
  maxHeaderBytes: 2048,
  maxBodyBytes: 1024,
  maxDebitsBodyBytes: 2048,
  maxRequestsPerConnection: 3,
  maxQueue: 2,
  requestDeadlineMs: 2000,
})

const HOST = 'Host: a\r\n'

/** Sends bytes as they are; `received` resolves with what came when the server closes. */
function open(data: string, url = http.service.url) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => text += part)
  socket.on('error', () => {})
  socket.write(data)
  const received = new Promise<string>((resolve) => socket.on('close', () => resolve(text)))
  return { socket, received, text: () => text }
}

/** Expects one answer, of whoever parses HTTP, and the end of the connection. */
function expectRefusal(received: string, status: number, message: string): void {
  const [head, body] = received.split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*application/problem\\+json`))
  expect(JSON.parse(body!)).toMatchObject({
    code: 'invalid_request',
    status,
    ...invalid('', message),
  })
}

const padded = (body: object, length: number) => {
  const text = JSON.stringify(body)
  return text + ' '.repeat(length - text.length)
}

describe('bodies', () => {
  test('one of the limit passes, one byte more does not', async () => {
    const call = (length: number) =>
      http.call('POST', '/users/1/credit', padded({ amount: 1 }, length))
    expect((await call(1024)).status).toBe(201)
    expectProblem(await call(1025), 'payload_too_large')
    const debits = (length: number) => http.call('POST', '/debits', padded([], length))
    expect((await debits(2048)).status).toBe(200)
    expectProblem(await debits(2049), 'payload_too_large')
  })

  test('the same in chunks, which tell no length beforehand', async () => {
    const head = `POST /users/1/credit HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n` +
      'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
    const body = padded({ amount: 1 }, 1024)
    const whole = `${head}${chunk(body)}0\r\n\r\n`
    expect(await open(whole).received).toMatch(/^HTTP\/1\.1 201 /)
    const more = `${head}${chunk(body)}${chunk(' ')}0\r\n\r\n`
    expect(await open(more).received).toMatch(/^HTTP\/1\.1 413 [^]*"code":"payload_too_large"/)
  })

  test('one that doesn’t come is given up in time', async () => {
    const head = `POST /users/1/credit HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`
    const { socket, text } = open(`${head}Content-Length: 100\r\n\r\n{"amount"`)
    const answered = vi.waitUntil(() => text().includes('}'))
    expect(await Promise.race([answered, wait(200, 'waits')])).toBe('waits')
    await answered
    expect(text()).toMatch(/^HTTP\/1\.1 400 /)
    expect(text()).toContain(JSON.stringify(invalid('', 'must arrive within 0.3 seconds')).slice(1))
    socket.destroy()
  })
})

describe('heads', () => {
  /** With so many bytes in its target, names and values: those count. */
  const head = (length: number) => {
    const counted = ['/livez', 'Host', 'a', 'Connection', 'close', 'X-A'].join('')
    const value = 'a'.repeat(length - counted.length)
    return `GET /livez HTTP/1.1\r\n${HOST}Connection: close\r\nX-A: ${value}\r\n\r\n`
  }

  test('one of the limit passes, one byte more does not', async () => {
    expect(await open(head(2048)).received).toMatch(/^HTTP\/1\.1 200 /)
    expectRefusal(await open(head(2049)).received, 431, 'The head must be at most 2048 bytes.')
  })

  test('one that doesn’t come is given up in time', async () => {
    const { received } = open(`GET /livez HTTP/1.1\r\n${HOST}`)
    expect(await Promise.race([received, wait(200, 'waits')])).toBe('waits')
    expectRefusal(await received, 408, 'The head must arrive within 0.3 seconds.')
  })
})

test('a connection ends after so many requests, and says so', async () => {
  const get = `GET /livez HTTP/1.1\r\n${HOST}\r\n`
  const { socket, text, received } = open(get)
  const answers = () => text().split('HTTP/1.1 200 ').length - 1
  for (const count of [1, 2]) {
    await vi.waitUntil(() => answers() === count, { interval: 5 })
    expect(text()).not.toMatch(/connection: close/i)
    socket.write(get)
  }
  expect(await received).toMatch(/connection: close/i)
  expect(answers()).toBe(3)
  // What came with them is not done.
  const id = await http.user(100)
  const debit = `POST /users/${id}/debit HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n` +
    'Content-Length: 12\r\n\r\n{"amount":1}'
  const read = `GET /users/${id} HTTP/1.1\r\n${HOST}\r\n`
  const all = await open(read.repeat(3) + debit.repeat(2)).received
  expect(all.match(/HTTP\/1\.1 \d+/g)).toEqual(Array(3).fill('HTTP/1.1 200'))
  // Else this one would come after them.
  const next = await http.call('POST', `/users/${id}/debit`, { amount: 1 })
  expect(next.body).toMatchObject({ seq: 2 })
})

const few = useHttp({ maxConnections: 4, requestDeadlineMs: 60_000 })

test('connections over the limit are not served, and others are afterwards', async () => {
  await few.sql`begin`
  await few.sql`select credit_user(1, 1)`
  const body = '{"amount":1}'
  const head = `POST /users/1/credit HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`
  const post = `${head}Content-Length: ${body.length}\r\n\r\n${body}`
  const held = [1, 2, 3, 4].map(() => open(post, few.service.url))
  await vi.waitUntil(async () => (await waitingPids(few.sql)).length > 0)
  const refused = open(post, few.service.url)
  expect(await refused.received).toBe('')
  await few.sql`rollback`
  for (const one of [...held, refused]) one.socket.destroy()
  await vi.waitUntil(async () =>
    (await fetch(`${few.service.url}/livez`).catch(() => undefined))?.ok
  )
})

const queued = useHttp({ maxQueue: 2 })

test('a queue over its limit refuses at once what it didn’t begin', async () => {
  const id = await queued.user(100)
  const psql = queued.connect()
  await psql`begin`
  await psql`select debit_user(${id}, 1)`
  const settled: number[] = []
  const all = Array.from({ length: 20 }, async (_, n) => {
    const key = { 'Idempotency-Key': `queue-${n}` }
    const answer = await queued.call('POST', `/users/${id}/debit`, { amount: 1 }, key)
    settled.push(answer.status)
    return answer
  })
  // While nobody can have been served.
  await vi.waitUntil(() => settled.length >= 10)
  await psql`rollback`
  expect(new Set(settled)).toEqual(new Set([503]))
  const done = (await Promise.all(all)).filter(({ status }) => status === 201)
  expect(await queued.sql`select from payment_history where user_id = ${id}`)
    .toHaveLength(1 + done.length)
})
