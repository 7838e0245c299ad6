/** Snapshots over Redis: what is kept, and for whom. */
import { beforeEach, describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../../dev/memory_store.ts'
import type { Versioned } from '../../../src/cache/snapshots.ts'
import {
  at,
  type Endpoint,
  entryOf,
  instanceOf,
  keyOf,
  LEDGER,
  startEndpoint,
} from './snapshots.ts'

describe('snapshots', () => {
  let endpoint: Endpoint
  let clock: number
  const now = () => clock

  beforeEach(async () => {
    clock = 1_000_000
    endpoint = await startEndpoint(createMemoryStore())
    return () => endpoint.close()
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
