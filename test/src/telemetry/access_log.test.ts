import { expect, test, vi } from 'vitest'
import { createAccessLog, type LoggedRequest } from '../../../src/telemetry/access_log.ts'

const access = (requestId: string, more: Partial<LoggedRequest> = {}): LoggedRequest => ({
  requestId,
  traceId: 'f'.repeat(32),
  method: 'GET',
  route: '/users/:id',
  status: 200,
  time: 1_767_225_600_123,
  durationMs: 1.23456,
  ...more,
})

/** What was written, and a hold on when a write is done. */
function sink() {
  const written: string[] = []
  const done: ((error?: Error) => void)[] = []
  const write = (text: string) =>
    new Promise<void>((resolve, reject) => {
      written.push(text)
      done.push((error) => error ? reject(error) : resolve())
    })
  return { written, done, write }
}

const parsed = (text: string) =>
  text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

test('a line says what is known of a request, and nothing more', async () => {
  const { written, done, write } = sink()
  const log = createAccessLog({ write })
  log.request(access('"a\\b"'))
  log.request(access('b', { caller: 'a "caller"' }))
  await vi.waitUntil(() => done.length === 1)
  done[0]!()
  await log.flush()
  const lines = parsed(written[0]!)
  expect(lines).toEqual([
    {
      time: '2026-01-01T00:00:00.123Z',
      request_id: '"a\\b"',
      trace_id: 'f'.repeat(32),
      method: 'GET',
      route: '/users/:id',
      status: 200,
      duration_ms: 1.235,
    },
    expect.objectContaining({ request_id: 'b', caller: 'a "caller"' }),
  ])
})

test('lines are written together, one write at a time, and flush() waits for the last', async () => {
  const { written, done, write } = sink()
  const log = createAccessLog({ write })
  for (const id of ['a', 'b', 'c']) log.request(access(id))
  expect(written).toEqual([])
  await vi.waitUntil(() => done.length === 1)
  expect(parsed(written[0]!)).toHaveLength(3)
  log.request(access('d'))
  log.request(access('e'))
  let flushed = false
  const flushing = log.flush().then(() => flushed = true)
  // Whatever was scheduled before has run when this has.
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect([written.length, flushed]).toEqual([1, false])
  done[0]!()
  await vi.waitUntil(() => done.length === 2)
  expect(parsed(written[1]!).map((line) => line['request_id'])).toEqual(['d', 'e'])
  expect(flushed).toBe(false)
  done[1]!()
  await flushing
})

test('with a reader that is stuck it keeps so much and no more, and says how many it dropped', async () => {
  const { written, done, write } = sink()
  const log = createAccessLog({ write, maxWaiting: 10 })
  log.request(access('first'))
  await vi.waitUntil(() => done.length === 1)
  for (let n = 0; n < 100; n++) log.request(access(`n${n}`))
  done[0]!()
  await vi.waitUntil(() => done.length === 2)
  done[1]!()
  await log.flush()
  const lines = parsed(written[1]!)
  const time = expect.any(String) as string
  expect(lines).toHaveLength(11)
  expect(lines.at(-1)).toEqual({ time, dropped: 90 })
  expect(done).toHaveLength(2)
  // Once is enough.
  log.request(access('after'))
  await vi.waitUntil(() => done.length === 3)
  done[2]!()
  await log.flush()
  expect(parsed(written[2]!)).toEqual([expect.objectContaining({ request_id: 'after' })])
})

test('a reader that is gone stops nothing', async () => {
  const { written, done, write } = sink()
  const log = createAccessLog({ write })
  log.request(access('a'))
  await vi.waitUntil(() => done.length === 1)
  done[0]!(new Error('EPIPE'))
  await log.flush()
  log.request(access('b'))
  await vi.waitUntil(() => done.length === 2)
  done[1]!()
  await log.flush()
  expect(written.map((text) => parsed(text)[0]!['request_id'])).toEqual(['a', 'b'])
})
