/** What has begun and isn't over. */

export interface InFlight {
  /** Gives back what it was given. */
  track<T>(work: Promise<T>): Promise<T>
  /** Settles (never rejects) once nothing that was tracked is in flight. */
  idle: () => Promise<void>
}

/**
 * Counts. A Set would hold on to what has left it: of the tables that it outgrows each keeps the
 * next, and when the first of them is old, the collector carries the rest along.
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
