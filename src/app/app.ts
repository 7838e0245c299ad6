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
import { openapi } from './openapi.ts'
import { createRequestRates, type RateLimit } from '../http/rate_limit.ts'
import { balancesRoutes } from './balances.ts'
import type { BalancesDependencies } from './balances.ts'
import { controlsRoutes } from './controls.ts'
import type { ControlsDependencies } from './controls.ts'
import { bulkRoutes } from './bulk.ts'
import type { BulkDependencies } from './bulk.ts'
import { type Admit, createAdmit } from './list_items.ts'
import { debitsRoutes } from './debits.ts'
import type { DebitsDependencies } from './debits.ts'
import { type ConsoleDependencies, consoleRoutes } from './console.ts'
import { type DocsDependencies, docsRoutes } from './docs.ts'
import { eventsRoutes } from './events.ts'
import type { EventsDependencies } from './events.ts'
import { historyRoutes } from './history.ts'
import type { HistoryDependencies } from './history.ts'
import { holdsRoutes } from './holds.ts'
import type { HoldsDependencies } from './holds.ts'
import { metricsRoutes, operationsRoutes } from './operators.ts'
import { journalRoutes } from './journal.ts'
import type { JournalDependencies } from './journal.ts'
import { heldRoutes } from './held.ts'
import type { HeldDependencies } from './held.ts'
import { meRoutes } from './me.ts'
import { transfersRoutes } from './transfers.ts'
import type { TransfersDependencies } from './transfers.ts'
import { userDirectoryRoutes } from './user_directory.ts'
import type { UserDirectoryDependencies } from './user_directory.ts'
import { usersRoutes } from './users.ts'
import type { UsersDependencies } from './users.ts'
import { problemIn, respondWithProblem, withProblems } from './problems.ts'
import { sequenced } from '../http/sequence.ts'
import { bodyTooSlow, onlyKnownParameters } from '../http/validate.ts'

const DEBITS = ['/users/:id/debit', '/debits']

export type Dependencies =
  & BalancesDependencies
  & ConsoleDependencies
  & ControlsDependencies
  & Omit<DebitsDependencies, 'deadlines' | 'admit'>
  & Omit<BulkDependencies, 'deadlines' | 'admit'>
  & Omit<EventsDependencies, 'onFailure'>
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
  addServiceRoutes(app, options)

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
          return next()
        })
      }
    } catch (error) {
      c.res = refuse(c, error)
    }
    if (trace) observer!.end(c, trace)
  }
}

function addLedgerRoutes(
  app: Hono,
  dependencies: Dependencies & { deadlines: Deadlines; admit: Admit },
): void {
  app.route('/me', meRoutes())
  app.route('/users', userDirectoryRoutes(dependencies))
  app.route('/users', usersRoutes(dependencies))
  app.route('/users', historyRoutes(dependencies))
  app.route('/users', holdsRoutes(dependencies))
  app.route('/users', heldRoutes(dependencies))
  app.route('/users', controlsRoutes(dependencies))
  app.route('/entries', journalRoutes(dependencies))
  app.route('/events', eventsRoutes(dependencies))
  app.route('/balances', balancesRoutes(dependencies))
  app.route('/transfers', transfersRoutes(dependencies))
  app.route('/debits', debitsRoutes(dependencies))
  app.route('/operations', bulkRoutes(dependencies))
}

/** Routes for operators and their tools, and the description of all routes. */
function addServiceRoutes(
  app: Hono,
  { access, hasMetrics = true, metrics, notReady, publicUrl, ...files }: Dependencies,
): void {
  if (hasMetrics) app.route('/', metricsRoutes(metrics))
  app.route('/', operationsRoutes({ notReady }))
  app.route('/', consoleRoutes(files))
  let document: Promise<object> | undefined
  const isClosed = access !== undefined
  app.route(
    '/',
    docsRoutes({
      document: () => document ??= openapi(app, { isClosed, publicUrl }),
      publicPath: publicPathOf(publicUrl),
      publicUrl,
      readDocsFile: files.readDocsFile,
    }),
  )
}

/** Creates an app with GET /metrics alone, for a port that only scrapers can reach. */
export function createMetricsApp(
  { metrics, onFailure }: Pick<Dependencies, 'metrics' | 'onFailure'>,
): Hono {
  const app = sequenced(new Hono().route('/', metricsRoutes(metrics)), onlyKnownParameters)
  return withProblems(app, (c, error) => {
    const problem = problemIn(c, error)
    if (problem.code === 'internal') onFailure(routePath(c, -1), problem.cause ?? error)
    return respondWithProblem(c, problem)
  })
}
