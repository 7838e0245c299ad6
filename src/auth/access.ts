/**
 * Authenticates callers: every request gets a caller, or is refused, before anything else looks at
 * it.
 */
import type { Context, MiddlewareHandler, Next } from 'hono'
import type { JwtVerifier } from './access_jwt.ts'
import { assertUserAllowed, type Caller } from './caller.ts'
import { type Rule, ruleOf, type Scope } from './scopes.ts'
import { peerOf } from '../http/peer.ts'
import { setHeader } from '../http/response.ts'
import { Problem } from '../core/errors.ts'
import { createFairTurns } from '../core/semaphore.ts'
import type { FailureLimit } from './failure_limit.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { RequestRates } from '../http/rate_limit.ts'

export interface Access {
  /**
   * Creates the middleware that sets `caller` or throws a Problem. It counts each request for the
   * rate limit, refused ones, too.
   */
  middleware(rates?: RequestRates): MiddlewareHandler
  /**
   * Middleware of routes under a user: throws a Problem if the caller may not act for that user.
   */
  userMiddleware: MiddlewareHandler
}

export interface AccessOptions {
  /** Callers of the file of tokens, by the SHA-256 of the token in hexadecimal. */
  tokens: { get(hash: string): Caller | undefined }
  /** Checks a JWT. Default: JWT are refused. */
  verifyJwt?: JwtVerifier | undefined
  /**
   * SHA-256 in hexadecimal. It is synchronous: with crypto.subtle every request would wait for
   * another turn of the event loop.
   */
  sha256: (text: string) => string
  failures: FailureLimit
  metrics: Pick<Metrics, 'refused'>
}

const MAX_TOKEN_LENGTH = 8192
const CREDENTIALS = /^Bearer +([\w.~+/-]+=*)$/i
const MAX_KNOWN = 10_000
/**
 * How long a JWT is accepted without verifying its signature again. Its key may have been withdrawn
 * meanwhile.
 */
const KNOWN_MS = 60_000
const MAX_VERIFICATIONS = 8
const MAX_WAITING_OF_ADDRESS = 1000
const REALM = 'Bearer realm="ledger"'

/** A request whose caller is not known yet. */
interface Attempt {
  c: Context
  next: Next
  rule: Rule | undefined
  rates: RequestRates | undefined
}

/**
 * The key of a JWT's caller for rate limits. It has a prefix, because an issuer may name somebody
 * like a token of the file.
 */
const keyOfJwt = (name: string): string => `jwt ${name}`

/**
 * Creates access. Callers are looked up by the hash of what they present. The time that this takes
 * reveals nothing about a token: whoever could choose a token's hash would need no token.
 */
export function createAccess(
  { tokens, verifyJwt, sha256, failures, metrics }: AccessOptions,
): Access {
  /** Callers with a JWT, by its hash. */
  const known = new Map<string, { caller: Caller; until_ms: number }>()
  // Of an address few at once: the failures of the first ones count before the next are looked at.
  const verifications = createFairTurns({
    limit: MAX_VERIFICATIONS,
    perKey: MAX_VERIFICATIONS / 2,
    maxWaiting: MAX_WAITING_OF_ADDRESS,
  })

  /** Refuses with 401. The request counts for its address, since its caller is unknown. */
  function unauthorized(
    { c, rates }: Attempt,
    reason: 'no_token' | 'unknown' | 'invalid' | 'expired',
  ): Problem {
    const wait = reason === 'no_token' ? 0 : failures.failed(peerOf(c))
    if (wait > 0) return waitFor(c, wait)
    limited(() => rates?.count(c, undefined, true))
    metrics.refused(reason)
    const error = reason === 'no_token' ? '' : ', error="invalid_token"'
    setHeader(c, 'WWW-Authenticate', `${REALM}${error}`)
    return new Problem('unauthorized')
  }

  function waitFor(c: Context, seconds: number): Problem {
    metrics.refused('limited')
    setHeader(c, 'Retry-After', String(seconds))
    return new Problem('rate_limited')
  }

  function limited(count: () => void): void {
    try {
      count()
    } catch (error) {
      metrics.refused('limited')
      throw error
    }
  }

  async function verified(attempt: Attempt, token: string, hash: string): Promise<Caller> {
    const { c, rates } = attempt
    if (!verifyJwt || token.split('.').length !== 3) throw unauthorized(attempt, 'unknown')
    // Verifying a signature costs a thousand times more than looking at the rate limit. So a JWT
    // whose claimed caller is over its limit is refused without that. Nothing is counted, because
    // the claim may be false.
    const claimed = verifyJwt.claimedName(token)
    if (claimed !== undefined) limited(() => rates?.refuseIfOver(c, keyOfJwt(claimed)))
    const address = peerOf(c)
    const result = await verifications.take(address, async () => {
      const wait = failures.verifying(address)
      if (wait > 0) throw waitFor(c, wait)
      const result = await verifyJwt(token).catch((error: unknown) => {
        metrics.refused('unavailable')
        throw error
      })
      if (typeof result === 'string') throw unauthorized(attempt, result)
      return result
    })
    const until_ms = Math.min(result.expiresAt_ms, Date.now() + KNOWN_MS)
    known.delete(hash)
    known.set(hash, { caller: result.caller, until_ms })
    if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!)
    return result.caller
  }

  function admit({ c, next, rule, rates }: Attempt, caller: Caller, key: string) {
    c.set('caller', caller)
    // A route without a rule is closed. A path without a route answers 404, which is no secret.
    const isAllowed = rule === 'any' || caller.scopes.has(rule as Scope)
    rates?.count(c, key, !isAllowed)
    if (!isAllowed) {
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
    middleware: (rates) => (c, next) => {
      const rule = ruleOf(c)
      if (rule === 'open') {
        rates?.count(c, undefined, false)
        return next()
      }
      const attempt = { c, next, rule, rates }
      const header = c.req.header('authorization')
      if (header === undefined) throw unauthorized(attempt, 'no_token')
      const token = header.length <= MAX_TOKEN_LENGTH && CREDENTIALS.exec(header)?.[1]
      if (!token) throw unauthorized(attempt, 'invalid')
      const hash = sha256(token)
      const caller = tokens.get(hash)
      if (caller) return admit(attempt, caller, `token ${caller.name}`)
      const before = known.get(hash)
      if (before && before.until_ms > Date.now()) {
        return admit(attempt, before.caller, keyOfJwt(before.caller.name))
      }
      return verified(attempt, token, hash)
        .then((caller) => admit(attempt, caller, keyOfJwt(caller.name)))
    },

    userMiddleware(c, next) {
      const id = c.req.param('id')!
      // Anything but digits is refused by validation.
      if (/^\d+$/.test(id)) assertUserAllowed(c, Number(id))
      return next()
    },
  }
}
