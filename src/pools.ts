/** How many connections a service opens, and for what; what may be in flight at once follows. */
import type { Config } from './config/config.ts'
import { Problem } from './core/errors.ts'
import { createFairSemaphore } from './core/semaphore.ts'
import { createDatabase, lockTimeoutOf, queryDeadlineOf } from './database/database.ts'
import type { Events } from './ledger/events.ts'
import { isDistributed } from './ledger/every_shard.ts'
import { createLedger, type Ledger, type LedgerOptions } from './ledger/functions.ts'
import { createJournal } from './ledger/journal.ts'
import { observedLedger } from './ledger/observed.ts'
import { createLedgerReads } from './ledger/read_functions.ts'
import { onStandby } from './ledger/replica_condition.ts'
import { createReplicaReads, type ReplicaOptions } from './ledger/replica_reads.ts'
import { createLedgerSearch } from './ledger/search_functions.ts'
import type { Shard } from './ledger/shard_map.ts'
import { createShardEvents } from './ledger/shard_events.ts'
import { Shards } from './ledger/shards.ts'
import { WriteQueue } from './ledger/write_queue.ts'
import { WriteRouter } from './ledger/write_router.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** Connections for each kind of work. */
export interface PoolSizes {
  /** Batches in flight at once. While they are, operations gather for the next one. */
  batches: number
  /** Calls that wait for a row lock that somebody else has. */
  waiting: number
  /** Calls that repeat an operation whose connection was lost. */
  repeats: number
  reading: number
  /** For long reads. Default: they use those for short reads. */
  readingLong?: number
}

export const POOL_SIZES = { batches: 2, waiting: 6, repeats: 2, reading: 4, readingLong: 3 }
/** Of those for long reads, one caller never gets all. */
const READING_LONG_PER_CALLER = 2
const MAX_WAITING_LONG = 100

/** All connections of an instance, with the one that asks what has changed. */
export const MAX_DATABASE_CONNECTIONS = Object.values(POOL_SIZES).reduce((sum, n) => sum + n) + 1

type Target = Pick<LedgerOptions, 'url' | 'ssl'>

interface LedgerParts extends Pick<ReplicaOptions, 'incarnation' | 'onAway'> {
  config: Config
  metrics: Metrics
  pools: PoolSizes
}

/**
 * The functions of the database, each call timed, on connections that open when they are needed.
 */
export function openLedger(
  target: Target,
  standbyTarget: Target | undefined,
  { config, metrics, pools, ...replica }: LedgerParts,
): Ledger {
  const { batches, waiting, repeats, reading, readingLong } = pools
  const queryDeadlineMs = queryDeadlineOf(config.requestDeadlineMs)
  const ledger = observedLedger(
    createLedger({
      ...target,
      batches,
      waiting: waiting + repeats,
      reading,
      readingLong,
      queryDeadlineMs,
    }),
    metrics.databaseCall,
  )
  const options = { ...replica, primary: ledger, onRead: metrics.historyRead }
  if (!standbyTarget) return { ...ledger, ...createReplicaReads(options) }
  const database = createDatabase({
    ...standbyTarget,
    // Leaves time for the primary.
    queryDeadlineMs: queryDeadlineMs / 2,
    max: reading + (readingLong ?? 0),
  })
  // No read goes to a standby while the incarnation is unknown.
  const condition = onStandby(() => replica.incarnation() ?? '')
  const standby = observedLedger({
    ...createLedgerReads(database, database, condition),
    ...createLedgerSearch(database, database, condition),
  }, metrics.databaseCall)
  return {
    ...ledger,
    ...createReplicaReads({ ...options, standby }),
    connections: () => ({ ...ledger.connections(), standby: database.connections() }),
    end: async () => {
      await Promise.all([ledger.end(), database.end()])
    },
  }
}

type QueueParts = Pick<LedgerParts, 'config' | 'metrics' | 'pools'>

/** The queues of all writes, with as many calls at once as there are connections for them. */
export function openQueues(
  ledger: Ledger,
  shards: Shards,
  { config, metrics, pools }: QueueParts,
): WriteRouter {
  const { batches, waiting, repeats } = pools
  const queryDeadlineMs = queryDeadlineOf(config.requestDeadlineMs)
  const options = {
    batches,
    waiting,
    repeats,
    maxWaitMs: config.requestDeadlineMs - queryDeadlineMs,
    lockWaitMs: lockTimeoutOf(queryDeadlineMs),
    maxQueue: config.maxQueue,
    onBatch: metrics.batch,
    onWait: metrics.queueWait,
  }
  return new WriteRouter({
    ledger,
    shards,
    openQueue: (to, limits) => new WriteQueue({ ...options, ledger: to, ...limits }),
  })
}

/**
 * The servers of a distributed ledger, each with as many connections as the coordinator, and as
 * the same role.
 */
export function openShards(
  ledger: Ledger,
  targetOf: (server: Pick<Shard, 'host' | 'port'>) => Target,
  { config, metrics, pools }: QueueParts,
): Shards {
  const { batches, waiting, repeats, reading } = pools
  const queryDeadlineMs = queryDeadlineOf(config.requestDeadlineMs)
  return new Shards({
    ledger,
    openWorker: (server) => {
      const options = { ...targetOf(server), queryDeadlineMs }
      return {
        batches: createDatabase({ ...options, max: batches }),
        waiting: createDatabase({ ...options, max: waiting + repeats }),
        reading: createDatabase({ ...options, max: reading }),
      }
    },
    observe: (shard) => observedLedger(shard, metrics.databaseCall),
  })
}

/** How to ask each of these servers, each call timed. */
const serversOf = (shards: Shards, databaseCall: Metrics['databaseCall']) => ({
  reading: (server: Pick<Shard, 'host' | 'port'>) => shards.reading(server),
  shardIds: () => shards.ids,
  observe: <Functions extends object>(functions: Functions) =>
    observedLedger(functions, databaseCall),
})

/** Reads events on these servers. */
export const openShardEvents = (shards: Shards, { databaseCall }: Pick<Metrics, 'databaseCall'>) =>
  createShardEvents(serversOf(shards, databaseCall))

/** Reads entries of everybody, on these servers if there are several. */
export const openJournal = (
  { ledger, shards, events, metrics: { databaseCall }, refreshEvents }:
    & { ledger: Ledger; shards: Shards; events: Events; refreshEvents: () => Promise<void> }
    & Pick<LedgerParts, 'metrics'>,
) =>
  createJournal({
    ledger,
    settled: async (isNow) => {
      if (!shards.isDistributed) return undefined
      if (isNow) await refreshEvents()
      const history = events.history()
      if (!isDistributed(history)) throw new Problem('busy')
      return history
    },
    ...serversOf(shards, databaseCall),
  })

/** Turns of the callers for long reads. */
export const createLongReads = ({ reading, readingLong = reading }: PoolSizes) =>
  createFairSemaphore({
    limit: readingLong,
    perKey: READING_LONG_PER_CALLER,
    maxWaiting: MAX_WAITING_LONG,
  })
