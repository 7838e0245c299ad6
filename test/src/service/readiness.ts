/** When an instance is ready, and when it believes its cache. */
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { createDatabase } from '../../support/database.ts'
import { serve, startTestService } from '../../support/service.ts'
import { cachedOnBoth, first, newUser, post, read, second, sql, until } from './instances.ts'

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
