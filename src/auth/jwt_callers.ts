/** Callers with a JWT: verifies each, and remembers it for a while. */
import type { Metrics } from '../telemetry/metrics.ts'
import { createFairSemaphore } from '../core/semaphore.ts'
import { peerOf } from '../http/peer.ts'
import type { JwtVerifier } from './access_jwt.ts'
import type { Caller } from './caller.ts'
import type { FailureLimit } from './failure_limit.ts'
import type { Attempt, Refusals } from './refusals.ts'

const MAX_KNOWN = 10_000
/**
 * How long a JWT is accepted without verifying its signature again. Its key may have been withdrawn
 * meanwhile.
 */
const KNOWN_MS = 60_000
const MAX_VERIFICATIONS = 8
const MAX_WAITING_OF_ADDRESS = 1000

/**
 * The key of a JWT's caller for rate limits. It has a prefix, because an issuer may name somebody
 * like a token of the file.
 */
export const keyOfJwt = (name: string): string => `jwt ${name}`

export interface JwtCallersOptions {
  /** Undefined: JWT are refused. */
  verifyJwt: JwtVerifier | undefined
  failures: FailureLimit
  refusals: Refusals
  metrics: Pick<Metrics, 'refused'>
}

export interface JwtCallers {
  /** The caller of a JWT that was verified not long ago, by its hash. */
  known(hash: string): Caller | undefined
  /**
   * Verifies a JWT.
   * @throws Problem unauthorized, rate_limited, or what the verifier throws
   */
  verify(attempt: Attempt, token: string, hash: string): Promise<Caller>
}

/** Creates the callers. */
export function createJwtCallers(
  { verifyJwt, failures, refusals, metrics }: JwtCallersOptions,
): JwtCallers {
  const callers = new Map<string, { caller: Caller; until_ms: number }>()
  // Of an address few at once: the failures of the first ones count before the next are looked at.
  const verifications = createFairSemaphore({
    limit: MAX_VERIFICATIONS,
    perKey: MAX_VERIFICATIONS / 2,
    maxWaiting: MAX_WAITING_OF_ADDRESS,
  })

  function keep(hash: string, caller: Caller, until_ms: number): void {
    callers.delete(hash)
    callers.set(hash, { caller, until_ms })
    if (callers.size > MAX_KNOWN) callers.delete(callers.keys().next().value!)
  }

  async function verifyInTurn(verifier: JwtVerifier, attempt: Attempt, token: string) {
    const address = peerOf(attempt.c)
    return await verifications.take(address, async () => {
      const waitSeconds = failures.verifying(address)
      if (waitSeconds > 0) throw refusals.rateLimited(attempt.c, waitSeconds)
      const result = await verifier(token).catch((error: unknown) => {
        metrics.refused('unavailable')
        throw error
      })
      if (typeof result === 'string') throw refusals.unauthorized(attempt, result)
      return result
    })
  }

  return {
    known(hash) {
      const known = callers.get(hash)
      return known && known.until_ms > Date.now() ? known.caller : undefined
    },

    async verify(attempt, token, hash) {
      if (!verifyJwt || token.split('.').length !== 3) {
        throw refusals.unauthorized(attempt, 'unknown')
      }
      // Verifying a signature costs a thousand times more than looking at the rate limit. So a JWT
      // whose claimed caller is over its limit is refused without that. Nothing is counted, because
      // the claim may be false.
      const { c, rates } = attempt
      const claimed = verifyJwt.claimedName(token)
      if (claimed !== undefined) {
        refusals.limited(() => rates?.refuseIfOver(c, keyOfJwt(claimed)))
      }
      const { caller, expiresAt_ms } = await verifyInTurn(verifyJwt, attempt, token)
      keep(hash, caller, Math.min(expiresAt_ms, Date.now() + KNOWN_MS))
      return caller
    },
  }
}
