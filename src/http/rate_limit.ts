/** Limits how many requests each caller may send: by name, or by address without one. */
import type { Context, MiddlewareHandler } from 'hono'
import { networkKey } from './peer.ts'
import { setHeader } from './response.ts'
import { Problem } from '../core/errors.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Counts further requests of the caller; undefined without a limit. */
    charge?: (count: number) => void
  }
}

const MAX_CALLERS = 10_000
/** Paths that monitoring uses, which aren't counted. */
const FREE = ['/', '/healthz', '/livez', '/readyz', '/metrics']

/** Whether requests to a path count; refused ones always do. */
export const isLimited = (path: string): boolean => !FREE.includes(path)

export interface RateLimit {
  /** Requests that may come at once, and in each window. */
  requests: number
  /** The length of a window. */
  seconds: number
}

interface Verdict {
  isOver: boolean
  remaining: number
  /**
   * Milliseconds until the full number is available again, or, over the limit, until the next
   * request is.
   */
  waitMs: number
}

/** Without the rounding errors of sums, of which one would be a second more. */
const exact = (ms: number): number => Math.round(ms * 1000) / 1000

/**
 * Creates a limiter by the Generic Cell Rate Algorithm (ITU-T I.371, virtual scheduling). It keeps
 * one number for each caller: when, at an even rate, its last request would have been due. Beyond
 * MAX_CALLERS, the caller who came the longest ago is forgotten.
 */
export function createRates({ requests, seconds }: RateLimit, now = () => performance.now()) {
  const windowMs = seconds * 1000
  const intervalMs = windowMs / requests
  const dueAt = new Map<string, number>()

  /**
   * Counts `count` requests, if the first one is within the limit. The rest may exceed it, and
   * delay later ones.
   */
  return function take(caller: string, { isCounted = true, count = 1 } = {}): Verdict {
    const time = now()
    const first = Math.max(dueAt.get(caller) ?? 0, time) + intervalMs
    const due = first + (count - 1) * intervalMs
    const earlyMs = exact(first - time - windowMs)
    if (earlyMs > 0) return { isOver: true, remaining: 0, waitMs: earlyMs }
    if (!isCounted) return { isOver: false, remaining: 0, waitMs: 0 }
    // Moves the caller to the end: a Map keeps the order of insertion.
    dueAt.delete(caller)
    dueAt.set(caller, due)
    if (dueAt.size > MAX_CALLERS) dueAt.delete(dueAt.keys().next().value!)
    const waitMs = exact(due - time)
    const remaining = Math.max(0, Math.floor((windowMs - waitMs) / intervalMs + 0.001))
    return { isOver: false, remaining, waitMs }
  }
}

export interface RequestRates {
  /**
   * Counts a request of this caller, or else of its address.
   * @param isRefused whether it was refused anyway; then it counts on any path
   * @throws Problem rate_limited
   */
  count: (c: Context, caller: string | undefined, isRefused: boolean) => void
  /**
   * Refuses a request if this caller is over the limit. Counts nothing, because the caller may only
   * be claimed.
   */
  refuseIfOver(c: Context, caller: string): void
  /** Middleware for a service with access off: counts by address. */
  middleware: MiddlewareHandler
}

/** Creates the limiter of requests. Its header fields: draft-ietf-httpapi-ratelimit-headers. */
export function createRequestRates(limit: RateLimit): RequestRates {
  const take = createRates(limit)
  const policy = `"default";q=${limit.requests};w=${limit.seconds}`

  function apply(c: Context, key: string, isCounted: boolean, count = 1): void {
    const { isOver, remaining, waitMs } = take(key, { isCounted, count })
    if (!isOver && !isCounted) return
    const seconds = Math.ceil(waitMs / 1000)
    setHeader(c, 'RateLimit-Policy', policy)
    setHeader(c, 'RateLimit', `"default";r=${remaining};t=${seconds}`)
    if (!isOver) return
    setHeader(c, 'Retry-After', String(seconds))
    throw new Problem('rate_limited')
  }

  function count(c: Context, caller: string | undefined, isRefused: boolean): void {
    if (!isRefused && !isLimited(c.req.path)) return
    const key = caller ?? networkKey(c)
    apply(c, key, true)
    c.set('charge', (more) => apply(c, key, true, more))
  }

  return {
    count,
    refuseIfOver: (c, caller) => apply(c, caller, false),
    middleware(c, next) {
      count(c, undefined, false)
      return next()
    },
  }
}

/**
 * Counts the items of a list. The first was counted with the request. A list is accepted while
 * there is room for one more request, and its items then delay later ones; otherwise a list longer
 * than the limit would never be accepted.
 * @throws Problem rate_limited
 */
export function chargeItems(c: Context, count: number): void {
  if (count > 1) c.get('charge')?.(count - 1)
}
