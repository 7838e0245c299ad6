/**
 * Gauges that read the state of a service at each scrape, so that nothing is counted in between.
 */
import { Gauge, type Registry } from 'prom-client'
import { timeLimited } from '../core/time_limit.ts'

/** How full something is. */
export interface Fill {
  used: number
  max: number
}

/** Where the gauges read. */
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
  /** For how long events have waited for a transaction that is open, in milliseconds. */
  eventsLagMs: () => number
  /** Manual entries that are pending, and the age of the oldest. */
  countPending: () => Promise<{ entries: number; oldestSeconds: number }>
}

/** A scrape waits this long for the database, and then shows the value before. */
const DATABASE_LIMIT_MS = 1000

const inTime = <T>(work: Promise<T>, late: T) =>
  timeLimited(DATABASE_LIMIT_MS, work.catch(() => late), late)

/** Adds the gauges to the registries. */
export function addServiceGauges(registers: Registry[], sources: ServiceSources): void {
  addBuildInfo(registers, sources)
  addGauge(
    registers,
    'ledger_ready',
    'Whether the service can use its database, and does not stop: 1 or 0.',
    async () => Number(await inTime(sources.notReady(), 'late') === undefined),
  )
  addGauge(
    registers,
    'ledger_locked_users',
    "Users whom somebody else's transaction holds while operations wait for them.",
    sources.lockedUsers,
  )
  addGauge(
    registers,
    'ledger_snapshot_lag_seconds',
    'How long ago it was proved last that no change is missed; beyond 1, the cache is not used.',
    () => sources.snapshotLagMs() / 1000,
  )
  addGauge(
    registers,
    'ledger_events_lag_seconds',
    'For how long events have waited for a transaction that is open; 0: they do not.',
    () => sources.eventsLagMs() / 1000,
  )
  addQueues(registers, sources.queues)
  addPools(registers, sources.pools)
  addPendingEntries(registers, sources.countPending)
}

function addBuildInfo(
  registers: Registry[],
  { version, schema, runtime }: Pick<ServiceSources, 'version' | 'schema' | 'runtime'>,
) {
  new Gauge({
    name: 'ledger_build_info',
    help: 'Always 1; which version runs, on what, and the schema that it expects.',
    labelNames: ['version', 'runtime', 'schema'],
    registers,
  }).set({ version, runtime, schema }, 1)
}

function addQueues(registers: Registry[], queues: ServiceSources['queues']) {
  const add = (name: string, help: string, member: keyof Fill) =>
    addFillGauge(registers, { name, help, label: 'queue', read: queues, member })
  add('ledger_queue_length', 'Operations that wait.', 'used')
  add('ledger_queue_capacity', 'How many may wait; more are refused as busy.', 'max')
}

function addPools(registers: Registry[], pools: ServiceSources['pools']) {
  const add = (name: string, help: string, member: keyof Fill) =>
    addFillGauge(registers, { name, help, label: 'pool', read: pools, member })
  add('ledger_database_connections_in_use', 'Connections with a call in flight.', 'used')
  add('ledger_database_connections_max', 'Connections that a pool opens at most.', 'max')
}

/** One query counts the pending entries and tells the age of the oldest. */
function addPendingEntries(registers: Registry[], countPending: ServiceSources['countPending']) {
  let pending = { entries: 0, oldestSeconds: 0 }
  const oldest = new Gauge({
    name: 'ledger_oldest_pending_entry_age_seconds',
    help: 'The age of the oldest manual entry that is not posted yet, by its ts; 0 without any.',
    registers,
  })
  addGauge(
    registers,
    'ledger_pending_entries',
    'Manual entries that are not posted yet, counted up to 10000.',
    async () => {
      pending = await inTime(countPending(), pending)
      oldest.set(pending.oldestSeconds)
      return pending.entries
    },
  )
}

function addGauge(
  registers: Registry[],
  name: string,
  help: string,
  read: () => number | Promise<number>,
) {
  const collect = async () => gauge.set(await read())
  const gauge: Gauge = new Gauge({ name, help, registers, collect })
}

interface FillGauge {
  name: string
  help: string
  label: string
  read: () => Record<string, Fill>
  member: keyof Fill
}

function addFillGauge(registers: Registry[], { name, help, label, read, member }: FillGauge) {
  const collect = () => {
    for (const [value, fill] of Object.entries(read())) gauge.set({ [label]: value }, fill[member])
  }
  const gauge: Gauge = new Gauge({ name, help, labelNames: [label], registers, collect })
}
