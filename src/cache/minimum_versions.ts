/** For some users, the lowest version of a snapshot that may be shown. */

export interface MinimumVersions {
  /** Notes that a snapshot of this user below this version is out of date. */
  raise(id: number, version: number): void
  /** Whether a snapshot of this version may be shown. */
  accept(id: number, version: number): boolean
  /** The time of the last overflow. Since then no version is accepted. */
  readonly overflowedAt: number | undefined
  /**
   * Accepts versions again, because the changes before the overflow are known in another way now.
   */
  resume(): void
}

/**
 * Creates the store. It keeps a minimum for at least keepMs and at most twice that, in two
 * generations, so that forgetting is cheap. With more than maxUsers users it overflows: it forgets
 * all of them and accepts no version of any user until `resume`. Minimums that are raised meanwhile
 * are kept.
 */
export function createMinimumVersions(
  { keepMs, maxUsers, now }: { keepMs: number; maxUsers: number; now: () => number },
): MinimumVersions {
  let young = new Map<number, number>()
  let old = new Map<number, number>()
  let bornAt = now()
  let overflowedAt: number | undefined

  function age() {
    const generations = Math.floor((now() - bornAt) / keepMs)
    if (generations === 0) return
    old = generations === 1 ? young : new Map()
    young = new Map()
    bornAt += generations * keepMs
  }

  return {
    raise(id, version) {
      age()
      if (!young.has(id) && young.size >= maxUsers) {
        overflowedAt = now()
        young = new Map()
        old = new Map()
      }
      young.set(id, Math.max(version, young.get(id) ?? 0))
    },
    accept(id, version) {
      age()
      if (overflowedAt !== undefined) return false
      return version >= Math.max(young.get(id) ?? 0, old.get(id) ?? 0)
    },
    get overflowedAt() {
      return overflowedAt
    },
    resume() {
      overflowedAt = undefined
    },
  }
}
