/** Tracks work in flight. */

export interface InFlight {
  /**
   * Tracks work until it settles.
   * @returns the same promise
   */
  track<T>(work: Promise<T>): Promise<T>
  /** Resolves once nothing that was tracked is in flight. */
  idle: () => Promise<void>
}

/**
 * Creates a counter. Not a Set: each hash table that a Set outgrows keeps the next one alive, so
 * the garbage collector would keep what has left it.
 */
export function createInFlight(): InFlight {
  let count = 0
  let whenIdle: (() => void)[] = []

  function over() {
    if (--count > 0) return
    for (const resolve of whenIdle) resolve()
    whenIdle = []
  }

  return {
    track(work) {
      count++
      work.then(over, over)
      return work
    },
    idle: () =>
      count === 0 ? Promise.resolve() : new Promise<void>((resolve) => void whenIdle.push(resolve)),
  }
}
