/** Operations of a distributed ledger, whose shards are on two plain servers. */
import type postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createDatabase as connectDatabase } from '../../../src/database/database.ts'
import type { Operation, Outcome, PostOptions } from '../../../src/ledger/operations.ts'
import { type Shard, shardOf } from '../../../src/ledger/shard_map.ts'
import { Shards } from '../../../src/ledger/shards.ts'
import { WriteQueue } from '../../../src/ledger/write_queue.ts'
import { WriteRouter } from '../../../src/ledger/write_router.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connectTo } from '../../support/ledger.ts'
import { makeShards, moveLock, placeShard } from '../../support/shards.ts'

const USERS = Array.from({ length: 24 }, (_, n) => 100 + n)
/** On the servers 0, 1, 0, 1; the port is the number of the server. */
const SHARDS: Shard[] = [-(2 ** 31), -(2 ** 30), 0, 2 ** 30].map((minHash, n) => ({
  id: `${101 + n}`,
  minHash,
  host: 'server',
  port: n % 2,
}))
const shardIdOf = (user: number) => shardOf(SHARDS, user).id
const usersOf = (shardId: string) => USERS.filter((user) => shardIdOf(user) === shardId)

const databases: TestDatabase[] = []
const servers: postgres.Sql[] = []
beforeAll(async () => {
  for (const port of [0, 1]) {
    const database = await createDatabase()
    const sql = connectTo(database.url)
    databases.push(database)
    servers.push(sql)
    const here = SHARDS.filter((shard) => shard.port === port).map(({ id }) => id)
    await makeShards(sql, SHARDS, here)
    for (const id of here) {
      for (const user of usersOf(id)) {
        await sql`insert into ${sql(`users_${id}`)} (id) values (${user})`
      }
    }
  }
})
afterAll(async () => {
  await Promise.all(servers.map((sql) => sql.end()))
  await Promise.all(databases.map((database) => database.drop()))
})

const ok = ({ userId }: Operation): Outcome => ({
  status: 'ok',
  replayed: true,
  users: [{ userId }],
})
/** What went to the coordinator, which does everything. */
let toCoordinator: Operation[] = []
let map = SHARDS
const coordinator = {
  post: (operations: Operation[]) => {
    toCoordinator.push(...operations)
    return Promise.resolve(operations.map(ok))
  },
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

/** Works with a router until the end of `work`. */
async function withRouter(work: (router: WriteRouter, shards: Shards) => Promise<void>) {
  const shards = new Shards({
    ledger: coordinator,
    openWorker: ({ port }) => {
      const open = (max: number) => connectDatabase({ url: databases[port]!.url, max })
      return { batches: open(2), waiting: open(2), reading: open(1) }
    },
    observe: (shard) => ({
      ...shard,
      post: (operations: Operation[], options: PostOptions) => {
        batches.push(operations.map(({ userId }) => userId))
        return shard.post(operations, options)
      },
    }),
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

/** The balance by the history of the shard, wherever that is. */
async function balanceOf(user: number): Promise<string> {
  const id = shardIdOf(user)
  const history = `payment_history_${Number(id) + 100}`
  const sql = servers[SHARDS.find((shard) => shard.id === id)!.port]!
  const [row] = await sql<{ balance: string }[]>`
    select coalesce(sum(amount), 0)::text as balance from ${sql(history)} where user_id = ${user}`
  return row!.balance
}

test('each batch has users of one shard, and goes to its server', async () => {
  await withRouter(async (router, shards) => {
    const added = USERS.flatMap((user) => [1, 2, 3].map(() => router.add(credit(user))))
    const outcomes = await Promise.all(added)
    expect(outcomes.every(({ status }) => status === 'ok')).toBe(true)
    for (const users of batches) expect(new Set(users.map(shardIdOf)).size).toBe(1)
    expect(new Set(batches.map(([user]) => shardIdOf(user!))).size).toBe(SHARDS.length)
    expect(batches.length).toBeLessThan(added.length)
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

test('shards of one server take turns, but none waits long for another', async () => {
  const [slow] = usersOf('101')
  const [first, second] = usersOf('103')
  await withRouter(async (router) => {
    const sql = servers[0]!
    await sql`begin`
    await moveLock(sql, '101')
    const held = router.add(credit(slow!))
    for (let n = 0; n < 20; n++) await Promise.resolve()
    const one = router.add(credit(first!))
    for (let n = 0; n < 20; n++) await Promise.resolve()
    await Promise.all([one, router.add(credit(second!))])
    expect(batches).toEqual([[slow], [first, second]])
    await sql`commit`
    expect((await held).status).toBe('ok')
  })
})

test('the functions of a shard raise LGMOV for who is not of it, and write nothing', async () => {
  const [user] = usersOf('101')
  const [other] = usersOf('103')
  const before = await balanceOf(user!)
  const sql = servers[0]!
  await expect(sql`
    select * from ledger_101.post(array['CREDIT', 'CREDIT'], ${`{${user},${other}}`}::bigint[],
      array[1, 1])`).rejects.toMatchObject({ code: 'LGMOV', hint: expect.stringMatching(/\w/) })
  await expect(sql`select * from ledger_101.get_shard_users(array[${other!}::bigint])`)
    .rejects.toMatchObject({ code: 'LGMOV' })
  await expect(sql`select * from ledger_102.get_shard_users(array[${usersOf('102')[0]!}::bigint])`)
    .rejects.toMatchObject({ code: 'LGMOV' })
  expect(await balanceOf(user!)).toBe(before)
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
