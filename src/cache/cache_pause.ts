/** When an instance has to tell all others that Redis doesn't take its changes. */

/** How often all are told: well within the three seconds for which ledger.pause_cache counts. */
const RENEW_MS = 1000
/** How long after the last write that failed, unless one succeeds. */
const LASTS_MS = 5000

export interface CachePause {
  /** Notes whether Redis has taken a write. */
  written(isKept: boolean): void
  /** Whether all have to be told now; they are then taken to have been told. */
  isDue(): boolean
}

/** @param now a clock in milliseconds; only differences matter */
export function createCachePause(now: () => number): CachePause {
  let failedAt = -Infinity
  let toldAt = -Infinity
  return {
    written(isKept) {
      failedAt = isKept ? -Infinity : now()
    },
    isDue() {
      if (now() - failedAt >= LASTS_MS || now() - toldAt < RENEW_MS) return false
      toldAt = now()
      return true
    },
  }
}
