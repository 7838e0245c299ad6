import { expect, test } from 'vitest'
import { LaneExpired, LaneFull } from '../../src/lane.ts'
import { createTurns, createUserTurns } from '../../src/turns.ts'

/** Work that ends when it is told to, and keeps count. */
function workshop() {
  const begun: string[] = []
  const open = new Map<string, () => void>()
  return {
    begun,
    work: (name: string) => () =>
      new Promise<string>((resolve) => {
        begun.push(name)
        open.set(name, () => resolve(name))
      }),
    finish: async (name: string) => {
      open.get(name)!()
      await new Promise((resolve) => setTimeout(resolve))
    },
  }
}

test('createTurns() works on as many as it may, in order, also after failures', async () => {
  const { begun, work, finish } = workshop()
  const turns = createTurns({ limit: 2, maxWaitMs: 1000, now: () => 0 })
  const failing = turns.take(async () => {
    await work('a')()
    throw new Error('no')
  })
  const rest = ['b', 'c', 'd'].map((name) => turns.take(work(name)))
  expect(begun).toEqual(['a', 'b'])
  void finish('a')
  await expect(failing).rejects.toThrow('no')
  expect(begun).toEqual(['a', 'b', 'c'])
  for (const name of ['b', 'c', 'd']) await finish(name)
  expect(await Promise.all(rest)).toEqual(['b', 'c', 'd'])
})

test('createTurns() rejects who waited too long, and goes on with the next', async () => {
  const { begun, work, finish } = workshop()
  let time = 0
  const turns = createTurns({ limit: 1, maxWaitMs: 10, now: () => time })
  const first = turns.take(work('a'))
  const late = turns.take(work('b'))
  late.catch(() => {})
  time = 11
  const next = turns.take(work('c'))
  await finish('a')
  await expect(late).rejects.toThrow(LaneExpired)
  await finish('c')
  expect(await Promise.all([first, next])).toEqual(['a', 'c'])
  expect(begun).toEqual(['a', 'c'])
})

test('createUserTurns() has one at a time for each user, and free ones for others', async () => {
  const { begun, work, finish } = workshop()
  const turns = createUserTurns({ limit: 2, maxWaitMs: 1000, maxQueue: 10, now: () => 0 })
  const all = [
    turns.take([1, 2], work('1-2')),
    turns.take([2, 1], work('2-1')),
    turns.take([2, 3], work('2-3')),
    turns.take([4, 5], work('4-5')),
  ]
  await new Promise((resolve) => setTimeout(resolve))
  expect(begun).toEqual(['1-2', '4-5'])
  for (const name of ['1-2', '4-5']) await finish(name)
  expect([...begun].sort()).toEqual(['1-2', '2-3', '4-5'])
  for (const name of ['2-3', '2-1']) await finish(name)
  expect(await Promise.all(all)).toEqual(['1-2', '2-1', '2-3', '4-5'])
})

test('createUserTurns() refuses at once when too many wait', async () => {
  const { work, finish } = workshop()
  const turns = createUserTurns({ limit: 1, maxWaitMs: 1000, maxQueue: 1, now: () => 0 })
  const first = turns.take([1], work('a'))
  await expect(turns.take([2], work('b'))).rejects.toThrow(LaneFull)
  await finish('a')
  expect(await first).toBe('a')
  const again = turns.take([2], work('c'))
  await finish('c')
  expect(await again).toBe('c')
})
