/** Reads that a standby answers, and that never show less than the primary proved. */
import type postgres from 'postgres'
import { expect, test } from 'vitest'
import { createLedgerClient, CursorGoneError } from '../../client/ledger.ts'
import { loadConfig } from '../../src/config/config.ts'
import { codeOf, one } from '../support/ledger.ts'
import { serve } from '../support/service.ts'
import {
  call,
  counts,
  postedAt,
  primary,
  read,
  restartStandby,
  serverOf,
  servers,
  service,
  standby,
  untilReplayed,
} from './read_replicas/servers.ts'

const CSV = { Accept: 'text/csv' }

test('what can not differ comes from the standby: past moments, statements, verification', async () => {
  const at = await postedAt(1)
  expect(await read(`/users/1/balance?at=${at}`)).toMatchObject({
    status: 200,
    server: 'standby',
    body: { balance: '10.00', seq: 1 },
  })
  expect(await serverOf(`/balances?ids=1&at=${at}`)).toBe('standby')
  expect(await serverOf(`/users/1/history?to=${at}`, CSV)).toBe('standby')
  expect(await serverOf('/users/1/history?min_seq=1', CSV)).toBe('standby')
  expect(await serverOf('/users/1/verify')).toBe('standby')
})

test('pages and last balances come from the standby with min_seq, from the primary without', async () => {
  const paths = ['/users/1/history', '/users/1/history?action=CREDIT', '/users/1/history?limit=500']
  for (const path of [...paths, '/users/1/balance']) {
    expect(await serverOf(path), path).toBe('primary')
    const withSeq = `${path}${path.includes('?') ? '&' : '?'}min_seq=1`
    expect(await serverOf(withSeq), withSeq).toBe('standby')
  }
  expect(await serverOf('/balances?ids=1')).toBe('primary')
})

test('a caller never sees less than the entry that it has seen, though replay pauses', async () => {
  await standby`select pg_wal_replay_pause()`
  const { body } = await call('POST', '/users/1/debit', { amount: 3 })
  const { seq } = (body as { entry: { seq: number } }).entry
  const at = await postedAt(seq)
  const entries = expect.arrayContaining([expect.objectContaining({ seq })])
  expect(await read(`/users/1/history?min_seq=${seq}`)).toMatchObject({
    server: 'fallback',
    body: { entries },
  })
  expect(await read(`/users/1/balance?min_seq=${seq}`)).toMatchObject({
    server: 'fallback',
    body: { balance: '7.00', seq },
  })
  // Nothing was asked for that the standby doesn't have.
  expect(await read(`/users/1/history?min_seq=${seq - 1}`)).toMatchObject({
    server: 'standby',
    body: { entries: [expect.objectContaining({ seq: seq - 1 })] },
  })
  expect(await read(`/users/1/balance?at=${at}`)).toMatchObject({
    server: 'fallback',
    body: { balance: '7.00', seq },
  })
  expect(await read('/users/1/verify')).toMatchObject({
    server: 'fallback',
    body: { entries: seq },
  })
  const { text } = await call('GET', '/users/1/history', undefined, CSV)
  expect(text).toContain(`\r\nclosing,${seq},,,7.00,`)

  await standby`select pg_wal_replay_resume()`
  await untilReplayed(seq)
  expect(await serverOf(`/users/1/history?min_seq=${seq}`)).toBe('standby')
})

test('a client with fromStandby sees its own writes, though replay pauses', async () => {
  const client = createLedgerClient({ url: service.url, fromStandby: true })
  const { id } = await client.createUser()
  await client.creditUser(id, { amount: 5 })
  await untilReplayed(1, id)
  await standby`select pg_wal_replay_pause()`
  const counted = await counts()
  expect((await client.listEntries(id)).entries).toMatchObject([{ seq: 1 }])
  await client.debitUser(id, { amount: 5 })
  expect((await client.listEntries(id)).entries).toMatchObject([{ seq: 2 }, { seq: 1 }])
  expect(await counts())
    .toEqual({ ...counted, standby: counted['standby']! + 1, fallback: counted['fallback']! + 1 })
  await standby`select pg_wal_replay_resume()`
})

test('a user whom the standby does not know yet comes from the primary', async () => {
  await standby`select pg_wal_replay_pause()`
  const { id } = await one(primary<{ id: string }[]>`select id from create_user()`)
  const at = new Date(Date.now() - 60_000).toISOString()
  expect(await read(`/users/${id}/balance?at=${at}`)).toMatchObject({
    status: 200,
    server: 'fallback',
  })
  await standby`select pg_wal_replay_resume()`
})

test('an entry that nobody has is an invalid min_seq', async () => {
  expect(await read('/users/1/history?min_seq=99')).toMatchObject({
    status: 400,
    body: { code: 'invalid_request', errors: [{ path: 'min_seq' }] },
  })
})

const assertReplica = (sql: postgres.Sql, incarnation: string, seq = 1) =>
  codeOf(sql`select ledger.assert_replica(${incarnation}, 1, ${seq})`)

test('assert_replica() raises 55000 but on a standby of that database, P0002 before the entry', async () => {
  const { name } = await one(primary<{ name: string }[]>`select ledger.incarnation() as name`)
  expect(await assertReplica(standby, name)).toBe('ok')
  expect(await assertReplica(standby, '00000000')).toBe('55000')
  expect(await assertReplica(primary, name)).toBe('55000')
  expect(await assertReplica(standby, name, 99)).toBe('P0002')
})

test('a standby that was promoted is never asked, whatever was written there', async () => {
  const { next } = await createLedgerClient({ url: service.url }).listEvents()
  await standby`select pg_promote()`
  await standby`select credit_user(1, 1000)`
  expect(await read('/users/1/balance?min_seq=2')).toMatchObject({
    server: 'fallback',
    body: { balance: '7.00', seq: 2 },
  })
  await expectFollowedElsewhere(next)
})

/** Of events a server that was promoted is another history, where `resume` is the same place. */
async function expectFollowedElsewhere(after: string): Promise<void> {
  const promoted = await serve({
    ...loadConfig({ LOG_LEVEL: 'silent', ACCESS_LOG: 'off', DATABASE_URL: servers.standbyUrl }),
    port: 0,
  })
  try {
    const client = createLedgerClient({ url: promoted.url })
    const gone = await client.listEvents({ after }).catch((error: unknown) => error)
    expect(gone).toBeInstanceOf(CursorGoneError)
    const { events } = await client.listEvents({ after: (gone as CursorGoneError).problem.resume! })
    expect(events).toMatchObject([{ type: 'entry.posted', data: { seq: 3, amount: '1000.00' } }])
  } finally {
    await promoted.stop()
  }
}

test('a standby on another timeline is none of that database', async () => {
  await restartStandby()
  const { name } = await one(primary<{ name: string }[]>`select ledger.incarnation() as name`)
  const { waiting } = await one(standby<{ waiting: boolean }[]>`
    select pg_is_in_recovery() as waiting`)
  expect(waiting).toBe(true)
  expect(await assertReplica(standby, name)).toBe('55000')
})

test('without the standby the primary answers', async () => {
  await standby.end({ timeout: 0 })
  await servers.standby.kill()
  expect(await read('/users/1/history?min_seq=2')).toMatchObject({
    status: 200,
    server: 'fallback',
  })
})
