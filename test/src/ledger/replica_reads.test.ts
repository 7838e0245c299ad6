import { expect, test } from 'vitest'
import { createReplicaReads, type ReplicaReads } from '../../../src/ledger/replica_reads.ts'

/** A server whose pages come one entry long, or fail with this code. */
const serverThat = (fails: () => string | undefined) => {
  const reads = {
    getHistory: () => {
      const code = fails()
      return code ? Promise.reject(Object.assign(new Error(code), { code })) : Promise.resolve([])
    },
    getUsers: () => Promise.resolve(new Map()),
  }
  return reads as unknown as ReplicaReads & { getUsers: () => Promise<Map<number, never>> }
}

test('a standby that is away rests, and then one read tries it', async () => {
  let code: string | undefined = 'ECONNREFUSED'
  let attempts = 0
  let nowMs = 0
  const servers: string[] = []
  const told: unknown[] = []
  const reads = createReplicaReads({
    primary: serverThat(() => undefined),
    standby: serverThat(() => {
      attempts++
      return code
    }),
    incarnation: () => '00000000',
    onRead: (server) => servers.push(server),
    onAway: (error) => told.push(error),
    now: () => nowMs,
  })
  const read = () => reads.getHistory(1, undefined, 1, 1)
  await read()
  await read()
  expect(attempts).toBe(1)
  nowMs += 5_001
  await Promise.all([read(), read()])
  expect(attempts).toBe(2)
  expect(told).toHaveLength(1)
  nowMs += 5_001
  code = undefined
  await read()
  await read()
  expect(attempts).toBe(4)
  expect(servers).toEqual([...Array<string>(4).fill('fallback'), 'standby', 'standby'])
})

test('a standby is not asked before the primary has said which database it is', async () => {
  const servers: string[] = []
  const reads = createReplicaReads({
    primary: serverThat(() => undefined),
    standby: serverThat(() => undefined),
    incarnation: () => undefined,
    onRead: (server) => servers.push(server),
  })
  await reads.getHistory(1, undefined, 1, 1)
  expect(servers).toEqual(['fallback'])
})
