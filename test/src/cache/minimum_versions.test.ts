import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFloors } from '../../src/floors.ts'

function floorsAt(maxFloors = 100) {
  const clock = { ms: 0 }
  return { clock, floors: createFloors({ keepMs: 10, maxFloors, now: () => clock.ms }) }
}

test('a floor is the highest version it was raised to, whatever the order', () => {
  const { floors } = floorsAt()
  floors.raise(1, 5)
  floors.raise(1, 3)
  expect([4, 5, 6].map((version) => floors.accept(1, version))).toEqual([false, true, true])
  expect(floors.accept(2, 0)).toBe(true)
})

test('a floor holds for at least keepMs and is forgotten by twice that', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 12 })
  fc.assert(
    fc.property(fc.nat(30), steps, (start, waits) => {
      const { clock, floors } = floorsAt()
      clock.ms = start
      floors.raise(9, 1)
      const raisedAt = start
      floors.raise(1, 5)
      for (const wait of waits) {
        clock.ms += wait
        const accepted = floors.accept(1, 4)
        if (clock.ms < raisedAt + 10) expect(accepted).toBe(false)
        if (clock.ms >= raisedAt + 20) expect(accepted).toBe(true)
      }
    }),
    { seed: 20260103 },
  )
})

test('with more floors than it can remember it accepts nothing until they would be over', () => {
  const { clock, floors } = floorsAt(3)
  for (const id of [1, 2, 3]) floors.raise(id, 5)
  expect(floors.accept(4, 0)).toBe(true)
  floors.raise(4, 5)
  clock.ms = 9
  expect([1, 4, 5].map((id) => floors.accept(id, 9))).toEqual([false, false, false])
  clock.ms = 10
  expect([1, 4, 5].map((id) => floors.accept(id, 9))).toEqual([true, true, true])
})
