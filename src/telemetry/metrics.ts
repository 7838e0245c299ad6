/** The metrics of the service. Series whose labels are known are there from the start. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { collectLoopLag } from './loop_lag.ts'
import { exposeOpenMetrics } from './open_metrics.ts'
import {
  createCounters,
  createRequestHistogram,
  type HistoryServer,
  type ObservedRequest,
  type Refusal,
} from './series.ts'
import { createWebhookMetrics, type WebhookMetrics } from './webhook_metrics.ts'
import { createServiceMetrics, type PostedBatch, type ServiceMetrics } from './service_metrics.ts'

export interface Metrics extends ServiceMetrics {
  webhooks: WebhookMetrics
  /** One read of a user's snapshot, by where it came from. */
  read(cache: 'hit' | 'miss' | 'bypass'): void
  /** Counts a read of a history by the server that answered. */
  historyRead: (server: HistoryServer) => void
  /** Counts a debit over HTTP: `ok`, `replayed`, or the code of its problem. */
  debit(outcome: string): void
  /** Counts an operation of the ledger: `ok`, `replayed`, or the code of its problem. */
  operation(kind: string, outcome: string): void
  /** Observes the duration of a request. */
  request(request: ObservedRequest): void
  /** Sets how many streams of events are open. */
  eventStreams(open: number): void
  snapshotError(operation: 'read' | 'write' | 'parse'): void
  /** Counts a request that was refused for want of access. */
  refused(reason: Refusal): void
  /** Sets how many findings the last verification of a user had. */
  verified(id: number, findings: number): void
  /** All of it as text, with its content type: Prometheus text, or OpenMetrics with exemplars. */
  expose(format?: 'prometheus' | 'openmetrics'): Promise<{ body: string; contentType: string }>
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** The method, or `other` for one that callers invented: a label may have few values. */
export const knownMethod = (method: string): string => METHODS.includes(method) ? method : 'other'

export const MAX_USERS_WITH_FINDINGS = 10_000

/** Process metrics that prom-client reads from /proc, and reports as 0 where it can't. */
const FROM_PROC = ['resident_memory_bytes', 'virtual_memory_bytes', 'heap_bytes', 'open_fds']

export interface MetricsOptions {
  /** The kinds of operations, whose series are there from the start. */
  operations?: readonly string[]
  /** Returns the resident memory in bytes, on a runtime where /proc can't be read. */
  residentBytes?: (() => number) | undefined
  /** False: there is no process to be measured. */
  hasProcess?: boolean | undefined
}

/**
 * Creates the metrics of one service. Each has a registry of its own, so two in one process don't
 * share counts.
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const { operations = [] } = options
  const registry = createRegistry(options)
  const registers = [registry]
  const counters = createCounters(registers, operations)
  const requests = createRequestHistogram()
  registry.registerMetric(requests.histogram)
  const service = createServiceMetrics(registers, operations)
  const batches = new Histogram({
    name: 'debit_batch_size',
    help: 'Items that went to PostgreSQL in one call.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  })

  return {
    ...service,
    webhooks: createWebhookMetrics(registers),
    read: (cache) => counters.reads.inc({ cache }),
    historyRead: (server) => counters.historyReads.inc({ server }),
    debit: (outcome) => counters.debits.inc({ outcome }),
    operation: (operation, outcome) => counters.operations.inc({ operation, outcome }),
    request: requests.add,
    batch(batch: PostedBatch) {
      batches.observe(batch.size)
      service.batch(batch)
    },
    verified: createFindingsGauge(registers),
    eventStreams: createEventStreamsGauge(registers),
    refused: (reason) => counters.refusals.inc({ reason }),
    snapshotError: (operation) => counters.errors.inc({ operation }),
    async expose(format = 'prometheus') {
      requests.observe()
      if (format === 'openmetrics') return await exposeOpenMetrics(registry)
      return { body: await registry.metrics(), contentType: registry.contentType }
    },
  }
}

/** Creates a registry with the default metrics of prom-client, where there is a process. */
function createRegistry({ residentBytes, hasProcess = true }: MetricsOptions): Registry {
  const registry = new Registry()
  if (!hasProcess) return registry
  collectDefaultMetrics({ register: registry })
  collectLoopLag(registry)
  // Gauges whose names end in _total, to which promtool objects. nodejs_active_* has the same by
  // type.
  for (const kind of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${kind}_total`)
  }
  if (residentBytes) {
    for (const name of FROM_PROC) registry.removeSingleMetric(`process_${name}`)
    const resident: Gauge = new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      collect: () => resident.set(residentBytes()),
      registers: [registry],
    })
  }
  return registry
}

function createEventStreamsGauge(registers: Registry[]): Metrics['eventStreams'] {
  const streams = new Gauge({
    name: 'ledger_event_streams',
    help: 'Streams of events that are open.',
    registers,
  })
  return (open) => streams.set(open)
}

function createFindingsGauge(registers: Registry[]): Metrics['verified'] {
  const findings = new Gauge({
    name: 'ledger_findings',
    help: 'Findings of the users whose last verification had any.',
    registers,
  })
  const byUser = new Map<number, number>()
  return (id, count) => {
    const before = byUser.get(id) ?? 0
    // With so many users, the exact number no longer matters.
    if (before === 0 && byUser.size >= MAX_USERS_WITH_FINDINGS) return
    if (count === 0) byUser.delete(id)
    else byUser.set(id, count)
    findings.inc(count - before)
  }
}
