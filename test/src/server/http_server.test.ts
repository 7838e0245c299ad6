/** The server by itself: what no app can see to. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { listen } from '../../../src/server/http_server.ts'
import type { Limits } from '../../../src/config/limits.ts'
import type { Server } from '../../../src/server/servers.ts'

const STALL_MS = 1_500
const PART = new Uint8Array(64 * 1024)

let server: Server
let client: Socket

/** One answer without end, and when its reader is given up. */
async function answerForEver(limits: Partial<Limits> = {}) {
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
    headersDeadlineMs: 100,
    bodyDeadlineMs: 100,
    ...limits,
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

test('one who takes nothing of an answer is given up', async () => {
  const { isGivenUp } = await answerForEver()
  await expect.poll(isGivenUp).toBe(true)
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

/** Takes a little whenever there is something, until that is over. */
async function readSlowly(isOver: () => boolean) {
  while (!isOver()) {
    client.read(1)
    await wait(STALL_MS / 30)
  }
}

test('one who takes a little of it for ever is given up, too', async () => {
  const { isGivenUp } = await answerForEver({ streamStallMs: 60_000, statementDeadlineMs: 100 })
  await readSlowly(isGivenUp)
  expect(isGivenUp()).toBe(true)
})

test('so is one who takes a little of an answer that is there as a whole', async () => {
  const limits = { streamStallMs: 60_000, statementDeadlineMs: 60_000, responseDeadlineMs: 100 }
  const size = 64 * 2 ** 20
  server = await listen(() => new Response('x'.repeat(size)), {
    host: '127.0.0.1',
    port: 0,
    ...limits,
  })
  client = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {})
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nno HTTP\r\n\r\n')
  await once(client, 'readable')
  // Settles when there is no connection any more.
  let isOver = false
  void server.drain().then(() => isOver = true)
  await readSlowly(() => isOver)
  expect(client.bytesRead).toBeLessThan(size)
})

/** A connection with one answer, and all that comes on it. */
async function answered(limits: Partial<Limits>) {
  const all = { requestDeadlineMs: 100, headersDeadlineMs: 100, bodyDeadlineMs: 100, ...limits }
  server = await listen(() => new Response('answer'), { host: '127.0.0.1', port: 0, ...all })
  client = connect(Number(new URL(server.url).port), '127.0.0.1')
  let text = ''
  client.on('data', (data) => text += data.toString())
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await expect.poll(() => text).toMatch(/answer$/)
  return { text: () => text, closed: () => once(client, 'close') }
}

test.each([
  ['longer than an answer may stay', { keepAliveMs: 2_100, streamStallMs: 100 }],
  ['shorter', { keepAliveMs: 2_100, streamStallMs: 60_000 }],
])('a connection on which nothing comes is closed when it was said: %s', async (_, limits) => {
  const { text, closed } = await answered(limits)
  const first = await Promise.race([closed().then(() => 'closed'), wait(1_900, 'still open')])
  expect(first).toBe('still open')
  await expect.poll(() => client.destroyed).toBe(true)
  expect(text()).toMatch(/^HTTP\/1.1 200 /)
  expect(text()).toMatch(/\r\nkeep-alive: timeout=1, max=\d+\r\n/i)
  expect(text().split('HTTP/1.1 ')).toHaveLength(2)
})

test('by default a connection is kept for longer than proxies in front keep theirs', async () => {
  const { text } = await answered({})
  const [, timeout] = /\r\nkeep-alive: timeout=(\d+)/i.exec(text())!
  // nginx and AWS 60 s, Google 600 s.
  expect(Number(timeout)).toBeGreaterThan(650)
})

test('after a long pause a stalled reader has no more time than before', async () => {
  const part = 'x'.repeat(2 ** 16)
  let given_up = false
  const stream = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(part)),
      cancel: () => void (given_up = true),
    })
  const short = { requestDeadlineMs: 100, headersDeadlineMs: 100, bodyDeadlineMs: 100 }
  server = await listen(
    (request) => new Response(request.url.endsWith('/stream') ? stream() : 'answer'),
    { host: '127.0.0.1', port: 0, ...short, streamStallMs: 100, keepAliveMs: 600_000 },
  )
  const { port } = new URL(server.url)
  client = connect(Number(port), '127.0.0.1').on('error', () => {})
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(client, 'data')
  client.pause()
  // Longer than an answer may stay.
  await wait(1_200)
  client.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n')
  await expect.poll(() => given_up).toBe(true)
})

test('where there is room for no more, the one that has waited for long makes some', async () => {
  const short = { requestDeadlineMs: 100, headersDeadlineMs: 100, bodyDeadlineMs: 100 }
  server = await listen(() => new Response('answer'), {
    host: '127.0.0.1',
    port: 0,
    ...short,
    streamStallMs: 100,
    keepAliveMs: 600_000,
    maxConnections: 1,
  })
  const port = Number(new URL(server.url).port)
  const ask = (socket: Socket) =>
    new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(String(data))).once('close', () => resolve(''))
      socket.on('error', () => {}).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    })
  client = connect(port, '127.0.0.1')
  expect(await ask(client)).toMatch(/^HTTP\/1.1 200 /)
  const closed = once(client, 'close')
  // At first there is nobody who has waited for long.
  const answers: string[] = []
  await expect.poll(async () => {
    const other = connect(port, '127.0.0.1')
    answers.push(await ask(other))
    other.destroy()
    return answers.at(-1)
  }, { interval: 50 }).toMatch(/^HTTP\/1.1 200 /)
  expect(answers[0]).toBe('')
  await closed
})

test('no second head has more time than the first', async () => {
  const { text, closed } = await answered({ bodyDeadlineMs: 60_000 })
  client.write('GET / HTTP/1.1\r\nHost')
  await closed()
  expect(text()).toMatch(/answerHTTP\/1.1 408 /)
})
