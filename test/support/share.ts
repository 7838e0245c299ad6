/**
 * How much of the long tests a run does, and the one seed of what is random in it. `npm test` does
 * a small share of their cases, others in every run; LEDGER_TEST_SHARE=1, as in `npm run test:all`,
 * does all of them. LEDGER_TEST_SEED repeats a run. Both are set in vitest.config.ts.
 */

import { randomOf } from '../../db/desk/random.ts'

export { randomOf }

/** 1 is everything; above it, what is random goes on for longer. */
export const SHARE = Number(process.env['LEDGER_TEST_SHARE'] ?? 1)
if (!(SHARE > 0 && SHARE <= 1000)) throw new Error('LEDGER_TEST_SHARE is above 0, up to 1000')

export const SEED = Number(process.env['LEDGER_TEST_SEED'] ?? 1)
if (!Number.isSafeInteger(SEED)) throw new Error('LEDGER_TEST_SEED is an integer')

/** How many cases this run does of the `all` that there are; never fewer than `least`. */
export function shareOf(all: number, least = 1): number {
  return Math.max(Math.min(least, all), Math.round(all * SHARE))
}

/**
 * The cases that this run takes, in their order, and a line that says how many. They follow from
 * the seed, so that each is taken sooner or later.
 */
export function sample<T>(what: string, cases: readonly T[], least = 1): T[] {
  const count = shareOf(cases.length, least)
  if (count < cases.length) console.info(`${count} of ${cases.length} ${what}: seed ${SEED}`)
  const random = randomOf(SEED)
  const order = cases.map((one, place) => ({ one, place, by: random() }))
  const taken = order.sort((a, b) => a.by - b.by).slice(0, count)
  return taken.sort((a, b) => a.place - b.place).map(({ one }) => one)
}
