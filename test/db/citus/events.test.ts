/** Events of a distributed ledger: everybody who follows them sees each once, a user's in order. */
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { citusIsMissing, distribute, SHARDS, useCitusLedger } from '../../support/citus.ts'
import { askOnce, crash, healed, moveShard } from '../../support/citus_faults.ts'
import { type Event, expectInOrder, numberOf } from '../../support/event_order.ts'
import { codeOf } from '../../support/ledger.ts'
import { post as postTo } from '../../support/post.ts'
import { serve } from '../../support/service.ts'
import { randomOf, SEED } from '../../support/share.ts'

const ledger = useCitusLedger({ isDistributed: false })
const USERS = Array.from({ length: 16 }, (_, n) => 100 + n)
let service: Service
/** The cursor of an event from before users were spread. */
let early: string

interface Page {
  status: number
  events: Event[]
  next: string
  has_more: boolean
}

async function start(): Promise<void> {
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: ledger.url })
  service = await serve({ ...config, port: 0, requestDeadlineMs: 20_000 })
}

async function ask(query: string): Promise<Page> {
  const response = await fetch(`${service.url}/events?${query}`)
  return { status: response.status, ...await response.json() as object } as Page
}

/** Asks until a page is answered: a server may be down for a moment. */
const page = async (query: string): Promise<Page> =>
  await vi.waitUntil(async () => {
    const answer = await ask(query)
    if (answer.status === 503) return false
    expect(answer).toMatchObject({ status: 200 })
    return answer
  }, { interval: 50 })

/** Follows events until `isOver` says so at the end of a page that was the last. */
async function follow(
  { seed, isOver, more = '', after }: {
    seed: number
    isOver: () => boolean
    more?: string
    after?: string
  },
): Promise<Event[]> {
  const random = randomOf(seed)
  const events: Event[] = []
  for (let cursor = after;;) {
    const wasOver = isOver()
    const limit = 1 + Math.floor(random() * 30)
    const at = cursor === undefined ? '' : `&after=${encodeURIComponent(cursor)}`
    const answer = await page(`limit=${limit}${at}${more}`)
    expect(answer.events.length).toBeLessThanOrEqual(limit)
    events.push(...answer.events)
    cursor = answer.next
    if (wasOver && !answer.has_more && answer.events.length === 0) return events
  }
}

/** What is in the tables, as ids without digests. */
async function written(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id::text as id from payment_history where seq is not null
    union all select position::text from hold_changes
    union all select position::text from user_controls`
  return rows.map(({ id }) => id).sort()
}

/** Everything once, and in order. */
async function expectAll(events: Event[]): Promise<void> {
  const ids = await askOnce(ledger.url, (sql) => written(sql))
  expect(events.map(numberOf).sort()).toEqual(ids)
  expectInOrder(events)
}

beforeAll(async () => {
  if (citusIsMissing) return
  const sql = ledger.connect()
  for (const user of USERS) await sql`select create_user(${user}), credit_user(${user}, 1000)`
  await start()
  early = (await page('limit=3')).next
  await sql`select place_hold(${USERS[0]!}, 5), freeze_user(${USERS[1]!})`
  await sql`select thaw_user(${USERS[1]!}), capture_hold(${USERS[0]!}, 1)`
  await service.stop()
  const [code, output] = await distribute(ledger.url, '--shards', `${SHARDS}`)
  if (code !== 0) throw new Error(output)
  await start()
})
afterAll(async () => await service?.stop())

/** Does this and that, through the service and past it, until `isOver`. */
async function work(seed: number, isOver: () => boolean): Promise<void> {
  const random = randomOf(seed)
  const any = () => USERS[Math.floor(random() * USERS.length)]!
  const post = async (path: string, body: object) => {
    const response = await fetch(`${service.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    await response.body?.cancel()
    expect([200, 201, 404, 409, 422, 503]).toContain(response.status)
  }
  while (!isOver()) {
    const kind = random()
    const user = any()
    const peer = USERS[(USERS.indexOf(user) + 1 + Math.floor(random() * 15)) % USERS.length]!
    if (kind < 0.3) await post(`/users/${user}/debit`, { amount: '0.01' })
    else if (kind < 0.5) await post('/transfers', { from: user, to: peer, amount: '0.02' })
    else if (kind < 0.65) await post(`/users/${user}/holds`, { amount: '0.01' })
    else if (kind < 0.75) {
      await post(`/users/${user}/credit-limit`, { credit_limit: `${random()}`.slice(0, 4) })
    } else if (kind < 0.85) {
      const hold = 1 + Math.floor(random() * 5)
      await post(`/users/${user}/holds/${hold}/capture`, {})
    } else {
      // Through the coordinator, which gives positions to changes of holds.
      const operations = [
        { op: 'DEBIT', user, amount: 0.01 },
        { op: 'HOLD', user: peer, amount: 0.01 },
        { op: 'CREDIT', user, amount: 0.02 },
      ]
      await askOnce(ledger.url, (sql) => codeOf(postTo(sql, operations)))
    }
  }
}

