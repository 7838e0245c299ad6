/** Limits of streams of events: how many there are, what a slow reader costs, and how they end. */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { createLedgerClient } from '../../../client/ledger.ts'
import { startServiceProcess } from '../../faults/service_process.ts'
import { bearer, writeTokens } from '../../support/access.ts'
import { createDatabase } from '../../support/database.ts'
import { expectProblem } from '../../support/problems.ts'
import { useHttp } from '../../support/http.ts'
import { connectTo, createUser } from '../../support/ledger.ts'
import { onDeno, serve } from '../../support/service.ts'
import { shareOf } from '../../support/share.ts'

const STREAMS = 200
const STREAMS_PER_CALLER = 50
/** That a stream goes on. */
const SIGN = ':\n\n'
const SSE = { Accept: 'text/event-stream' }
const CALLERS = ['a', 'b', 'c', 'd', 'e'].map((name) => name.repeat(32))

const ADMIN = 'm'.repeat(32)

const tokens = writeTokens([
  ...CALLERS.map((token) => ({ tokens: [token], scopes: ['read', 'journal'] as const })),
  { tokens: [ADMIN], scopes: ['admin'] },
])
const http = useHttp({ accessTokensFile: tokens.path })
const leaves: (() => void)[] = []
beforeAll(() => http.user(1))
afterAll(() => {
  for (const leave of leaves) leave()
  tokens.remove()
})

/** A stream of which the first text has come. */
async function open(token: string, url = http.service.url) {
  const controller = new AbortController()
  const response = await fetch(`${url}/events?after=now`, {
    headers: { ...SSE, ...bearer(token) },
    signal: controller.signal,
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  expect((await reader.read()).value).toMatch(/^retry: 1000\nid: \S+\n\n$/)
  leaves.push(() => controller.abort())
  return { reader, leave: () => controller.abort() }
}

/** The value of a series at /metrics. */
async function metric(series: string, url = http.service.url): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: bearer(ADMIN) })).text()
  return Number(text.split('\n').find((line) => line.startsWith(`${series} `))!.split(' ')[1])
}
const openStreams = (url?: string) => metric('ledger_event_streams', url)
const pagesRead = (url: string) =>
  metric('ledger_database_call_duration_seconds_count{call="get_events"}', url)

test('there are 200 of them, 50 of one caller; others are busy', async () => {
  const last = CALLERS.at(-1)!
  const ask = (token: string) =>
    http.call('GET', '/events', undefined, { ...SSE, ...bearer(token) })
  const streams: Awaited<ReturnType<typeof open>>[] = []
  for (const token of CALLERS.slice(0, STREAMS / STREAMS_PER_CALLER)) {
    const one = Array.from({ length: STREAMS_PER_CALLER }, () => open(token))
    streams.push(...await Promise.all(one))
    expectProblem(await ask(token), 'busy')
  }
  expectProblem(await ask(last), 'busy')
  expect(await openStreams()).toBe(STREAMS)
  // Pages are no streams.
  expect((await http.call('GET', '/events', undefined, bearer(last))).status).toBe(200)
  // Deno's server sees who has left only when it sends the next sign.
  if (onDeno) return
  streams[0]!.leave()
  await vi.waitUntil(() => open(last).catch(() => undefined))
})

/** A client that asks for all events, and reads nothing. */
function slowReader(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.pause()
      socket.write(`GET /events HTTP/1.1\r\nHost: ledger\r\nAccept: ${SSE.Accept}\r\n\r\n`)
      resolve(socket)
    })
    socket.on('error', reject)
  })
}

/** What has been sent to it until it was cut. */
async function restOf(socket: Socket): Promise<string> {
  let text = ''
  const over = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.removeAllListeners('error').on('error', () => {})
  socket.setEncoding('latin1').on('data', (chunk: string) => text += chunk).resume()
  await over
  return text
}

const EVENTS = 3000
const PAGE_ROWS = 100
const SLOW = shareOf(20, 10)

test(
  'readers who do not read have few pages read, are cut, and hold up no other',
  async () => {
    const database = await createDatabase()
    const sql = connectTo(database.url)
    const service = await startServiceProcess({
      DATABASE_URL: database.serviceUrl,
      ACCESS_LOG: 'off',
      STREAM_STALL_MS: '2000',
    })
    try {
      const id = await createUser(sql, 100)
      const metadata = JSON.stringify({ text: 'x'.repeat(8000) })
      await sql`select count(debit_user(${id}, 0.01, metadata => ${metadata}::text::jsonb))
      from generate_series(1, ${EVENTS})`
      const { url } = service
      const follow = async () => {
        let count = 0
        for await (const _ of createLedgerClient({ url }).events()) {
          if (++count > EVENTS) return count
        }
        return undefined
      }
      const slow = await Promise.all(Array.from({ length: SLOW }, () => slowReader(url)))
      expect(await follow()).toBe(EVENTS + 1)
      // Once they are cut, none reads on when it is resumed.
      await vi.waitUntil(async () => await openStreams(url) === 0, { interval: 100 })
      const texts = await Promise.all(slow.map(restOf))
      for (const text of texts) {
        expect(text).toContain('event: entry.posted')
        expect(text).not.toContain(`"seq":${EVENTS + 1},`)
      }
      // One page waits in memory, those before it are in buffers of the system.
      expect(await pagesRead(url)).toBeLessThan(SLOW * EVENTS / PAGE_ROWS / 2)
    } finally {
      await service.kill()
      await sql.end()
      await database.drop()
    }
  },
)

test('a sign comes while nothing happens; a stop ends all of them, with nothing broken off', async () => {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off' }),
    port: 0,
    databaseUrl: http.service.database.serviceUrl,
    streamStallMs: 1000,
  })
  const streams = await Promise.all(CALLERS.map((token) => open(token, service.url)))
  const slow = await slowReader(service.url)
  for (const { reader } of streams) {
    // For longer than a reader may be silent.
    let text = ''
    while (text.length < 3 * SIGN.length) text += (await reader.read()).value
    expect(text.replaceAll(SIGN, '')).toBe('')
  }
  const rest = Promise.all(streams.map(async ({ reader }) => {
    let text = ''
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return text
      text += value
    }
  }))
  await service.stop()
  // Each ended in the way of HTTP, or else reading would have failed.
  expect(await rest).toEqual(CALLERS.map(() => expect.stringMatching(/^(:\n\n)*$/)))
  await restOf(slow)
})
