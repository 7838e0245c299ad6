/** Who may do what: every request has a caller, or is refused, before anything else looks at it. */
import type { Context, MiddlewareHandler, Next } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { Verified } from './access_jwt.ts'
import { type Rule, RULES } from './access_rules.ts'
import { setHeader } from './answer.ts'
import { Problem } from './errors.ts'
import type { FailureLimit } from './failure_limit.ts'
import type { Metrics } from './metrics.ts'

export const SCOPES = ['read', 'debit', 'credit', 'transfer', 'hold', 'reverse', 'admin'] as const

export type Scope = typeof SCOPES[number]

/** Who sent a request. */
export interface Caller {
  /** Of a token, or the subject of a JWT; not a secret. */
  name: string
  scopes: ReadonlySet<Scope>
  /** The only users that the caller reaches; left out: all. */
  users?: ReadonlySet<number>
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Undefined where access is off, and on routes that are open to everybody. */
    caller?: Caller
  }
}

/** The address that a request came from, which fetch was given beside it; '' where nobody knows it. */
export const peerOf = (c: Context): string => (c.env as { peer?: string } | undefined)?.peer ?? ''

export interface Access {
  /** Sets `caller`, or throws a Problem. */
  middleware: MiddlewareHandler
  /** For routes under a user: throws a Problem if that is none of the caller's. */
  userMiddleware: MiddlewareHandler
}

export interface AccessOptions {
  /** Callers by the SHA-256 of their tokens, in hexadecimal. */
  tokens: { get(hash: string): Caller | undefined }
  /** What checks a JWT; left out: none is taken. */
  verifyJwt?: ((token: string) => Promise<Verified>) | undefined
  /** In hexadecimal, and at once: with crypto.subtle every request would wait for a turn. */
  sha256: (text: string) => string
  failures: FailureLimit
  metrics: Pick<Metrics, 'refused'>
}

const MAX_TOKEN_LENGTH = 8192
const CREDENTIALS = /^Bearer +([\w.~+/-]+=*)$/i
const MAX_KNOWN = 10_000
/** How long a JWT counts without another look at its signature: its key may have been withdrawn. */
const KNOWN_MS = 60_000
const REALM = 'Bearer realm="ledger"'

/**
 * Callers are looked up by the hash of what they present. How long that takes tells nothing about a
 * token: whoever could choose its hash would need no token.
 */
export function createAccess(
  { tokens, verifyJwt, sha256, failures, metrics }: AccessOptions,
): Access {
  /** Callers with a JWT, by its hash. */
  const known = new Map<string, { caller: Caller; until_ms: number }>()

  function unauthorized(c: Context, reason: 'unknown' | 'invalid' | 'expired'): Problem {
    const wait = failures.failed(peerOf(c))
    metrics.refused(wait > 0 ? 'limited' : reason)
    if (wait > 0) {
      setHeader(c, 'Retry-After', String(wait))
      return new Problem('rate_limited')
    }
    setHeader(c, 'WWW-Authenticate', `${REALM}, error="invalid_token"`)
    return new Problem('unauthorized')
  }

  async function verified(c: Context, token: string, hash: string): Promise<Caller> {
    if (!verifyJwt || token.split('.').length !== 3) throw unauthorized(c, 'unknown')
    const result = await verifyJwt(token).catch((error: unknown) => {
      metrics.refused('unavailable')
      throw error
    })
    if (typeof result === 'string') throw unauthorized(c, result)
    const until_ms = Math.min(result.expiresAt_ms, Date.now() + KNOWN_MS)
    known.delete(hash)
    known.set(hash, { caller: result.caller, until_ms })
    if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!)
    return result.caller
  }

  function admit(c: Context, next: Next, caller: Caller, rule: Rule | undefined) {
    c.set('caller', caller)
    // A route without a rule is closed; a path without a route is no secret.
    if (rule !== 'any' && !caller.scopes.has(rule as Scope)) {
      metrics.refused('scope')
      const scope = rule && `, scope="${rule}"`
      setHeader(c, 'WWW-Authenticate', `${REALM}, error="insufficient_scope"${scope ?? ''}`)
      throw new Problem('forbidden')
    }
    return caller.users ? counted(c, next) : next()
  }

  async function counted(c: Context, next: Next): Promise<void> {
    await next()
    if (c.error instanceof Problem && c.error.code === 'forbidden') metrics.refused('user')
  }

  return {
    middleware(c, next) {
      const rule = ruleOf(c)
      if (rule === 'open') return next()
      const header = c.req.header('authorization')
      if (header === undefined) {
        metrics.refused('no_token')
        setHeader(c, 'WWW-Authenticate', REALM)
        throw new Problem('unauthorized')
      }
      const token = header.length <= MAX_TOKEN_LENGTH && CREDENTIALS.exec(header)?.[1]
      if (!token) throw unauthorized(c, 'invalid')
      const hash = sha256(token)
      const caller = tokens.get(hash)
      if (caller) return admit(c, next, caller, rule)
      const before = known.get(hash)
      if (before && before.until_ms > Date.now()) return admit(c, next, before.caller, rule)
      return verified(c, token, hash).then((caller) => admit(c, next, caller, rule))
    },

    userMiddleware(c, next) {
      const id = c.req.param('id')!
      // Whatever else it is: validation says so.
      if (/^\d+$/.test(id)) mustReach(c, Number(id))
      return next()
    },
  }
}

/** The rule of the route that will answer; `any` where there is none. */
export function ruleOf(c: Context): Rule | undefined {
  const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')
  return route ? RULES[`${route.method} ${route.path}`] : 'any'
}

/** Whether the caller is not bound to users, or to this one among others. */
export const reaches = (c: Context, userId: number): boolean =>
  c.get('caller')?.users?.has(userId) ?? true

/** @throws Problem if one of the users is none of the caller's, whether it exists or not */
export function mustReach(c: Context, ...userIds: (number | undefined)[]): void {
  const isBound = c.get('caller')?.users !== undefined
  if (isBound && !userIds.every((id) => id !== undefined && reaches(c, id))) {
    throw new Problem('forbidden')
  }
}
