/** What Prometheus scrapes: every series of the contract, there from the start. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type ProblemCode, PROBLEMS } from '../core/errors.ts'
import { type OperationKind, OPERATIONS } from '../ledger/operations.ts'
import { collectLoopLag } from './loop_lag.ts'

export interface Metrics {
  /** One read of a user's snapshot, by where it came from. */
  read(cache: 'hit' | 'miss' | 'bypass'): void
  /** One debit over HTTP: `ok`, `replayed`, or the code of its problem. */
  debit(outcome: string): void
  /** One operation of the ledger: `ok`, `replayed`, or the code of its problem. */
  operation(kind: OperationKind, outcome: string): void
  /** One request, whatever became of it. */
  request(request: ObservedRequest): void
  batch(size: number): void
  snapshotError(operation: 'read' | 'write' | 'parse'): void
  /** A request that its caller was not allowed. */
  refused(reason: Refusal): void
  /** How many findings the verification of a user had; 0 takes earlier ones back. */
  verified(id: number, findings: number): void
  /** The exposition format and its content type. */
  expose(): Promise<{ body: string; contentType: string }>
}

export interface ObservedRequest {
  /** By `knownMethod`. */
  method: string
  /** A pattern, never a path. */
  route: string
  status: number
  durationMs: number
}

/** Why access is refused; `limited` is whatever else it would be, once too often. */
const REFUSALS = [
  'no_token',
  'invalid',
  'unknown',
  'expired',
  'limited',
  'unavailable',
  'scope',
  'user',
] as const

export type Refusal = typeof REFUSALS[number]

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** The method, or `other` for one of a caller's own making: labels and logs have few values. */
export const knownMethod = (method: string): string => METHODS.includes(method) ? method : 'other'

/** What a debit can't end in. */
const OTHERS: ProblemCode[] = [
  'unknown_entry',
  'unknown_hold',
  'not_found',
  'method_not_allowed',
  'hold_not_active',
  'already_reversed',
  'same_user',
]

/** The rest, so that their series start at 0. */
const DEBIT_OUTCOMES = ['ok', 'replayed', ...Object.keys(PROBLEMS)]
  .filter((code) => !OTHERS.includes(code as ProblemCode))

/** What an operation that is asked for can end in. */
const OPERATION_OUTCOMES = [
  'ok',
  'replayed',
  'invalid_request',
  'unknown_user',
  'unknown_entry',
  'unknown_hold',
  'hold_not_active',
  'already_reversed',
  'insufficient_funds',
  'idempotency_key_reused',
  'balance_out_of_range',
  'same_user',
  'busy',
  'outcome_unknown',
  'internal',
]

/** Requests are observed together: among others one takes a fraction of what it takes by itself. */
const MAX_UNOBSERVED = 256
export const MAX_USERS_WITH_FINDINGS = 10_000

/** What prom-client reads from /proc, and reports as 0 where it may not. */
const FROM_PROC = ['resident_memory_bytes', 'virtual_memory_bytes', 'heap_bytes', 'open_fds']

/**
 * A registry of its own for each service: two in one process don't share counts.
 * @param residentBytes how much memory the process has, on a runtime that keeps /proc closed
 */
export function createMetrics(residentBytes?: () => number): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  collectLoopLag(registry)
  // Gauges that are called totals: promtool objects, and nodejs_active_* has them by type.
  for (const kind of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${kind}_total`)
  }
  if (residentBytes) {
    for (const name of FROM_PROC) registry.removeSingleMetric(`process_${name}`)
    const resident: Gauge = new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      collect: () => resident.set(residentBytes()),
      registers,
    })
  }

  const reads = new Counter({
    name: 'user_balance_reads_total',
    help: 'Reads of a snapshot by where it came from.',
    labelNames: ['cache'],
    registers,
  })
  for (const cache of ['hit', 'miss', 'bypass']) reads.inc({ cache }, 0)

  const debits = new Counter({
    name: 'user_debit_requests_total',
    help: 'Debits over HTTP by outcome: ok, replayed, or the code of the error.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of DEBIT_OUTCOMES) debits.inc({ outcome }, 0)

  const operations = new Counter({
    name: 'ledger_operations_total',
    help: 'Operations over HTTP by kind and outcome: ok, replayed, or the code of the error.',
    labelNames: ['operation', 'outcome'],
    registers,
  })
  for (const operation of OPERATIONS) {
    for (const outcome of OPERATION_OUTCOMES) operations.inc({ operation, outcome }, 0)
  }

  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  let unobserved: ObservedRequest[] = []

  function observeRequests() {
    for (const { method, route, status, durationMs } of unobserved) {
      requests.observe({ method, route, status }, durationMs / 1000)
    }
    unobserved = []
  }

  const batches = new Histogram({
    name: 'debit_batch_size',
    help: 'Items that went to PostgreSQL in one call.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  })

  const errors = new Counter({
    name: 'snapshot_cache_errors_total',
    help: 'Failed calls of Redis, and entries that were not what the service writes.',
    labelNames: ['operation'],
    registers,
  })
  for (const operation of ['read', 'write', 'parse']) errors.inc({ operation }, 0)

  const refusals = new Counter({
    name: 'access_refusals_total',
    help: 'Requests that were refused for want of access, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of REFUSALS) refusals.inc({ reason }, 0)

  const findings = new Gauge({
    name: 'ledger_findings',
    help: 'Findings of the users whose last verification had any.',
    registers,
  })
  const findingsByUser = new Map<number, number>()

  return {
    read: (cache) => reads.inc({ cache }),
    debit: (outcome) => debits.inc({ outcome }),
    operation: (operation, outcome) => operations.inc({ operation, outcome }),
    request(request) {
      unobserved.push(request)
      if (unobserved.length === MAX_UNOBSERVED) observeRequests()
    },
    batch: (size) => batches.observe(size),
    verified(id, count) {
      const before = findingsByUser.get(id) ?? 0
      // So many need no exact number.
      if (before === 0 && findingsByUser.size >= MAX_USERS_WITH_FINDINGS) return
      if (count === 0) findingsByUser.delete(id)
      else findingsByUser.set(id, count)
      findings.inc(count - before)
    },
    refused: (reason) => refusals.inc({ reason }),
    snapshotError: (operation) => errors.inc({ operation }),
    async expose() {
      observeRequests()
      return { body: await registry.metrics(), contentType: registry.contentType }
    },
  }
}
