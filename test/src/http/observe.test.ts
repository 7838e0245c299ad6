/** The service in a process of its own: what of requests is in its answers, and in its output. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { caller } from '../../support/http.ts'
import { connectTo, createUser } from '../../support/ledger.ts'
import { type Run, run } from '../../support/run_typescript.ts'
import { serveCommand } from '../../support/service.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const ROUTES = [
  ['POST', '/users/:id/debit', 201],
  ['POST', '/users/:id/debit', 422],
  ['POST', '/users/:id/debit', 400],
  ['GET', '/users/:id', 400],
  ['GET', '/users/:id/history', 200],
  ['GET', '/users/:id/history', 200],
  ['GET', '/*', 404],
  ['PUT', '/*', 405],
  ['GET', '/livez', 200],
] as const

let database: TestDatabase
let server: Run
let url: string
let id: number

async function start(settings: Record<string, string> = {}): Promise<string> {
  server = run(serveCommand(), { DATABASE_URL: database.serviceUrl, PORT: '0', ...settings })
  return (await server.line(/listens on (http:\S+)/))[1]!
}

async function stop(): Promise<string> {
  server.signal('SIGTERM')
  await server.ended
  return server.output()
}

beforeAll(async () => {
  database = await createDatabase()
  const sql = connectTo(database.url)
  id = await createUser(sql, 10)
  await sql.end()
})

afterAll(async () => {
  server?.signal('SIGKILL')
  await server?.ended
  await database.drop()
})

type Line = Record<string, unknown>

const linesIn = (output: string) =>
  output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)

test('a line for each request, with what may be told of it and no more', async () => {
  const secret = 'a-secret-token'
  url = await start({
    UPSTASH_REDIS_REST_URL: `http://user:${secret}@127.0.0.1:1`,
    UPSTASH_REDIS_REST_TOKEN: secret,
    LOG_LEVEL: 'debug',
  })
  const key = { 'Idempotency-Key': 'a-key-to-hide', Authorization: `Bearer ${secret}` }
  const call = caller(() => url)
  const debit = `/users/${id}/debit`
  await call('POST', debit, { amount: '1.25', metadata: { note: 'in-the-body' } }, key)
  await call('POST', debit, { amount: '9999.25' })
  await call('POST', debit, '{"amount":"in-the-body"')
  await call('GET', `/users/${id}?query=in-the-query`)
  await call('GET', `/users/${id}/history?limit=1`)
  await call('GET', `/users/${id}/history`, undefined, { Accept: 'text/csv' })
  await call('GET', '/in-the-path/%22%0a')
  await call('PUT', `/users/${id}`)
  const names = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, 'X-Request-Id': 'mine' }
  const response = await fetch(`${url}/livez`, { headers: names })
  await response.body?.cancel()
  expect(response.headers.get('X-Request-Id')).toBe('mine')
  expect(response.headers.get('traceparent')).toMatch(new RegExp(`^00-${TRACE}-[\\da-f]{16}-01$`))
  const output = await stop()

  const lines = linesIn(output)
  const requests = lines.filter((line) => 'route' in line)
  expect(requests.map(({ method, route, status }) => [method, route, status])).toEqual(ROUTES)
  for (const request of requests) {
    expect(request).toEqual({
      time: expect.any(String) as string,
      request_id: expect.stringMatching(/^[\da-f]{32}$|^mine$/) as string,
      trace_id: expect.stringMatching(/^[\da-f]{32}$/) as string,
      method: expect.any(String) as string,
      route: expect.any(String) as string,
      status: expect.any(Number) as number,
      duration_ms: expect.any(Number) as number,
    })
  }
  expect(requests.at(-1)).toMatchObject({ request_id: 'mine', trace_id: TRACE })
  expect(lines[0]).toMatchObject({
    what: 'configuration',
    configuration: { redis: { url: 'http://user@127.0.0.1:1/', token: '***' }, accessLog: true },
  })
  expect(output).not.toMatch(/secret|a-key|in-the/)
  expect(output).not.toContain(new URL(database.serviceUrl).password)
  expect(output).not.toContain(`/users/${id}`)
})

test('every answer has names, also a problem, and with the log off', async () => {
  url = await start({ ACCESS_LOG: 'off' })
  for (
    const path of ['/livez', '/nothing', '/users/x', `/users/${id}`, '/users/9007199254740991']
  ) {
    const { headers, body } = await fetch(url + path, { headers: { traceparent: 'bad' } })
    await body?.cancel()
    expect(headers.get('X-Request-Id'), path).toMatch(/^[\da-f]{32}$/)
    expect(headers.get('traceparent'), path).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/)
  }
  expect(linesIn(await stop()).filter((line) => 'route' in line)).toEqual([])
})

test('requests go on when nobody reads the log, and nothing of it is lost below the limit', async () => {
  url = await start()
  const { hostname, port } = new URL(url)
  const count = 2000
  const socket = connect(Number(port), hostname)
  // As a whole: a chunk may end in the midst of what is looked for.
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => text += chunk)
  server.pause()
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count))
  await vi.waitUntil(() => text.split('HTTP/1.1 200').length > count)
  socket.destroy()
  server.resume()
  const lines = linesIn(await stop()).filter((line) => 'route' in line)
  expect(lines).toHaveLength(count)
})

test('in a file, too, there is a whole line for each request when it has stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-log-'))
  const file = join(folder, 'log')
  const text = () => existsSync(file) ? readFileSync(file, 'utf8') : ''
  try {
    server = run(['/bin/sh', '-c', 'exec "$@" > "$0"', file, ...serveCommand()], {
      DATABASE_URL: database.serviceUrl,
      PORT: '0',
    })
    const find = () => /listens on (http:\S+)/.exec(text())?.[1]
    url = await vi.waitUntil(find)
    const ids = Array.from({ length: 500 }, (_, n) => `request-${n}`)
    await Promise.all(ids.map(async (id) => {
      const response = await fetch(`${url}/livez`, { headers: { 'X-Request-Id': id } })
      await response.body?.cancel()
    }))
    await stop()
    const lines = linesIn(text()).filter((line) => 'route' in line)
    expect(new Set(lines.map((line) => line['request_id']))).toEqual(new Set(ids))
    expect(lines).toHaveLength(ids.length)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
