/** What becomes of spans where nobody has loaded an SDK of OpenTelemetry. */
import { TraceFlags } from '@opentelemetry/api'
import { expect, test, vi } from 'vitest'

const caller = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
}

test('without an SDK no request, batch or call has a span, and what they run has none either', async () => {
  // Not the tracer that an SDK of another file has got hold of.
  vi.resetModules()
  const spans = await import('../../../src/telemetry/spans.ts')
  expect(spans.startRequest('GET', '/', undefined)).toBeUndefined()
  expect(spans.startRequest('GET', '/', caller)).toBeUndefined()
  const work = () => Promise.resolve([spans.activeSpan()])
  expect(await spans.inDatabaseCall('post', work)).toEqual([undefined])
  expect(await spans.inBatch([], { size: 1, operation: 'debit' }, work)).toEqual([undefined])
  const failing = () => Promise.reject(new Error('lost'))
  await expect(spans.inDatabaseCall('post', failing)).rejects.toThrow('lost')
})
