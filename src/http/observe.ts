/** Observes every request: its ids in the response, its metrics, its line in the access log. */
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import type { AccessLog } from '../telemetry/access_log.ts'
import { setHeader } from './response.ts'
import { knownMethod, type Metrics } from '../telemetry/metrics.ts'
import { type Trace, traceOf } from '../telemetry/trace.ts'

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
  startedAt: number
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
      const { traceparent, ...trace } = traceOf(c.req.raw.headers)
      c.set('requestId', trace.requestId)
      setHeader(c, 'traceparent', traceparent)
      setHeader(c, 'X-Request-Id', trace.requestId)
      return { ...trace, startedAt: performance.now() }
    },
    end(c, { traceId, isSampled, requestId, startedAt }) {
      const request = {
        method: knownMethod(c.req.method),
        // The route's pattern and never the path, because a label may have few values.
        route: routePath(c, -1),
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
    },
  }
}
