/** Random arrivals: what holds in any order of them. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batcherByHand, settled } from './batcher_by_hand.ts'

describe('Batcher', () => {
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
