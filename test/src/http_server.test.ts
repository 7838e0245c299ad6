/** The server by itself: what no app can see to. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { listen } from '../../src/http_server.ts'
import type { Server } from '../../src/servers.ts'

const STALL_MS = 1_500
const PART = new Uint8Array(64 * 1024)

let server: Server
let client: Socket

/** One answer without end, and when its reader is given up. */
async function answerForEver() {
  let given_up = false
  const stream = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.enqueue(PART),
      cancel: () => void (given_up = true),
    })
  server = await listen(() => new Response(stream()), {
    host: '127.0.0.1',
    port: 0,
    streamStallMs: STALL_MS,
    requestDeadlineMs: 100,
  })
  client = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {})
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(client, 'readable')
  return { isGivenUp: () => given_up }
}

afterEach(async () => {
  client.destroy()
  server.cut()
  await server.drain()
})

test('one who takes nothing of an answer is given up, but not too soon', async () => {
  const { isGivenUp } = await answerForEver()
  const start = performance.now()
  await expect.poll(isGivenUp, { timeout: 3 * STALL_MS }).toBe(true)
  expect(performance.now() - start).toBeGreaterThan(STALL_MS - 100)
})

test('one who takes a little of it now and then is not', async () => {
  const { isGivenUp } = await answerForEver()
  for (const end = performance.now() + 2 * STALL_MS; performance.now() < end;) {
    for (let taken = 0; taken < 2 ** 20;) {
      const part = client.read() as Uint8Array | null
      if (part) taken += part.length
      else await once(client, 'readable')
    }
    await wait(STALL_MS / 10)
  }
  expect(isGivenUp()).toBe(false)
})

test.each([
  ['before its first request', ''],
  ['after an answer', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
])('a connection on which nothing comes %s is closed, but not too soon', async (_when, text) => {
  server = await listen(() => new Response('answer'), {
    host: '127.0.0.1',
    port: 0,
    streamStallMs: STALL_MS,
    requestDeadlineMs: 100,
  })
  client = connect(Number(new URL(server.url).port), '127.0.0.1').resume()
  const start = performance.now()
  client.write(text)
  await once(client, 'close', { signal: AbortSignal.timeout(2 * STALL_MS) })
  expect(performance.now() - start).toBeGreaterThan(STALL_MS - 100)
})
