import type postgres from 'postgres'
import { beforeEach, expect, test } from 'vitest'
import { one, useLedger } from '../../support/ledger.ts'

const ledger = useLedger()

const isPaused = async (sql: postgres.Sql = ledger.sql): Promise<boolean> =>
  (await one(sql<{ is_paused: boolean }[]>`
    select is_paused from ledger.get_changes(null, null, null, null)`)).is_paused

/** As if pause_cache had been called so long ago. */
const pausedBefore = (seconds: number) =>
  ledger.sql`select setval('ledger.cache_paused_at',
    (extract(epoch from clock_timestamp() - ${seconds}::numeric * interval '1 s') * 1000)::bigint)`

const pausedAt = async (): Promise<number> =>
  Number((await one(ledger.sql`select last_value from ledger.cache_paused_at`))['last_value'])

beforeEach(() => pausedBefore(1000))

test('pause_cache() tells every session at once, until three seconds are over', async () => {
  const service = ledger.connect('ledger_service')
  expect(await isPaused(service)).toBe(false)
  await service`select ledger.pause_cache()`
  for (const sql of [ledger.sql, service, ledger.connect('ledger_dba')]) {
    expect(await isPaused(sql)).toBe(true)
  }
  await pausedBefore(3.01)
  expect(await isPaused()).toBe(false)
})

test('a new ledger has no pause', async () => {
  await ledger.sql`alter sequence ledger.cache_paused_at restart`
  expect(await isPaused()).toBe(false)
})

test('a rollback does not take it back', async () => {
  const caller = ledger.connect()
  await caller`begin`
  await caller`select ledger.pause_cache()`
  await caller`rollback`
  expect(await isPaused()).toBe(true)
})

test('a later call never ends it earlier', async () => {
  await ledger.sql`select ledger.pause_cache()`
  const before = await pausedAt()
  await ledger.sql`select ledger.pause_cache()`
  expect(await pausedAt()).toBeGreaterThanOrEqual(before)
})

test('a statement that began before its end is paused', async () => {
  const caller = ledger.connect()
  await caller`begin`
  // The transaction, and so now(), is of this moment.
  await caller`select`
  await ledger.sql`select setval('ledger.cache_paused_at', (select last_value + 1
    from (select (extract(epoch from clock_timestamp()) * 1000 - 3000)::bigint as last_value)))`
  await ledger.sql`select pg_sleep(0.01)`
  expect([await isPaused(caller), await isPaused()]).toEqual([true, false])
  await caller`rollback`
})

test('when the clock was set back, what was then is no pause, and the next call is one', async () => {
  await pausedBefore(-3600)
  expect(await isPaused()).toBe(false)
  await ledger.sql`select ledger.pause_cache()`
  expect(await isPaused()).toBe(true)
})
