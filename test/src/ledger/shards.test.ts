/** Operations of a distributed ledger, whose shards are on two plain servers. */
import { beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '../../../src/core/errors.ts'
import { createDatabase as connectDatabase } from '../../../src/database/database.ts'
import type { Operation, Outcome } from '../../../src/ledger/operations.ts'
import type { LedgerPost } from '../../../src/ledger/post_function.ts'
import { Shards } from '../../../src/ledger/shards.ts'
import { WriteQueue } from '../../../src/ledger/write_queue.ts'
import { WriteRouter } from '../../../src/ledger/write_router.ts'
import { moveLock, placeShard } from '../../support/shards.ts'
import { shardIdOf, SHARDS, USERS, usersOf, useTwoServers } from '../../support/two_servers.ts'

const { databases, servers, balanceOf } = useTwoServers()

const ok = ({ userId }: Operation): Outcome => ({
  status: 'ok',
  replayed: true,
  users: [{ userId }],
})
/** What went to the coordinator, which does everything. */
let toCoordinator: Operation[] = []
let map = SHARDS
const coordinator = {
  post: vi.fn((operations: Operation[]) => {
    toCoordinator.push(...operations)
    return Promise.resolve(operations.map(ok))
  }),
  getUsers: () => Promise.reject(new Error('never called on a distributed ledger')),
  getShardUsers: () => Promise.resolve(new Map()),
  getShards: vi.fn(() => Promise.resolve(map)),
}
/** The users of each call of a shard. */
let batches: number[][] = []
beforeEach(() => {
  toCoordinator = []
  batches = []
  map = SHARDS
})

const isPost = (ledger: object): ledger is LedgerPost => 'post' in ledger

/** Works with a router until the end of `work`. */
async function withRouter(work: (router: WriteRouter, shards: Shards) => Promise<void>) {
  const shards = new Shards({
    ledger: coordinator,
    openWorker: ({ port }) => {
      const open = (max: number) => connectDatabase({ url: databases[port]!.url, max })
      return { batches: open(2), waiting: open(2), reading: open(1) }
    },
    observe: (ledger) => {
      if (!isPost(ledger)) return ledger
      const post: LedgerPost['post'] = (operations, options, parts) => {
        batches.push(operations.map(({ userId }) => userId))
        return ledger.post(operations, options, parts)
      }
      return { ...ledger, post }
    },
  })
  const router = new WriteRouter({
    ledger: coordinator,
    shards,
    openQueue: (ledger, limits) => new WriteQueue({ ledger, batches: 2, waiting: 2, ...limits }),
  })
  expect(await shards.start()).toBe(true)
  try {
    await work(router, shards)
  } finally {
    await router.idle()
    await shards.end()
  }
}

const credit = (userId: number): Operation => ({ kind: 'credit', userId, amount: '1.00' })

test('a batch has users of all shards of a server, and goes there', async () => {
  await withRouter(async (router, shards) => {
    const added = USERS.flatMap((user) => [1, 2, 3].map(() => router.add(credit(user))))
    const outcomes = await Promise.all(added)
    expect(outcomes.every(({ status }) => status === 'ok')).toBe(true)
    const shardsOf = (users: number[]) => [...new Set(users.map(shardIdOf))].sort().join()
    expect(new Set(batches.map(shardsOf))).toEqual(new Set(['101,103', '102,104']))
    expect(outcomes.map(({ users: [{ userId }] }) => userId))
      .toEqual(USERS.flatMap((user) => [user, user, user]))
    for (const user of USERS) expect([user, await balanceOf(user)]).toEqual([user, '3.00'])
    const read = await shards.getUsers([...USERS, 99])
    expect(USERS.map((user) => read.get(user)?.snapshot.balance)).toEqual(USERS.map(() => '3.00'))
    expect(read.size).toBe(USERS.length)
    expect(toCoordinator).toEqual([])
  })
})

test('what touches two shards, or may, goes through the coordinator', async () => {
  const [a, b] = usersOf('101')
  const [c] = usersOf('102')
  await withRouter(async (router) => {
    const transfer = (peerId: number) =>
      router.add({ kind: 'transfer', userId: a!, peerId, amount: '1' })
    expect((await transfer(b!)).users.map(({ userId }) => userId)).toEqual([a, b])
    expect(toCoordinator).toEqual([])
    await transfer(c!)
    await router.add({ kind: 'reverse', userId: a!, ref: 1 })
    expect(toCoordinator.map(({ kind }) => kind)).toEqual(['transfer', 'reverse'])
    expect(batches).toEqual([[a]])
  })
})

test('an operation that waits while its shard moves is done by the coordinator', async () => {
  const [user] = usersOf('103')
  const before = await balanceOf(user!)
  await withRouter(async (router, shards) => {
    const sql = servers[0]!
    await sql`begin`
    await moveLock(sql, '103')
    const added = router.add(credit(user!))
    await vi.waitUntil(() => batches.length > 0)
    map = SHARDS.map((shard) => shard.id === '103' ? { ...shard, port: 1 } : shard)
    await placeShard(sql, '103', false)
    await placeShard(servers[1]!, '103', true)
    await sql`commit`
    expect((await added).status).toBe('ok')
    expect(toCoordinator).toEqual([expect.objectContaining(credit(user!))])
    expect(await balanceOf(user!)).toBe(before)
    // The map was read again, so the other server is asked from now on: it has no such user.
    await vi.waitUntil(async () => (await router.add(credit(user!))).status === 'LGUSR')
    expect((await shards.getUsers([user!])).size).toBe(0)
    await placeShard(sql, '103', true)
    await placeShard(servers[1]!, '103', false)
  })
})

test('a shard that is about to move holds up no other', async () => {
  const [slow] = usersOf('101')
  const [first, second] = usersOf('103')
  await withRouter(async (router) => {
    const sql = servers[0]!
    await sql`begin`
    await moveLock(sql, '101')
    const held = router.add(credit(slow!))
    for (const user of [first!, second!, first!]) {
      expect((await router.add(credit(user))).status).toBe('ok')
    }
    expect(batches[0]).toEqual([slow, first])
    await sql`commit`
    expect((await held).status).toBe('ok')
    expect(toCoordinator).toEqual([])
  })
})

test('a user who is locked holds up nobody of any shard', async () => {
  const [slow] = usersOf('101')
  const [other] = usersOf('103')
  await withRouter(async (router) => {
    const sql = servers[0]!
    await sql`begin`
    await sql`select from users_101 where id = ${slow!} for no key update`
    const held = router.add(credit(slow!))
    expect((await router.add(credit(other!))).status).toBe('ok')
    expect(batches[0]).toEqual([slow, other])
    await sql`commit`
    expect((await held).status).toBe('ok')
  })
})

test('of a batch, only what has moved goes to the coordinator, and fails alone', async () => {
  const [gone] = usersOf('101')
  const [here] = usersOf('103')
  const before = [await balanceOf(gone!), await balanceOf(here!)]
  await placeShard(servers[0]!, '101', false)
  await withRouter(async (router) => {
    expect((await Promise.all([credit(gone!), credit(here!)].map((one) => router.add(one))))
      .map(({ status }) => status)).toEqual(['ok', 'ok'])
    expect(toCoordinator).toEqual([expect.objectContaining(credit(gone!))])
    coordinator.post.mockRejectedValueOnce(new Problem('busy'))
    const [lost, done] = await Promise.allSettled(
      [credit(gone!), credit(here!)].map((one) => router.add(one)),
    )
    expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'busy' } })
    expect(done).toMatchObject({ status: 'fulfilled', value: { status: 'ok' } })
  })
  await placeShard(servers[0]!, '101', true)
  expect(Number(await balanceOf(here!)) - Number(before[1])).toBe(2)
  expect(await balanceOf(gone!)).toBe(before[0])
})

test('on one server nothing goes elsewhere', async () => {
  map = []
  const shards = new Shards({
    ledger: { ...coordinator, getUsers: () => Promise.resolve(new Map()) },
    openWorker: () => {
      throw new Error('there is no other server')
    },
  })
  const router = new WriteRouter({
    ledger: coordinator,
    shards,
    openQueue: (ledger) => new WriteQueue({ ledger, batches: 1, waiting: 1 }),
  })
  expect(await shards.start()).toBe(false)
  await router.add(credit(100))
  await shards.getUsers([100])
  expect(toCoordinator).toHaveLength(1)
  expect(shards.connections()).toEqual({})
})
