/** All routes of the app. */
import type { Hono } from 'hono'
import { publicPathOf } from '../config/edge_config.ts'
import type { Deadlines } from '../core/deadlines.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openapi } from './openapi.ts'
import { type BalancesDependencies, balancesRoutes } from './balances.ts'
import { type ControlsDependencies, controlsRoutes } from './controls.ts'
import { type BulkDependencies, bulkRoutes } from './bulk.ts'
import type { Admit } from './list_items.ts'
import { type DebitsDependencies, debitsRoutes } from './debits.ts'
import { type ConsoleDependencies, consoleRoutes } from './console.ts'
import { type DocsDependencies, docsRoutes } from './docs.ts'
import { type EventsDependencies, eventsRoutes } from './events.ts'
import { type HistoryDependencies, historyRoutes } from './history.ts'
import { type HoldsDependencies, holdsRoutes } from './holds.ts'
import { healthRoutes, metricsRoutes } from './operators.ts'
import { type JournalDependencies, journalRoutes } from './journal.ts'
import { type HeldDependencies, heldRoutes } from './held.ts'
import { meRoutes } from './me.ts'
import { type TransfersDependencies, transfersRoutes } from './transfers.ts'
import { type UserDirectoryDependencies, userDirectoryRoutes } from './user_directory.ts'
import { type UsersDependencies, usersRoutes } from './users.ts'

/** What the groups of routes need. */
export type RoutesDependencies =
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
    /** The URL of the service for its callers. Default: the address that it listens on. */
    publicUrl?: string | undefined
    /** Whether this app answers GET /metrics. False where /metrics has a port of its own. */
    hasMetrics?: boolean
    notReady: () => Promise<string | undefined>
    /**
     * Called for failures of the service or of what it depends on.
     * @param what what failed, for the log
     */
    onFailure: (what: string, error: unknown, fields?: object) => void
  }

/** Adds the routes of the ledger itself. */
export function addLedgerRoutes(
  app: Hono,
  dependencies: RoutesDependencies & { deadlines: Deadlines; admit: Admit },
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

/** Adds routes for operators and their tools, and the description of all routes. */
export function addServiceRoutes(
  app: Hono,
  { isClosed, hasMetrics = true, metrics, notReady, publicUrl, ...files }: RoutesDependencies & {
    /** Whether callers need a token. */
    isClosed: boolean
  },
): void {
  if (hasMetrics) app.route('/', metricsRoutes(metrics))
  app.route('/', healthRoutes({ notReady }))
  app.route('/', consoleRoutes(files))
  let document: Promise<object> | undefined
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
