/** When another batch is begun while one runs. */
import { describe, expect, test } from 'vitest'
import { batcherByHand, settled } from './batcher_by_hand.ts'

describe('Batcher', () => {
  test('another batch is begun once it is full, of keys that none at work has', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({
      maxRunning: 2,
      keysOf: (item) => [item[0]],
    })
    const answers = ['a1', 'b1'].map((item) => batcher.add(item))
    await settled()
    answers.push(...['a2', 'a3', 'a4', 'c1', 'b2', 'd1'].map((item) => batcher.add(item)))
    await settled()
    // Only c and d may run, and they don't fill a batch.
    expect(batches()).toEqual([['a1', 'b1']])
    answers.push(batcher.add('c2'))
    await settled()
    expect(batches()[1]).toEqual(['c1', 'd1', 'c2'])
    answers.push(...['e1', 'f1', 'g1'].map((item) => batcher.add(item)))
    await settled()
    expect(runs).toHaveLength(2)

    // Whoever is done takes what is full, and the last one takes anything.
    await runs[1]!.done()
    expect(batches()[2]).toEqual(['e1', 'f1', 'g1'])
    await runs[2]!.done()
    expect(runs).toHaveLength(3)
    let idle = false
    const waiting = batcher.idle().then(() => idle = true)
    await runs[0]!.done()
    expect(batches().slice(3)).toEqual([['a2', 'b2', 'a3']])
    await runs[3]!.done()
    expect(batches().slice(4)).toEqual([['a4']])
    await settled()
    expect(idle).toBe(false)
    await runs[4]!.done()
    await waiting
    expect(await Promise.all(answers)).toHaveLength(12)
  })

  test('behind a batch that takes long another one is begun, however few it has', async () => {
    let clock = 0
    const { batcher, runs, batches } = batcherByHand<string>({
      maxRunning: 2,
      keysOf: (item) => [item],
      now: () => clock,
    })
    const answers = [batcher.add('hangs')]
    await settled()
    clock = 100
    answers.push(batcher.add('a'))
    await settled()
    expect(batches()).toEqual([['hangs']])
    clock = 101
    answers.push(batcher.add('hangs'), batcher.add('b'))
    await settled()
    expect(batches().slice(1)).toEqual([['a', 'b']])
    answers.push(batcher.add('c'))
    await settled()
    expect(runs).toHaveLength(2)
    await runs[1]!.done()
    expect(batches().slice(2)).toEqual([['c']])
    await runs[2]!.done()
    await runs[0]!.done()
    expect(batches().slice(3)).toEqual([['hangs']])
    await runs[3]!.done()
    expect(await Promise.all(answers)).toEqual(['hangs', 'a', 'hangs', 'b', 'c'])
  })

  test('what one batch has held up goes into as many as it fills', async () => {
    const { batcher, runs, batches } = batcherByHand<number>({
      maxRunning: 3,
      maxBatch: 2,
      keysOf: (item) => [item % 4],
    })
    const answers = [0, 1].map((item) => batcher.add(item))
    await settled()
    answers.push(...[2, 4, 5, 9].map((item) => batcher.add(item)))
    await settled()
    expect(batches()).toEqual([[0, 1]])
    await runs[0]!.done()
    expect(batches().slice(1)).toEqual([[2, 4], [5, 9]])
    for (const n of [1, 2]) await runs[n]!.done()
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 4, 5, 9])
  })
})
