import { expect, test } from 'vitest'
import { createFairSemaphore } from '../../../src/core/semaphore.ts'

/** Work that is done when it is told to. */
function deferred() {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  return {
    begun,
    work: (name: string) => () =>
      new Promise<void>((resolve) => {
        begun.push(name)
        ends.set(name, resolve)
      }),
    end: async (name: string) => {
      ends.get(name)!()
      // A few turns of the microtask queue, in which whoever is next begins.
      for (let n = 0; n < 10; n++) await Promise.resolve()
    },
  }
}

test('a key that waits has its turn before another one has its next', async () => {
  const { begun, work, end } = deferred()
  const turns = createFairSemaphore({ limit: 1, perKey: 1 })
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) void turns.take(name[0]!, work(name))
  await Promise.resolve()
  for (const name of ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']) await end(name)
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

test('a key never has more than perKey, and leaves the other places to others', async () => {
  const { begun, work, end } = deferred()
  const turns = createFairSemaphore({ limit: 3, perKey: 2 })
  for (const name of ['a1', 'a2', 'a3', 'a4']) void turns.take('a', work(name))
  await Promise.resolve()
  expect(begun).toEqual(['a1', 'a2'])
  void turns.take('b', work('b1'))
  void turns.take('b', work('b2'))
  await Promise.resolve()
  expect(begun).toEqual(['a1', 'a2', 'b1'])
  await end('a1')
  expect(begun).toEqual(['a1', 'a2', 'b1', 'b2'])
  await end('b1')
  expect(begun).toEqual(['a1', 'a2', 'b1', 'b2', 'a3'])
})

test('whoever failed, or is waited for no more, leaves the place to the next', async () => {
  const turns = createFairSemaphore({ limit: 1, perKey: 1 })
  const failed = turns.take('a', () => Promise.reject(new Error('no')))
  const over = turns.take('a', () => Promise.reject(new Error('is begun')), { isOver: () => true })
  const next = turns.take('b', () => Promise.resolve('done'))
  await expect(failed).rejects.toThrow('no')
  await expect(over).rejects.toMatchObject({ code: 'busy' })
  expect(await next).toBe('done')
  expect(await turns.take('a', () => Promise.resolve('again'))).toBe('again')
})

test('a key with maxWaiting that wait is refused, another one is not, nor what has begun', async () => {
  const { work, end } = deferred()
  const turns = createFairSemaphore({ limit: 1, perKey: 1, maxWaiting: 1 })
  void turns.take('a', work('a1'))
  void turns.take('a', work('a2'))
  await expect(turns.take('a', work('a3'))).rejects.toMatchObject({ code: 'busy' })
  const other = turns.take('b', work('b1'))
  const begun = turns.take('a', work('a4'), { isBegun: true })
  for (const name of ['a1', 'b1', 'a2', 'a4']) await end(name)
  await Promise.all([other, begun])
})
