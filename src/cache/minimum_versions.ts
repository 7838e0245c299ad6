/** What is known to be out of date: for some users, the lowest version that is acceptable. */

export interface Floors {
  raise(id: number, version: number): void
  accept(id: number, version: number): boolean
}

/**
 * Keeps a floor for at least keepMs and at most twice that, in two generations, so that forgetting
 * costs nothing. When there are more than maxFloors, no version of any user is accepted
 * until keepMs have passed: by then, whatever a floor was for has expired.
 */
export function createFloors(
  { keepMs, maxFloors, now }: { keepMs: number; maxFloors: number; now: () => number },
): Floors {
  let young = new Map<number, number>()
  let old = new Map<number, number>()
  let bornAt = now()
  let nothingUntil = -Infinity

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
      if (!young.has(id) && young.size >= maxFloors) {
        nothingUntil = now() + keepMs
        young = new Map()
        old = new Map()
      }
      young.set(id, Math.max(version, young.get(id) ?? 0))
    },
    accept(id, version) {
      age()
      if (now() < nothingUntil) return false
      return version >= Math.max(young.get(id) ?? 0, old.get(id) ?? 0)
    },
  }
}
