/** Metrics of the parts of a service: queues, batches, calls of the database. */
import { Histogram, type Registry } from 'prom-client'
import { addServiceGauges, type ServiceSources } from './service_gauges.ts'

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
  /** Adds the gauges that read these sources at each scrape. */
  watch: (sources: ServiceSources) => void
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128]

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
    watch: (sources) => addServiceGauges(registers, sources),
  }
}
