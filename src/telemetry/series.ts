/** Counters and the histogram of requests. */
import { Counter, Histogram, type Registry } from 'prom-client'
import { type ProblemCode, PROBLEMS } from '../core/errors.ts'
import { createOpenRegistry } from './open_metrics.ts'

export interface ObservedRequest {
  /** By `knownMethod`. */
  method: string
  /** A pattern, never a path. */
  route: string
  status: number
  durationMs: number
  /** Of a trace that its caller keeps. */
  sampledTraceId?: string | undefined
}

/**
 * Reasons why access is refused. `limited`: too many wrong tokens, whatever is wrong with this one.
 */
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

/** `fallback`: the primary, after a standby was asked or is away. */
const HISTORY_SERVERS = ['primary', 'standby', 'fallback'] as const

export type HistoryServer = typeof HISTORY_SERVERS[number]

/** Codes that a debit can't end in. */
const NOT_OF_DEBITS: ProblemCode[] = [
  'unknown_entry',
  'unknown_hold',
  'not_found',
  'method_not_allowed',
  'hold_not_active',
  'already_reversed',
  'expiry_not_later',
  'too_many_holds',
  'same_user',
  'cursor_gone',
  'not_supported',
]

/** Outcomes of debits, so that their series start at 0. */
const DEBIT_OUTCOMES = ['ok', 'replayed', ...Object.keys(PROBLEMS)]
  .filter((code) => !NOT_OF_DEBITS.includes(code as ProblemCode))

/** Outcomes of operations, so that their series start at 0. */
const OPERATION_OUTCOMES = [
  'ok',
  'replayed',
  'invalid_request',
  'unknown_user',
  'unknown_entry',
  'unknown_hold',
  'hold_not_active',
  'already_reversed',
  'user_frozen',
  'too_many_holds',
  'insufficient_funds',
  'idempotency_key_reused',
  'expiry_not_later',
  'balance_out_of_range',
  'same_user',
  'busy',
  'outcome_unknown',
  'internal',
]

/** Requests that are gathered before they are observed. */
const MAX_UNOBSERVED = 256

/**
 * Creates the counters.
 * @param kinds kinds of operations, whose series are there from the start
 */
export function createCounters(registers: Registry[], kinds: readonly string[]) {
  const reads = new Counter({
    name: 'user_balance_reads_total',
    help: 'Reads of a snapshot by where it came from.',
    labelNames: ['cache'],
    registers,
  })
  for (const cache of ['hit', 'miss', 'bypass']) reads.inc({ cache }, 0)

  const historyReads = new Counter({
    name: 'ledger_history_reads_total',
    help: 'Reads of histories by the server that answered.',
    labelNames: ['server'],
    registers,
  })
  for (const server of HISTORY_SERVERS) historyReads.inc({ server }, 0)

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
  for (const operation of kinds) {
    for (const outcome of OPERATION_OUTCOMES) operations.inc({ operation, outcome }, 0)
  }

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

  return { reads, historyReads, debits, operations, errors, refusals }
}

/** Observes requests together: among others one takes a fraction of what it takes by itself. */
export function createRequestHistogram() {
  const histogram = new Histogram<'method' | 'route' | 'status' | 'trace_id'>({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to its response.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    enableExemplars: true,
    // With exemplars it can't be made for another format; but it can be exposed in both.
    registers: [createOpenRegistry()],
  })
  let unobserved: ObservedRequest[] = []

  function observe(): void {
    for (const { method, route, status, durationMs, sampledTraceId: trace_id } of unobserved) {
      const observed = { labels: { method, route, status }, value: durationMs / 1000 }
      histogram.observe(trace_id ? { ...observed, exemplarLabels: { trace_id } } : observed)
    }
    unobserved = []
  }

  function add(request: ObservedRequest): void {
    unobserved.push(request)
    if (unobserved.length === MAX_UNOBSERVED) observe()
  }

  return { histogram, observe, add }
}
