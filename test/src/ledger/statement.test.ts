import { expect, test, vi } from 'vitest'
import { createApp, type Dependencies } from '../../../src/app/app.ts'
import type { StatementEntry } from '../../../src/ledger/rows.ts'
import { DEFAULT_LIMITS } from '../../../src/config/limits.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import {
  CSV,
  NDJSON,
  type StatementFormat,
  statementStream,
} from '../../../src/ledger/statement.ts'

const moment = (seq: number) => ({
  at: '2026-01-01T00:00:00.000000Z',
  seq,
  balance: '1.00',
  hash: 'f'.repeat(64),
  isFuture: false,
})

const entry = (seq: number): StatementEntry => ({
  seq,
  action: 'CREDIT',
  amount: '1.00',
  balance: '1.00',
  ts: '2026-01-01T00:00:00.000000Z',
  posted_at: '2026-01-01T00:00:00.000001Z',
  held: '0.00',
  hash: 'f'.repeat(64),
})

/** A statement over entries that are made up when they are asked for. */
function statementOf(rows: number, format: StatementFormat = NDJSON, failAfter = Infinity) {
  const asked: number[] = []
  const failures: unknown[] = []
  const stream = statementStream({
    userId: 1,
    opening: moment(0),
    closing: moment(rows),
    format,
    stallMs: 200,
    onFailure: (error) => failures.push(error),
    ledger: {
      getStatement(_userId, after, upto, maxRows) {
        asked.push(after)
        if (after >= failAfter) return Promise.reject(new Error('secret'))
        const length = Math.min(maxRows, upto - after)
        return Promise.resolve(Array.from({ length }, (_, n) => entry(after + n + 1)))
      },
    },
  })
  return { stream, asked, failures }
}

test.each([['NDJSON', NDJSON], ['CSV', CSV]])('%s of 500,000 entries needs no room', async (
  _,
  format,
) => {
  const { stream, asked } = statementOf(500_000, format)
  const before = process.memoryUsage().rss
  let most = before
  let lines = 0
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    for (const byte of chunk) if (byte === 10) lines++
    most = Math.max(most, process.memoryUsage().rss)
  }
  expect(lines).toBe(500_002 + (format === CSV ? 1 : 0))
  expect(asked).toHaveLength(2000)
  // The text alone is 80 MB and more.
  expect((most - before) / 2 ** 20).toBeLessThan(64)
})

test.each(['=', '+', '-', '@', "'"])(
  'CSV tells keys that begin with %s from all others',
  (first) => {
    const cellOf = (key: string) => CSV.entry({ ...entry(1), idempotency_key: key }).split(',')[8]!
    expect(cellOf('order-17')).toBe('order-17')
    const keys = ['', "'", "''", "'''"].map((before) => `${before}${first}x`)
    expect(keys.map(cellOf)).toEqual(keys.map((key) => `'${key}`))
    for (const key of keys) expect(cellOf(key)).not.toMatch(/^[=+\-@]/)
  },
)

test('asks for a page only when it is read, and for none after a cancel', async () => {
  const { stream, asked } = statementOf(10_000)
  const reader = stream.getReader()
  expect(asked).toEqual([])
  await reader.read()
  expect(asked).toEqual([])
  await reader.read()
  await reader.read()
  expect(asked).toEqual([0, 250])
  await reader.cancel()
  expect(asked).toEqual([0, 250])
})

test.each([
  ['comes', undefined],
  ['fails', new Error('secret')],
])('a cancel while a page is on its way is no failure, whether that %s', async (_, error) => {
  let come = () => {}
  const failures: unknown[] = []
  const stream = statementStream({
    ledger: {
      getStatement: () =>
        new Promise((resolve, reject) => come = () => error ? reject(error) : resolve([entry(1)])),
    },
    userId: 1,
    opening: moment(0),
    closing: moment(1),
    format: NDJSON,
    stallMs: 200,
    onFailure: (failure) => failures.push(failure),
  })
  const reader = stream.getReader()
  await reader.read()
  const next = reader.read()
  await reader.cancel()
  come()
  expect(await next).toMatchObject({ done: true })
  // A turn of the loop is more than what follows takes.
  await new Promise((resolve) => setImmediate(resolve))
  expect(failures).toEqual([])
})

test('breaks off, without a closing and without telling why, when a page fails', async () => {
  const { stream, failures } = statementOf(5000, NDJSON, 2000)
  const reader = stream.getReader()
  let text = ''
  const read = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      text += new TextDecoder().decode(next.value)
    }
  }
  await expect(read()).rejects.toThrow('the statement broke off')
  expect(text.split('\n')).toHaveLength(2002)
  expect(text).not.toContain('closing')
  expect(failures).toMatchObject([{ message: 'secret' }])
})

test('breaks off when nobody takes the next page for too long, and not before', async () => {
  vi.useFakeTimers()
  try {
    const reader = statementOf(5000).stream.getReader()
    for (let n = 0; n < 3; n++) {
      expect((await reader.read()).done).toBe(false)
      await vi.advanceTimersByTimeAsync(199)
    }
    await vi.advanceTimersByTimeAsync(1)
    await expect(reader.read()).rejects.toThrow('the statement broke off')
    const { stream } = statementOf(1)
    for await (const _ of stream as unknown as AsyncIterable<Uint8Array>);
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('over HTTP it breaks off after streamStallMs', async () => {
  const ledger = {
    getMoments: () => Promise.resolve([moment(0), moment(10_000), moment(10_000)]),
    getStatement: () => Promise.resolve([]),
  }
  const app = createApp(
    {
      ledger,
      metrics: createMetrics(),
      limits: { ...DEFAULT_LIMITS, streamStallMs: 50 },
    } as unknown as Dependencies,
  )
  const { body } = await app.request('/users/1/history', {
    headers: { Accept: NDJSON.contentType },
  })
  vi.useFakeTimers()
  try {
    const reader = body!.getReader()
    expect((await reader.read()).done).toBe(false)
    await vi.advanceTimersByTimeAsync(50)
    await expect(reader.read()).rejects.toThrow('the statement broke off')
  } finally {
    vi.useRealTimers()
  }
})
