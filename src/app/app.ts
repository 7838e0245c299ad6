/** The app: middleware, routes, and one place where failures become problems. */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import type { AccessLog } from '../telemetry/access_log.ts'
import { answer, setHeader } from '../http/response.ts'
import type { BrowserGuard } from './browsers.ts'
import { createDeadlines } from '../core/deadlines.ts'
import { publicPathOf } from '../config/edge_config.ts'
import { isOurs, Problem, problemOf, PROBLEMS } from '../core/errors.ts'
import type { Access } from '../auth/access.ts'
import { DEFAULT_LIMITS, type Limits } from '../config/limits.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createObserver } from '../http/observe.ts'
import { openapi } from './openapi.ts'
import { createRequestRates, type RateLimit } from '../http/rate_limit.ts'
import { balancesRoutes } from './balances.ts'
import type { BalancesDependencies } from './balances.ts'
import { debitsRoutes } from './debits.ts'
import type { DebitsDependencies } from './debits.ts'
import { historyRoutes } from './history.ts'
import type { HistoryDependencies } from './history.ts'
import { holdsRoutes } from './holds.ts'
import type { HoldsDependencies } from './holds.ts'
import { metricsRoutes, operationsRoutes } from './operators.ts'
import { transfersRoutes } from './transfers.ts'
import type { TransfersDependencies } from './transfers.ts'
import { userDirectoryRoutes } from './user_directory.ts'
import type { UserDirectoryDependencies } from './user_directory.ts'
import { usersRoutes } from './users.ts'
import type { UsersDependencies } from './users.ts'
import { sequenced } from '../http/sequence.ts'
import { bodyTooSlow, onlyKnownParameters } from '../http/validate.ts'

const RETRY_AFTER_SECONDS = 1
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const DEBITS = ['/users/:id/debit', '/debits']

export type Dependencies =
  & BalancesDependencies
  & Omit<DebitsDependencies, 'deadlines'>
  & HistoryDependencies
  & HoldsDependencies
  & TransfersDependencies
  & UserDirectoryDependencies
  & UsersDependencies
  & {
    metrics: Metrics
    /** False: no count, time, id or line for a request. */
    observed?: boolean
    /** What web pages may send; left out: anything. */
    guard?: BrowserGuard | undefined
    /** Who may do what; left out: anyone may do anything. */
    access?: Access | undefined
    accessLog?: AccessLog | undefined
    limits?: Limits | undefined
    /** Where the service is for those outside; left out: where it listens. */
    publicUrl?: string | undefined
    /** Left out: everybody may send as many requests as they like. */
    rate?: RateLimit | undefined
    /** Whether GET /metrics is here, and not on a port of its own. */
    hasMetrics?: boolean
    notReady: () => Promise<string | undefined>
    /** Told of failures that are ours, or of what we depend on: a name for what failed, the error. */
    onFailure: (what: string, error: unknown, fields?: object) => void
  }

