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
import { controlsRoutes } from './controls.ts'
import type { ControlsDependencies } from './controls.ts'
import { bulkRoutes } from './bulk.ts'
import type { BulkDependencies } from './bulk.ts'
import { createAdmit } from './list_items.ts'
import { debitsRoutes } from './debits.ts'
import type { DebitsDependencies } from './debits.ts'
import { type DocsDependencies, docsRoutes } from './docs.ts'
import { historyRoutes } from './history.ts'
import type { HistoryDependencies } from './history.ts'
import { holdsRoutes } from './holds.ts'
import type { HoldsDependencies } from './holds.ts'
import { metricsRoutes, operationsRoutes } from './operators.ts'
import { journalRoutes } from './journal.ts'
import type { JournalDependencies } from './journal.ts'
import { heldRoutes } from './held.ts'
import type { HeldDependencies } from './held.ts'
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
  & ControlsDependencies
  & Omit<DebitsDependencies, 'deadlines' | 'admit'>
  & Omit<BulkDependencies, 'deadlines' | 'admit'>
  & HistoryDependencies
  & HoldsDependencies
  & HeldDependencies
  & JournalDependencies
  & TransfersDependencies
  & UserDirectoryDependencies
  & UsersDependencies
  & Pick<DocsDependencies, 'readDocsFile'>
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
    /** The URL of the service for its callers. Default: the address that it listens on. */
    publicUrl?: string | undefined
    /** Limits requests of each caller. Default: no limit. */
    rate?: RateLimit | undefined
    /** Whether this app answers GET /metrics. False where /metrics has a port of its own. */
    hasMetrics?: boolean
    notReady: () => Promise<string | undefined>
    /**
     * Called for failures of the service or of what it depends on.
     * @param what what failed, for the log
     */
    onFailure: (what: string, error: unknown, fields?: object) => void
  }

/** Creates the app. It uses web standards only, and does no I/O of its own. */
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

  // One middleware instead of several: each keeps some stack frames in memory while a request
  // waits.
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
  app.route('/users', heldRoutes(dependencies))
  app.route('/users', controlsRoutes(dependencies))
  app.route('/entries', journalRoutes(dependencies))
  app.route('/balances', balancesRoutes(dependencies))
  app.route('/transfers', transfersRoutes(dependencies))
  const lists = { deadlines, admit: createAdmit(limits), onFailure }
  app.route('/debits', debitsRoutes({ ...dependencies, ...lists }))
  app.route('/operations', bulkRoutes({ ...dependencies, ...lists }))
  if (hasMetrics) app.route('/', metricsRoutes(metrics))
  app.route('/', operationsRoutes({ notReady }))
  const isClosed = access !== undefined
  app.route(
    '/',
    docsRoutes({
      document: () => document ??= openapi(app, { isClosed, publicUrl }),
      publicPath,
      publicUrl,
      readDocsFile: dependencies.readDocsFile,
    }),
  )

  function refuse(c: Context, error: unknown): Response {
    const problem = problemIn(c, error)
    const route = routePath(c, -1)
    // Debits that became an operation are counted in usersRoutes and debitsRoutes; this counts
    // refused ones.
    if (c.req.method === 'POST' && DEBITS.includes(route)) metrics.debit(problem.code)
    if (isOurs(problem)) {
      onFailure(route, problem.cause ?? error, { request_id: c.get('requestId') })
    }
    return respond(c, problem)
  }

  return withProblems(sequenced(app, onlyKnownParameters), (c, error) => {
    // A failure after the deadline was answered: the reason may be that nobody waits any more.
    const isLate = c.get('deadline')?.isOver
    return isLate ? respond(c, problemIn(c, error)) : refuse(c, error)
  })
}

/** Creates an app with GET /metrics alone, for a port that only scrapers can reach. */
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

/**
 * Makes the app answer unknown paths, wrong methods and every Error that is thrown with a problem.
 */
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
  // The rest of a body that is too large is still on its way, and would be taken for the next
  // request.
  if (problem.code === 'payload_too_large') setHeader(c, 'Connection', 'close')
  // The app for metrics has no limits.
  const members = problem.membersAt(c.get('limits')?.publicPath ?? '')
  return answer(c, JSON.stringify(members), { status, type: 'application/problem+json' })
}

/** Whether the app has a route, and not only middleware, for this method and path. */
const answersTo = (app: Hono, method: string, path: string): boolean =>
  app.router.match(method, path)[0].some(([[, route]]) => route.method === method)
