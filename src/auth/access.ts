/**
 * Authenticates callers: every request gets a caller, or is refused, before anything else looks at
 * it.
 */
import type { Context, MiddlewareHandler, Next } from 'hono'
import type { JwtVerifier } from './access_jwt.ts'
import { assertUserAllowed, type Caller } from './caller.ts'
import { ruleOf, type Scope } from './scopes.ts'
import { Problem } from '../core/errors.ts'
import type { FailureLimit } from './failure_limit.ts'
import { createJwtCallers, keyOfJwt } from './jwt_callers.ts'
import { type Attempt, createRefusals } from './refusals.ts'
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

/**
 * Creates access. Callers are looked up by the hash of what they present. The time that this takes
 * reveals nothing about a token: whoever could choose a token's hash would need no token.
 */
export function createAccess(
  { tokens, verifyJwt, sha256, failures, metrics }: AccessOptions,
): Access {
  const refusals = createRefusals({ failures, metrics })
  const jwtCallers = createJwtCallers({ verifyJwt, failures, refusals, metrics })

  function admit({ c, next, rule, rates }: Attempt, caller: Caller, key: string) {
    c.set('caller', caller)
    // A route without a rule is closed. A path without a route answers 404, which is no secret.
    const isAllowed = rule === 'any' || caller.scopes.has(rule as Scope)
    rates?.count(c, key, !isAllowed)
    if (!isAllowed) throw refusals.outOfScope(c, rule)
    return caller.users ? countForbidden(c, next) : next()
  }

  async function countForbidden(c: Context, next: Next): Promise<void> {
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
      if (header === undefined) throw refusals.unauthorized(attempt, 'no_token')
      const token = header.length <= MAX_TOKEN_LENGTH && CREDENTIALS.exec(header)?.[1]
      if (!token) throw refusals.unauthorized(attempt, 'invalid')
      const hash = sha256(token)
      const caller = tokens.get(hash)
      if (caller) return admit(attempt, caller, `token ${caller.name}`)
      const known = jwtCallers.known(hash)
      if (known) return admit(attempt, known, keyOfJwt(known.name))
      return jwtCallers.verify(attempt, token, hash)
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
