/** Makes the parts that the app and the tasks beside it use, and connects them with each other. */
import { createAccessFromConfig } from './auth/from_config.ts'
import { createSnapshots } from './cache/snapshots.ts'
import { type Config, describeConfig } from './config/config.ts'
import { databaseTarget } from './config/database_tls.ts'
import { atServer } from './config/database_url.ts'
import { createEvents } from './ledger/events.ts'
import { OPERATIONS } from './ledger/operations.ts'
import { createRecheck } from './ledger/recheck.ts'
import {
  createLongReads,
  openLedger,
  openQueues,
  openShardEvents,
  openShards,
  POOL_SIZES,
} from './pools.ts'
import type { Runtime } from './runtime.ts'
import { createAccessLog } from './telemetry/access_log.ts'
import { limitLog } from './telemetry/limited_log.ts'
import { createLog } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics.ts'

export type Parts = Awaited<ReturnType<typeof createParts>>

/**
 * Creates the parts. Connections open when they are needed.
 * @throws Error with one line if a setting is missing or a file can't be read
 */
export async function createParts(
  config: Config,
  runtime: Omit<Runtime, 'listen' | 'name'>,
) {
  const { write, readText, readFile, sha256, pools = POOL_SIZES } = runtime
  if (!config.databaseUrl) throw new Error('DATABASE_URL must be set')
  const log = limitLog(createLog(config.logLevel))
  log.debug('configuration', undefined, { configuration: describeConfig(config) })
  const accessLog = config.accessLog && config.logLevel !== 'silent'
    ? createAccessLog({ write })
    : undefined
  const metrics = createMetrics({ operations: OPERATIONS, ...runtime })
  const access = await createAccessFromConfig(config, { readFile, sha256, metrics, log })
  const target = databaseTarget(config.databaseUrl, readText)
  let incarnation: string | undefined
  const standby = config.databaseReadUrl === undefined
    ? undefined
    : databaseTarget(config.databaseReadUrl, readText, 'DATABASE_READ_URL')
  const primary = openLedger(target, standby, {
    config,
    metrics,
    pools,
    incarnation: () => incarnation,
    onAway: (error) => log.warn('the standby is away, so the primary answers', error),
  })
  const { databaseUrl } = config
  const shards = openShards(
    primary,
    ({ host, port }) => databaseTarget(atServer(databaseUrl, host, port), readText),
    { config, metrics, pools },
  )
  const ledger = { ...primary, getUsers: (ids: number[]) => shards.getUsers(ids) }
  const redis = config.redis && {
    ...config.redis,
    onError: (error: unknown) => log.warn('Redis fails', error),
  }
  const snapshots = createSnapshots({
    ...(redis && { redis }),
    ...(redis?.timeoutMs && { timeoutMs: redis.timeoutMs }),
    ttlSeconds: config.snapshotTtlSeconds,
    load: ledger.getUsers,
    onError: (operation) => metrics.snapshotError(operation),
  })
  const queue = openQueues(ledger, shards, { config, metrics, pools })
  const longReads = createLongReads(pools)
  const recheck = createRecheck({ ledger, metrics })
  const events = createEvents(ledger, openShardEvents(shards, metrics))
  return {
    log,
    accessLog,
    metrics,
    access,
    target,
    ledger,
    shards,
    snapshots,
    queue,
    longReads,
    recheck,
    events,
    /** To be called with the incarnation of the primary's database, and when it changes. */
    setIncarnation: (known: string) => {
      incarnation = known
    },
  }
}
