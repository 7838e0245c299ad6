/** For files of slow tests that don't need one another. */
import { beforeEach } from 'vitest'
import { randomOf, SEED, SHARE } from './share.ts'

const LEAST = 0.3

/** To be called before other hooks: a small share runs some of the tests, and names the others. */
export function runSomeTests(): void {
  beforeEach(({ task, skip }) => {
    let number = SEED
    for (let at = 0; at < task.name.length; at++) {
      number = (number * 31 + task.name.charCodeAt(at)) | 0
    }
    const isTaken = SHARE >= 1 || randomOf(number)() < Math.max(SHARE, LEAST)
    skip(!isTaken, `not in this share: seed ${SEED}`)
  })
}
