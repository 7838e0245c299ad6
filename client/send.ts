/** Sends a request until the ledger has said what became of it, or the deadline is over. */
import { ERRORS } from './api.ts'
import { toHex } from './entry_hash.ts'
import { LedgerError, ProblemError, UnexpectedAnswerError, UnreachableError } from './errors.ts'
import type { ErrorContext, ProblemDocument } from './errors.ts'

export interface ClientOptions {
  /** Where the service is, such as `https://ledger.example`. */
  url: string
  /** A token or a JWT; a function is asked before each request. */
  token?: string | (() => string | Promise<string>) | undefined
  /** For a call with all its repeats. Default: 30 seconds. */
  deadlineMs?: number | undefined
  /** For one of its requests: longer than the service's own deadline. Default: 10 seconds. */
  requestMs?: number | undefined
  /**
   * Lets a standby answer reads of histories, with all that this client has been answered of the
   * user before, such as by its own writes; what others wrote since may be missing. Left out: the
   * primary answers.
   */
  fromStandby?: boolean | undefined
  /** Instead of the runtime's. */
  fetch?: typeof globalThis.fetch | undefined
}

export interface CallOptions {
  /** Left out: a new one for each call, with which it is repeated. */
  idempotencyKey?: string | undefined
  deadlineMs?: number | undefined
  signal?: AbortSignal | undefined
}

export interface Request {
  method: string
  path: string
  query?: object | undefined
  body?: unknown
  /** What Accept says. */
  accept?: string
  /** What Last-Event-ID says. */
  lastEventId?: string | undefined
  /** Whether it takes an Idempotency-Key. */
  isKeyed?: boolean
}

const DEADLINE_MS = 30_000
const REQUEST_MS = 10_000
const FIRST_WAIT_MS = 50
const MAX_WAIT_MS = 5_000
/** Nothing was done, or it may be asked again with the same key. */
const REPEATED_CODES = new Set(['busy', 'outcome_unknown', 'rate_limited'])
/** What proxies say of a service that they don't reach. */
const REPEATED_STATUSES = new Set([502, 503, 504])

/** An attempt that has to be repeated. */
interface Failed {
  error: LedgerError
  /** Whether it may have been done all the same. */
  isUnknown: boolean
  retryAfterMs?: number
}

type Attempt<T> = { value: T } | Failed

/** Sends a request and reads its answer, as often as it takes. */
export type Send = <T>(
  request: Request,
  options: CallOptions,
  read: (response: Response) => Promise<T>,
) => Promise<T>

