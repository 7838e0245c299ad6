/** Header fields as a plain object, as long as Hono's own way makes a Headers of them. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { respond, setHeader } from '../../../src/http/response.ts'
import { listen } from '../../../src/server/http_server.ts'
import type { Server } from '../../../src/server/servers.ts'

const FIELDS = { 'X-Request-Id': 'a', 'Location': '/users/1/history/2' }

const app = new Hono()
app.get('/ours', (c) => {
  for (const [name, value] of Object.entries(FIELDS)) setHeader(c, name, value)
  return respond(c, '{}')
})
app.get('/hono', (c) => {
  for (const [name, value] of Object.entries(FIELDS)) c.header(name, value)
  return c.body('{}')
})

let server: Server
beforeAll(async () => {
  server = await listen(async (request) => await app.fetch(request), { host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  server.cut()
  await server.drain()
})

/** How many Headers the response to a request takes. */
async function headersOf(path: string): Promise<number> {
  let count = 0
  const { Headers } = globalThis
  vi.stubGlobal(
    'Headers',
    class extends Headers {
      constructor(init?: HeadersInit) {
        super(init)
        count++
      }
    },
  )
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  try {
    socket.end(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 [^]*\nLocation: \/users\/1\/history\/2\r\n/i)
  } finally {
    socket.destroy()
    vi.unstubAllGlobals()
  }
  return count
}

test('a response needs no Headers, and with c.header() of Hono it still does', async () => {
  expect(await headersOf('/ours')).toBe(0)
  expect(await headersOf('/hono')).toBeGreaterThan(0)
})
