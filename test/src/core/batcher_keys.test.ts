/** In which order the items of several keys get their turn, and those of an item's keys. */
import { describe, expect, test } from 'vitest'
import { batcherByHand, settled } from './batcher_by_hand.ts'

describe('Batcher', () => {
  test('keys take turns; a key that was served goes behind the others', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({ keysOf: (item) => [item[0]] })
    const answers = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2', 'd1', 'd2'].map((i) =>
      batcher.add(i)
    )
    await settled()
    for (const n of [0, 1, 2]) await runs[n]!.done()
    await Promise.all(answers)
    expect(batches()).toEqual([['a1', 'b1', 'c1'], ['d1', 'a2', 'c2'], ['d2', 'a3', 'a4']])
  })

  test('a key in a batch that runs keeps its place', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({
      maxRunning: 2,
      maxBatch: 2,
      keysOf: (item) => [item[0]],
    })
    const answers = ['a1', 'b1'].map((item) => batcher.add(item))
    await settled()
    answers.push(...['a2', 'c1', 'd1', 'e1'].map((item) => batcher.add(item)))
    await settled()
    expect(batches().slice(1)).toEqual([['c1', 'd1']])
    await runs[0]!.done()
    await runs[1]!.done()
    expect(batches().slice(2)).toEqual([['a2', 'e1']])
    await runs[2]!.done()
    expect(await Promise.all(answers)).toHaveLength(6)
  })

  test('100,000 items of one key delay another by one batch, and batches stay cheap', async () => {
    const { batcher, runs, batches } = batcherByHand<[string, number]>({
      maxBatch: 2,
      maxQueue: 200_000,
      keysOf: ([key]) => [key],
    })
    const answers: Promise<unknown>[] = []
    for (let n = 0; n < 100_000; n++) answers.push(batcher.add(['hot', n]))
    await settled()
    answers.push(batcher.add(['cold', 0]))
    await runs[0]!.done()
    expect(batches()[1]).toContainEqual(['cold', 0])
    for (let n = 1; n < runs.length && n < 1000; n++) await runs[n]!.done()
    expect(batcher.queued).toBe(100_001 - 2 * runs.length)
  })

  test('an item waits for each of its keys, and those behind it overtake', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({
      maxRunning: 2,
      maxBatch: 2,
      keysOf: keysOfText,
    })
    const answers = ['ab', 'c'].map((item) => batcher.add(item))
    await settled()
    answers.push(...['db', 'd', 'ec', 'e', 'f'].map((item) => batcher.add(item)))
    await settled()
    expect(batches()).toEqual([['ab', 'c'], ['d', 'e']])
    await runs[0]!.done()
    // d and e are still in flight, and f would not fill a batch of its own.
    expect(batches()).toHaveLength(2)
    await runs[1]!.done()
    expect(batches().slice(2)).toEqual([['db', 'ec']])
    await runs[2]!.done()
    await runs[3]!.done()
    expect(batches().slice(3)).toEqual([['f']])
    expect(await Promise.all(answers)).toHaveLength(7)
  })

  test('an item that names a key twice is one of its batch', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({ keysOf: keysOfText })
    const answers = ['aa', 'ab', 'ba'].map((item) => batcher.add(item))
    await settled()
    expect(batches()).toEqual([['aa', 'ba', 'ab']])
    await runs[0]!.done()
    expect(await Promise.all(answers)).toEqual(['aa', 'ab', 'ba'])
  })

  test('a second batch is begun only if it is full of what can run', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({
      maxRunning: 2,
      keysOf: keysOfText,
    })
    const answers = ['x'].map((item) => batcher.add(item))
    await settled()
    answers.push(...['ax', 'b', 'cx', 'd'].map((item) => batcher.add(item)))
    await settled()
    expect(batches()).toEqual([['x']])
    answers.push(batcher.add('e'))
    await settled()
    expect(batches().slice(1)).toEqual([['b', 'd', 'e']])
    await runs[0]!.done()
    await runs[1]!.done()
    expect(batches().slice(2)).toEqual([['ax', 'cx']])
    await runs[2]!.done()
    expect(await Promise.all(answers)).toHaveLength(6)
  })

  test('an item whose keys are in flight by turns is not overtaken for ever', async () => {
    const { batcher, runs, batches } = batcherByHand<string>({
      maxRunning: 2,
      maxBatch: 2,
      keysOf: keysOfText,
    })
    const answers = ['a', 'f'].map((item) => batcher.add(item))
    await settled()
    answers.push(batcher.add('ba'), batcher.add('g'))
    for (let n = 0; !batches().flat().includes('ba'); n++) {
      expect(n).toBeLessThan(6)
      // Whoever ends makes room for the next one, before the other key is free.
      answers.push(...[n % 2 ? 'a' : 'b', `h${n}`].map((item) => batcher.add(item)))
      await settled()
      await runs[n]!.done()
    }
    let n = 0
    while (n < runs.length) await runs[n++]!.done()
    expect(await Promise.all(answers)).toContain('ba')
  })
})

/** Its letters. */
const keysOfText = (item: string) => item.replace(/\d/g, '').split('')
