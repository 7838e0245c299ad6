/** Routes for operators and their tools: metrics and health. */
import { Hono } from 'hono'
import { z } from 'zod'
import { json, respond } from '../http/response.ts'
import { Problem } from '../core/errors.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { describe } from './describe.ts'
import { prefersOpenMetrics } from '../telemetry/open_metrics.ts'

export interface HealthDependencies {
  /** The reason why the service should get no requests now; undefined if it should. */
  notReady: () => Promise<string | undefined>
}

const health = z.object({ status: z.enum(['live', 'ready']) }).meta({
  id: 'Health',
  description: '`live`: the process runs; `ready`: the service can be used.',
  examples: [{ status: 'live' }],
})

/** More than metrics ever take. */
const TEXT = { type: 'string', maxLength: 10_000_000 }

const METRICS_EXAMPLE = `# HELP user_debit_requests_total Debits by outcome.
# TYPE user_debit_requests_total counter
user_debit_requests_total{outcome="ok"} 2
`

const OPEN_METRICS_EXAMPLE = `# HELP user_debit_requests Debits by outcome.
# TYPE user_debit_requests counter
user_debit_requests_total{outcome="ok"} 2
# EOF
`

/** GET /metrics. */
export function metricsRoutes(metrics: Pick<Metrics, 'expose'>) {
  return new Hono().get(
    '/metrics',
    describe({
      operationId: 'getMetrics',
      tag: 'Service',
      summary: 'Metrics for Prometheus',
      description: 'Of this instance. They may be on a port of their own instead.',
      responses: {
        200: {
          description:
            'Metrics in the text format of Prometheus, or OpenMetrics where Accept prefers it.',
          media: {
            'text/plain': { schema: TEXT, example: METRICS_EXAMPLE },
            'application/openmetrics-text': { schema: TEXT, example: OPEN_METRICS_EXAMPLE },
          },
        },
      },
    }),
    async (c) => {
      const format = prefersOpenMetrics(c.req.header('accept')) ? 'openmetrics' : 'prometheus'
      const { body, contentType } = await metrics.expose(format)
      return respond(c, body, { type: contentType })
    },
  )
}

/**
 * Requests that tell whether the process runs. Probes use the last two unless they are told
 * otherwise.
 */
const PROBES = [
  ['GET', '/livez', 'getLiveness'],
  ['GET', '/healthz', 'getHealth'],
  ['OPTIONS', '/', 'probe'],
] as const

/** GET /livez, /readyz and /healthz, and OPTIONS /. */
export function healthRoutes({ notReady }: HealthDependencies) {
  const routes = new Hono()

  for (const [method, path, operationId] of PROBES) {
    routes.on(
      method,
      path,
      describe({
        operationId,
        tag: 'Service',
        summary: 'Whether the process runs',
        description: 'Asks nothing of PostgreSQL or Redis.',
        responses: { 200: { schema: health } },
      }),
      (c) => json(c, { status: 'live' }),
    )
  }

  routes.get(
    '/readyz',
    describe({
      operationId: 'getReadiness',
      tag: 'Service',
      summary: 'Whether PostgreSQL answers and has the expected schema',
      description: '`busy`: send it no requests now; `detail` says why. Redis may be down.',
      responses: { 200: { schema: health, example: { status: 'ready' } } },
      problems: ['busy'],
    }),
    async (c) => {
      const reason = await notReady()
      if (reason !== undefined) throw new Problem('busy', { detail: reason })
      return json(c, { status: 'ready' })
    },
  )

  return routes
}
