/** Changes that another instance has made. */
import postgres from 'postgres'
import { expect, test } from 'vitest'
import {
  cachedOnBoth,
  first,
  newUser,
  post,
  read,
  second,
  shown,
  sql,
  until,
  untilAllHit,
} from './instances.ts'

test('user 1 is there from the start, and the next new user does not collide with it', async () => {
  expect(await read(first.url, 1)).toMatchObject({ balance: '0.00' })
  const response = await fetch(`${first.url}/users`, { method: 'POST' })
  expect(response.status).toBe(201)
  expect((await response.json() as { id: number }).id).toBeGreaterThan(1)
})

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
