/** What the parts of a running service tell of themselves: queues, batches, calls, connections. */
import { Gauge, Histogram, type Registry } from 'prom-client'
import { timeLimited } from '../core/time_limit.ts'

/** How full something is. */
export interface Fill {
  used: number
  max: number
}

/** Asked at each scrape, so that nothing is counted in between. */
export interface ServiceSources {
  version: string
  /** Of the migration that this code was written against. */
  schema: string
  runtime: string
  /** Why the service can't be used; undefined: it can. */
  notReady: () => Promise<string | undefined>
  /** Operations that wait, by queue. */
  queues: () => Record<string, Fill>
  /** Connections with a call in flight, by pool. */
  pools: () => Record<string, Fill>
  /** Users whom somebody else's transaction holds while operations wait for them. */
  lockedUsers: () => number
  /** How long ago the last poll began that proved that no change is missed, in milliseconds. */
  snapshotLagMs: () => number
  /** Manual entries that are pending, and the age of the oldest. */
  countPending: () => Promise<{ entries: number; oldestSeconds: number }>
}

/** One call that operations went to PostgreSQL with. */
export interface PostedBatch {
  size: number
  /** What all of them are, or `mixed`. */
  operation: string
  durationMs: number
}

export interface ServiceMetrics {
  batch: (batch: PostedBatch) => void
  /** How long the item of a batch that came first had waited for it. */
  queueWait: (ms: number) => void
  /** One call of a function of the database, failed ones too. */
  databaseCall: (call: string, ms: number) => void
  /** From now on what these tell is exposed. */
  watch: (sources: ServiceSources) => void
}

/** For so long a scrape waits for the database; then what was known before counts. */
const PATIENCE_MS = 1000

const inTime = <T>(work: Promise<T>, late: T) =>
  timeLimited(PATIENCE_MS, work.catch(() => late), late)

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128]

function gauges(registers: Registry[], sources: ServiceSources): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) => {
    const collect = async () => one.set(await read())
    const one: Gauge = new Gauge({ name, help, registers, collect })
  }
  const filled = (
    name: string,
    help: string,
    label: string,
    read: () => Record<string, number>,
  ) => {
    const one: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const [value, number] of Object.entries(read())) one.set({ [label]: value }, number)
      },
    })
  }
  const part = (fills: () => Record<string, Fill>, name: keyof Fill) => () =>
    Object.fromEntries(Object.entries(fills()).map(([key, fill]) => [key, fill[name]]))

  const { version, schema, runtime } = sources
  new Gauge({
    name: 'ledger_build_info',
    help: 'Always 1; which version runs, on what, and the schema that it expects.',
    labelNames: ['version', 'runtime', 'schema'],
    registers,
  }).set({ version, runtime, schema }, 1)
  gauge(
    'ledger_ready',
    'Whether the service can use its database, and does not stop: 1 or 0.',
    async () => Number(await inTime(sources.notReady(), 'late') === undefined),
  )
  filled('ledger_queue_length', 'Operations that wait.', 'queue', part(sources.queues, 'used'))
  filled(
    'ledger_queue_capacity',
    'How many may wait; more are refused as busy.',
    'queue',
    part(sources.queues, 'max'),
  )
  filled(
    'ledger_database_connections_in_use',
    'Connections with a call in flight.',
    'pool',
    part(sources.pools, 'used'),
  )
  filled(
    'ledger_database_connections_max',
    'Connections that a pool opens at most.',
    'pool',
    part(sources.pools, 'max'),
  )
  gauge(
    'ledger_locked_users',
    "Users whom somebody else's transaction holds while operations wait for them.",
    sources.lockedUsers,
  )
  gauge(
    'ledger_snapshot_lag_seconds',
    'How long ago it was proved last that no change is missed; beyond 1, the cache is not used.',
    () => sources.snapshotLagMs() / 1000,
  )
  let pending = { entries: 0, oldestSeconds: 0 }
  const oldest = new Gauge({
    name: 'ledger_oldest_pending_entry_age_seconds',
    help: 'The age of the oldest manual entry that is not posted yet, by its ts; 0 without any.',
    registers,
  })
  gauge(
    'ledger_pending_entries',
    'Manual entries that are not posted yet, counted up to 10000.',
    async () => {
      pending = await inTime(sources.countPending(), pending)
      oldest.set(pending.oldestSeconds)
      return pending.entries
    },
  )
}

/** @param operations the kinds of operations: their series are there from the start */
export function createServiceMetrics(
  registers: Registry[],
  operations: readonly string[],
): ServiceMetrics {
  const waits = new Histogram({
    name: 'ledger_queue_wait_seconds',
    help: 'How long the operation of a batch that came first had waited for it.',
    buckets: SECONDS,
    registers,
  })
  const sizes = new Histogram({
    name: 'ledger_batch_size',
    help: 'Operations that went to PostgreSQL in one call, by what all of them are, or mixed.',
    labelNames: ['operation'],
    buckets: SIZES,
    registers,
  })
  const durations = new Histogram({
    name: 'ledger_batch_duration_seconds',
    help: 'How long that call took.',
    labelNames: ['operation'],
    buckets: SECONDS,
    registers,
  })
  for (const operation of [...operations, 'mixed']) {
    sizes.zero({ operation })
    durations.zero({ operation })
  }
  const calls = new Histogram({
    name: 'ledger_database_call_duration_seconds',
    help: 'How long calls of functions of the database took, the wait for a connection included.',
    labelNames: ['call'],
    buckets: SECONDS,
    registers,
  })

  return {
    batch({ size, operation, durationMs }) {
      sizes.observe({ operation }, size)
      durations.observe({ operation }, durationMs / 1000)
    },
    queueWait: (ms) => waits.observe(ms / 1000),
    databaseCall: (call, ms) => calls.observe({ call }, ms / 1000),
    watch: (sources) => gauges(registers, sources),
  }
}
