/** The time of the database, without asking it. */

/**
 * Creates a lower bound of the database's clock, from its readings and the time passed since. So no
 * expiry is judged by the clock of another machine.
 */
export function createDatabaseClock(now: () => number) {
  let ahead = -Infinity
  return {
    observe(time: string) {
      ahead = Math.max(ahead, Date.parse(time) - now())
    },
    now: () => now() + ahead,
  }
}
