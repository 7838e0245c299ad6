/** Bodies that come slowly, or that nobody reads. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { listen } from '../../../src/server/http_server.ts'
import type { Server } from '../../../src/server/servers.ts'

const STALL_MS = 1_500

let server: Server
let client: Socket

afterEach(async () => {
  client.destroy()
  server.cut()
  await server.drain()
})

test('a body that comes in time is never cut by a shorter limit of silence', async () => {
  server = await listen(async (request) => new Response(await request.text()), {
    host: '127.0.0.1',
    port: 0,
    streamStallMs: 100,
    requestDeadlineMs: 100,
    bodyDeadlineMs: 3_000,
  })
  client = connect(Number(new URL(server.url).port), '127.0.0.1')
  let text = ''
  client.on('data', (data) => text += data.toString())
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n')
  await wait(STALL_MS)
  client.write('body')
  await expect.poll(() => text).toMatch(/^HTTP\/1.1 200 .*body$/s)
})

test.each(['GET', 'POST'])(
  'a body that nobody reads does not keep its connection for ever: %s',
  async (method) => {
    server = await listen(() => new Response('here'), {
      host: '127.0.0.1',
      port: 0,
      bodyDeadlineMs: 200,
    })
    client = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {})
    client.write(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n`)
    const drip = setInterval(() => client.write('x'), 20)
    client.once('close', () => clearInterval(drip))
    const [answer] = await once(client, 'data') as [Buffer]
    expect(String(answer)).toContain('200 OK')
    // With or without a reset: with once() that would be an error.
    await new Promise((resolve) => client.resume().once('close', resolve))
  },
)

test('a body that nobody reads but that comes whole leaves the connection open', async () => {
  server = await listen(() => new Response('here'), {
    host: '127.0.0.1',
    port: 0,
    bodyDeadlineMs: 200,
  })
  client = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {})
  for (let n = 0; n < 2; n++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc')
    await once(client, 'data')
    client.write('def')
    // Longer than the rest may take.
    await wait(400)
  }
  expect(client.destroyed).toBe(false)
})
