/** What a browser sends without asking whoever sits at it, and what a page may be allowed to. */
import type { Context } from 'hono'
import { ruleOf } from '../auth/scopes.ts'
import { noContent, setHeader, setVary } from '../http/response.ts'
import { Problem } from '../core/errors.ts'

/** As long as Chromium remembers it. */
const PREFLIGHT_SECONDS = 7200
const METHODS = 'GET, HEAD, POST'
/** Those that a page has to ask for. */
const REQUEST_HEADERS = [
  'Authorization',
  'Cache-Control',
  'Content-Type',
  'Idempotency-Key',
  'traceparent',
  'tracestate',
  'X-Request-Id',
].join(', ')
/** Those that a page doesn't see by itself. */
const ANSWER_HEADERS = [
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
  /** Anyone may do anything: then nothing but its name tells a page that was made to lead here. */
  isOpen: boolean
  host: string
  publicUrl?: string | undefined
  allowedHosts?: string[] | undefined
  corsOrigins?: string[] | undefined
}

/** Throws a Problem for what must not come in; the answer, if that is all there is to it. */
export type BrowserGuard = (c: Context) => Response | undefined

const forbidden = (detail: string) => new Problem('forbidden', { detail })

/** Of a Host: its name, as a URL has it; undefined if there is none in it. */
function nameOf(host: string): string | undefined {
  if (/[/?#@\\]/.test(host) || !URL.canParse(`http://${host}`)) return undefined
  return new URL(`http://${host}`).hostname.replace(/\.$/, '')
}

/**
 * A page whose name was made to lead to this machine (DNS rebinding) has the same origin as what it
 * asks, so no browser stops it. What it can't have is an address for a name, or one without a dot.
 */
const isLocalName = (name: string): boolean =>
  name.startsWith('[') || /^[\d.]+$/.test(name) || !name.includes('.') ||
  name.endsWith('.localhost')

/**
 * Goes before everything else. Without it a page of anybody's could write: a POST without a body, or
 * with one of text, is sent to another origin without a preflight. Browsers say so of themselves in
 * Sec-Fetch-Site (to https and this machine) and Origin (with every POST); what has neither is none.
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
  /** Most callers say the same all the time. */
  let known: string | undefined

  function isOurs(host: string | undefined): boolean {
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
    setHeader(c, 'Access-Control-Expose-Headers', ANSWER_HEADERS)
  }

  function preflight(c: Context): Response {
    setHeader(c, 'Access-Control-Allow-Methods', METHODS)
    setHeader(c, 'Access-Control-Allow-Headers', REQUEST_HEADERS)
    setHeader(c, 'Access-Control-Max-Age', String(PREFLIGHT_SECONDS))
    return noContent(c)
  }

  return function guard(c) {
    if (isOpen && !isOurs(c.req.header('host')) && ruleOf(c) !== 'open') {
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
