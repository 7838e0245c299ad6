/** Two instances on one database and one Redis: neither shows what the other has made untrue. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import type { Service } from '../../src/service.ts'
import { createDatabase } from '../support/database.ts'
import { serve, startTestService, type TestService } from '../support/service.ts'

let first: TestService
let second: Service
let sql: postgres.Sql

beforeAll(async () => {
  first = await startTestService()
  second = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent' }),
    port: 0,
    databaseUrl: first.database.serviceUrl,
    redis: first.redis,
  })
  sql = postgres(first.database.url, { max: 2, onnotice: () => {} })
})

afterAll(async () => {
  await sql.end()
  await second.stop()
  await first.close()
})

interface Read {
  balance: string
  cache: string | null
}

async function read(url: string, id: number): Promise<Read> {
  const response = await fetch(`${url}/users/${id}`)
  const { balance } = await response.json() as { balance: string }
  return { balance, cache: response.headers.get('X-Cache') }
}

async function post(url: string, id: number, action: string, amount: string): Promise<number> {
  const response = await fetch(`${url}/users/${id}/${action}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ amount }),
  })
  await response.body?.cancel()
  return response.status
}

async function newUser(): Promise<number> {
  const [row] = await sql<{ id: string }[]>`select id from create_user()`
  return Number(row!.id)
}

/** Reads again and again until `done`. */
async function until(done: () => Promise<boolean>): Promise<void> {
  while (!await done());
}

const shown = (id: number) =>
  Promise.all([first, second].map(async ({ url }) => (await read(url, id)).balance))

/** A hit on both instances: from here on only news of a change can make them look elsewhere. */
async function cachedOnBoth(id: number, balance: string): Promise<void> {
  for (const { url } of [first, second]) {
    await until(async () => {
      const seen = await read(url, id)
      return seen.cache === 'hit' && seen.balance === balance
    })
  }
}

test('user 1 is there from the start, and the next new user does not collide with it', async () => {
  expect(await read(first.url, 1)).toMatchObject({ balance: '0.00' })
  const response = await fetch(`${first.url}/users`, { method: 'POST' })
  expect(response.status).toBe(201)
  expect((await response.json() as { id: number }).id).toBeGreaterThan(1)
})

/**
 * Does it anew until all of its reads were hits: on a busy machine an instance may not hear of
 * changes for a second, and then asks PostgreSQL. Of a balance it expects that it's right each
 * time.
 */
async function untilAllHit(attempt: (hits: (cache: string | null) => void) => Promise<void>) {
  let caches: (string | null)[] = []
  for (let n = 0; n < 20; n++) {
    caches = []
    await attempt((cache) => void caches.push(cache))
    if (caches.every((cache) => cache === 'hit')) return
  }
  expect(caches).toEqual(caches.map(() => 'hit'))
}

test('what one instance posts is a hit on the other', async () => {
  await untilAllHit(async (hits) => {
    const id = await newUser()
    const expectBalance = async (url: string, expected: string) => {
      const { balance, cache } = await read(url, id)
      expect(balance).toBe(expected)
      hits(cache)
    }
    await cachedOnBoth(id, '0.00')
    expect(await post(first.url, id, 'credit', '10')).toBe(201)
    await expectBalance(second.url, '10.00')
    expect(await post(second.url, id, 'debit', '3')).toBe(201)
    await expectBalance(first.url, '7.00')
  })
})

/** Posts to the first instance; answers its body. */
async function write(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(first.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.ok).toBe(true)
  return await response.json() as Record<string, unknown>
}

test('transfers, holds and reversals of one instance are hits on the other', async () => {
  await untilAllHit(async (hits) => {
    const [from, to] = [await newUser(), await newUser()]
    await post(first.url, from, 'credit', '10')
    await cachedOnBoth(from, '10.00')
    await cachedOnBoth(to, '0.00')
    const seen = async (id: number) => {
      const response = await fetch(`${second.url}/users/${id}`)
      const { balance, available } = await response.json() as Record<string, string>
      hits(response.headers.get('X-Cache'))
      return `${balance} ${available}`
    }
    await write('/transfers', { from, to, amount: 4 })
    expect([await seen(from), await seen(to)]).toEqual(['6.00 6.00', '4.00 4.00'])
    await write(`/users/${from}/holds`, { amount: 5 })
    expect(await seen(from)).toBe('6.00 1.00')
    await write(`/users/${from}/holds/1/capture`, { amount: 2 })
    expect(await seen(from)).toBe('4.00 4.00')
    await write(`/users/${from}/holds`, { amount: 3, expires_in: 3600 })
    expect(await seen(from)).toBe('4.00 1.00')
    await write(`/users/${from}/holds/2/release`, {})
    expect(await seen(from)).toBe('4.00 4.00')
    await write(`/users/${from}/history/2/reverse`, {})
    expect([await seen(from), await seen(to)]).toEqual(['8.00 8.00', '0.00 0.00'])
    await write('/debits', [{ user_id: from, amount: 8 }])
    expect(await seen(from)).toBe('0.00 0.00')
  })
})

