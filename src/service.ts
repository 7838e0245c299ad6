/**
 * Starts the parts of the service in order, and stops them in the reverse order, so that nothing
 * accepted is lost.
 */
import { createAccessFromConfig } from './auth/from_config.ts'
import { isLoopback } from './config/access_config.ts'
import { createAccessLog } from './telemetry/access_log.ts'
import { createApp as build, createMetricsApp } from './app/app.ts'
import type { DocsFile } from './app/docs.ts'
import { createBrowserGuard } from './app/browsers.ts'
import { startChangePoller } from './cache/change_poller.ts'
import { type Config, describeConfig } from './config/config.ts'
import { databaseTarget } from './config/database_tls.ts'
import { SCHEMA_VERSION } from './ledger/schema_version.ts'
import { OPERATIONS } from './ledger/operations.ts'
import { createWrite } from './ledger/write.ts'
import { limitLog } from './telemetry/limited_log.ts'
import { createLog } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { watchLockHolders } from './ledger/lock_holders.ts'
import { createReadiness } from './ledger/readiness.ts'
import { timeLimited } from './core/time_limit.ts'
import { VERSION } from './core/version.ts'
import { createLongReads, openLedger, openQueue } from './pools.ts'
import { createRecheck } from './ledger/recheck.ts'
import { type Listen, openServers } from './server/servers.ts'
import { createSnapshots } from './cache/snapshots.ts'
import { makeSystemUser } from './ledger/system_user.ts'
import { createVerify } from './ledger/verification.ts'

/** How long a stop may take after the deadline of the last request. */
const STOPPING_MS = 3_000
/** How long a stop waits for the reader of the access log. */
const FLUSH_DEADLINE_MS = 500

/** What depends on the runtime, and so comes from node.ts or deno.ts. */
export interface Runtime {
  /** With its version. */
  name: string
  listen: Listen
  /** Writes to standard output; settles when that has taken all of it. */
  write: (text: string) => Promise<void>
  /** Reads a file, blocking: only for the start. */
  readText: (path: string) => string
  /** Reads a file without blocking. Rejects for anything but a regular file, such as a pipe. */
  readFile: (path: string) => Promise<string>
  /** Reads a file of the page at /docs; left out: it has none. */
  readDocsFile?: (name: DocsFile) => Promise<Uint8Array<ArrayBuffer>>
  /** SHA-256 in hexadecimal. */
  sha256: (text: string) => string
  /** The resident memory in bytes, on a runtime where prom-client can't read /proc. */
  residentBytes?: () => number
  /** Replaces the app, for benchmarks. Default: the real one. */
  createApp?: typeof build
}

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
export async function startService(
  config: Config,
  runtime: Runtime,
): Promise<Service> {
  const { listen, write, readText, readFile, readDocsFile, sha256, residentBytes } = runtime
  const { createApp = build } = runtime
  if (!config.databaseUrl) throw new Error('DATABASE_URL must be set')
  const log = limitLog(createLog(config.logLevel))
  log.debug('configuration', undefined, { configuration: describeConfig(config) })
  const accessLog = config.accessLog && config.logLevel !== 'silent'
    ? createAccessLog({ write })
    : undefined
  const metrics = createMetrics({ operations: OPERATIONS, residentBytes })
  const access = await createAccessFromConfig(config, { readFile, sha256, metrics, log })
  const target = databaseTarget(config.databaseUrl, readText)
  const ledger = openLedger(target, config, metrics)
  const redis = config.redis && {
    ...config.redis,
    onError: (error: unknown) => log.warn('Redis fails', error),
  }
  const snapshots = createSnapshots({
    ...(redis && { redis }),
    ...(redis?.timeoutMs && { timeoutMs: redis.timeoutMs }),
    ttlSeconds: config.snapshotTtlSeconds,
    load: (ids) => ledger.getUsers(ids),
    onError: (operation) => metrics.snapshotError(operation),
  })
  const queue = openQueue(ledger, config, metrics)
  const longReads = createLongReads()

  let stopping = false
  const readiness = createReadiness({ ledger, log })
  const notReady = async () => stopping ? 'The service is stopping.' : await readiness.problem()

  metrics.watch({
    version: VERSION,
    schema: SCHEMA_VERSION,
    runtime: runtime.name,
    notReady,
    countPending: ledger.countPending,
    queues: queue.queues,
    pools: ledger.connections,
    lockedUsers: queue.lockedUsers,
    snapshotLagMs: snapshots.lagMs,
  })
  const recheck = createRecheck({ ledger, metrics })
  const onFailure = (what: string, error: unknown, fields?: object) =>
    log.error(what, error, fields)
  const app = createApp({
    access,
    hasMetrics: config.metricsPort === undefined,
    ledger,
    write: createWrite({ queue, ledger, snapshots, metrics }),
    verify: createVerify({ ledger, turns: longReads }),
    longReads,
    snapshots,
    metrics: { ...metrics, verified: recheck.verified },
    accessLog,
    limits: config,
    publicUrl: config.publicUrl,
    guard: createBrowserGuard({ ...config, isOpen: access === undefined }),
    rate: config.rateLimit === undefined
      ? undefined
      : { requests: config.rateLimit, seconds: config.rateLimitSeconds },
    readDocsFile,
    notReady,
    onFailure,
  })
  const apps = [app, createMetricsApp({ metrics, onFailure })] as const
  const servers = await openServers(apps, config, listen, () => stopping).catch(async (error) => {
    access?.stop()
    await ledger.end()
    throw error
  })
  const [{ url }, metricsServer] = servers
  const poller = startChangePoller(target, {
    ...snapshots,
    failed: (error) => log.warn('changes are not heard of, so the cache is not used', error),
  })
  const stopWatching = watchLockHolders({
    lockedUsers: queue.lockedUsers,
    read: ledger.readLockHolders,
    log,
  })
  const problem = await notReady()
  if (problem) log.warn('started, but not ready yet', problem)
  const systemUser = makeSystemUser({
    hasUser: async (id) => (await ledger.getUsers([id])).has(id),
    createUser: (id) => ledger.createUser({ id }),
    onFailure: (error) => log.warn('user 1 is not made yet', error),
  })
  if (!problem) await systemUser.tried
  if (!access) {
    const why = `whoever can connect to ${config.host} may do anything`
    log[isLoopback(config.host) ? 'info' : 'warn']('access is off', why)
  }
  if (metricsServer) log.info('metrics have a port of their own', metricsServer.url)
  if (config.logLevel !== 'silent') console.log(`Ledger listens on ${url}`)

  async function drain(): Promise<void> {
    await Promise.all(servers.map((server) => server.drain()))
    await queue.idle()
    await snapshots.idle()
    await recheck.stop()
    await poller.stop()
    await ledger.end()
  }

  return {
    url,
    ...(metricsServer && { metricsUrl: metricsServer.url }),
    async stop() {
      if (stopping) return
      stopping = true
      systemUser.stop()
      stopWatching()
      access?.stop()
      await timeLimited(config.requestDeadlineMs + STOPPING_MS, drain(), undefined)
      for (const server of servers) server.cut()
      if (accessLog) await timeLimited(FLUSH_DEADLINE_MS, accessLog.flush(), undefined)
      log.end()
    },
  }
}