/** Creates what sends. @throws LedgerError; what `signal` was aborted with */
export function createSend(client: ClientOptions): Send {
  const { url, token, requestMs = REQUEST_MS } = client
  const base = url.replace(/\/$/, '')
  const fetch = client.fetch ?? globalThis.fetch

  async function attempt<T>(
    request: Request,
    { idempotencyKey, signal }: CallOptions,
    limitMs: number,
    read: (response: Response) => Promise<T>,
  ): Promise<Attempt<T>> {
    const context = { idempotencyKey }
    // Outside of the try: nothing was sent yet, and what the token's function throws is its
    // caller's.
    const headers = await headersOf(request, idempotencyKey)
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(new Error('no answer in time')), limitMs)
    const signals = signal ? [signal, timeout.signal] : [timeout.signal]
    try {
      const response = await fetch(`${base}${request.path}${queryOf(request.query)}`, {
        method: request.method,
        headers,
        signal: AbortSignal.any(signals),
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      })
      if (response.ok) return { value: await read(response) }
      return failedOf(response.status, await problemIn(response), response.headers, context)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof LedgerError) throw error
      // A connection that broke, or an answer that did.
      const unreachable = new UnreachableError('no answer', { ...context, cause: error })
      return { error: unreachable, isUnknown: true }
    } finally {
      clearTimeout(timer)
    }
  }

  async function headersOf({ body, accept, lastEventId }: Request, key: string | undefined) {
    const headers = new Headers({ Accept: accept ?? 'application/json' })
    if (body !== undefined) headers.set('Content-Type', 'application/json')
    if (lastEventId !== undefined) headers.set('Last-Event-ID', lastEventId)
    if (key !== undefined) headers.set('Idempotency-Key', key)
    const secret = typeof token === 'function' ? await token() : token
    if (secret !== undefined) headers.set('Authorization', `Bearer ${secret}`)
    return headers
  }

  return async (request, options, read) => {
    const end = performance.now() + (options.deadlineMs ?? client.deadlineMs ?? DEADLINE_MS)
    const idempotencyKey = request.isKeyed ? options.idempotencyKey ?? newKey() : undefined
    const call = { ...options, idempotencyKey }
    let isUnknown = false
    for (let repeats = 0;; repeats++) {
      options.signal?.throwIfAborted()
      const leftMs = Math.max(1, Math.min(requestMs, end - performance.now()))
      const outcome = await attempt(request, call, leftMs, read)
      if ('value' in outcome) return outcome.value
      isUnknown ||= outcome.isUnknown
      const waitMs = Math.max(outcome.retryAfterMs ?? 0, backoffMs(repeats))
      if (performance.now() + waitMs >= end) throw finalError(outcome.error, isUnknown, request)
      await pause(waitMs, options.signal)
    }
  }
}

/** Of a write that may have happened, nothing else may be said. */
function finalError(error: LedgerError, isUnknown: boolean, request: Request): LedgerError {
  if (!isUnknown || request.method === 'GET') return error
  if (!request.isKeyed) return new UnreachableError('no answer to a write', { cause: error })
  const problem = {
    type: 'about:blank',
    title: 'The write may have happened; repeat it with the same Idempotency-Key.',
    status: 503,
    code: 'outcome_unknown' as const,
  }
  const { idempotencyKey } = error
  return new ERRORS.outcome_unknown(problem, { idempotencyKey, cause: error })
}

/** What to repeat. @throws LedgerError for what is final */
function failedOf(
  status: number,
  problem: ProblemDocument | undefined,
  headers: Headers,
  context: ErrorContext,
): Failed {
  const error = problem ? errorOf(problem, context) : new UnexpectedAnswerError(status, context)
  const isRepeated = problem ? REPEATED_CODES.has(problem.code) : REPEATED_STATUSES.has(status)
  if (!isRepeated) throw error
  const isUnknown = problem === undefined || problem.code === 'outcome_unknown'
  return { error, isUnknown, ...retryAfterOf(headers) }
}

async function problemIn(response: Response): Promise<ProblemDocument | undefined> {
  const text = await response.text()
  if (!/^application\/problem\+json\b/.test(response.headers.get('content-type') ?? '')) return
  const problem = JSON.parse(text) as ProblemDocument
  return typeof problem.code === 'string' ? problem : undefined
}

/** The error of a problem's code; a code of a newer ledger has none of its own. */
function errorOf(problem: ProblemDocument, context: ErrorContext): ProblemError {
  if (!Object.hasOwn(ERRORS, problem.code)) return new ProblemError(problem, context)
  const Class = ERRORS[problem.code as keyof typeof ERRORS]
  return new Class(problem as never, context)
}

/** Seconds, or a date. */
function retryAfterOf(headers: Headers): { retryAfterMs?: number } {
  const value = headers.get('retry-after')
  if (value === null) return {}
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? { retryAfterMs: Math.max(0, ms) } : {}
}

/** 128 random bits; randomUUID isn't there for pages of plain http. */
const newKey = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)))

/** Full jitter: those that were refused together don't come back together. */
const backoffMs = (repeats: number): number =>
  Math.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** repeats)

function queryOf(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text === '' ? '' : `?${text}`
}

/** Waits. @throws what the signal was aborted with */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms)
    function done() {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }
    function aborted() {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
