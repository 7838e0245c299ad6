/** Two instances on one database and one Redis. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import type { Service } from '../../../src/service.ts'
import { serve, startTestService, type TestService } from '../../support/service.ts'

export let first: TestService
export let second: Service
export let sql: postgres.Sql

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

export async function read(url: string, id: number): Promise<Read> {
  const response = await fetch(`${url}/users/${id}`)
  const { balance } = await response.json() as { balance: string }
  return { balance, cache: response.headers.get('X-Cache') }
}

export async function post(
  url: string,
  id: number,
  action: string,
  amount: string,
): Promise<number> {
  const response = await fetch(`${url}/users/${id}/${action}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ amount }),
  })
  await response.body?.cancel()
  return response.status
}

export async function newUser(): Promise<number> {
  const [row] = await sql<{ id: string }[]>`select id from create_user()`
  return Number(row!.id)
}

/** Reads again and again until `done`. */
export async function until(done: () => Promise<boolean>): Promise<void> {
  while (!await done());
}

export const shown = (id: number) =>
  Promise.all([first, second].map(async ({ url }) => (await read(url, id)).balance))

/** A hit on both instances: from here on only news of a change can make them look elsewhere. */
export async function cachedOnBoth(id: number, balance: string): Promise<void> {
  for (const { url } of [first, second]) {
    await until(async () => {
      const seen = await read(url, id)
      return seen.cache === 'hit' && seen.balance === balance
    })
  }
}

/**
 * Does it anew until all of its reads were hits: on a busy machine an instance may not hear of
 * changes for a second, and then asks PostgreSQL. Of a balance it expects that it's right each
 * time.
 */
export async function untilAllHit(
  attempt: (hits: (cache: string | null) => void) => Promise<void>,
) {
  let caches: (string | null)[] = []
  for (let n = 0; n < 20; n++) {
    caches = []
    await attempt((cache) => void caches.push(cache))
    if (caches.every((cache) => cache === 'hit')) return
  }
  expect(caches).toEqual(caches.map(() => 'hit'))
}
