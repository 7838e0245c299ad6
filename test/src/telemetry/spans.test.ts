/** Spans as the SDK of OpenTelemetry gets them from a service. */
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { useHttp } from '../../support/http.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

const exporter = new InMemorySpanExporter()
const http = useHttp()

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  )
})
beforeEach(() => exporter.reset())
afterAll(() => {
  trace.disable()
  context.disable()
})

const spans = (isWanted: (span: ReadableSpan) => boolean) =>
  exporter.getFinishedSpans().filter(isWanted)
const named = (name: string) => spans((span) => span.name === name)
const idOf = (span: ReadableSpan) => span.spanContext().spanId
const requests = () => spans(({ kind }) => kind === SpanKind.SERVER)

test('a request goes on with its caller’s trace; its batch and its call are parts of it', async () => {
  const id = await http.user(10)
  exporter.reset()
  const response = await fetch(`${http.service.url}/users/${id}/debit`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      traceparent: `00-${TRACE}-${PARENT}-01`,
      tracestate: 'vendor=1',
    },
    body: '{"amount":1}',
  })
  await response.body?.cancel()
  await expect.poll(() => requests()).toHaveLength(1)
  const [request] = requests()
  expect(request!.name).toBe('POST /users/:id/debit')
  expect(request!.spanContext()).toMatchObject({ traceId: TRACE, traceFlags: 1 })
  expect(request!.spanContext().traceState?.serialize()).toBe('vendor=1')
  expect(request!.parentSpanContext).toMatchObject({ spanId: PARENT, isRemote: true })
  expect(request!.attributes).toEqual({
    'http.request.method': 'POST',
    'url.path': `/users/${id}/debit`,
    'url.scheme': 'http',
    'http.route': '/users/:id/debit',
    'http.response.status_code': 201,
  })
  expect(request!.status.code).toBe(SpanStatusCode.UNSET)
  expect(response.headers.get('traceparent')).toBe(`00-${TRACE}-${idOf(request!)}-01`)

  const [batch] = named('batch')
  expect(batch!.parentSpanContext?.spanId).toBe(idOf(request!))
  expect(batch!.attributes).toEqual({ 'ledger.operation': 'debit', 'ledger.batch.size': 1 })
  const [call] = named('post')
  expect(call!.kind).toBe(SpanKind.CLIENT)
  expect(call!.parentSpanContext?.spanId).toBe(idOf(batch!))
  expect(call!.attributes).toEqual({
    'db.system.name': 'postgresql',
    'db.stored_procedure.name': 'post',
  })
  expect(new Set([batch, call].map((span) => span!.spanContext().traceId))).toEqual(
    new Set([TRACE]),
  )
})

test('a batch of several requests begins a trace, and links each of them', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => http.user(10)))
  const shared = () => named('batch').find(({ links }) => links.length > 1)
  await expect.poll(async () => {
    exporter.reset()
    await Promise.all(ids.map((id) => http.call('POST', `/users/${id}/debit`, { amount: 0.01 })))
    return shared()
  }).toBeDefined()
  const batch = shared()!
  expect(batch.parentSpanContext).toBeUndefined()
  expect(batch.attributes['ledger.batch.size']).toBe(batch.links.length)
  const known = new Set(requests().map(idOf))
  expect(batch.links.filter(({ context }) => !known.has(context.spanId))).toEqual([])
  expect(named('post').map(({ parentSpanContext }) => parentSpanContext?.spanId))
    .toContain(idOf(batch))
})

test('a list of operations is one request, of which its batch is a part', async () => {
  const ids = await Promise.all([http.user(10), http.user(10)])
  exporter.reset()
  await http.call('POST', '/debits', ids.map((id) => ({ user_id: id, amount: 1 })))
  await expect.poll(() => requests()).toHaveLength(1)
  const batches = named('batch')
  expect(batches.map(({ parentSpanContext }) => parentSpanContext?.spanId))
    .toEqual(batches.map(() => idOf(requests()[0]!)))
  expect(batches.flatMap(({ links }) => links)).toEqual([])
})

describe('errors', () => {
  test('a refusal is none', async () => {
    const id = await http.user(1)
    exporter.reset()
    expect((await http.call('POST', `/users/${id}/debit`, { amount: 5 })).status).toBe(422)
    await expect.poll(() => requests()).toHaveLength(1)
    expect(exporter.getFinishedSpans().map(({ status }) => status.code))
      .toEqual(exporter.getFinishedSpans().map(() => SpanStatusCode.UNSET))
    expect(requests()[0]!.attributes).toMatchObject({ 'http.response.status_code': 422 })
  })

  test('what the database throws is recorded in its call and its request, without its detail', async () => {
    await http.sql`revoke execute on function ledger.list_users from ledger_service`
    const { status } = await http.call('GET', '/users')
    await http.sql`grant execute on function ledger.list_users to ledger_service`
    expect(status).toBe(500)
    await expect.poll(() => requests()).toHaveLength(1)
    const [call] = named('list_users')
    expect(call!.attributes).toMatchObject({ 'error.type': '42501' })
    expect(requests()[0]!.attributes).toMatchObject({ 'error.type': '500' })
    for (const span of [call!, requests()[0]!]) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR })
      expect(span.events).toMatchObject([{
        name: 'exception',
        attributes: { 'exception.message': 'permission denied for function list_users' },
      }])
    }
  })
})

test('a request that its caller doesn’t sample is recorded nowhere', async () => {
  const id = await http.user(10)
  exporter.reset()
  const headers = { traceparent: `00-${TRACE}-${PARENT}-00` }
  expect((await http.call('POST', `/users/${id}/debit`, { amount: 1 }, headers)).status).toBe(201)
  expect(spans((span) => span.spanContext().traceId === TRACE)).toEqual([])
  expect(named('batch')).toEqual([])
})
