/**
 * Money goes round between users on all servers, through a service, while shards move and servers
 * crash: nothing is lost, and nothing happens twice.
 */
import type postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { askOnce, crash, healed, moveShard } from '../../support/citus_faults.ts'
import { verifyCommand } from '../../support/everything.ts'
import { one } from '../../support/ledger.ts'
import { serve } from '../../support/service.ts'
import { randomOf, SEED } from '../../support/share.ts'

const ledger = useCitusLedger({ isDistributed: true })
const USERS = Array.from({ length: 16 }, (_, n) => 100 + n)
const TOTAL = 100 * USERS.length
const CLIENTS = 2
let service: Service

beforeAll(async () => {
  if (citusIsMissing) return
  for (const user of USERS) {
    await ledger.connect()`select create_user(${user}), credit_user(${user}, 100)`
  }
  const config = loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: ledger.url })
  service = await serve({ ...config, port: 0, requestDeadlineMs: 20_000 })
})
afterAll(async () => await service?.stop())

interface Payment {
  from: number
  to: number
  amount: string
  key: string
}

/** @returns the status, or undefined if it isn't known whether it was done, or busy */
async function pay({ from, to, amount, key }: Payment): Promise<number | undefined> {
  const response = await fetch(`${service.url}/transfers`, {
    method: 'POST',
    body: JSON.stringify({ from, to, amount }),
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
  })
  await response.body?.cancel()
  return response.status === 503 ? undefined : response.status
}

/** Pays until `isOver`, and repeats each payment until its outcome is known. */
async function payAll(client: string, isOver: () => boolean): Promise<Payment[]> {
  const done: Payment[] = []
  const random = randomOf(SEED + client.charCodeAt(client.length - 1))
  for (let n = 0; !isOver(); n++) {
    const first = Math.floor(random() * USERS.length)
    const second = (first + 1 + Math.floor(random() * (USERS.length - 1))) % USERS.length
    const [from, to] = [USERS[first]!, USERS[second]!]
    const payment = { from, to, amount: '1.00', key: `${client}-${n}` }
    const status = await vi.waitUntil(() => pay(payment), { interval: 20 })
    expect([201, 422]).toContain(status)
    if (status === 201) done.push(payment)
  }
  return done
}

/** Pays with several clients at once while `disturb` works, and checks what is left. */
async function expectKept(name: string, disturb: () => Promise<void>): Promise<void> {
  let isOver = false
  const clients = Array.from(
    { length: CLIENTS },
    (_, n) => payAll(`${name}-${n}`, () => isOver),
  )
  const paid = Promise.all(clients)
  // A client that fails ends it, too.
  await Promise.race([disturb(), paid]).finally(() => isOver = true)
  const done = (await paid).flat()
  await healed(ledger)
  const sql = ledger.connect()
  expect(await sum(sql)).toBe(TOTAL)
  const kept = await sql<{ key: string; user: string; peer: string }[]>`
    select idempotency_key as key, user_id as user, peer_user_id as peer from entries
     where idempotency_key like ${`${name}-%`}`
  expect(kept.map(({ key, user, peer }) => `${key} ${user} ${peer}`).sort())
    .toEqual(done.map(({ key, from, to }) => `${key} ${from} ${to}`).sort())
  expect(done.length).toBeGreaterThan(0)
  expect(await findings(sql)).toEqual([])
}

const sum = async (sql: postgres.Sql) =>
  Number((await one(sql`select sum(balance) from balances where id >= ${USERS[0]!}`))['sum'])

const findings = async (sql: postgres.Sql) =>
  (await sql`select finding, user_id, seq from verify_ledger()`).map((row) => JSON.stringify(row))

/** Until so many more payments are written. */
async function untilMore(count: number): Promise<void> {
  const read = () =>
    askOnce(ledger.url, (sql) => one(sql`select count(*)::integer as n from payment_history`))
      .then((row) => row['n'] as number, () => undefined)
  const before = await vi.waitUntil(read, { interval: 200 })
  await vi.waitUntil(async () => (await read() ?? 0) >= before + 2 * count, { interval: 200 })
}

test.skipIf(citusIsMissing)('while shards move, and verification finds nothing', async () => {
  await expectKept('move', async () => {
    const sql = ledger.connect()
    for (const mode of ['block_writes', 'force_logical'] as const) {
      await untilMore(10)
      const verified = verifyCommand(ledger.url)
      await moveShard(ledger, USERS[3]!, mode)
      expect(await verified).toMatch(/^[02] /)
      expect(await findings(sql)).toEqual([])
      await untilMore(10)
    }
  })
})

test.skipIf(citusIsMissing)(
  'while a worker crashes, which verification never takes for a finding',
  async () => {
    await expectKept('worker', async () => {
      for (const url of ledger.workerUrls) {
        await untilMore(10)
        const verified = verifyCommand(ledger.url)
        await untilMore(1)
        await crash(url)
        expect(await verified).toMatch(/^[02] /)
      }
      await untilMore(10)
    })
  },
)

test.skipIf(citusIsMissing)('while the coordinator crashes', async () => {
  await expectKept('coordinator', async () => {
    for (let n = 0; n < 2; n++) {
      await untilMore(10)
      await crash(ledger.url)
    }
    await untilMore(10)
  })
})

test.skipIf(citusIsMissing)('a sum over all users may miss what a transfer moves', async () => {
  let isOver = false
  const clients = [0, 1, 2].map((n) => payAll(`sum-${n}`, () => isOver))
  const sql = ledger.connect()
  await vi.waitUntil(async () => await sum(sql) !== TOTAL, { interval: 0 })
  isOver = true
  await Promise.all(clients)
  await healed(ledger)
  expect(await sum(sql)).toBe(TOTAL)
})