/** Several work and several follow while `disturb` does; then all have seen everything. */
async function expectFollowed(disturb: () => Promise<void>): Promise<void> {
  let isOver = false
  let isQuiet = false
  const workers = [1, 2, 3].map((n) => work(SEED + n, () => isOver))
  const followers = [1, 2, 3].map((n) => follow({ seed: SEED + 10 * n, isOver: () => isQuiet }))
  const done = Promise.all(workers)
  await Promise.race([disturb(), done, Promise.all(followers)]).finally(() => isOver = true)
  await done
  await healed(ledger)
  isQuiet = true
  for (const events of await Promise.all(followers)) await expectAll(events)
  await expectAll(await follow({ seed: SEED, isOver: () => true }))
}

/** Until so much more is written. */
const untilMore = async (count: number) => {
  const read = () =>
    askOnce(ledger.url, async (sql) => (await written(sql)).length).catch(() => undefined)
  const before = await vi.waitUntil(read, { interval: 100 })
  await vi.waitUntil(async () => (await read() ?? 0) >= before + count, { interval: 100 })
}

test.skipIf(citusIsMissing)('what happened before is there, in its order', async () => {
  const events = await follow({ seed: SEED, isOver: () => true })
  await expectAll(events)
  expect(events).toHaveLength(USERS.length + 5)
  const rest = await follow({ seed: SEED, isOver: () => true, after: early })
  expect(rest).toEqual(events.slice(3))
  expect(await ask(`after=${events[2]!.id}`)).toMatchObject({
    status: 200,
    events: events.slice(3),
  })
})

test.skipIf(citusIsMissing)('everybody sees everything once while users are busy', async () => {
  await expectFollowed(() => untilMore(300))
})

test.skipIf(citusIsMissing)('and while a shard moves to another server and back', async () => {
  await expectFollowed(async () => {
    for (const mode of ['block_writes', 'force_logical'] as const) {
      await untilMore(50)
      await moveShard(ledger, USERS[3]!, mode)
    }
    await untilMore(50)
  })
})

test.skipIf(citusIsMissing)('and while each server crashes', async () => {
  await expectFollowed(async () => {
    for (const url of [...ledger.workerUrls, ledger.url]) {
      await untilMore(50)
      await crash(url)
    }
    await untilMore(50)
  })
})

test.skipIf(citusIsMissing)('a condition leaves out the others, and nothing else', async () => {
  const all = await follow({ seed: SEED, isOver: () => true })
  for (const user of USERS.slice(2, 5)) {
    const more = `&user=${user}`
    const events = await follow({ seed: SEED + user, isOver: () => true, more })
    expect(events).toHaveLength(all.filter((event) => event.user_id === user).length)
    expectInOrder(events)
  }
  const holds = await follow({ seed: SEED, isOver: () => true, more: '&type=hold.placed' })
  expect(holds.map(numberOf).sort())
    .toEqual(all.filter(({ type }) => type === 'hold.placed').map(numberOf).sort())
})
