/** Refuses requests of callers who may not send them, and counts why. */
import type { Context, Next } from 'hono'
import { Problem } from '../core/errors.ts'
import { peerOf } from '../http/peer.ts'
import type { RequestRates } from '../http/rate_limit.ts'
import { setHeader } from '../http/response.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { FailureLimit } from './failure_limit.ts'
import type { Rule } from './scopes.ts'

const REALM = 'Bearer realm="ledger"'

/** A request whose caller is not known yet. */
export interface Attempt {
  c: Context
  next: Next
  rule: Rule | undefined
  rates: RequestRates | undefined
}

export type Refusals = ReturnType<typeof createRefusals>

/** Creates the problems of refused requests, with their header fields. */
export function createRefusals(
  { failures, metrics }: { failures: FailureLimit; metrics: Pick<Metrics, 'refused'> },
) {
  /** Refuses with 401. The request counts for its address, since its caller is unknown. */
  function unauthorized(
    { c, rates }: Attempt,
    reason: 'no_token' | 'unknown' | 'invalid' | 'expired',
  ): Problem {
    const waitSeconds = reason === 'no_token' ? 0 : failures.failed(peerOf(c))
    if (waitSeconds > 0) return rateLimited(c, waitSeconds)
    limited(() => rates?.count(c, undefined, true))
    metrics.refused(reason)
    const error = reason === 'no_token' ? '' : ', error="invalid_token"'
    setHeader(c, 'WWW-Authenticate', `${REALM}${error}`)
    return new Problem('unauthorized')
  }

  /** Refuses with 429, because the address has sent too many wrong tokens. */
  function rateLimited(c: Context, waitSeconds: number): Problem {
    metrics.refused('limited')
    setHeader(c, 'Retry-After', String(waitSeconds))
    return new Problem('rate_limited')
  }

  /** Refuses with 403, because the caller lacks the scope of the route. */
  function outOfScope(c: Context, scope: Rule | undefined): Problem {
    metrics.refused('scope')
    const needed = scope ? `, scope="${scope}"` : ''
    setHeader(c, 'WWW-Authenticate', `${REALM}, error="insufficient_scope"${needed}`)
    return new Problem('forbidden')
  }

  /** Runs what throws a Problem over a rate limit, and counts that. */
  function limited(count: () => void): void {
    try {
      count()
    } catch (error) {
      metrics.refused('limited')
      throw error
    }
  }

  return { unauthorized, rateLimited, outOfScope, limited }
}