/** The HTTP side of the ledger: web standards only, no I/O of its own. */
export function createApp(
  { access, accessLog, observed = true, hasMetrics = true, notReady, onFailure, ...dependencies }:
    Dependencies,
): Hono {
  const app = new Hono()
  const { metrics } = dependencies
  const { limits = DEFAULT_LIMITS, rate, publicUrl, guard } = dependencies
  const deadlines = createDeadlines({ limitMs: limits.requestDeadlineMs })
  const bodies = createDeadlines({
    limitMs: limits.bodyDeadlineMs,
    problemOf: () => bodyTooSlow(limits.bodyDeadlineMs),
  })
  const publicPath = publicPathOf(publicUrl)
  const limitsAndBodies = { ...limits, bodies, publicPath }
  const observer = observed ? createObserver({ metrics, accessLog }) : undefined
  let document: Promise<object> | undefined

  // One middleware for all that is around a request: each keeps several frames of it while it waits.
  app.use(async function withTelemetry(c, next) {
    const trace = observer?.begin(c)
    c.set('limits', limitsAndBodies)
    try {
      const answered = guard?.(c)
      if (answered) c.res = answered
      else {
        await deadlines.within((deadline) => {
          c.set('deadline', deadline)
          return next()
        })
      }
    } catch (error) {
      c.res = refuse(c, error)
    }
    if (trace) observer!.end(c, trace)
  })

  const rates = rate && createRequestRates(rate)
  if (access) app.use(access.middleware(rates))
  else if (rates) app.use(rates.middleware)
  if (access) app.use('/users/:id/*', access.userMiddleware)

  app.route('/users', userDirectoryRoutes(dependencies))
  app.route('/users', usersRoutes(dependencies))
  app.route('/users', historyRoutes({ ...dependencies, onFailure }))
  app.route('/users', holdsRoutes(dependencies))
  app.route('/balances', balancesRoutes(dependencies))
  app.route('/transfers', transfersRoutes(dependencies))
  app.route('/debits', debitsRoutes({ ...dependencies, deadlines, onFailure }))
  if (hasMetrics) app.route('/', metricsRoutes(metrics))
  const isClosed = access !== undefined
  app.route(
    '/',
    operationsRoutes({
      notReady,
      document: () => document ??= openapi(app, { isClosed, publicUrl }),
      publicPath,
    }),
  )

  function refuse(c: Context, error: unknown): Response {
    const problem = problemIn(c, error)
    const route = routePath(c, -1)
    // Those that aren't refused are counted where they are made.
    if (c.req.method === 'POST' && DEBITS.includes(route)) metrics.debit(problem.code)
    if (isOurs(problem)) {
      onFailure(route, problem.cause ?? error, { request_id: c.get('requestId') })
    }
    return respond(c, problem)
  }

  return withProblems(sequenced(app, onlyKnownParameters), (c, error) => {
    // It has its answer already, and what comes later may fail for having nobody to go to.
    const isLate = c.get('deadline')?.isOver
    return isLate ? respond(c, problemIn(c, error)) : refuse(c, error)
  })
}

/** GET /metrics and nothing else, for a port that only those reach who may read it. */
export function createMetricsApp(
  { metrics, onFailure }: Pick<Dependencies, 'metrics' | 'onFailure'>,
): Hono {
  const app = sequenced(new Hono().route('/', metricsRoutes(metrics)), onlyKnownParameters)
  return withProblems(app, (c, error) => {
    const problem = problemIn(c, error)
    if (problem.code === 'internal') onFailure(routePath(c, -1), problem.cause ?? error)
    return respond(c, problem)
  })
}

const problemIn = (c: Context, error: unknown): Problem =>
  problemOf(error, { writes: c.req.method === 'POST' })

/** Whatever has no route, and every Error that was thrown, is answered as a problem. */
function withProblems(app: Hono, refuse: (c: Context, error: Error) => Response): Hono {
  app.notFound((c) => {
    const allowed = METHODS.filter((method) => answersTo(app, method, c.req.path))
    if (allowed.length === 0) return respond(c, new Problem('not_found'))
    if (allowed[0] === 'GET') allowed.splice(1, 0, 'HEAD')
    setHeader(c, 'Allow', allowed.join(', '))
    return respond(c, new Problem('method_not_allowed'))
  })

  app.onError((error, c) => refuse(c, error))

  return app
}

function respond(c: Context, problem: Problem): Response {
  const { status } = PROBLEMS[problem.code]
  if (status === 503) setHeader(c, 'Retry-After', String(RETRY_AFTER_SECONDS))
  // Of a body that nobody reads the rest is still on its way.
  if (problem.code === 'payload_too_large') setHeader(c, 'Connection', 'close')
  // Not there where only metrics are.
  const members = problem.membersAt(c.get('limits')?.publicPath ?? '')
  return answer(c, JSON.stringify(members), { status, type: 'application/problem+json' })
}

/** Whether a route, not only middleware, is there for this method and path. */
const answersTo = (app: Hono, method: string, path: string): boolean =>
  app.router.match(method, path)[0].some(([[, route]]) => route.method === method)
