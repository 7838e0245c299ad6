/** The service on a distributed ledger: two instances, users on every shard. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { citusIsMissing, useCitusLedger } from '../../support/citus.ts'
import { one } from '../../support/ledger.ts'
import { serve } from '../../support/service.ts'

const ledger = useCitusLedger({ isDistributed: true })
const services: Service[] = []
const USERS = Array.from({ length: 30 }, (_, n) => 100 + n)

beforeAll(async () => {
  if (citusIsMissing) return
  const config = loadConfig({
    LOG_LEVEL: 'silent',
    ACCESS_LOG: 'off',
    DATABASE_URL: `${ledger.url}?options=-c%20role%3Dledger_service`,
  })
  for (let n = 0; n < 2; n++) {
    services.push(await serve({ ...config, port: 0, requestDeadlineMs: 20_000 }))
  }
  const sql = ledger.connect()
  await sql`select create_user(i) from generate_series(${USERS[0]!}::int, ${USERS.at(-1)!}::int) i`
})
afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()))
})

async function call(instance: number, path: string, body?: object, key?: string) {
  const response = await fetch(`${services[instance]!.url}${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
  })
  const answer = await response.json() as Record<string, unknown>
  return { status: response.status, ...answer }
}

const shardOf = async (user: number) =>
  (await one(ledger.connect()`
    select get_shard_id_for_distribution_column('public.users', ${user}::bigint) as id`))['id']

test.skipIf(citusIsMissing)('requests at once for users of all shards are answered', async () => {
  expect(await call(0, '/readyz')).toMatchObject({ status: 'ready' })
  const all = USERS.flatMap((user, n) => [
    call(n % 2, `/users/${user}/credit`, { amount: '100' }),
    call((n + 1) % 2, `/users/${user}/credit`, { amount: '1' }),
  ])
  expect(new Set((await Promise.all(all)).map(({ status }) => status))).toEqual(new Set([201]))
  const debits = USERS.map((user) =>
    call(0, `/users/${user}/debit`, { amount: '1' }, `key-${user}`)
  )
  const first = await Promise.all(debits)
  const again = USERS.map((user) => call(1, `/users/${user}/debit`, { amount: '1' }, `key-${user}`))
  expect(await Promise.all(again)).toEqual(first)
  for (const user of USERS) {
    expect(await call(1, `/users/${user}`)).toMatchObject({ balance: '100.00', seq: 3 })
  }
  expect(await call(0, '/users/7')).toMatchObject({ status: 404 })
  expect(await call(0, `/users/${USERS[0]}/debit`, { amount: '101' })).toMatchObject({
    status: 422,
  })
})

test.skipIf(citusIsMissing)('transfers go between any shards, and can be reversed', async () => {
  const [from, ...others] = USERS
  const shards = new Set<unknown>([await shardOf(from!)])
  for (const to of others.slice(0, 12)) {
    const answer = await call(0, '/transfers', { from, to, amount: '2' }, `to-${to}`)
    expect(answer).toMatchObject({ status: 201, to: { id: to, balance: '102.00' } })
    expect(await call(1, '/transfers', { from, to, amount: '2' }, `to-${to}`)).toEqual(answer)
    const { entry } = answer['from' as never] as { entry: { seq: number } }
    expect(await call(1, `/users/${from}/history/${entry.seq}/reverse`, {}))
      .toMatchObject({ status: 201, balance: '100.00' })
    expect(await call(0, `/users/${to}`)).toMatchObject({ balance: '100.00' })
    shards.add(await shardOf(to))
  }
  expect(shards.size).toBeGreaterThan(2)
})

test.skipIf(citusIsMissing)('holds work, and what another instance reserved is known', async () => {
  for (const user of USERS.slice(0, 8)) {
    const path = `/users/${user}/holds`
    expect(await call(0, path, { amount: '60' })).toMatchObject({ status: 'active', hold: 1 })
    expect(await call(1, path, { amount: '60' })).toMatchObject({ status: 422 })
    expect(await call(1, `${path}/1/capture`, { amount: '10' })).toMatchObject({ balance: '90.00' })
    expect(await call(0, path, { amount: '60' })).toMatchObject({ hold: 2 })
    expect(await call(1, `${path}/2/release`, {})).toMatchObject({ available: '90.00' })
    expect(await call(1, `/users/${user}/credit`, { amount: '10' })).toMatchObject({ status: 201 })
  }
})

test.skipIf(citusIsMissing)('a change in SQL on any server shows on every instance', async () => {
  let amount = 100
  for (const url of [ledger.url, ...ledger.workerUrls]) {
    const sql = ledger.connect(url)
    for (const user of USERS) await sql`select debit_user(${user}, 1)`
    amount -= 1
    for (const [n, user] of USERS.entries()) {
      expect(await call(n % 2, `/users/${user}`)).toMatchObject({ balance: `${amount}.00` })
    }
  }
})

test.skipIf(citusIsMissing)('lists are done item by item, wherever their users are', async () => {
  const items = USERS.map((user) => ({ user_id: user, amount: '1' }))
  const { results } = await call(0, '/debits', items) as unknown as { results: object[] }
  expect(results).toHaveLength(USERS.length)
  for (const result of results) expect(result).toMatchObject({ status: 201 })
  const [balances, findings] = await Promise.all([
    ledger.connect()`select sum(balance) as sum from balances where id >= ${USERS[0]!}`,
    ledger.connect()`select * from verify_ledger()`,
  ])
  expect(Number(balances[0]!['sum'])).toBe(USERS.length * 96)
  expect(Array.from(findings)).toEqual([])
})

test.skipIf(citusIsMissing)('users are listed, page by page, and found by reference', async () => {
  const made = await call(0, '/users', { id: 500, reference: 'of 500', metadata: { a: 1 } })
  expect(made).toMatchObject({ status: 201 })
  const { status: _, ...user } = made
  const listed = { users: [expect.objectContaining(user)], next: null }
  expect(await call(1, '/users?reference=of%20500')).toEqual({ status: 200, ...listed })
  expect(await call(1, '/users?reference=of%20501')).toEqual({ status: 200, users: [], next: null })
  const ids: number[] = []
  for (let after: number | null = USERS[0]! - 1; after !== null;) {
    const page = await call(1, `/users?limit=7&after=${after}`) as unknown as {
      users: { id: number; balance: string }[]
      next: number | null
    }
    ids.push(...page.users.map(({ id }) => id))
    for (const { id, balance } of page.users) {
      expect(await call(0, `/users/${id}`)).toMatchObject({ balance })
    }
    after = page.next
  }
  expect(ids).toEqual([...USERS, 500])
})

test.skipIf(citusIsMissing)(
  'every way to read a user works, with a moment and a condition',
  async () => {
    const [user, other] = USERS
    const at = new Date(Date.now() - 1).toISOString()
    const key = `key-${user}`
    for (
      const path of [
        `/users/${user}/history?limit=2&action=DEBIT`,
        `/users/${user}/history?key=${key}`,
        `/users/${user}/history/1`,
        `/users/${user}/balance`,
        `/users/${user}/balance?at=${at}`,
        `/users/${user}/holds?status=released`,
        `/users/${user}/holds/1`,
        `/users/${user}/controls`,
        `/users/${user}/verify`,
        `/balances?ids=${user},${other}`,
        `/balances?ids=${user},${other}&at=${at}`,
      ]
    ) expect([path, (await fetch(`${services[0]!.url}${path}`)).status]).toEqual([path, 200])
    const statement = await fetch(`${services[0]!.url}/users/${user}/history?to=${at}`, {
      headers: { accept: 'text/csv' },
    })
    expect(statement.status).toBe(200)
    expect((await statement.text()).split('\n').length).toBeGreaterThan(3)
  },
)