test.each([
  ['debit_user', (id: number) => sql`select debit_user(${id}, 1)`, '9.00'],
  ['credit_user', (id: number) => sql`select credit_user(${id}, 1)`, '11.00'],
  ['debit_users', (id: number) => sql`select debit_users(array[${id}::bigint], '{2}')`, '8.00'],
  [
    'recalculate_balance after a manual entry',
    (id: number) =>
      sql.begin((tx) => [
        tx`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 5)`,
        tx`select recalculate_balance(${id})`,
      ]),
    '15.00',
  ],
])('a change by %s in SQL shows on every instance', async (_, change, balance) => {
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await cachedOnBoth(id, '10.00')
  await change(id)
  await expect.poll(() => shown(id)).toEqual([balance, balance])
  await cachedOnBoth(id, balance)
})

test('manual entries that a refused debit posted show at once', async () => {
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await cachedOnBoth(id, '10.00')
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'DEBIT', 4)`
  expect(await read(second.url, id)).toMatchObject({ balance: '10.00' })
  expect(await post(first.url, id, 'debit', '7')).toBe(422)
  expect(await read(first.url, id)).toMatchObject({ balance: '6.00' })
  expect(await read(second.url, id)).toMatchObject({ balance: '6.00' })
})

test('manual entries that a repeated request posted show on every instance', async () => {
  const id = await newUser()
  const repeat = () =>
    fetch(`${first.url}/users/${id}/credit`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'k' },
      body: '{"amount":10}',
    }).then((response) => response.json() as Promise<{ balance: string }>)
  expect(await repeat()).toMatchObject({ balance: '10.00' })
  await cachedOnBoth(id, '10.00')
  await sql`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 4)`
  expect(await repeat()).toMatchObject({ balance: '10.00' })
  expect(await read(first.url, id)).toMatchObject({ balance: '14.00' })
  await until(async () => (await read(second.url, id)).balance === '14.00')
})

test('a change while the connection that polls is lost is not missed', async () => {
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await cachedOnBoth(id, '10.00')
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and usename = 'ledger_service'`
  await sql`select debit_user(${id}, 1)`
  await expect.poll(() => shown(id)).toEqual(['9.00', '9.00'])
  await cachedOnBoth(id, '9.00')
})

/** An instance whose Redis behaves as told; `served` counts what it was asked. */
async function withRedis(url: string, work: (service: Service) => Promise<void>): Promise<void> {
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent' }),
    port: 0,
    databaseUrl: first.database.serviceUrl,
    redis: { url, token: 'secret' },
  })
  try {
    await work(service)
  } finally {
    await service.stop()
  }
}

const html = '<html><body>502 Bad Gateway</body></html>'

test.each([
  ['refuses', undefined],
  ['hangs', () => {}],
  ['answers HTML', (end: (status: number, body: string) => void) => end(502, html)],
  ['answers HTML as a success', (end: (status: number, body: string) => void) => end(200, html)],
])('when Redis %s, reads are right, and debits work', async (_, answer) => {
  const server = createServer((_request, response) =>
    answer?.((status, body) => response.writeHead(status).end(body))
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  if (!answer) await new Promise((resolve) => server.close(resolve))
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await withRedis(`http://127.0.0.1:${port}`, async ({ url }) => {
    for (const balance of ['9.00', '8.00', '7.00', '6.00']) {
      expect(await post(url, id, 'debit', '1')).toBe(201)
      expect(await read(url, id)).toEqual({ balance, cache: 'bypass' })
    }
    // Whoever can reach Redis learns of what this instance could not write there.
    await until(async () => (await read(second.url, id)).balance === '6.00')
    await until(async () => (await read(first.url, id)).balance === '6.00')
  })
  server.closeAllConnections()
  server.close()
})

test('not ready: an older schema, PostgreSQL out of reach, or stopping; alive all the same', async () => {
  const own = await startTestService()
  const admin = postgres(own.database.url, { max: 1, onnotice: () => {} })
  const status = async (path: string) => {
    const response = await fetch(own.url + path)
    await response.body?.cancel()
    return response.status
  }
  expect(await status('/readyz')).toBe(200)
  const removed = await admin`delete from schema_migrations returning version`
  expect(await status('/readyz')).toBe(503)
  await admin`insert into schema_migrations ${admin(removed)}`
  expect(await status('/readyz')).toBe(200)
  await own.redis.close()
  expect(await status('/readyz')).toBe(200)
  await admin.end()
  await own.database.drop()
  expect(await status('/readyz')).toBe(503)
  expect(await status('/livez')).toBe(200)
  await own.stop()
})

test('readiness only reads, and user 1 is made as soon as PostgreSQL takes writes', async () => {
  const database = await createDatabase()
  const admin = postgres(database.url, { max: 1, onnotice: () => {} })
  const [{ name }] = await admin<[{ name: string }]>`select current_database() as name`
  // As after a restore that left out what migrations had made.
  await admin`delete from users where id = 1`
  await admin`alter database ${admin(name)} set default_transaction_read_only = on`
  const service = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent' }),
    port: 0,
    databaseUrl: database.serviceUrl,
  })
  const status = async (path: string) => {
    const response = await fetch(service.url + path)
    await response.body?.cancel()
    return response.status
  }
  // As with a standby: what can be read is there.
  expect(await status('/readyz')).toBe(200)
  expect(await status('/users/1')).toBe(404)
  await admin`alter database ${admin(name)} reset default_transaction_read_only`
  await admin`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = ${name} and usename = 'ledger_service'`
  await until(async () => await status('/users/1') === 200)
  await service.stop()
  await admin.end()
  await database.drop()
})

