/** GET /entries of a distributed ledger: each entry once, a user's in order, whatever happens. */
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { citusIsMissing, distribute, SHARDS, useCitusLedger } from '../../support/citus.ts'
import { askOnce, moveShard } from '../../support/citus_faults.ts'
import { serve } from '../../support/service.ts'
import { randomOf, SEED, shareOf } from '../../support/share.ts'

const ledger = useCitusLedger({ isDistributed: false })
const USERS = Array.from({ length: 16 }, (_, n) => 100 + n)
let service: Service
/** `next` of a page from before users were spread, and what was behind it. */
let early: { next: number; rest: string[] }

interface JournalEntry {
  user_id: number
  seq: number
}

interface Page {
  status: number
  entries: JournalEntry[]
  next: string | number | null
}

const nameOf = ({ user_id, seq }: JournalEntry) => `${user_id}/${seq}`

async function start(): Promise<void> {
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: ledger.url })
  service = await serve({ ...config, port: 0, requestDeadlineMs: 20_000 })
}

async function page(query: string): Promise<Page> {
  const response = await fetch(`${service.url}/entries?${query}`)
  return { status: response.status, ...await response.json() as object } as Page
}

/** A page after another; `limitOf` says how long each may be. */
async function readAll(
  limitOf: () => number,
  { before, each = () => Promise.resolve() }: {
    before?: string | number
    each?: () => Promise<void>
  } = {},
): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  for (let next: Page['next'] | undefined = before; next !== null;) {
    const limit = limitOf()
    const at = next === undefined ? '' : `&before=${encodeURIComponent(next)}`
    const answer = await vi.waitUntil(async () => {
      const found = await page(`limit=${limit}${at}`)
      return found.status === 503 ? undefined : found
    })
    expect(answer.status).toBe(200)
    expect(answer.entries.length).toBeLessThanOrEqual(limit)
    entries.push(...answer.entries)
    next = answer.next
    await each()
  }
  return entries
}

const written = async () =>
  (await askOnce(
    ledger.url,
    (sql) =>
      sql<{ user_id: string; seq: string }[]>`select user_id, seq from payment_history
      where seq is not null`,
  )).map((row) => `${row.user_id}/${row.seq}`).sort()

/** Of each user downwards, without a gap. */
function expectInOrder(entries: JournalEntry[]): void {
  const last = new Map<number, number>()
  for (const { user_id: user, seq } of entries) {
    if (last.has(user)) expect(`${user}/${seq}`).toBe(`${user}/${last.get(user)! - 1}`)
    last.set(user, seq)
  }
}

beforeAll(async () => {
  if (citusIsMissing) return
  const sql = ledger.connect()
  for (const user of USERS) await sql`select create_user(${user}), credit_user(${user}, 1000)`
  await start()
  const first = await page('limit=3')
  early = {
    next: first.next as number,
    rest: (await page(`before=${first.next}`)).entries.map(nameOf),
  }
  await service.stop()
  const [code, output] = await distribute(ledger.url, '--shards', `${SHARDS}`)
  if (code !== 0) throw new Error(output)
  await start()
})
afterAll(async () => await service?.stop())

/** Does this and that at every server. */
async function write(sql: postgres.Sql, random: () => number): Promise<void> {
  const any = () => USERS[Math.floor(random() * USERS.length)]!
  const [from, to] = [any(), any()]
  const kind = random()
  if (kind < 0.4) await sql`select debit_user(${from}, 0.01)`
  else if (kind < 0.7 && from !== to) await sql`select transfer(${from}, ${to}, 0.02)`
  else if (kind < 0.8) {
    await sql`insert into payment_history (user_id, action, amount)
      values (${from}, 'CREDIT', 0.03)`
  } else {
    // Through the coordinator, which numbers what it decides itself.
    await sql`select * from debit_users(array[${from}::bigint], array[0.01])`
  }
}

const writeSome = async (count: number, seed: number) => {
  const random = randomOf(seed)
  const sql = ledger.connect()
  for (let n = 0; n < count; n++) await write(sql, random)
  for (const user of USERS) await sql`select recalculate_balance(${user})`
}

