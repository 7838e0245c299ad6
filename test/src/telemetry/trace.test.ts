/** W3C Trace Context: https://www.w3.org/TR/trace-context/#traceparent-header */
import { describe, expect, test } from 'vitest'
import { traceOf } from '../../../src/telemetry/trace.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const OUT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/

const given = (headers: Record<string, string>) => traceOf(new Headers(headers))

describe('traceparent', () => {
  test.each([
    ['00', '01', '', '01'],
    ['00', '00', '', '00'],
    ['00', '03', '', '03'],
    // Flags that nobody knows are not passed on.
    ['00', 'ff', '', '03'],
    ['cc', '01', '', '01'],
    ['01', '01', '-', '01'],
    ['fe', '09', '-what-the-future-will-be-like', '01'],
  ])('of version %s with flags %s and %j behind goes on', (version, flags, rest, out) => {
    const { traceId, traceparent } = given({
      traceparent: `${version}-${TRACE}-${PARENT}-${flags}${rest}`,
    })
    expect(traceId).toBe(TRACE)
    const [, trace, span, flagsOut] = OUT.exec(traceparent)!
    expect([trace, flagsOut]).toEqual([TRACE, out])
    expect(span).not.toBe(PARENT)
  })

  test.each([
    '',
    'x',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE}-${PARENT}-01-`,
    `00-${TRACE}-${PARENT}-0`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${PARENT}-01`,
    `00-${TRACE}x-${PARENT}-01`,
    `0x-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-0g`,
    `00_${TRACE}_${PARENT}_01`,
    `cc-${TRACE}-${PARENT}-01.more`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
    `cc-${TRACE}-${PARENT}-01, cc-${TRACE}-${PARENT}-01`,
  ])('%j begins a new trace', (traceparent) => {
    const trace = given({ traceparent })
    expect(trace.traceId).toMatch(/^[\da-f]{32}$/)
    expect(trace.traceId).not.toBe(TRACE)
    expect(trace.traceparent).toMatch(OUT)
    expect(trace.traceparent).toContain(trace.traceId)
    expect(trace.traceparent.slice(-2)).toBe('00')
  })

  test('new ones are new', () => {
    const traces = Array.from({ length: 2000 }, () => given({}))
    expect(new Set(traces.map(({ traceId }) => traceId)).size).toBe(2000)
    expect(new Set(traces.map(({ traceparent }) => traceparent.slice(36, 52))).size).toBe(2000)
    expect(new Set(traces.map(({ requestId }) => requestId)).size).toBe(2000)
  })
})

describe('X-Request-Id', () => {
  test('who begins a trace has its id, those who go on with one have their own', () => {
    const { traceId, requestId } = given({})
    expect(requestId).toBe(traceId)
    const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`
    const ids = Array.from({ length: 100 }, () => given({ traceparent }).requestId)
    expect(new Set([...ids, TRACE]).size).toBe(101)
  })

  test.each(['a', '!~', 'x'.repeat(128), '"a\\b"'])('%j is kept', (id) => {
    expect(given({ 'X-Request-Id': id }).requestId).toBe(id)
  })

  test.each(['', 'x'.repeat(129), 'a b', 'a, b', 'é', 'a\tb'])('%j is replaced', (id) => {
    expect(given({ 'X-Request-Id': id }).requestId).toMatch(/^[\da-f]{32}$/)
  })
})
