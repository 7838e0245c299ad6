/**
 * Spans of requests, batches and calls of the database, by the API of OpenTelemetry. Without an SDK
 * that somebody registered, nothing is recorded. Names and attributes follow its semantic
 * conventions.
 */
import {
  context,
  INVALID_SPANID,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { codeOf } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'

/** The library waits for an SDK, so this works whether it is registered earlier or later. */
const tracer = trace.getTracer('ledger', VERSION)

/** The span that this code runs in; undefined without one. */
export const activeSpan = (): SpanContext | undefined => trace.getSpanContext(context.active())

/**
 * Starts the span of a request, as a part of what an instrumentation of the server has begun, or
 * else of its caller's.
 * @returns undefined without an SDK
 */
export function startRequest(
  method: string,
  path: string,
  parent: SpanContext | undefined,
): Span | undefined {
  const active = context.active()
  const within = parent && !trace.getSpan(active) ? trace.setSpanContext(active, parent) : active
  const attributes = { 'http.request.method': method, 'url.path': path, 'url.scheme': 'http' }
  const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, within)
  const { spanId } = span.spanContext()
  // Without an SDK it is the caller's, or none.
  return spanId === parent?.spanId || spanId === INVALID_SPANID ? undefined : span
}

export interface EndOfRequest {
  method: string
  route: string
  status: number
  /** What the handler threw. */
  error: unknown
}

/** Ends the span of a request. A refusal is no error; a failure of the service is one. */
export function endRequest(span: Span, { method, route, status, error }: EndOfRequest): void {
  span.updateName(`${method} ${route}`)
  span.setAttributes({ 'http.route': route, 'http.response.status_code': status })
  if (status >= 500) fail(span, error, String(status))
  span.end()
}

/** Runs work in a span, so that what it starts is a part of it. */
export const inSpan = <T>(span: Span, work: () => T): T =>
  context.with(trace.setSpan(context.active(), span), work)

/**
 * Runs a batch in a span: a part of the request that it is for, or, if there are several, with a
 * link to each. Without any it has no span.
 */
export function inBatch<T>(
  requests: SpanContext[],
  { size, operation }: { size: number; operation: string },
  work: () => Promise<T>,
): Promise<T> {
  if (requests.length === 0) return work()
  const attributes = { 'ledger.operation': operation, 'ledger.batch.size': size }
  const distinct = [...new Map(requests.map((one) => [one.spanId, one])).values()]
  const [first] = distinct
  const span = distinct.length === 1
    ? tracer.startSpan('batch', { attributes }, trace.setSpanContext(ROOT_CONTEXT, first!))
    : tracer.startSpan('batch', {
      attributes,
      links: distinct.map((one) => ({ context: one })),
    }, ROOT_CONTEXT)
  return recorded(span, work)
}

/** Runs a call of a function of the database in a span. */
export function inDatabaseCall<T>(name: string, work: () => Promise<T>): Promise<T> {
  const attributes = { 'db.system.name': 'postgresql', 'db.stored_procedure.name': name }
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes })
  return span.spanContext().spanId === INVALID_SPANID ? work() : recorded(span, work)
}

async function recorded<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await inSpan(span, work)
  } catch (error) {
    fail(span, error, codeOf(error) || '_OTHER')
    throw error
  } finally {
    span.end()
  }
}

/** Details of an error of the database show rows, and are left out. */
function fail(span: Span, error: unknown, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
  if (error instanceof Error) {
    const { name, message, stack } = error
    span.recordException({ name, message, ...(stack !== undefined && { stack }) })
  }
}
