/** What every request leaves behind: its names in the answer, a count, a time, a line in the log. */
import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { AccessLog } from './access_log.ts'
import { knownMethod, type Metrics } from './metrics.ts'
import { traceOf } from './trace.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Undefined where nothing observes. */
    requestId?: string
  }
}

export interface ObserveOptions {
  metrics: Pick<Metrics, 'request'>
  accessLog?: AccessLog | undefined
}

/** Goes around everything else. A stream counts up to its first byte. */
export function observe({ metrics, accessLog }: ObserveOptions): MiddlewareHandler {
  return async function observe(c, next) {
    const start = performance.now()
    const { traceId, traceparent, requestId } = traceOf(c.req.raw.headers)
    c.set('requestId', requestId)
    await next()
    const { status, headers } = c.res
    headers.set('traceparent', traceparent)
    headers.set('X-Request-Id', requestId)
    const request = {
      method: knownMethod(c.req.method),
      // The pattern, never the path: its values must be few.
      route: routePath(c, -1),
      status,
      time: Date.now(),
      durationMs: performance.now() - start,
      requestId,
      traceId,
      caller: c.get('caller')?.name,
    }
    metrics.request(request)
    accessLog?.request(request)
  }
}
