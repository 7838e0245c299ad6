import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createMemoryStore } from '../../../dev/memory_store.ts'
import { type CachePause, createCachePause } from '../../../src/cache/cache_pause.ts'
import { says } from './faulty_answers.ts'
import { entryOf, instanceOf, startEndpoint } from './snapshots.ts'

let clock: number
beforeEach(() => {
  clock = 1_000_000
})

const newPause = () => createCachePause(() => clock)

/** How often all are told within these milliseconds, by who asks four times a second. */
function timesDue(pause: CachePause, ms: number): number {
  let times = 0
  for (const end = clock + ms; clock < end; clock += 250) times += Number(pause.isDue())
  return times
}

test('nobody is told as long as no write has failed', () => {
  const pause = newPause()
  pause.written(true)
  expect(timesDue(pause, 120_000)).toBe(0)
})

test('from the first write that failed on all are told at once, and once a second', () => {
  const pause = newPause()
  pause.written(false)
  expect(pause.isDue()).toBe(true)
  expect(timesDue(pause, 4000)).toBe(3)
})

test('five seconds after the last write that failed nobody is told any more', () => {
  const pause = newPause()
  pause.written(false)
  clock += 3000
  pause.written(false)
  expect(timesDue(pause, 120_000)).toBe(5)
})

test('after a write that succeeded nobody is told, until one fails again', () => {
  const pause = newPause()
  pause.written(false)
  expect(pause.isDue()).toBe(true)
  pause.written(true)
  expect(timesDue(pause, 5000)).toBe(0)
  pause.written(false)
  expect(pause.isDue()).toBe(true)
})

test('writes that fail and succeed in turn have all told no more than once a second', () => {
  const pause = newPause()
  let times = 0
  for (let n = 0; n < 40; n++, clock += 250) {
    pause.written(true)
    pause.written(false)
    times += Number(pause.isDue())
  }
  expect(times).toBe(10)
})

test('writes that Redis did not take count, reads do not', async () => {
  const endpoint = await startEndpoint(createMemoryStore())
  onTestFinished(() => endpoint.close())
  const { snapshots, database, read } = instanceOf(endpoint, { now: () => clock })
  database.set(1, entryOf(1, 3))
  endpoint.misbehave = says(500, '')
  await read(1)
  expect(snapshots.mustPause()).toBe(false)
  // This one isn't even tried.
  await snapshots.write(entryOf(1, 3))
  expect(snapshots.mustPause()).toBe(true)
  clock += 1000
  endpoint.misbehave = undefined
  expect(await read(1)).toBe('miss 3.00')
  expect(snapshots.mustPause()).toBe(true)
  clock += 1000
  await snapshots.write(entryOf(1, 4))
  expect(snapshots.mustPause()).toBe(false)
})
