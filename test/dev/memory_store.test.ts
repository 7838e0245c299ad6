import { describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../dev/memory_store.ts'
import type { Backend } from '../../dev/redis_backend.ts'

describe('createMemoryStore()', () => {
  const run = async (store: Backend, ...commands: string[]) =>
    (await store.run(commands.map((command) => command.split(' '))))
      .map((reply) => reply instanceof Error ? reply.message : reply)

  test('a key is gone when its time is up', async () => {
    let clock = 0
    const store = createMemoryStore({ now: () => clock })
    expect(await run(store, 'SET k v', 'PEXPIRE k 10', 'PTTL k')).toEqual(['OK', 1, 10])
    clock = 9.5
    expect(await run(store, 'PTTL k', 'GET k')).toEqual([1, 'v'])
    clock = 10
    expect(await run(store, 'GET k', 'PTTL k', 'PEXPIRE k 10')).toEqual([null, -2, 0])
  })

  test('SET forgets an expiry, ZADD keeps it', async () => {
    const store = createMemoryStore({ now: () => 0 })
    await run(
      store,
      'SET k v',
      'PEXPIRE k 10',
      'SET k w',
      'ZADD z 1 a',
      'PEXPIRE z 10',
      'ZADD z 2 b',
    )
    expect(await run(store, 'PTTL k', 'PTTL z')).toEqual([-1, 10])
  })

  test('a full store evicts what would expire first, and what has expired before that', async () => {
    let clock = 0
    const store = createMemoryStore({ maxKeys: 3, now: () => clock })
    await run(store, 'SET a 1', 'SET b 1', 'PEXPIRE b 20', 'SET c 1', 'PEXPIRE c 10')
    expect(await run(store, 'SET d 1', 'GET c', 'GET b')).toEqual(['OK', null, '1'])
    clock = 30
    expect(await run(store, 'SET e 1', 'GET b')).toEqual(['OK', null])
    expect(await run(store, 'SET f 1', 'SET a 2', 'GET a')).toEqual([
      "OOM command not allowed when used memory > 'maxmemory'.",
      'OK',
      '2',
    ])
  })

  test('memory stays bounded in bytes too', async () => {
    const store = createMemoryStore({ maxBytes: 3000 })
    expect(await run(store, `SET a ${'x'.repeat(1000)}`, `SET b ${'x'.repeat(1000)}`, 'GET b'))
      .toEqual(['OK', expect.stringMatching(/^OOM/), null])
    expect(await run(store, 'PEXPIRE a 1000', `SET b ${'x'.repeat(1000)}`, 'GET a'))
      .toEqual([1, 'OK', null])
    expect(await run(store, `SET a ${'x'.repeat(2000)}`, 'GET b'))
      .toEqual([expect.stringMatching(/^OOM/), 'x'.repeat(1000)])
  })
})
