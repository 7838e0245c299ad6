/** Which snapshots are believed, by what is known of changes. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../dev/memory_store.ts'
import { at, type Endpoint, entryOf, instanceOf, startEndpoint } from './snapshots.ts'

describe('snapshots', () => {
  let endpoint: Endpoint
  let clock: number
  const now = () => clock

  beforeEach(async () => {
    clock = 1_000_000
    endpoint = await startEndpoint(createMemoryStore())
    return () => endpoint.close()
  })

  test('the cache is left alone until we are in step, and whenever we are not', async () => {
    const { snapshots, database, read, hear } = instanceOf(endpoint, { now })
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 4))
    snapshots.lost()
    expect([await read(1), await read(1)]).toEqual(['bypass 4.00', 'bypass 4.00'])
    hear(2)
    expect(await read(1)).toBe('hit 3.00')
  })

  test('what was read before we were in step is a miss, as a change may have been missed', async () => {
    const { snapshots, database, read, hear } = instanceOf(endpoint, { now })
    await snapshots.write(entryOf(1, 3, { read_at: at(30) }))
    expect(await read(1)).toBe('hit 3.00')
    snapshots.lost()
    // A change by somebody else, of which nobody tells us.
    database.set(1, entryOf(1, 4, { read_at: at(32) }))
    hear(31)
    expect([await read(1), await read(1)]).toEqual(['miss 4.00', 'hit 4.00'])
  })

  describe('a database whose clock was set back while we were not in step', () => {
    test('what was read before that is a miss, whoever wrote it, until it has expired', async () => {
      const [one, two] = [instanceOf(endpoint, { now }), instanceOf(endpoint, { now })]
      clock += 40_000
      await one.snapshots.write(entryOf(1, 3, { read_at: at(30) }))
      expect([await one.read(1), await two.read(1)]).toEqual(['hit 3.00', 'hit 3.00'])
      for (const { snapshots, database, hear } of [one, two]) {
        snapshots.lost()
        // A change by somebody else, of which nobody tells us.
        database.set(1, entryOf(1, 3, { read_at: at(21) }))
        hear(20)
      }
      expect([await one.read(1), await two.read(1)]).toEqual(['miss 3.00', 'miss 3.00'])
      // Now the clock shows again what it did when that was read.
      clock += 15_000
      expect([await one.read(1), await two.read(1)]).toEqual(['miss 3.00', 'miss 3.00'])
      await one.snapshots.write(entryOf(1, 4, { read_at: at(35) }))
      expect(await two.read(1)).toBe('miss 3.00')
      clock += 105_000
      expect([await one.read(1), await two.read(1)]).toEqual(['hit 4.00', 'hit 4.00'])
    })

    test('what was read at a time that is still to come is a miss for who has just begun', async () => {
      await instanceOf(endpoint, { now }).snapshots.write(entryOf(1, 3, { read_at: at(30) }))
      const { snapshots, database, read, hear } = instanceOf(endpoint, { now })
      snapshots.lost()
      hear(20)
      database.set(1, entryOf(1, 4, { read_at: at(20) }))
      expect([await read(1), await read(1)]).toEqual(['miss 4.00', 'hit 4.00'])
    })
  })

  test('nothing is shown in a pause; then what is still current is, and what changed is not', async () => {
    const { snapshots, database, read, hear } = instanceOf(endpoint)
    for (const id of [1, 2]) {
      await snapshots.write(entryOf(id, 3))
      database.set(id, entryOf(id, 3))
    }
    const reading = read(1)
    hear(0, 5, true)
    expect(await reading).toBe('miss 3.00')
    const before = endpoint.requests()
    database.set(2, entryOf(2, 4))
    expect([await read(1), await read(2)]).toEqual(['bypass 3.00', 'bypass 4.00'])
    expect(endpoint.requests()).toBe(before)
    snapshots.changed(2, 4)
    hear(0, 6)
    expect([await read(1), await read(2)]).toEqual(['hit 3.00', 'miss 4.00'])
  })

  test('since is judged when the cache has answered, not when it was asked', async () => {
    const { snapshots, database, read } = instanceOf(endpoint)
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 4))
    const reading = read(1)
    snapshots.lost()
    expect(await reading).toBe('miss 4.00')
  })

  test('below the version that changed() told of, everything is a miss', async () => {
    const { snapshots, database, read } = instanceOf(endpoint)
    await snapshots.write(entryOf(1, 3))
    snapshots.changed(1, 4)
    database.set(1, entryOf(1, 3))
    expect([await read(1), await read(1)]).toEqual(['miss 3.00', 'miss 3.00'])
    database.set(1, entryOf(1, 4))
    expect([await read(1), await read(1)]).toEqual(['miss 4.00', 'hit 4.00'])
  })

  test('a change heard of while the cache is being asked counts', async () => {
    const { snapshots, database, read } = instanceOf(endpoint)
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 4))
    const reading = read(1)
    snapshots.changed(1, 4)
    expect(await reading).toBe('miss 4.00')
  })

  test('more changed than can be remembered: what was read before the next poll is a miss', async () => {
    const { snapshots, database, read, hear } = instanceOf(endpoint, {
      now,
      maxMinimumVersions: 2,
    })
    for (const id of [9, 3]) await snapshots.write(entryOf(id, 3))
    database.set(9, entryOf(9, 4))
    for (const id of [1, 2, 3]) snapshots.changed(id, 4)
    expect(await read(9)).toBe('miss 4.00')
    // It began before there were too many.
    snapshots.heard({ since: at(0), readAt: at(5), at: now(), isPaused: false })
    expect(await read(9)).toBe('miss 4.00')
    clock += 1
    hear(0, 5)
    expect(await read(9)).toBe('miss 4.00')
    for (const id of [9, 3]) {
      database.set(id, entryOf(id, 3, { read_at: at(6) }))
      await snapshots.write(entryOf(id, 3, { read_at: at(6) }))
    }
    database.set(9, entryOf(9, 4, { read_at: at(6) }))
    expect([await read(9), await read(9)]).toEqual(['miss 4.00', 'hit 4.00'])
    // Raised when the others were forgotten.
    expect(await read(3)).toBe('miss 3.00')
  })

  test('a second after the last poll that was answered had begun nothing is believed', async () => {
    const { snapshots, database, read, hear } = instanceOf(endpoint, { now, maxSilenceMs: 1000 })
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 4))
    clock += 100_999
    snapshots.heard({ since: at(0), readAt: at(3), at: clock - 999, isPaused: false })
    expect(await read(1)).toBe('hit 3.00')
    clock += 1
    expect(await read(1)).toBe('bypass 4.00')
    // Nothing was missed: the next answer tells of whatever had changed meanwhile.
    hear(0, 4)
    expect(await read(1)).toBe('hit 3.00')
  })

  test('a poll that is answered while the cache is being asked counts', async () => {
    const { snapshots, database, read } = instanceOf(endpoint, { now, maxSilenceMs: 1000 })
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 4))
    snapshots.heard({ since: at(0), readAt: at(3), at: clock, isPaused: false })
    const reading = read(1)
    clock += 1000
    expect(await reading).toBe('miss 4.00')
  })

  test('after a write of unknown outcome nothing that is cached is believed', async () => {
    const { snapshots, database, read } = instanceOf(endpoint)
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 3))
    snapshots.invalidate(1)
    expect([await read(1), await read(1)]).toEqual(['miss 3.00', 'miss 3.00'])
  })
})
