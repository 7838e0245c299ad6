/** Limits how many wrong tokens an address may send. */
import { createRates } from '../http/rate_limit.ts'
import { networkOf } from '../http/peer.ts'

export interface FailureLimit {
  /** Counts a failure; answers the seconds until the next one is allowed, 0 if this one was. */
  failed(address: string): number
}

/** Creates a limit of so many failures a minute, all of which may come at once. */
export function createFailureLimit(
  { perMinute, now }: { perMinute: number; now?: () => number },
): FailureLimit {
  const take = createRates({ requests: perMinute, seconds: 60 }, now)
  return {
    failed(address) {
      const { isOver, waitMs } = take(networkOf(address))
      return isOver ? Math.ceil(waitMs / 1000) : 0
    },
  }
}
