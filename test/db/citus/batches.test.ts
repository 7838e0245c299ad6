/** Batches of all shards of a worker, beside transfers across, moves and a locked user. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { one } from '../../support/ledger.ts'
import { serve } from '../../support/service.ts'
import { randomOf, SEED } from '../../support/share.ts'

const ledger = useCitusLedger({ isDistributed: true })
const USERS = Array.from({ length: 24 }, (_, n) => 100 + n)
const CLIENTS = 24
const REQUESTS = 25
const services: Service[] = []

beforeAll(async () => {
  if (citusIsMissing) return
  const sql = ledger.connect()
  for (const user of USERS) await sql`select create_user(${user}), credit_user(${user}, 100)`
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: ledger.url })
  for (let n = 0; n < 2; n++) {
    services.push(await serve({ ...config, port: 0, requestDeadlineMs: 20_000 }))
  }
})
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()))
})

/** What was done to the balance of each user, in cents. */
const changes = new Map<number, number>(USERS.map((user) => [user, 10_000]))
const change = (user: number, cents: number) => changes.set(user, changes.get(user)! + cents)

async function call(path: string, body: object, key: string, service: Service) {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  })
  await response.body?.cancel()
  return response.status
}

/** One request after the other, each repeated on either instance until its outcome is known. */
async function run(client: number): Promise<void> {
  const random = randomOf(SEED + client)
  const any = (count: number) => Math.floor(random() * count)
  for (let n = 0; n < REQUESTS; n++) {
    const [user, peer] = [USERS[any(USERS.length)]!, USERS[any(USERS.length)]!]
    const cents = 1 + any(2000)
    const amount = (cents / 100).toFixed(2)
    const kind = ['debit', 'credit', 'transfer'][any(3)]!
    const [path, body]: [string, object] = kind === 'transfer'
      ? ['/transfers', { from: user, to: peer, amount }]
      : [`/users/${user}/${kind}`, { amount }]
    const status = await vi.waitUntil(async () => {
      const answer = await call(path, body, `${client}-${n}`, services[any(2)]!)
      return answer === 503 ? undefined : answer
    }, { interval: 20 })
    expect([201, 422]).toContain(status)
    if (status !== 201) continue
    change(user, kind === 'credit' ? cents : -cents)
    if (kind === 'transfer') change(peer, cents)
  }
}

/** Moves each shard of users once to the other worker, until nobody works any more. */
async function moveShards(isOver: () => boolean): Promise<number> {
  const sql = ledger.connect()
  const shards = await sql<{ id: string; host: string; port: number }[]>`
    select shard_id as id, host, port from ledger.get_shards()`
  const workers = ledger.workerUrls.map((url) => new URL(url))
  let moved = 0
  for (const { id, host, port } of shards) {
    if (isOver()) break
    const to = workers.find((worker) => worker.port !== String(port))!
    await sql`select citus_move_shard_placement(${id}, ${host}, ${port}::integer,
      ${to.hostname}, ${to.port}::integer, 'block_writes')`
    moved++
  }
  return moved
}

test.skipIf(citusIsMissing)('nothing is lost, done twice or deadlocked', async () => {
  let isOver = false
  const moving = moveShards(() => isOver)
  const locker = ledger.connect()
  await locker`begin`
  await locker`select debit_user(${USERS[0]!}, 1)`
  change(USERS[0]!, -100)
  // Everybody but the locked user is served meanwhile, in batches with it.
  const working = Array.from({ length: CLIENTS }, (_, client) => run(client))
  const statuses = await Promise.all(
    USERS.slice(1).map((user) =>
      vi.waitUntil(async () => {
        const status = await call(`/users/${user}/credit`, { amount: '1' }, 'served', services[0]!)
        return status === 503 ? undefined : status
      }, { interval: 20 })
    ),
  )
  expect(new Set(statuses)).toEqual(new Set([201]))
  for (const user of USERS.slice(1)) change(user, 100)
  await locker`commit`
  await Promise.all(working)
  isOver = true
  expect(await moving).toBeGreaterThan(0)
  const sql = ledger.connect()
  for (const [user, cents] of changes) {
    const { balance } = await one(sql`select balance from balances where id = ${user}`)
    expect([user, balance]).toEqual([user, (cents / 100).toFixed(2)])
  }
  expect([...await sql`select * from verify_ledger()`]).toEqual([])
})
