import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { Batcher, type BatcherOptions, QueueFull, WaitExpired } from '../../../src/core/batcher.ts'

interface Run<I, O> {
  items: I[]
  done: (results?: (O | Error)[]) => Promise<void>
  fail: (error: unknown) => Promise<void>
}

/** Lets everything that is ready run; a batcher has no timers, so afterwards it stands still. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A batcher whose runs the test ends by hand. */
function batcherByHand<I, O = I>(options: Partial<BatcherOptions<I, O>> = {}) {
  const runs: Run<I, O>[] = []
  const running = new Set<I[]>()
  /** With each batch that was begun: those that were at work already. */
  const beside: I[][][] = []
  const batcher = new Batcher<I, O>({
    maxBatch: 3,
    maxQueue: 100,
    ...options,
    run: async (items) => {
      beside.push([...running])
      running.add(items)
      try {
        return await new Promise<(O | Error)[]>((resolve, reject) => {
          runs.push({
            items,
            done: (results = items as unknown as O[]) => (resolve(results), settled()),
            fail: (error) => (reject(error), settled()),
          })
        })
      } finally {
        running.delete(items)
      }
    },
  })
  return { batcher, runs, batches: () => runs.map((r) => r.items), beside }
}

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

  test('any order of arrivals: nothing lost, nothing twice, in order, fair, full', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          add: fc.nat(4),
          peer: fc.option(fc.nat(4)),
          count: fc.integer({ min: 1, max: 9 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ finish: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.constant('turn' as const) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        runScenario,
      ),
      { seed: 20260101, numRuns: 400 },
    )
  })
})

/** Its letters. */
const keysOfText = (item: string) => item.replace(/\d/g, '').split('')

interface Item {
  id: number
  keys: number[]
}

type Step = 'turn' | { finish: number } | { add: number; peer: number | null; count: number }

async function runScenario(steps: Step[], maxBatch: number, maxRunning: number) {
  const by = batcherByHand<Item>({
    maxBatch,
    maxRunning,
    maxQueue: 1e6,
    keysOf: ({ keys }) => keys,
    now: () => 0,
  })
  const { batcher, runs, beside } = by
  const answers: Promise<Item>[] = []
  const added: Item[] = []
  const runsAtArrival: number[] = []
  const finished = new Set<number>()
  const finish = async (which: number) => {
    const open = [...runs.keys()].filter((n) => !finished.has(n))
    if (open.length === 0) return
    const n = open[which % open.length]!
    finished.add(n)
    await runs[n]!.done()
  }
  for (const step of steps) {
    if (step === 'turn') await settled()
    else if ('finish' in step) await finish(step.finish)
    else {
      for (let n = 0; n < step.count; n++) {
        const item = { id: added.length, keys: [step.add, step.peer ?? step.add] }
        added.push(item)
        runsAtArrival.push(runs.length)
        answers.push(batcher.add(item))
      }
    }
  }
  await settled()
  while (finished.size < runs.length) await finish(0)
  expect(await Promise.all(answers)).toEqual(added)
  await batcher.idle()
  expect(batcher.queued).toBe(0)

  const ran = by.batches().flat()
  expect(ran.toSorted((a, b) => a.id - b.id)).toEqual(added)
  const keysOf = (batch: Item[]) => batch.flatMap(({ keys }) => keys)
  by.batches().forEach((batch, n) => {
    expect(beside[n]!.length).toBeLessThan(maxRunning)
    if (beside[n]!.length > 0) expect(batch).toHaveLength(maxBatch)
    const taken = new Set(beside[n]!.flatMap(keysOf))
    expect(keysOf(batch).filter((key) => taken.has(key))).toEqual([])
  })
  const batchOf = new Map(by.batches().flatMap((b, n) => b.map(({ id }) => [id, n] as const)))
  for (const key of new Set(added.map(({ keys }) => keys[0]))) {
    const mine = added.filter(({ keys }) => keys[0] === key)
    for (const peer of new Set(mine.map(({ keys }) => keys[1]))) {
      const ids = ran.filter(({ keys }) => keys[0] === key && keys[1] === peer).map(({ id }) => id)
      expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    }
    if (maxRunning > 1) continue
    // An item waits for its own key's earlier ones, each at most one round of the five keys.
    mine.forEach(({ id }, place) => {
      const earlier = mine.slice(0, place).filter((e) => batchOf.get(e.id)! >= runsAtArrival[id]!)
      const rounds = Math.ceil(5 * (earlier.length + 1) / maxBatch)
      expect(batchOf.get(id)!).toBeLessThanOrEqual(runsAtArrival[id]! + rounds)
    })
  }
}

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
