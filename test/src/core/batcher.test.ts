/** What a batch takes, how it fails, and when a batcher is idle. */
import { describe, expect, test, vi } from 'vitest'
import { Batcher, QueueFull, WaitExpired } from '../../../src/core/batcher.ts'
import { batcherByHand, settled } from './batcher_by_hand.ts'

const codes = async (promises: Promise<unknown>[]) =>
  (await Promise.allSettled(promises)).map((r) =>
    r.status === 'fulfilled' ? r.value : (r.reason as Error).name
  )

describe('Batcher', () => {
  test('a free batcher takes what was added in one go; the rest is the next batch', async () => {
    const { batcher, runs, batches } = batcherByHand<number>()
    const answers = [1, 2, 3, 4].map((n) => batcher.add(n))
    expect(batches()).toEqual([])
    expect(batcher.queued).toBe(4)
    await settled()
    expect(batches()).toEqual([[1, 2, 3]])
    answers.push(batcher.add(5))
    expect(batcher.queued).toBe(2)
    await runs[0]!.done()
    expect(batches()).toEqual([[1, 2, 3], [4, 5]])
    await runs[1]!.done()
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5])
    expect(batcher.queued).toBe(0)
  })

  test('a failing run rejects its whole batch and the batcher goes on', async () => {
    const { batcher, runs } = batcherByHand<number>({ maxBatch: 2 })
    const answers = codes([1, 2, 3].map((n) => batcher.add(n)))
    await settled()
    await runs[0]!.fail(new TypeError('no'))
    await runs[1]!.done()
    expect(await answers).toEqual(['TypeError', 'TypeError', 3])
  })

  test('a run that throws instead of rejecting is a failing run', async () => {
    const batcher = new Batcher<number, number>({
      maxBatch: 1,
      maxQueue: 1,
      run: () => {
        throw new RangeError('no')
      },
    })
    expect(await codes([batcher.add(1)])).toEqual(['RangeError'])
    expect(await codes([batcher.add(2)])).toEqual(['RangeError'])
  })

  test('an Error among the results rejects that item alone', async () => {
    const { batcher, runs } = batcherByHand<number>()
    const answers = codes([1, 2, 3].map((n) => batcher.add(n)))
    await settled()
    await runs[0]!.done([1, new RangeError('no'), 3])
    expect(await answers).toEqual([1, 'RangeError', 3])
  })

  test.each([[[]], [[1]], [[1, 2, 3, 4]], [undefined]])(
    'results of another length (%j) reject every item',
    async (results) => {
      const batcher = new Batcher<number, number>({
        maxBatch: 3,
        maxQueue: 3,
        run: () => Promise.resolve(results as number[]),
      })
      for (const result of await Promise.allSettled([1, 2, 3].map((n) => batcher.add(n)))) {
        expect(result.status).toBe('rejected')
      }
    },
  )

  test('QueueFull comes at once and runs nothing', async () => {
    const { batcher, runs, batches } = batcherByHand<number>({ maxBatch: 1, maxQueue: 2 })
    const answers = [batcher.add(1)]
    await settled()
    answers.push(batcher.add(2), batcher.add(3))
    await expect(batcher.add(4)).rejects.toBeInstanceOf(QueueFull)
    for (const n of [0, 1, 2]) await runs[n]!.done()
    expect(await Promise.all(answers)).toEqual([1, 2, 3])
    expect(batches()).toEqual([[1], [2], [3]])
  })

  test('WaitExpired: whoever waited longer than maxWaitMs is not run', async () => {
    let clock = 0
    const { batcher, runs, batches } = batcherByHand<number>({ maxWaitMs: 10, now: () => clock })
    const answers = [batcher.add(1)]
    await settled()
    answers.push(batcher.add(2))
    clock = 1
    answers.push(batcher.add(3))
    clock = 11
    const outcome = codes(answers)
    await runs[0]!.done()
    expect(batches()).toEqual([[1], [3]])
    await runs[1]!.done()
    expect(await outcome).toEqual([1, 'WaitExpired', 3])
    clock = 0
    const last = batcher.add(4)
    await settled()
    const late = [batcher.add(5), batcher.add(6)]
    clock = 100
    const lateOutcome = Promise.allSettled(late)
    await runs[2]!.done()
    expect(await last).toBe(4)
    for (const r of await lateOutcome) {
      expect(r.status === 'rejected' && r.reason).toBeInstanceOf(WaitExpired)
    }
    await batcher.idle()
    expect(runs.length).toBe(3)
  })

  test('idle() waits for what is queued and what is running', async () => {
    const { batcher, runs } = batcherByHand<number>({ maxBatch: 1 })
    await batcher.idle()
    const answers = [batcher.add(1), batcher.add(2)]
    let idle = false
    const waiting = batcher.idle().then(() => (idle = true))
    await settled()
    await runs[0]!.done()
    expect(idle).toBe(false)
    await runs[1]!.done()
    await waiting
    expect(await Promise.all(answers)).toEqual([1, 2])
  })

  test('idle() waits for each batch that runs', async () => {
    const { batcher, runs } = batcherByHand<number>({
      maxBatch: 1,
      maxRunning: 2,
      keysOf: (item) => [item],
    })
    const answers = [batcher.add(1), batcher.add(2)]
    await settled()
    let idle = false
    const waiting = batcher.idle().then(() => (idle = true))
    await runs[1]!.done()
    expect([batcher.queued, idle]).toEqual([0, false])
    await runs[0]!.done()
    await waiting
    expect(await Promise.all(answers)).toEqual([1, 2])
  })
})

test('an item that is over when its batch is formed is not run', async () => {
  const over = new Set<number>()
  const runs: number[][] = []
  let finish = () => {}
  const batcher = new Batcher<number, number>({
    run: async (items) => {
      runs.push(items)
      await new Promise<void>((resolve) => finish = resolve)
      return items
    },
    maxBatch: 10,
    maxQueue: 10,
    isOver: (item) => over.has(item),
  })
  const first = batcher.add(1)
  await vi.waitUntil(() => runs.length === 1)
  const rest = Promise.allSettled([batcher.add(2), batcher.add(3)])
  over.add(2)
  finish()
  await first
  await vi.waitUntil(() => runs.length === 2)
  finish()
  const [second, third] = await rest
  expect(runs).toEqual([[1], [3]])
  expect(second.status === 'rejected' && second.reason).toBeInstanceOf(WaitExpired)
  expect(third).toEqual({ status: 'fulfilled', value: 3 })
})
