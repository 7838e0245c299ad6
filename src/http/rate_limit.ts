/** How many requests each caller may send: by name, or by address where there is none. */
import type { Context, MiddlewareHandler } from 'hono'
import { networkKey } from './peer.ts'
import { setHeader } from './response.ts'
import { Problem } from '../core/errors.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Counts more requests of the caller; undefined without a limit. */
    charge?: (count: number) => void
  }
}

const MAX_CALLERS = 10_000
/** What watches the service isn't a caller. */
const FREE = ['/', '/healthz', '/livez', '/readyz', '/metrics']

/** Whether requests to a path count; refused ones always do. */
export const isLimited = (path: string): boolean => !FREE.includes(path)

export interface RateLimit {
  /** So many at once, and as many in each window. */
  requests: number
  seconds: number
}

interface Verdict {
  isOver: boolean
  remaining: number
  /** Until all of them are there again, or, if it is over, the next one. */
  waitMs: number
}

/**
 * The Generic Cell Rate Algorithm (ITU-T I.371, the virtual scheduling algorithm): all that has to
 * be known of a caller is when, at an even rate, its last request would have been due. Of too many
 * callers the one that came the longest ago is forgotten.
 */
export function createRates({ requests, seconds }: RateLimit, now = () => performance.now()) {
  const windowMs = seconds * 1000
  const intervalMs = windowMs / requests
  const dueAt = new Map<string, number>()

  /** Takes one, or with `count` more than one: if the first is not over, the rest are owed. */
  return function take(caller: string, { isCounted = true, count = 1 } = {}): Verdict {
    const time = now()
    const first = Math.max(dueAt.get(caller) ?? 0, time) + intervalMs
    const due = first + (count - 1) * intervalMs
    // Less than that is what sums of fractions are off by.
    const earlyMs = first - time - windowMs
    if (earlyMs > 0.001) return { isOver: true, remaining: 0, waitMs: earlyMs }
    if (!isCounted) return { isOver: false, remaining: 0, waitMs: 0 }
    // Again at the end: maps keep the order of insertion.
    dueAt.delete(caller)
    dueAt.set(caller, due)
    if (dueAt.size > MAX_CALLERS) dueAt.delete(dueAt.keys().next().value!)
    const remaining = Math.max(0, Math.floor((windowMs - (due - time)) / intervalMs + 0.001))
    return { isOver: false, remaining, waitMs: due - time }
  }
}

export interface RequestRates {
  /**
   * Counts a request, of this caller or else of its address; one that is refused on any path.
   * @throws Problem rate_limited
   */
  count: (c: Context, caller: string | undefined, isRefused: boolean) => void
  /** Ends a request of a caller who has none left, and counts nothing: it may be another one's. */
  refuseIfOver(c: Context, caller: string): void
  /** For where nobody has a name. */
  middleware: MiddlewareHandler
}

/** Header fields: draft-ietf-httpapi-ratelimit-headers. */
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
 * For a request that stands for several: the first of them counted when it came. A list is taken
 * while there is room for one more, and then owed: else one longer than the limit never would be.
 * @throws Problem rate_limited
 */
export function chargeItems(c: Context, count: number): void {
  if (count > 1) c.get('charge')?.(count - 1)
}
