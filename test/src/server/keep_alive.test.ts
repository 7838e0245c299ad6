/** One timer for each connection, as long as node:http would set another for each request. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { listen } from '../../../src/server/http_server.ts'
import { onDeno } from '../../support/service.ts'

const REQUESTS = 5

/** How many timers of sockets are set for requests that follow one another on a connection. */
async function timersAt(port: number): Promise<number> {
  const client = connect(port, '127.0.0.1')
  onTestFinished(() => void client.destroy())
  const ask = async () => {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(client, 'data')
  }
  await ask()
  const setTimeout = vi.spyOn(Socket.prototype, 'setTimeout')
  try {
    for (let n = 0; n < REQUESTS; n++) await ask()
    return setTimeout.mock.calls.length
  } finally {
    setTimeout.mockRestore()
  }
}

test('a request sets no timer of its socket', async () => {
  const server = await listen(() => new Response('answer'), { host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    server.cut()
    await server.drain()
  })
  expect(await timersAt(Number(new URL(server.url).port))).toBe(0)
})

// Deno has other timers for it, which take a fifth of such a request.
test.skipIf(onDeno)('keepAliveTimeout of node:http still sets one for each request', async () => {
  const server = createServer((_incoming, outgoing) => void outgoing.end('answer'))
  server.keepAliveTimeout = 72_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  expect(await timersAt((server.address() as AddressInfo).port)).toBeGreaterThanOrEqual(REQUESTS)
})
