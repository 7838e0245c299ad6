/** Through a pooler that keeps nothing of a session: reads, writes, and news of changes. */
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { pgbouncerMissing, type Pooler, startPgbouncer } from '../support/pgbouncer.ts'
import { createDatabase as connect } from '../../src/database/database.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { startTestService, type TestService } from '../support/service.ts'

describe.each(['transaction', 'session'] as const)('behind PgBouncer in %s mode', (pool_mode) => {
  let database: TestDatabase
  let pooler: Pooler
  let service: TestService
  let psql: postgres.Sql

  beforeAll(async () => {
    if (pgbouncerMissing) return
    database = await createDatabase()
    // In transaction mode fewer than the service opens, so that none is anybody's own.
    const size = pool_mode === 'transaction' ? { default_pool_size: 2 } : {}
    pooler = await startPgbouncer(database.serviceUrl, { pool_mode, ...size })
    service = await startTestService({ databaseUrl: pooler.url })
    psql = postgres(database.url, { max: 1, onnotice: () => {} })
  })

  afterAll(async () => {
    await psql?.end()
    await service?.close()
    await pooler?.close()
    await database?.drop()
  })

  beforeEach(({ skip }) => {
    if (pgbouncerMissing) skip(pgbouncerMissing)
  })

  async function read(id: number, headers: Record<string, string> = {}) {
    const response = await fetch(`${service.url}/users/${id}`, { headers })
    const { balance } = await response.json() as { balance: string }
    return `${response.status} ${balance} ${response.headers.get('X-Cache')}`
  }

  async function post(path: string, body: object): Promise<number> {
    const response = await fetch(service.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    await response.body?.cancel()
    return response.status
  }

  async function newUser(): Promise<number> {
    const [row] = await psql<{ id: string }[]>`select id from create_user()`
    return Number(row!.id)
  }

  test('it is ready', async () => {
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
  })

  test('writes and reads of many at once are answered', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, newUser))
    const statuses = await Promise.all(
      ids.flatMap((id) => [
        post(`/users/${id}/credit`, { amount: 10 }),
        post(`/users/${id}/credit`, { amount: 5 }),
        read(id, { 'Cache-Control': 'no-cache' }).then((text) => Number(text.slice(0, 3))),
        post(`/users/${id}/debit`, { amount: 100 }),
      ]),
    )
    expect(statuses).toEqual(ids.flatMap(() => [201, 201, 200, 422]))
    for (const id of ids) expect(await read(id)).toBe('200 15.00 hit')
  })

  test('a change through SQL shows', async () => {
    const id = await newUser()
    await post(`/users/${id}/credit`, { amount: 100 })
    for (let balance = 99; balance >= 95; balance--) {
      await expect.poll(() => read(id)).toBe(`200 ${balance + 1}.00 hit`)
      await psql`select debit_user(${id}, 1)`
      await expect.poll(() => read(id), { interval: 5 }).toContain(`200 ${balance}.00`)
    }
  })
})

test.for<[string, { ignore_startup_parameters?: string }]>([
  ['refuses limits', {}],
  ['ignores limits', {
    ignore_startup_parameters: 'statement_timeout,lock_timeout,' +
      'idle_in_transaction_session_timeout,client_connection_check_interval',
  }],
])('behind PgBouncer that %s each question has its own answer', async ([, more], { skip }) => {
  if (pgbouncerMissing) skip(pgbouncerMissing)

  const database = await createDatabase()
  const settings = { pool_mode: 'transaction', default_pool_size: 2, ...more } as const
  const pooler = await startPgbouncer(database.serviceUrl, settings)
  const pools = [1, 2].map(() => connect({ url: pooler.url, max: 4 }))
  try {
    const asked = pools.flatMap((pool) =>
      Array.from({ length: 8 }, async (_, caller) => {
        for (let i = 0; i < 30; i++) {
          const [row] = await pool.run((sql) =>
            i % 2
              ? sql`select ${caller}::int as caller, ${i}::int as i`
              : sql`select ${i}::int as i, ${caller}::int as caller`
          )
          expect(row).toEqual({ caller, i })
        }
      })
    )
    await Promise.all(asked)
    const prepared = await Promise.all(
      pools.map((pool) =>
        pool.run((sql) => sql.unsafe("select name from pg_prepared_statements where name <> ''"))
      ),
    )
    expect(prepared.flat()).toEqual([])
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
    await pooler.close()
    await database.drop()
  }
})
