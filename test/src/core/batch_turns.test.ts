import { expect, test, vi } from 'vitest'
import { BatchTurns } from '../../../src/core/batch_turns.ts'

/** Turns with a clock of their own, and batches that end when they are told to. */
function createTurns(max: number) {
  let now = 0
  const turns = new BatchTurns(max, () => now)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const take = (name: string) =>
    turns.take(() => {
      begun.push(name)
      return new Promise((resolve) => ends.set(name, resolve))
    })
  return {
    begun,
    take,
    end: (name: string) => ends.get(name)!(),
    pass: (ms: number) => now += ms,
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('batches run one after the other, in the order in which they came', async () => {
  const { begun, take, end } = createTurns(2)
  const all = ['a', 'b', 'c'].map(take)
  await settled()
  expect(begun).toEqual(['a'])
  end('a')
  await all[0]
  const again = take('d')
  await settled()
  expect(begun).toEqual(['a', 'b'])
  for (const name of ['b', 'c', 'd']) {
    end(name)
    await settled()
  }
  await Promise.all([...all, again])
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
})

test('a slow batch delays others no longer, as long as there is a connection', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    const { begun, take, end, pass } = createTurns(2)
    const all = ['a', 'b', 'c'].map(take)
    pass(101)
    await vi.advanceTimersByTimeAsync(101)
    expect(begun).toEqual(['a', 'b'])
    pass(1000)
    await vi.advanceTimersByTimeAsync(1000)
    expect(begun).toEqual(['a', 'b'])
    end('b')
    await all[1]
    expect(begun).toEqual(['a', 'b', 'c'])
    end('a')
    end('c')
    await Promise.all(all)
  } finally {
    vi.useRealTimers()
  }
})

test('a batch that fails ends its turn', async () => {
  const turns = new BatchTurns(1)
  await expect(turns.take(() => Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  const done = vi.fn(() => Promise.resolve())
  await turns.take(done)
  expect(done).toHaveBeenCalledOnce()
})
