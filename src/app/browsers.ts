/** Refuses what a browser sends on behalf of a foreign web page, and answers preflights (CORS). */
import type { Context } from 'hono'
import { ruleOf } from '../auth/scopes.ts'
import { noContent, setHeader, setVary } from '../http/response.ts'
import { Problem } from '../core/errors.ts'

/** How long a browser may reuse a preflight's answer; Chromium's maximum. */
const PREFLIGHT_SECONDS = 7200
const METHODS = 'GET, HEAD, POST'
/** Request headers that a page may send only if the preflight allows them. */
const REQUEST_HEADERS = [
  'Authorization',
  'Cache-Control',
  'Content-Type',
  'Idempotency-Key',
  'Last-Event-ID',
  'traceparent',
  'tracestate',
  'X-Request-Id',
].join(', ')
/** Response headers that a page may read only if they are exposed to it. */
const RESPONSE_HEADERS = [
  'Allow',
  'Content-Disposition',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'traceparent',
  'WWW-Authenticate',
  'X-Cache',
  'X-Request-Id',
].join(', ')

export interface BrowserOptions {
  /**
   * Whether access is off. Then only the Host header tells a page that was made to lead here (DNS
   * rebinding), so it is checked.
   */
  isOpen: boolean
  host: string
  publicUrl?: string | undefined
  allowedHosts?: string[] | undefined
  corsOrigins?: string[] | undefined
}

/**
 * Checks a request before anything else.
 * @returns the response to a preflight; undefined for any other request that may go on
 * @throws Problem forbidden
 */
export type BrowserGuard = (c: Context) => Response | undefined

const forbidden = (detail: string) => new Problem('forbidden', { detail })

/** The name in a Host header, normalised as in a URL; undefined if it is malformed. */
function nameOf(host: string): string | undefined {
  if (/[/?#@\\]/.test(host) || !URL.canParse(`http://${host}`)) return undefined
  return new URL(`http://${host}`).hostname.replace(/\.$/, '')
}

/**
 * Whether a name can't be one of DNS rebinding: an address, or a name without a dot. A page whose
 * domain was made to resolve to this machine has the same origin as the service, so no browser
 * stops it; but its Host is that domain.
 */
const isLocalName = (name: string): boolean =>
  name.startsWith('[') || /^[\d.]+$/.test(name) || !name.includes('.') ||
  name.endsWith('.localhost')

/**
 * Creates the check that comes before everything else. Without it any page could write: browsers
 * send a POST without a body, or with a text body, to another origin without a preflight. They mark
 * such requests by Sec-Fetch-Site (over https and on this machine) and Origin (with every POST). A
 * request that has neither comes from no page.
 */
export function createBrowserGuard(
  { isOpen, host, publicUrl, allowedHosts = [], corsOrigins = [] }: BrowserOptions,
): BrowserGuard {
  const publicOrigin = publicUrl && new URL(publicUrl).origin
  const names = new Set([
    host.toLowerCase(),
    ...allowedHosts,
    publicUrl && new URL(publicUrl).hostname,
  ])
  const origins = new Set(corsOrigins)
  /** Most callers send the same Host all the time. */
  let known: string | undefined

  function isAllowedHost(host: string | undefined): boolean {
    if (host === undefined || host === known) return true
    const name = nameOf(host)
    if (name === undefined || !(isLocalName(name) || names.has(name))) return false
    known = host
    return true
  }

  function isSameOrigin(c: Context, origin: string | undefined): boolean {
    const site = c.req.header('sec-fetch-site')
    if (site !== undefined) return site === 'same-origin' || site === 'none'
    if (origin === undefined) return true
    return URL.canParse(origin) && new URL(origin).host === c.req.header('host')?.toLowerCase()
  }

  function allowOrigin(c: Context, origin: string): void {
    setHeader(c, 'Access-Control-Allow-Origin', origin)
    setHeader(c, 'Access-Control-Expose-Headers', RESPONSE_HEADERS)
  }

  function preflight(c: Context): Response {
    setHeader(c, 'Access-Control-Allow-Methods', METHODS)
    setHeader(c, 'Access-Control-Allow-Headers', REQUEST_HEADERS)
    setHeader(c, 'Access-Control-Max-Age', String(PREFLIGHT_SECONDS))
    return noContent(c)
  }

  return function guard(c) {
    if (isOpen && !isAllowedHost(c.req.header('host')) && ruleOf(c) !== 'open') {
      throw forbidden('While access is off, Host must be an address or in ALLOWED_HOSTS.')
    }
    const { method } = c.req
    const origin = c.req.header('origin')
    const isListed = origin !== undefined && origins.has(origin)
    const isOwn = origin !== undefined && origin === publicOrigin
    if (origins.size > 0) setVary(c, 'Origin')
    if (isListed) allowOrigin(c, origin)
    if (method === 'GET' || method === 'HEAD') return undefined
    const isPreflight = method === 'OPTIONS' && origin !== undefined &&
      c.req.header('access-control-request-method') !== undefined
    if (method === 'OPTIONS' && !isPreflight) return undefined
    if (!isListed && !isOwn && !isSameOrigin(c, origin)) {
      throw forbidden('Pages of this origin are not in CORS_ORIGINS.')
    }
    return isPreflight ? preflight(c) : undefined
  }
}
