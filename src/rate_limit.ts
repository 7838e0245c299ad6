/** How many requests each caller may send: by name, or by address where nobody has a name. */
import type { Context, MiddlewareHandler } from 'hono'
import { peerOf } from './access.ts'
import { setHeader } from './answer.ts'
import { Problem } from './errors.ts'

const MAX_CALLERS = 10_000
/** What watches the service isn't a caller. */
const FREE = ['/', '/healthz', '/livez', '/readyz', '/metrics']

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

  return function take(caller: string): Verdict {
    const time = now()
    const due = Math.max(dueAt.get(caller) ?? 0, time) + intervalMs
    // Less than that is what sums of fractions are off by.
    const earlyMs = due - time - windowMs
    if (earlyMs > 0.001) return { isOver: true, remaining: 0, waitMs: earlyMs }
    // Again at the end: maps keep the order of insertion.
    dueAt.delete(caller)
    dueAt.set(caller, due)
    if (dueAt.size > MAX_CALLERS) dueAt.delete(dueAt.keys().next().value!)
    const remaining = Math.floor((windowMs - (due - time)) / intervalMs + 0.001)
    return { isOver: false, remaining, waitMs: due - time }
  }
}

/** Whom an address belongs to: with IPv6 everybody has a whole /64 to choose from. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = tail?.split(':').filter((group) => group !== '') ?? []
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':')
}

/** Whose request it is: a name, or where nobody has one, a network. */
export const callerKey = (c: Context): string => {
  const name = c.get('caller')?.name
  return name === undefined ? `address ${networkOf(peerOf(c))}` : `name ${name}`
}

/** Goes after whatever finds out who asks. Header fields: draft-ietf-httpapi-ratelimit-headers. */
export function rateLimit(limit: RateLimit): MiddlewareHandler {
  const take = createRates(limit)
  const policy = `"default";q=${limit.requests};w=${limit.seconds}`
  return async function rateLimit(c, next) {
    if (FREE.includes(c.req.path)) return next()
    const { isOver, remaining, waitMs } = take(callerKey(c))
    const seconds = Math.ceil(waitMs / 1000)
    setHeader(c, 'RateLimit-Policy', policy)
    setHeader(c, 'RateLimit', `"default";r=${remaining};t=${seconds}`)
    if (!isOver) return next()
    setHeader(c, 'Retry-After', String(seconds))
    throw new Problem('rate_limited')
  }
}
