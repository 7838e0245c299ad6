/** Puts the parts together and takes them apart again, in the order in which nothing is lost. */
import { createAccessLog } from './access_log.ts'
import { createAnnouncer } from './announcer.ts'
import { createApp as build } from './app.ts'
import { type Config, describeConfig } from './config.ts'
import { queryDeadlineOf } from './database.ts'
import { databaseTarget } from './database_tls.ts'
import { createDebitQueue } from './debit_queue.ts'
import { Problem } from './errors.ts'
import { createLedger, type Posting, SCHEMA_VERSION } from './ledger.ts'
import type { Limits } from './limits.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createPost } from './posting.ts'
import { createSnapshots } from './snapshots.ts'
import { createUnbatched } from './unbatched.ts'
import { createVerify } from './verification.ts'

/** Batches in flight at once; the next ones grow fuller meanwhile. */
const LANES = 2
const WAITING = 8
const UNBATCHED = 8
const READING = 4
const SYSTEM_USER_ID = 1
/** What a stop may take beyond the deadline of the last request. */
const STOPPING_MS = 3_000
/** For whoever reads the access log. */
const FLUSH_DEADLINE_MS = 500

/** What a runtime gives: a server that is already listening. */
export interface Server {
  url: string
  /** Takes no new connections, and settles when those there are have been served. */
  drain(): Promise<void>
  /** Cuts what is still connected. */
  cut(): void
}

/** `peer`: the address that the request came from; '' where nobody knows it any more. */
export type Fetch = (request: Request, peer: string) => Response | Promise<Response>

export type Listen = (
  fetch: Fetch,
  options: { host: string; port: number } & Partial<Limits>,
) => Promise<Server>

/** What the entries know and nothing else does. */
export interface Runtime {
  listen: Listen
  /** Writes to standard output; settles when that has taken all of it. */
  write: (text: string) => Promise<void>
  /** The text of a file. */
  readText: (path: string) => string
  /** How much memory the process has, where /proc is closed. */
  residentBytes?: () => number
  /** Left out: the app as it is. */
  createApp?: typeof build
}

export interface Service {
  url: string
  /** Settles when every accepted request is answered, or its deadline is over. */
  stop(): Promise<void>
}

/**
 * Starts the service.
 * @throws Error with one line if a setting is missing or the port can't be had
 */
export async function startService(
  config: Config,
  { listen, write, readText, residentBytes, createApp = build }: Runtime,
): Promise<Service> {
  if (!config.databaseUrl) throw new Error('DATABASE_URL must be set')
  const log = createLog(config.logLevel)
  log.debug('configuration', undefined, { configuration: describeConfig(config) })
  const accessLog = config.accessLog && config.logLevel !== 'silent'
    ? createAccessLog({ write })
    : undefined
  const metrics = createMetrics(residentBytes)
  const ledger = createLedger({
    ...databaseTarget(config.databaseUrl, readText),
    lanes: LANES,
    waiting: WAITING + UNBATCHED,
    reading: READING,
    queryDeadlineMs: queryDeadlineOf(config.requestDeadlineMs),
  })
  const snapshots = createSnapshots({
    ...(config.redis && { redis: config.redis }),
    ttlSeconds: config.snapshotTtlSeconds,
    load: (ids) => ledger.getUsers(ids),
    onError: (operation) => metrics.snapshotError(operation),
    announce: createAnnouncer((versions) => ledger.notifyChanged(versions)),
  })
  const queue = createDebitQueue({
    post: (items, options) => ledger.postEntries(items, options),
    lanes: LANES,
    waiting: WAITING,
    maxQueue: config.maxQueue,
    onBatch: (size) => metrics.batch(size),
  })
  const add = (item: Posting) =>
    queue.add(item).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'outcome_unknown') snapshots.doubt(item.userId)
      throw error
    })

  const post = createPost({ queue: { add }, snapshots })
  const unbatched = createUnbatched({
    ledger,
    post,
    snapshots,
    limit: UNBATCHED,
    maxQueue: config.maxQueue,
  })

  let stopping = false
  let hasSystemUser = false
  async function notReady(): Promise<string | undefined> {
    if (stopping) return 'The service is stopping.'
    try {
      if (!await ledger.hasMigration(SCHEMA_VERSION)) return 'The schema is not the expected one.'
      if (!hasSystemUser) await ledger.createUser(SYSTEM_USER_ID)
      hasSystemUser = true
      return undefined
    } catch (error) {
      log.warn('not ready', error)
      return 'PostgreSQL does not answer as expected.'
    }
  }

  const app = createApp({
    ledger,
    post,
    verify: createVerify({ ledger }),
    unbatched,
    snapshots,
    metrics,
    accessLog,
    limits: config,
    rate: config.rateLimit === undefined
      ? undefined
      : { requests: config.rateLimit, seconds: config.rateLimitSeconds },
    notReady,
    onFailure: (what, error, fields?: object) => log.error(what, error, fields),
  })
  const answer = (request: Request, peer: string) => app.fetch(request, { peer })
  const last = async (request: Request, peer: string) => {
    const response = await answer(request, peer)
    // So that nobody sends another request on a connection that is about to close.
    response.headers.set('Connection', 'close')
    return response
  }
  const fetch: Fetch = (request, peer) => stopping ? last(request, peer) : answer(request, peer)
  const server = await listen(fetch, config).catch(async (error) => {
    await ledger.end()
    throw error
  })
  ledger.listen({
    changed: (id, version) => snapshots.changed(id, version),
    listening: (since) => snapshots.listening(since),
  })
  const problem = await notReady()
  if (problem) log.warn('started, but not ready yet', problem)
  if (config.logLevel !== 'silent') console.log(`Ledger listens on ${server.url}`)

  async function drain(): Promise<void> {
    await server.drain()
    await unbatched.idle()
    await queue.idle()
    await snapshots.idle()
    await ledger.end()
  }

  return {
    url: server.url,
    async stop() {
      if (stopping) return
      stopping = true
      await within(config.requestDeadlineMs + STOPPING_MS, drain())
      server.cut()
      if (accessLog) await within(FLUSH_DEADLINE_MS, accessLog.flush())
    },
  }
}

async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const limit = new Promise((resolve) => timer = setTimeout(resolve, limitMs))
  await Promise.race([work, limit])
  clearTimeout(timer)
}
