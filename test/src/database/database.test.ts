/** What becomes of queries when their connection is lost. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test, vi } from 'vitest'
import { createDatabase } from '../../../src/database/database.ts'
import { isNotHandedOn, isOutcomeUnknown, problemOf } from '../../../src/core/errors.ts'
import { codeOf, connectTo, useLedger, waitingPids } from '../../support/ledger.ts'

const ledger = useLedger()

test('a connection that ends while a statement is prepared does not spoil those after it', async () => {
  const database = createDatabase({ url: ledger.url, max: 1 })
  const ask = (id: number) => database.run((sql) => sql`select id from users where id = ${id}`)
  const psql = connectTo(ledger.url)
  try {
    await psql`begin`
    await psql`lock table users in access exclusive mode`
    // PostgreSQL can't even say yet what the columns are.
    const asked = ask(1).catch((error: unknown) => error)
    const pid = await vi.waitUntil(async () => (await waitingPids(ledger.sql))[0])
    await ledger.sql`select pg_terminate_backend(${pid})`
    expect(isOutcomeUnknown(await asked)).toBe(true)
    await psql`rollback`
    expect(await ask(1)).toHaveLength(1)
  } finally {
    await psql.end()
    await database.end()
  }
})

test('queries one after the other have one connection, those at once all there are', async () => {
  const database = createDatabase({ url: ledger.url, max: 3 })
  const ask = (seconds: number) =>
    database.run(async (sql) => {
      const [row] = await sql`select pg_backend_pid() as pid from pg_sleep(${seconds})`
      return row!['pid'] as number
    })
  const pidsOf = async (asked: Promise<number>[]) => new Set(await Promise.all(asked))
  try {
    expect((await pidsOf([ask(0.2), ask(0.2), ask(0.2)])).size).toBe(3)
    const pids = new Set<number>()
    for (let n = 0; n < 6; n++) pids.add(await ask(0))
    expect(pids.size).toBe(1)
    // More than connections: all are answered.
    expect((await pidsOf(Array.from({ length: 7 }, () => ask(0.01)))).size).toBe(3)
  } finally {
    await database.end()
  }
})

test('what is lost on one connection leaves the others alone', async () => {
  const database = createDatabase({ url: ledger.url, max: 2, queryDeadlineMs: 60_000 })
  try {
    const lost = database.run((sql) => sql`select pg_backend_pid() as pid from pg_sleep(30)`)
      .catch((error: unknown) => error)
    const other = database.run((sql) => sql`select pg_backend_pid() as pid from pg_sleep(1)`)
    const pid = await vi.waitUntil(async () => {
      const [row] = await ledger.sql`
        select pid from pg_stat_activity
         where datname = current_database() and query like '%pg_sleep(30)%'
           and wait_event = 'PgSleep'`
      return row?.['pid'] as number | undefined
    })
    await ledger.sql`select pg_terminate_backend(${pid})`
    expect(isOutcomeUnknown(await lost)).toBe(true)
    const [{ pid: kept } = { pid: 0 }] = await other
    // And is still the one that it was.
    const ask = () => database.run((sql) => sql`select pg_backend_pid() as pid from pg_sleep(0.2)`)
    const after = (await Promise.all([ask(), ask()])).map(([row]) => row!['pid'] as number)
    expect(after).toContain(kept)
    expect(after).not.toContain(pid)
  } finally {
    await database.end()
  }
})

test('of a query that found nobody to talk to it is known that it was not sent', async () => {
  let isOut = true
  const port = Number(new URL(ledger.url).port)
  const server = createServer((socket) => {
    if (isOut) return socket.destroy()
    const behind = connect(port, '127.0.0.1')
    socket.pipe(behind).pipe(socket)
    for (const one of [socket, behind]) one.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(ledger.url)
  url.port = String((server.address() as AddressInfo).port)
  const database = createDatabase({ url: url.href, max: 2, queryDeadlineMs: 1000 })
  try {
    const ask = () => database.run((sql) => sql`select 1 as one`)
    const errors = await Promise.all([1, 2, 3].map(() => ask().catch((error: unknown) => error)))
    expect(errors.map((error) => problemOf(error, { writes: true }).code))
      .toEqual(['busy', 'busy', 'busy'])
    isOut = false
    await expect.poll(ask).toEqual([{ one: 1 }])
  } finally {
    await database.end()
    server.close()
  }
})

test('what LGMOV refused in one session is done in another, and that one is closed', async () => {
  await ledger.sql.unsafe(`
    create sequence calls;
    create function refuse(unless text) returns integer language plpgsql as $$
    begin
      perform nextval('calls');
      if coalesce(current_setting('test.state', true), 'new') = unless then return pg_backend_pid(); end if;
      raise exception using errcode = 'LGMOV';
    end $$`)
  const database = createDatabase({ url: ledger.url, max: 1, isOfSession: isNotHandedOn })
  const call = (unless: string) =>
    database.run(async (sql) => (await sql`select refuse(${unless}) as pid`)[0]!['pid'] as number)
  const calls = async () => (await ledger.sql`select last_value::integer as n from calls`)[0]!['n']
  try {
    const pid = await database.run(async (sql) =>
      (await sql`select pg_backend_pid() as pid, set_config('test.state', 'old', false)`)[0]!['pid']
    )
    expect(await call('old')).toBe(pid)
    expect(await call('new')).not.toBe(pid)
    expect(await calls()).toBe(3)
    const isOpen = async () =>
      (await ledger.sql`select from pg_stat_activity where pid = ${pid}`).length
    await expect.poll(isOpen).toBe(0)
    // Where no session helps, it is tried twice.
    expect(await codeOf(call('never'))).toBe('LGMOV')
    expect(await calls()).toBe(5)
  } finally {
    await database.end()
  }
})
