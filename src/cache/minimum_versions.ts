/** What is known to be out of date: for some users, the lowest version that is current. */

export interface MinimumVersions {
  raise(id: number, version: number): void
  accept(id: number, version: number): boolean
  /** When there were too many; since then nothing is accepted. */
  readonly overflowedAt: number | undefined
  /** Whatever was raised before the overflow is known in another way. */
  resume(): void
}

/**
 * Keeps a minimum for at least keepMs and at most twice that, in two generations, so that
 * forgetting costs nothing. When there are more than maxUsers, it forgets them and accepts no version of any
 * user until `resume`; what is raised meanwhile counts afterwards.
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