test('after a write of unknown outcome its instance does not believe the cache, and none is wrong', async () => {
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await cachedOnBoth(id, '10.00')
  // The connection is lost while the debit waits, and somebody else's debit changes the balance.
  await sql.begin(async (tx) => {
    await tx`select debit_user(${id}, 1)`
    const answer = post(first.url, id, 'debit', '2')
    await until(async () =>
      (await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and usename = 'ledger_service' and wait_event = 'transactionid'`)
        .length > 0
    )
    expect(await answer).toBe(503)
  })
  // News of the other's debit may come first, and be good for a miss of its own, but not for two.
  await until(async () => {
    const seen = [await read(first.url, id), await read(first.url, id)]
    return seen.every(({ balance, cache }) => balance === '9.00' && cache === 'miss')
  })
  await until(async () => (await read(second.url, id)).balance === '9.00')
})

test('two ledgers on one Redis never see one another', async () => {
  const other = await startTestService({ redis: first.redis })
  const admin = postgres(other.database.url, { max: 1, onnotice: () => {} })
  try {
    const id = await newUser()
    await admin`insert into users (id) values (${id}) on conflict do nothing`
    await post(first.url, id, 'credit', '10')
    await cachedOnBoth(id, '10.00')
    await until(async () => (await read(other.url, id)).cache === 'hit')
    expect(await read(other.url, id)).toEqual({ balance: '0.00', cache: 'hit' })
    await post(other.url, id, 'credit', '3')
    expect(await read(other.url, id)).toEqual({ balance: '3.00', cache: 'hit' })
    expect(await read(first.url, id)).toEqual({ balance: '10.00', cache: 'hit' })
  } finally {
    await admin.end()
    await other.close()
  }
})

test('any role may NOTIFY, and the cache does not mind', async () => {
  const id = await newUser()
  await post(first.url, id, 'credit', '10')
  await cachedOnBoth(id, '10.00')
  await sql`select pg_notify('ledger_changed', '0:0')`
  await sql`select pg_notify('ledger_changed', ${`${id}:9007199254740991`})`
  await cachedOnBoth(id, '10.00')
  expect(await read(first.url, id)).toEqual({ balance: '10.00', cache: 'hit' })
  const [listening] = await sql`select count(*)::int as n from pg_stat_activity
    where datname = current_database() and query ilike '%listen%' and pid <> pg_backend_pid()`
  expect(listening!['n']).toBe(0)
})

test('a change that was open for long shows after its commit', async () => {
  const [id, meanwhile] = [await newUser(), await newUser()]
  for (const user of [id, meanwhile]) {
    await post(first.url, user, 'credit', '10')
    await cachedOnBoth(user, '10.00')
  }
  const open = postgres(first.database.url, { max: 1, onnotice: () => {} })
  try {
    await open`begin`
    await open`select debit_user(${id}, 1)`
    // Numbers after those of the open transaction are seen first.
    for (const balance of ['9.00', '8.00', '7.00']) {
      await sql`select debit_user(${meanwhile}, 1)`
      await until(async () => (await read(second.url, meanwhile)).balance === balance)
    }
    await cachedOnBoth(id, '10.00')
    await open`commit`
    await expect.poll(() => shown(id)).toEqual(['9.00', '9.00'])
  } finally {
    await open.end()
  }
})
