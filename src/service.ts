/**
 * Starts the parts of the service in order, and stops them in the reverse order, so that nothing
 * accepted is lost.
 */
import { isLoopback } from './config/access_config.ts'
import { createApp as build, createMetricsApp } from './app/app.ts'
import { createBrowserGuard } from './app/browsers.ts'
import { startChangePoller } from './cache/change_poller.ts'
import { SCHEMA_VERSION } from './ledger/schema_version.ts'
import { createWrite } from './ledger/write.ts'
import { watchLockHolders } from './ledger/lock_holders.ts'
import { createReadiness } from './ledger/readiness.ts'
import { timeLimited } from './core/time_limit.ts'
import { VERSION } from './core/version.ts'
import { makeSystemUser } from './ledger/system_user.ts'
import { startSeriesPoller } from './ledger/series_poller.ts'
import { createVerify } from './ledger/verification.ts'
import { startWebhooks } from './webhooks/webhooks.ts'
import type { Config } from './config/config.ts'
import { openServers } from './server/servers.ts'
import { createParts, type Parts } from './parts.ts'
import { openJournal } from './pools.ts'
import type { Runtime } from './runtime.ts'

/** How long a stop may take after the deadline of the last request. */
const STOPPING_MS = 3_000
/** How long a stop waits for the reader of the access log. */
const FLUSH_DEADLINE_MS = 500

export interface Service {
  url: string
  /** The URL of /metrics, if it has a port of its own. */
  metricsUrl?: string
  /** Settles when every accepted request is answered, or its deadline is over. */
  stop(): Promise<void>
}

/**
 * Starts the service.
 * @throws Error with one line if a setting is missing or the port can't be had
 */
export async function startService(config: Config, runtime: Runtime): Promise<Service> {
  const parts = await createParts(config, runtime)
  const { log, accessLog, access, ledger } = parts
  let stopping = false
  const readiness = createReadiness({ ledger, log })
  const notReady = async () => stopping ? 'The service is stopping.' : await readiness.problem()
  watch(parts, runtime, notReady)
  const webhooks = await openWebhooks(config, runtime, parts)
  const tasks = startTasks(parts)
  const apps = createApps(config, runtime, { ...parts, ...tasks }, notReady)
  const servers = await openServers(apps, config, runtime.listen, () => stopping)
    .catch(async (error) => {
      access?.stop()
      await webhooks?.stop()
      tasks.stopWatching()
      await tasks.stopPolling()
      await endDatabases(parts)
      throw error
    })
  const [{ url }, metricsServer] = servers
  const problem = await notReady()
  if (problem) log.warn('started, but not ready yet', problem)
  const systemUser = startSystemUser(parts)
  if (!problem) await systemUser.tried
  if (!access) {
    const why = `whoever can connect to ${config.host} may do anything`
    log[isLoopback(config.host) ? 'info' : 'warn']('access is off', why)
  }
  if (metricsServer) log.info('metrics have a port of their own', metricsServer.url)
  if (config.logLevel !== 'silent') console.log(`Ledger listens on ${url}`)

  async function drain(): Promise<void> {
    await Promise.all([webhooks?.stop(), ...servers.map((server) => server.drain())])
    await parts.queue.idle()
    await parts.snapshots.idle()
    await parts.recheck.stop()
    await tasks.stopPolling()
    await endDatabases(parts)
  }

  return {
    url,
    ...(metricsServer && { metricsUrl: metricsServer.url }),
    async stop() {
      if (stopping) return
      stopping = true
      parts.events.end()
      systemUser.stop()
      tasks.stopWatching()
      access?.stop()
      await timeLimited(config.requestDeadlineMs + STOPPING_MS, drain(), undefined)
      for (const server of servers) server.cut()
      if (accessLog) await timeLimited(FLUSH_DEADLINE_MS, accessLog.flush(), undefined)
      log.end()
    },
  }
}

async function endDatabases({ ledger, shards }: Parts): Promise<void> {
  await Promise.all([shards.end(), ledger.end()])
}

