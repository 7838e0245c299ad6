import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMinimumVersions } from '../../../src/cache/minimum_versions.ts'

function minimumsAt(maxUsers = 100) {
  const clock = { ms: 0 }
  const minimums = createMinimumVersions({ keepMs: 10, maxUsers, now: () => clock.ms })
  return { clock, minimums }
}

test('a minimum is the highest version it was raised to, whatever the order', () => {
  const { minimums } = minimumsAt()
  minimums.raise(1, 5)
  minimums.raise(1, 3)
  expect([4, 5, 6].map((version) => minimums.accept(1, version))).toEqual([false, true, true])
  expect(minimums.accept(2, 0)).toBe(true)
})

test('a minimum holds for at least keepMs and is forgotten by twice that', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.nat(30), steps, (start, waits) => {
      const { clock, minimums } = minimumsAt()
      clock.ms = start
      minimums.raise(9, 1)
      const raisedAt = start
      minimums.raise(1, 5)
      for (const wait of waits) {
        clock.ms += wait
        const accepted = minimums.accept(1, 4)
        if (clock.ms < raisedAt + 10) expect(accepted).toBe(false)
        if (clock.ms >= raisedAt + 20) expect(accepted).toBe(true)
      }
    }),
    { seed: 20260103 },
  )
})

test('with more users than it can remember it accepts nothing until it may resume', () => {
  const { clock, minimums } = minimumsAt(3)
  for (const id of [1, 2, 3]) minimums.raise(id, 5)
  expect([minimums.accept(4, 0), minimums.overflowedAt]).toEqual([true, undefined])
  clock.ms = 7
  minimums.raise(4, 5)
  clock.ms = 1000
  expect([1, 4, 5].map((id) => minimums.accept(id, 9))).toEqual([false, false, false])
  expect(minimums.overflowedAt).toBe(7)
})

test('what is raised while nothing is accepted counts when it resumes', () => {
  const { minimums } = minimumsAt(1)
  for (const id of [1, 2]) minimums.raise(id, 5)
  minimums.resume()
  expect([1, 2].map((id) => minimums.accept(id, 4))).toEqual([true, false])
  expect(minimums.overflowedAt).toBe(undefined)
})
