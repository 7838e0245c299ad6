/**
 * What is over must be garbage before the next collection of the young generation. Of the tables
 * that a Map or Set outgrows each keeps the next; once the first has grown old, everything that
 * ever stood in one is carried along by each collection until a full one: at thousands of requests
 * a second that took a third of the service's time.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import v8 from 'node:v8'
import vm from 'node:vm'
import { expect, test } from 'vitest'
import { createDeadlines } from '../../../src/core/deadlines.ts'
import { Batcher } from '../../../src/core/batcher.ts'
import { createInFlight } from '../../../src/core/in_flight.ts'
import { listen } from '../../../src/server/http_server.ts'
import type { Outcome } from '../../../src/ledger/operations.ts'
import { WriteQueue } from '../../../src/ledger/write_queue.ts'
import { onDeno } from '../../support/service.ts'

// Else it may take objects for old from the start, as here all of them look alike. On Node
// vitest.config.ts says so before any other file of the worker has made some.
if (onDeno) v8.setFlagsFromString('--no-allocation-site-pretenuring')
v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as (options: { type: 'minor' }) => void
const minor = () => collect({ type: 'minor' })

const TIMES = 400
const AT_ONCE = 50
const BYTES = 2_000

type Payload = number[]
const payload = (): Payload => Array.from({ length: BYTES / 8 }, () => 0.5)
const later = () => new Promise<void>((resolve) => void setImmediate(resolve))
const outcome: Outcome = { status: 'ok', replayed: false, users: [{ userId: 1 }] }

/** Each begins with a payload that nobody has once what it gives back has settled. */
const WORK: Record<string, () => (n: number, payload: Payload) => Promise<unknown>> = {
  'requests with a deadline': () => {
    const deadlines = createDeadlines({ limitMs: 60_000 })
    return (_n, payload) => deadlines.within(() => later().then(() => payload))
  },
  'items of many keys': () => {
    const batcher = new Batcher<{ n: number; payload: Payload }, unknown>({
      run: (items) => later().then(() => items),
      maxBatch: AT_ONCE,
      maxQueue: AT_ONCE,
      keysOf: ({ n }) => [n],
    })
    return (n, payload) => batcher.add({ n, payload })
  },
  'items of ever new keys': () => {
    let key = 0
    const batcher = new Batcher<Payload, unknown>({
      run: (items) => later().then(() => items),
      maxBatch: AT_ONCE,
      maxQueue: AT_ONCE,
      keysOf: () => [key++],
    })
    return (_n, payload) => batcher.add(payload).then(() => {})
  },
  'items of one key': () => {
    const batcher = new Batcher<Payload, unknown>({
      run: (items) => later().then(() => items),
      maxBatch: 10,
      maxQueue: AT_ONCE,
    })
    return (_n, payload) => batcher.add(payload)
  },
  'operations': () => {
    const queue = new WriteQueue({
      ledger: { post: (items) => later().then(() => items.map(() => outcome)) },
      batches: 2,
      waiting: 2,
    })
    return (n, payload) =>
      queue.add({ kind: 'debit', userId: n + 1, amount: '1', metadata: payload as never })
  },
  'what is in flight': () => {
    const inFlight = createInFlight()
    return (_n, payload) => inFlight.track(later().then(() => payload))
  },
}

const oldBytes = () =>
  v8.getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')!.space_used_size

/** How much the old space has grown by, at most, while 20,000 pieces of work came and went. */
async function bytesKept(work: (n: number, payload: Payload) => Promise<unknown>): Promise<number> {
  let over = 0
  // A full collection may come in between.
  let most = 0
  const all = Promise.all(Array.from({ length: AT_ONCE }, async (_, n) => {
    for (let time = 0; time < TIMES; time++) {
      await work(n, payload())
      if (++over % 1_000 > 0) continue
      minor()
      most = Math.max(most, oldBytes())
    }
  }))
  // Whatever remembers the first of them has grown old, and what it remembers of them.
  for (let n = 0; n < 3; n++) minor()
  const before = oldBytes()
  await all
  expect(most).toBeGreaterThan(0)
  return most - before
}

/** Kept entries are four times as much. */
const MOST_KEPT = TIMES * AT_ONCE * BYTES / 8

/** What else the worker has may grow old, or be collected, meanwhile, but hardly three times. */
const AGAIN = { retry: 2 }

test.each(Object.entries(WORK))(
  '%s are garbage once they are over',
  AGAIN,
  async (_what, begin) => {
    expect(await bytesKept(begin())).toBeLessThan(MOST_KEPT)
  },
)

// The V8 of Deno 2.9 keeps no more for it than for the ring.
test.skipIf(onDeno)('a Set in place of the ring would still keep what is over', AGAIN, async () => {
  const running = new Set<{ end: () => Payload }>()
  const kept = await bytesKept(async (_n, payload) => {
    const one = { end: () => payload }
    running.add(one)
    await later()
    running.delete(one)
  })
  expect(kept).toBeGreaterThan(MOST_KEPT)
})

test('requests over HTTP are garbage once they are over', AGAIN, async () => {
  const host = '127.0.0.1'
  const server = await listen(() => later().then(() => new Response('answer')), { host, port: 0 })
  const port = Number(new URL(server.url).port)
  const sockets = Array.from({ length: AT_ONCE }, () => connect(port, host))
  try {
    const text = `GET / HTTP/1.1\r\nHost: a\r\nX-Padding: ${'a'.repeat(BYTES)}\r\n\r\n`
    let most = 0
    const ask = (times: number) =>
      Promise.all(sockets.map(async (socket) => {
        for (let time = 0; time < times; time++) {
          socket.write(text)
          await once(socket, 'data')
          most = Math.max(most, oldBytes())
        }
      }))
    await ask(1)
    for (let n = 0; n < 3; n++) minor()
    const before = oldBytes()
    // Here it collects by itself: forced, it finds other things alive.
    await ask(TIMES)
    expect(most).toBeGreaterThan(0)
    expect(most - before).toBeLessThan(MOST_KEPT)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.cut()
    await server.drain()
  }
})
