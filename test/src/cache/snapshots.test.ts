import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../dev/memory_store.ts'
import { formatEntry } from '../../../src/cache/snapshot_entry.ts'
import type { Versioned } from '../../../src/cache/snapshots.ts'
import { redisServerMissing, startRedisServer } from '../../dev/redis_server.ts'
import {
  at,
  type Endpoint,
  entryOf,
  instanceOf,
  keyOf,
  LEDGER,
  startEndpoint,
} from './snapshots.ts'
import { sample } from '../../support/share.ts'

const KEY = keyOf(1)

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest])
  )
}

describe.each(['memory', 'redis-server'])('snapshots over %s', (name) => {
  const missing = name === 'memory' ? undefined : redisServerMissing
  let endpoint: Endpoint

  beforeAll(async () => {
    if (missing) return
    endpoint = await startEndpoint(
      name === 'memory' ? createMemoryStore() : await startRedisServer(),
    )
  })
  afterAll(() => endpoint?.close())
  beforeEach(async ({ skip }) => {
    if (missing) skip(missing)
    await endpoint.redis(['FLUSHALL'])
    endpoint.calls.length = 0
  })

  test('miss, then hit; an unknown user is looked for every time', async () => {
    const { database, read, queries, errors } = instanceOf(endpoint)
    expect([await read(1), await read(1)]).toEqual(['unknown', 'unknown'])
    database.set(1, entryOf(1, 3))
    expect([await read(1), await read(1), await read(1)])
      .toEqual(['miss 3.00', 'hit 3.00', 'hit 3.00'])
    expect(queries).toEqual([[1], [1], [1]])
    expect(errors).toEqual([])
    expect(await endpoint.redis(['ZRANGE', KEY, 0, -1, 'WITHSCORES']))
      .toEqual([[formatEntry(entryOf(1, 3)), '3']])
  })

  test('a write shows in the next read of every instance', async () => {
    const [one, two] = [instanceOf(endpoint), instanceOf(endpoint)]
    await one.snapshots.write(entryOf(1, 3))
    await two.snapshots.write(entryOf(1, 4))
    expect([await one.read(1), await two.read(1)]).toEqual(['hit 4.00', 'hit 4.00'])
  })

  test('fresh asks the database and keeps what it says', async () => {
    const { snapshots, database, read } = instanceOf(endpoint)
    await snapshots.write(entryOf(1, 3))
    database.set(1, entryOf(1, 4))
    expect([await read(1), await read(1, true), await read(1)])
      .toEqual(['hit 3.00', 'bypass 4.00', 'hit 4.00'])
  })

  test('the highest version wins in every order of arrival', async () => {
    // Version 4 twice: how things were, and later, when a hold in it had expired.
    const later = entryOf(0, 4, { read_at: at(9) })
    const entries = [entryOf(0, 1), entryOf(0, 3), entryOf(0, 4), later]
    const orders = sample('orders', permutations([...entries, 'read' as const]), 20)
    await Promise.all(orders.map(async (order, n) => {
      const id = n + 1
      const [one, two] = [instanceOf(endpoint), instanceOf(endpoint)]
      const of = (entry: Versioned) => ({ ...entry, snapshot: { ...entry.snapshot, id } })
      one.database.set(id, of(entryOf(0, 1)))
      for (const [turn, step] of order.entries()) {
        const instance = turn % 2 ? one : two
        if (step === 'read') await one.read(id)
        else await instance.snapshots.write(of(step))
      }
      expect(await endpoint.redis(['ZRANGE', keyOf(id), 0, -1, 'WITHSCORES']))
        .toEqual([[formatEntry(of(later)), '4']])
      expect(await two.read(id)).toBe('hit 4.00')
    }))
  })

  test('the highest version wins when all arrive at once', async () => {
    const later = { read_at: at(9) }
    await Promise.all(
      permutations([1, 3, 4, 4.5]).map(async (versions, n) => {
        const { snapshots, read, hear } = instanceOf(endpoint, { now: () => 0 })
        const entries = versions.map((v) => entryOf(n + 1, Math.floor(v), v === 4.5 ? later : {}))
        await Promise.all(entries.map((entry) => snapshots.write(entry)))
        expect(await endpoint.redis(['ZRANGE', keyOf(n + 1), 0, -1]))
          .toEqual([[formatEntry(entryOf(n + 1, 4, later))]])
        hear(0, 9)
        expect(await read(n + 1)).toBe('hit 4.00')
      }),
    )
  })

  test('a read that began before a write can not put back what it saw', async () => {
    let answer: (found: Map<number, Versioned>) => void = () => {}
    const slow = instanceOf(endpoint, { load: () => new Promise((resolve) => answer = resolve) })
    const other = instanceOf(endpoint)
    const reading = slow.read(1)
    await expect.poll(() => endpoint.calls.length).toBe(1)
    await other.snapshots.write(entryOf(1, 4))
    await expect.poll(() => (answer(new Map([[1, entryOf(1, 3)]])), endpoint.calls.length)).toBe(3)
    expect(await reading).toBe('miss 3.00')
    expect(await other.read(1)).toBe('hit 4.00')
  })

  test('users of one turn travel in one call, each once', async () => {
    const { snapshots, queries } = instanceOf(endpoint)
    const ids = [1, 2, 3, 2, 1]
    await Promise.all(ids.map((id) => snapshots.write(entryOf(id, 3))))
    expect(endpoint.calls.map(({ kind, commands }) => [kind, commands.length]))
      .toEqual([['transact', 9]])
    const found = await Promise.all([...ids, 4, 4].map((id) => snapshots.read(id)))
    expect(found.map((f) => f?.cache)).toEqual([...ids.map(() => 'hit'), undefined, undefined])
    expect(endpoint.calls.map(({ kind, commands }) => [kind, commands.length]))
      .toEqual([['transact', 9], ['run', 4]])
    expect(queries).toEqual([[4]])
    expect(endpoint.calls.flatMap((c) => c.commands).map(([command]) => command?.toLowerCase()))
      .not.toContain('del')
  })

  test('an entry lives for the ttl, however soon a hold in it expires', async () => {
    // Shorter, and the version would be forgotten while an older write is still on its way.
    const { snapshots } = instanceOf(endpoint)
    await snapshots.write(entryOf(1, 3, { expires_in_ms: 5 }))
    const [ttlMs] = await endpoint.redis(['PTTL', KEY])
    expect(ttlMs).toBeGreaterThan(50_000)
    expect(ttlMs).toBeLessThanOrEqual(60_000)
  })

  const good = formatEntry(entryOf(1, 3))
  test.each<[string, string, string | number]>([
    ['no JSON', 'x', 9],
    ['another user', formatEntry(entryOf(2, 9)), 9],
    ['another score', good, 9],
    ['a score above all', good, 'inf'],
    ['one member more', good.replace('{', '{"a":1,'), 3],
    ['a number for a string', good.replace('"3.00"', '3.00'), 3],
    ['a large text', 'x'.repeat(50_000), 9],
    ['deep JSON', '['.repeat(50_000), 9],
    ['an empty text', '', 9],
  ])('%s in Redis is a miss, is counted and goes away', async (_, text, score) => {
    const { snapshots, database, read, errors } = instanceOf(endpoint)
    database.set(1, entryOf(1, 4))
    await endpoint.redis(['ZADD', KEY, score, text])
    await snapshots.write(entryOf(1, 2))
    expect(await read(1)).toBe('miss 4.00')
    expect(errors).toEqual(['parse'])
    expect([await read(1), await read(1)]).toEqual(['hit 4.00', 'hit 4.00'])
    expect(errors).toEqual(['parse'])
  })

  test('a bad text goes away although the user is unknown', async () => {
    const { read } = instanceOf(endpoint)
    await endpoint.redis(['ZADD', KEY, 9, 'x'])
    expect(await read(1)).toBe('unknown')
    expect(await endpoint.redis(['ZRANGE', KEY, 0, -1])).toEqual([[]])
  })

  test('a key of another type fails for its user alone', async () => {
    const { snapshots, database, read, errors } = instanceOf(endpoint)
    await endpoint.redis(['SET', KEY, 'x'])
    for (const id of [1, 2]) database.set(id, entryOf(id, 4))
    await Promise.all([1, 2].map((id) => snapshots.write(entryOf(id, 4))))
    expect(errors).toEqual(['write'])
    expect(await Promise.all([read(1), read(2)])).toEqual(['bypass 4.00', 'hit 4.00'])
    expect(errors).toEqual(['write', 'read'])
  })
})

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
    snapshots.heard({ since: at(0), readAt: at(5), at: now() })
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
    snapshots.heard({ since: at(0), readAt: at(3), at: clock - 999 })
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
    snapshots.heard({ since: at(0), readAt: at(3), at: clock })
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

  test('ledgers that share one Redis never see one another', async () => {
    const [one, other] = [instanceOf(endpoint), instanceOf(endpoint)]
    const ledger = '6b8f2c9e-0000-4000-8000-000000000002'
    other.snapshots.identified(ledger)
    await one.snapshots.write(entryOf(1, 9))
    other.database.set(1, entryOf(1, 3))
    expect([await other.read(1), await other.read(1)]).toEqual(['miss 3.00', 'hit 3.00'])
    expect(await one.read(1)).toBe('hit 9.00')
    for (const id of [LEDGER, ledger]) {
      expect(await endpoint.redis(['ZRANGE', keyOf(1, id), 0, -1])).toEqual([[expect.any(String)]])
    }
  })

  test('before the ledger is known Redis is left alone', async () => {
    const { snapshots } = instanceOf(endpoint, {
      load: (ids) => Promise.resolve(new Map(ids.map((id) => [id, entryOf(id, 3)]))),
    }, '')
    await snapshots.write(entryOf(1, 3))
    expect((await snapshots.read(1))?.cache).toBe('bypass')
    await snapshots.idle()
    expect(endpoint.requests()).toBe(0)
  })

  test('no snapshot outlives a hold in it, even if an older write prolongs its life', async () => {
    const one = instanceOf(endpoint, { now })
    const two = instanceOf(endpoint, { now })
    one.hear(0, 10)
    await one.snapshots.write(entryOf(1, 5, { read_at: at(10), expires_in_ms: 20_000 }))
    await two.snapshots.write(entryOf(1, 4, { read_at: at(9) }))
    one.database.set(1, entryOf(1, 5, { read_at: at(29.5) }))
    clock += 18_900
    expect(await one.read(1)).toBe('hit 5.00')
    clock += 200
    expect([await one.read(1), await one.read(1)]).toEqual(['miss 5.00', 'hit 5.00'])
  })

  test('an expiry is judged by the clock of the database alone', async () => {
    const { snapshots, database, read, hear } = instanceOf(endpoint, { now })
    await snapshots.write(entryOf(1, 5, { read_at: at(10), expires_in_ms: 20_000 }))
    expect(await read(1)).toBe('hit 5.00')
    // No time passes here, but the database says that some has.
    hear(0, 5)
    await snapshots.write(entryOf(2, 5, { read_at: at(40) }))
    database.set(1, entryOf(1, 6))
    expect(await read(1)).toBe('miss 6.00')
  })

  test('a read joins the next query, never one in flight', async () => {
    const answers: ((found: Map<number, Versioned>) => void)[] = []
    const { snapshots } = instanceOf(undefined, {
      load: () => new Promise((resolve) => answers.push(resolve)),
    })
    const before = snapshots.read(1)
    await expect.poll(() => answers.length).toBe(1)
    const after = [snapshots.read(1), snapshots.read(1)]
    answers[0]!(new Map([[1, entryOf(1, 3)]]))
    await expect.poll(() => answers.length).toBe(2)
    answers[1]!(new Map([[1, entryOf(1, 4)]]))
    const balances = await Promise.all([before, ...after])
    expect(balances.map((found) => found?.snapshot.balance)).toEqual(['3.00', '4.00', '4.00'])
  })

  test('what the database rejects reaches the reader, and only that', async () => {
    const { snapshots } = instanceOf(endpoint, { load: () => Promise.reject(new RangeError('no')) })
    await expect(snapshots.read(1)).rejects.toBeInstanceOf(RangeError)
    await snapshots.idle()
  })

  test('without Redis every read is a bypass and writes are free', async () => {
    const { snapshots, database, read, errors } = instanceOf(undefined)
    database.set(1, entryOf(1, 3))
    await snapshots.write(entryOf(1, 3))
    expect([await read(1), await read(1)]).toEqual(['bypass 3.00', 'bypass 3.00'])
    expect(errors).toEqual([])
  })
})
