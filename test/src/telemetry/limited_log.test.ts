import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLog, type Log } from '../../../src/telemetry/log.ts'
import { limitLog } from '../../../src/telemetry/limited_log.ts'

let lines: Record<string, unknown>[]
const WINDOW_MS = 1000

beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  vi.spyOn(console, 'error').mockImplementation((text: string) => void lines.push(JSON.parse(text)))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const failing = (code: string, message = code) => Object.assign(new Error(message), { code })
const limited = () => limitLog(createLog('debug'), WINDOW_MS)

test('the first of a kind is said at once, then how many there were, then nothing', () => {
  const log = limited()
  for (let n = 0; n < 1000; n++) {
    log.error(`/users/${n % 7}`, failing('28P01'), { request_id: `${n}` })
  }
  expect(lines).toMatchObject([{ what: '/users/0', code: '28P01', request_id: '0' }])
  vi.advanceTimersByTime(WINDOW_MS)
  expect(lines).toHaveLength(2)
  expect(lines[1]).toMatchObject({ code: '28P01', repeated: 999, seconds: 1 })
  log.error('/users', failing('28P01'))
  vi.advanceTimersByTime(WINDOW_MS)
  expect(lines).toHaveLength(3)
  expect(lines[2]).toMatchObject({ repeated: 1 })
  vi.advanceTimersByTime(10 * WINDOW_MS)
  expect(lines).toHaveLength(3)
  expect(vi.getTimerCount()).toBe(0)
  log.error('/users', failing('28P01'))
  expect(lines).toHaveLength(4)
  log.end()
})

test('another code, another message, another level and another part are other kinds', () => {
  const log = limited()
  log.error('/users', failing('28P01'))
  log.error('/users', failing('53300'))
  log.error('/users', new Error('a'))
  log.error('/users', new Error('b'))
  log.warn('not ready', failing('28P01'))
  log.error('Redis fails', failing('28P01'))
  log.error('/users', new TypeError('fetch failed', { cause: failing('ECONNREFUSED') }))
  log.error('/users', new TypeError('fetch failed', { cause: failing('ENOTFOUND') }))
  log.error('the file is wrong', 'line 1')
  log.error('the file is wrong', 'line 2')
  expect(lines).toHaveLength(10)
  log.end()
})

test('kinds that never end share one line', () => {
  const log = limited()
  for (let n = 0; n < 10_000; n++) log.error('/users', new Error(`no. ${n}`))
  expect(lines.length).toBeLessThan(300)
  log.end()
})

test('end() says what was still to be said; debug and info are as they were', () => {
  const log: ReturnType<typeof limitLog> = limited()
  for (let n = 0; n < 3; n++) log.info('started')
  expect(lines).toHaveLength(3)
  for (let n = 0; n < 3; n++) log.warn('late', failing('x'))
  log.end()
  expect(lines.slice(3)).toMatchObject([{ what: 'late' }, { what: 'late', repeated: 2 }])
  expect(vi.getTimerCount()).toBe(0)
})

test('a line has the causes of a failure, and no secret of a URL', () => {
  const log: Log = createLog('info')
  const url = 'https://user:secret@issuer.example/jwks?token=secret'
  log.error('a', new TypeError('fetch failed', { cause: failing('ECONNREFUSED', `to ${url} (x)`) }))
  log.error('b', new AggregateError([failing('ECONNREFUSED', 'connect ::1'), failing('x')]))
  expect(lines).toMatchObject([
    {
      why: 'fetch failed',
      cause: { code: 'ECONNREFUSED', why: 'to https://***@issuer.example/jwks?*** (x)' },
    },
    { cause: { code: 'ECONNREFUSED', why: 'connect ::1' } },
  ])
  const circular = new Error('x'.repeat(10_000))
  circular.cause = circular
  log.error('c', circular)
  expect(JSON.stringify(lines[2]).length).toBeLessThan(5_000)
})
