/** The app: middleware and routes. */
import { Hono } from 'hono'
import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { AccessLog } from '../telemetry/access_log.ts'
import type { BrowserGuard } from './browsers.ts'
import { createDeadlines, type Deadlines } from '../core/deadlines.ts'
import { publicPathOf } from '../config/edge_config.ts'
import { isOurs } from '../core/errors.ts'
import type { Access } from '../auth/access.ts'
import { DEFAULT_LIMITS, type Limits } from '../config/limits.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createObserver } from '../http/observe.ts'
import { createRequestRates, type RateLimit } from '../http/rate_limit.ts'
import { createAdmit } from './list_items.ts'
import { metricsRoutes } from './operators.ts'
import { addLedgerRoutes, addServiceRoutes, type RoutesDependencies } from './routes.ts'
import { problemIn, respondWithProblem, withProblems } from './problems.ts'
import { inSpan } from '../telemetry/spans.ts'
import { sequenced } from '../http/sequence.ts'
import { bodyTooSlow, onlyKnownParameters } from '../http/validate.ts'

const DEBITS = ['/users/:id/debit', '/debits']

export type Dependencies =
  & RoutesDependencies
  & {
    metrics: Metrics
    /** False: requests get no metrics, no id and no line in the access log. For benchmarks. */
    observed?: boolean
    /** Refuses requests of web pages. Default: none is refused. */
    guard?: BrowserGuard | undefined
    /** Checks callers. Default: anyone may do anything. */
    access?: Access | undefined
    accessLog?: AccessLog | undefined
    limits?: Limits | undefined
    /** Limits requests of each caller. Default: no limit. */
    rate?: RateLimit | undefined
    /**
     * Called for failures of the service or of what it depends on.
     * @param what what failed, for the log
     */
    onFailure: (what: string, error: unknown, fields?: object) => void
  }

/**
 * Creates the app. It uses web standards only, and does no I/O of its own.
 * @example
 * const app = createApp(dependencies)
 * const response = await app.request('/users/7/debit', { method: 'POST', body, headers })
 */
export function createApp(options: Dependencies): Hono {
  const app = new Hono()
  const { access, limits = DEFAULT_LIMITS, rate } = options
  const deadlines = createDeadlines({ limitMs: limits.requestDeadlineMs })
  const refuse = createRefuse(options)
  app.use(createEntry({ ...options, limits, deadlines, refuse }))

  const rates = rate && createRequestRates(rate)
  if (access) app.use(access.middleware(rates))
  else if (rates) app.use(rates.middleware)
  if (access) app.use('/users/:id/*', access.userMiddleware)

  addLedgerRoutes(app, { ...options, deadlines, admit: createAdmit(limits) })
  addServiceRoutes(app, { ...options, isClosed: access !== undefined })

  return withProblems(sequenced(app, onlyKnownParameters), (c, error) => {
    // A failure after the deadline was answered: the reason may be that nobody waits any more.
    const isLate = c.get('deadline')?.isOver
    return isLate ? respondWithProblem(c, problemIn(c, error)) : refuse(c, error)
  })
}

type Refuse = (c: Context, error: unknown) => Response

/** Creates the function that responds to a request that failed, and tells of it. */
function createRefuse({ metrics, onFailure }: Pick<Dependencies, 'metrics' | 'onFailure'>): Refuse {
  return (c, error) => {
    const problem = problemIn(c, error)
    const route = routePath(c, -1)
    // Debits that became an operation are counted in usersRoutes and debitsRoutes; this counts
    // refused ones.
    if (c.req.method === 'POST' && DEBITS.includes(route)) metrics.debit(problem.code)
    if (isOurs(problem)) {
      onFailure(route, problem.cause ?? error, { request_id: c.get('requestId') })
    }
    return respondWithProblem(c, problem)
  }
}

interface EntryOptions
  extends Pick<Dependencies, 'metrics' | 'accessLog' | 'observed' | 'guard' | 'publicUrl'> {
  limits: Limits
  deadlines: Deadlines
  refuse: Refuse
}

/**
 * Creates the middleware around everything: ids and telemetry, the guard against web pages, the
 * deadline. It is one instead of several, because each keeps some stack frames in memory while a
 * request waits.
 */
function createEntry(
  { metrics, accessLog, observed = true, guard, publicUrl, limits, deadlines, refuse }:
    EntryOptions,
): MiddlewareHandler {
  const observer = observed ? createObserver({ metrics, accessLog }) : undefined
  const bodies = createDeadlines({
    limitMs: limits.bodyDeadlineMs,
    problemOf: () => bodyTooSlow(limits.bodyDeadlineMs),
  })
  const limitsAndBodies = { ...limits, bodies, publicPath: publicPathOf(publicUrl) }

  return async function enter(c, next) {
    const trace = observer?.begin(c)
    c.set('limits', limitsAndBodies)
    try {
      const refused = guard?.(c)
      if (refused) c.res = refused
      else {
        await deadlines.within((deadline) => {
          c.set('deadline', deadline)
          return trace?.span ? inSpan(trace.span, next) : next()
        })
      }
    } catch (error) {
      c.res = refuse(c, error)
    }
    if (trace) observer!.end(c, trace)
  }
}

/** Creates an app with GET /metrics alone, for a port that only scrapers can reach. */
export function createMetricsApp(
  { metrics, guard, onFailure }: Pick<Dependencies, 'metrics' | 'guard' | 'onFailure'>,
): Hono {
  const guarded = new Hono().use(async (c, next) => guard?.(c) ?? await next())
  const app = sequenced(guarded.route('/', metricsRoutes(metrics)), onlyKnownParameters)
  return withProblems(app, (c, error) => {
    const problem = problemIn(c, error)
    if (problem.code === 'internal') onFailure(routePath(c, -1), problem.cause ?? error)
    return respondWithProblem(c, problem)
  })
}