/** Resolves with a sentence that says why the service isn't ready; undefined: it is. */
type NotReady = () => Promise<string | undefined>
type Tasks = ReturnType<typeof startTasks>

/** Shows in the metrics how the parts are. */
function watch(
  { metrics, ledger, shards, queue, snapshots, events }: Parts,
  runtime: Runtime,
  notReady: NotReady,
) {
  metrics.watch({
    version: VERSION,
    schema: SCHEMA_VERSION,
    runtime: runtime.name,
    notReady,
    countPending: ledger.countPending,
    queues: () => queue.queues(),
    pools: () => ({ ...ledger.connections(), ...shards.connections() }),
    lockedUsers: () => queue.lockedUsers(),
    snapshotLagMs: snapshots.lagMs,
    eventsLagMs: () => events.lagMs(),
  })
}

/** Creates the app, and the one for a port that has metrics only. */
function createApps(config: Config, runtime: Runtime, parts: Parts & Tasks, notReady: NotReady) {
  const { log, accessLog, metrics, access, ledger, queue, snapshots, longReads, recheck } = parts
  const { events, refreshEvents } = parts
  const { createApp = build } = runtime
  const onFailure = (what: string, error: unknown, fields?: object) =>
    log.error(what, error, fields)
  const guard = createBrowserGuard({ ...config, isOpen: access === undefined })
  const app = createApp({
    access,
    hasMetrics: config.metricsPort === undefined,
    ledger,
    write: createWrite({ queue, ledger, snapshots, metrics }),
    verify: createVerify({ ledger, turns: longReads }),
    longReads,
    events,
    refreshEvents,
    readJournal: openJournal(parts),
    snapshots,
    metrics: { ...metrics, verified: recheck.verified },
    accessLog,
    limits: config,
    publicUrl: config.publicUrl,
    guard,
    rate: config.rateLimit === undefined
      ? undefined
      : { requests: config.rateLimit, seconds: config.rateLimitSeconds },
    readConsoleFile: runtime.readConsoleFile,
    readDocsFile: runtime.readDocsFile,
    notReady,
    onFailure,
  })
  return [app, createMetricsApp({ metrics, guard, onFailure })] as const
}

/** Starts what runs beside requests. */
function startTasks(parts: Parts) {
  const { log, target, ledger, shards, queue, snapshots, events, setIncarnation } = parts
  let isStopped = false
  let poller = startChangePoller(target, {
    ...snapshots,
    settled: (history) => {
      setIncarnation(history.incarnation)
      events.settled(history)
    },
    failed: (error) => log.warn('changes are not heard of, so the cache is not used', error),
  })
  void shards.start().then(async (isDistributed) => {
    if (!isDistributed) return
    log.info('the ledger is on several servers', 'so no cache is used')
    await poller.stop()
    if (isStopped) return
    poller = startSeriesPoller({
      target,
      reading: (server) => shards.reading(server),
      settled: (history) => events.settled(history),
      failed: (error) => log.warn('a server does not answer, so events wait', error),
    })
  })
  const stopWatching = watchLockHolders({
    lockedUsers: () => queue.lockedUsers(),
    read: ledger.readLockHolders,
    log,
  })
  return {
    stopWatching,
    refreshEvents: () => poller.refresh(),
    async stopPolling() {
      isStopped = true
      await poller.stop()
    },
  }
}

/** Starts to deliver events, if a file says to whom. */
const openWebhooks = async (
  { webhooksFile: path }: Config,
  { readFile: readText, sha256 }: Runtime,
  { log, ledger, events, longReads, metrics: { webhooks: metrics } }: Parts,
) =>
  path === undefined
    ? undefined
    : await startWebhooks({ path, readText, sha256, log, ledger, events, longReads, metrics })

const startSystemUser = ({ ledger, log }: Parts) =>
  makeSystemUser({
    hasUser: async (id) => (await ledger.getUsers([id])).has(id),
    createUser: (id) => ledger.createUser({ id }),
    onFailure: (error) => log.warn('user 1 is not made yet', error),
  })
