/** Observes every request: its ids in the response, its metrics, its line in the access log. */
import type { Span } from '@opentelemetry/api'
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import type { AccessLog } from '../telemetry/access_log.ts'
import { setHeader } from './response.ts'
import { knownMethod, type Metrics } from '../telemetry/metrics.ts'
import { Problem } from '../core/errors.ts'
import { endRequest, startRequest } from '../telemetry/spans.ts'
import { parentOf, type Trace, traceOf } from '../telemetry/trace.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Undefined if requests aren't observed. */
    requestId?: string
  }
}

export interface ObserverOptions {
  metrics: Pick<Metrics, 'request'>
  accessLog?: AccessLog | undefined
}

export interface Observed extends Omit<Trace, 'traceparent'> {
  /** As performance.now() says it. */
  startedAt: number
  /** Undefined without an SDK of OpenTelemetry. */
  span: Span | undefined
}

export interface Observer {
  begin(c: Context): Observed
  /** Called when the response is complete; for a stream, at its first byte. */
  end(c: Context, observed: Observed): void
}

/** Creates the observer, without an access log if there is none. */
export function createObserver({ metrics, accessLog }: ObserverOptions): Observer {
  return {
    begin(c) {
      const { headers } = c.req.raw
      const parent = parentOf(headers)
      const span = startRequest(knownMethod(c.req.method), c.req.path, parent)
      const { traceparent, ...trace } = traceOf(headers, parent, span?.spanContext())
      c.set('requestId', trace.requestId)
      setHeader(c, 'traceparent', traceparent)
      setHeader(c, 'X-Request-Id', trace.requestId)
      return { ...trace, startedAt: performance.now(), span }
    },
    end(c, { traceId, isSampled, requestId, startedAt, span }) {
      const request = {
        method: knownMethod(c.req.method),
        // The route's pattern and never the path, because a label may have few values.
        route: c.get('route') ?? routePath(c, -1),
        status: c.res.status,
        time: Date.now(),
        durationMs: performance.now() - startedAt,
        requestId,
        traceId,
        sampledTraceId: isSampled ? traceId : undefined,
        caller: c.get('caller')?.name,
      }
      metrics.request(request)
      accessLog?.request(request)
      if (span) endRequest(span, { ...request, error: causeOf(c.error) })
    },
  }
}

const causeOf = (error: unknown) => error instanceof Problem ? error.cause ?? error : error
