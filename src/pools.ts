/** How many connections a service opens, and for what; what may be in flight at once follows. */
import type { Config } from './config/config.ts'
import { createFairSemaphore } from './core/semaphore.ts'
import { createDatabase, lockTimeoutOf, queryDeadlineOf } from './database/database.ts'
import { createLedger, type Ledger, type LedgerOptions } from './ledger/functions.ts'
import { observedLedger } from './ledger/observed.ts'
import { createLedgerReads } from './ledger/read_functions.ts'
import { onStandby } from './ledger/replica_condition.ts'
import { createReplicaReads, type ReplicaOptions } from './ledger/replica_reads.ts'
import { createLedgerSearch } from './ledger/search_functions.ts'
import { WriteQueue } from './ledger/write_queue.ts'
import type { Metrics } from './telemetry/metrics.ts'

/** Batches in flight at once. While they are, operations gather for the next one. */
const BATCHES = 2
/** Calls that wait for a row lock that somebody else has. */
const WAITING = 6
/** Calls that repeat an operation whose connection was lost. */
const REPEATS = 2
const READING = 4
/** Connections for long reads. One caller never gets all of them. */
const READING_LONG = 3
const READING_LONG_PER_CALLER = 2
const MAX_WAITING_LONG = 100

/** All connections of an instance, with the one that asks what has changed. */
export const MAX_DATABASE_CONNECTIONS = BATCHES + WAITING + REPEATS + READING + READING_LONG + 1

type Target = Pick<LedgerOptions, 'url' | 'ssl'>

interface Replica extends Pick<ReplicaOptions, 'incarnation' | 'onAway'> {
  /** The standby; undefined: there is none. */
  target: Target | undefined
}

/**
 * The functions of the database, each call timed, on connections that open when they are needed.
 */
export function openLedger(
  target: Target,
  config: Config,
  metrics: Metrics,
  { target: standbyTarget, ...replica }: Replica,
): Ledger {
  const queryDeadlineMs = queryDeadlineOf(config.requestDeadlineMs)
  const ledger = observedLedger(
    createLedger({
      ...target,
      batches: BATCHES,
      waiting: WAITING + REPEATS,
      reading: READING,
      readingLong: READING_LONG,
      queryDeadlineMs,
    }),
    metrics.databaseCall,
  )
  const options = { ...replica, primary: ledger, onRead: metrics.historyRead }
  if (!standbyTarget) return { ...ledger, ...createReplicaReads(options) }
  // Leaves time for the primary.
  const deadline = { queryDeadlineMs: queryDeadlineMs / 2 }
  const database = createDatabase({ ...standbyTarget, ...deadline, max: READING + READING_LONG })
  // Only as long as it is known does a read go to a standby.
  const condition = onStandby(() => replica.incarnation() ?? '')
  const standby = observedLedger({
    ...createLedgerReads(database, database, condition),
    ...createLedgerSearch(database, condition),
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

/** The queue of all writes, with as many calls at once as there are connections for them. */
export function openQueue(ledger: Ledger, config: Config, metrics: Metrics): WriteQueue {
  const queryDeadlineMs = queryDeadlineOf(config.requestDeadlineMs)
  return new WriteQueue({
    ledger,
    batches: BATCHES,
    waiting: WAITING,
    repeats: REPEATS,
    maxWaitMs: config.requestDeadlineMs - queryDeadlineMs,
    lockWaitMs: lockTimeoutOf(queryDeadlineMs),
    maxQueue: config.maxQueue,
    onBatch: metrics.batch,
    onWait: metrics.queueWait,
  })
}

/** Turns of the callers for long reads. */
export const createLongReads = () =>
  createFairSemaphore({
    limit: READING_LONG,
    perKey: READING_LONG_PER_CALLER,
    maxWaiting: MAX_WAITING_LONG,
  })
