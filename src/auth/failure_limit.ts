/** Limits how many wrong tokens an address may send. */
import { createRates } from '../http/rate_limit.ts'
import { networkOf } from '../http/peer.ts'

export interface FailureLimit {
  /** Counts a failure; answers the seconds until the next one is allowed, 0 if this one was. */
  failed(address: string): number
  /**
   * Asked before a JWT is verified, which is far dearer than looking up a token. Answers the
   * seconds to wait: once an address has sent too many wrong tokens, only so many more are
   * verified.
   */
  verifying(address: string): number
}

/** Creates a limit of so many failures a minute, all of which may come at once. */
export function createFailureLimit(
  { perMinute, now }: { perMinute: number; now?: () => number },
): FailureLimit {
  const take = createRates({ requests: perMinute, seconds: 60 }, now)
  const takeVerification = createRates({ requests: perMinute, seconds: 60 }, now)
  return {
    verifying(address) {
      const network = networkOf(address)
      if (!take(network, { isCounted: false }).isOver) return 0
      const { isOver, waitMs } = takeVerification(network)
      return isOver ? Math.ceil(waitMs / 1000) : 0
    },

    failed(address) {
      const { isOver, waitMs } = take(networkOf(address))
      return isOver ? Math.ceil(waitMs / 1000) : 0
    },
  }
}