test.skipIf(citusIsMissing)('has each entry once, on pages of any length', async () => {
  await writeSome(shareOf(400, 60), SEED)
  const names = await written()
  const random = randomOf(SEED)
  const orders: string[][] = []
  for (const limitOf of [() => 1, () => 7, () => 1000, () => 1 + Math.floor(random() * 20)]) {
    const entries = await readAll(limitOf)
    expectInOrder(entries)
    orders.push(entries.map(nameOf))
  }
  expect(orders[0]!.toSorted()).toEqual(names)
  for (const order of orders) expect(order).toEqual(orders[0])
  expect((await page('limit=2')).entries[0]).not.toHaveProperty('position')
})

test.skipIf(citusIsMissing)('a position from before users were spread goes on', async () => {
  const entries = await readAll(() => 4, { before: early.next })
  expect(entries.map(nameOf)).toEqual(early.rest)
})

test.skipIf(citusIsMissing)('what waits for an open transaction is on no page', async () => {
  const expected = (await readAll(() => 1000)).map(nameOf)
  const [open, other] = [ledger.connect(), ledger.connect()]
  const [{ users }] = await other<[{ users: string[] }]>`
    select to_jsonb(array_agg(u::text)) as users from unnest(${`{${USERS.join(',')}}`}::bigint[]) u
     group by get_shard_id_for_distribution_column('public.users', u) having count(*) > 1 limit 1`
  await open`begin`
  await open`select * from debit_users(array[${users[0]!}::bigint], array[0.01])`
  // Numbered behind it by the same server, and committed before.
  await other`select * from debit_users(array[${users[1]!}::bigint], array[0.01])`
  let isOpen = true
  const entries = await readAll(() => 20, {
    each: async () => {
      if (isOpen) await open`commit`
      isOpen = false
    },
  })
  expect(entries.map(nameOf)).toEqual(expected)
  expect((await readAll(() => 1000)).map(nameOf).sort()).toEqual(await written())
})

test.skipIf(citusIsMissing)('what is written meanwhile disturbs no page', async () => {
  const names = await written()
  const stopping = new AbortController()
  const writers = [1, 2, 3].map(async (n) => {
    const random = randomOf(SEED + n)
    const sql = ledger.connect()
    while (!stopping.signal.aborted) await write(sql, random)
  })
  const readers = [1, 2, 3].map(async (n) => {
    const random = randomOf(SEED + 10 * n)
    return await readAll(() => 1 + Math.floor(random() * 9))
  })
  const done = Promise.all(writers)
  const pages = await Promise.all(readers).finally(() => stopping.abort())
  await done
  for (const entries of pages) {
    expectInOrder(entries)
    const got = new Set(entries.map(nameOf))
    expect(got.size).toBe(entries.length)
    expect(names.filter((name) => !got.has(name))).toEqual([])
  }
})

test.skipIf(citusIsMissing)('and shards that move lose and repeat nothing', async () => {
  await writeSome(20, SEED + 4)
  const expected = (await readAll(() => 1000)).map(nameOf)
  let moves = 0
  const entries = await readAll(() => 40, {
    each: async () => {
      if (moves++ > 3) return
      await moveShard(ledger, USERS[moves]!, moves % 2 ? 'block_writes' : 'force_logical')
      await writeSome(10, SEED + moves)
    },
  })
  expect(entries.map(nameOf)).toEqual(expected)
  const all = await readAll(() => 50)
  expectInOrder(all)
  expect(all.map(nameOf).sort()).toEqual(await written())
})

test.skipIf(citusIsMissing)('refuses what is no cursor', async () => {
  for (
    const before of [
      '0',
      '1.',
      'x',
      '0.5~0.6',
      '0.281474976710657',
      '281474976710656',
      '1.5~'.repeat(2000) + '1.5',
    ]
  ) {
    expect([before, await page(`before=${before}`)])
      .toMatchObject([before, { status: 400, code: 'invalid_request' }])
  }
})
