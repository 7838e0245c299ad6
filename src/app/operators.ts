/** What operators and their tools ask: metrics, health, and what the service offers. */
import { Hono } from 'hono'
import { describeRoute } from 'hono-openapi'
import { z } from 'zod'
import { answer, json } from '../http/response.ts'
import { docsPage } from './docs.ts'
import { Problem } from '../core/errors.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { answers } from './openapi.ts'

export interface OperationsDependencies {
  /** Why the service should get no requests now; undefined: it should. */
  notReady: () => Promise<string | undefined>
  /** The OpenAPI document. */
  document: () => Promise<object>
  /** The path that the service is under for those outside. */
  publicPath: string
}

const health = z.object({ status: z.string() })

/** GET /metrics. */
export function metricsRoutes(metrics: Pick<Metrics, 'expose'>) {
  return new Hono().get(
    '/metrics',
    describeRoute({
      summary: 'Metrics for Prometheus',
      responses: { 200: { description: 'Prometheus text', content: { 'text/plain': {} } } },
    }),
    async (c) => {
      const { body, contentType } = await metrics.expose()
      return answer(c, body, { type: contentType })
    },
  )
}

/** By what probes ask: the last two do so where nobody tells them something else. */
const PROBES = [['GET', '/livez'], ['GET', '/healthz'], ['OPTIONS', '/']] as const

/** GET /livez, /readyz, /openapi.json and /docs, and what else probes ask. */
export function operationsRoutes({ notReady, document, publicPath }: OperationsDependencies) {
  const operations = new Hono()
  let page: Promise<string> | undefined

  for (const [method, path] of PROBES) {
    operations.on(
      method,
      path,
      describeRoute({ summary: 'Whether the process runs', ...answers({ 200: health }) }),
      (c) => json(c, { status: 'live' }),
    )
  }

  operations.get(
    '/readyz',
    describeRoute({
      summary: 'Whether PostgreSQL answers and has the expected schema',
      ...answers({ 200: health }, ['busy']),
    }),
    async (c) => {
      const reason = await notReady()
      if (reason !== undefined) throw new Problem('busy', { detail: reason })
      return json(c, { status: 'ready' })
    },
  )

  operations.get(
    '/openapi.json',
    describeRoute({
      summary: 'This description',
      responses: { 200: { description: 'OpenAPI', content: { 'application/json': {} } } },
    }),
    async (c) => json(c, await document()),
  )

  operations.get(
    '/docs',
    describeRoute({
      summary: 'This description as a page',
      responses: { 200: { description: 'HTML', content: { 'text/html': {} } } },
    }),
    async (c) => {
      page ??= document().then((described) => docsPage(described, publicPath)).then(String)
      return answer(c, await page, { type: 'text/html; charset=UTF-8' })
    },
  )

  return operations
}
