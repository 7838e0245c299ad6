/** Snapshots over the store in memory and over a Redis server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../dev/memory_store.ts'
import { formatEntry } from '../../../src/cache/snapshot_entry.ts'
import type { Versioned } from '../../../src/cache/snapshots.ts'
import { redisServerMissing, startRedisServer } from '../../dev/redis_server.ts'
import { at, type Endpoint, entryOf, instanceOf, keyOf, startEndpoint } from './snapshots.ts'
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
