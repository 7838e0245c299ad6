import { expect, test } from 'vitest'
import { WaitExpired } from '../../../src/core/batcher.ts'
import { createSemaphore } from '../../../src/core/semaphore.ts'

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

test('createSemaphore() works on as many as it may, in order, also after failures', async () => {
  const { begun, work, finish } = workshop()
  const places = createSemaphore({ limit: 2, maxWaitMs: 1000, now: () => 0 })
  const failing = places.take(async () => {
    await work('a')()
    throw new Error('no')
  })
  const rest = ['b', 'c', 'd'].map((name) => places.take(work(name)))
  expect(begun).toEqual(['a', 'b'])
  void finish('a')
  await expect(failing).rejects.toThrow('no')
  expect(begun).toEqual(['a', 'b', 'c'])
  for (const name of ['b', 'c', 'd']) await finish(name)
  expect(await Promise.all(rest)).toEqual(['b', 'c', 'd'])
})

test('createSemaphore() rejects who waited too long, and goes on with the next', async () => {
  const { begun, work, finish } = workshop()
  let time = 0
  const places = createSemaphore({ limit: 1, maxWaitMs: 10, now: () => time })
  const first = places.take(work('a'))
  const late = places.take(work('b'))
  late.catch(() => {})
  time = 11
  const next = places.take(work('c'))
  await finish('a')
  await expect(late).rejects.toThrow(WaitExpired)
  await finish('c')
  expect(await Promise.all([first, next])).toEqual(['a', 'c'])
  expect(begun).toEqual(['a', 'c'])
})
