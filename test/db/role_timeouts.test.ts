/**
 * The time limits of ledger_service, whoever made it: a role is a whole server's, so here is one.
 */
import { rm } from 'node:fs/promises'
import type postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import type { EmbeddedPostgres } from '../../dev/embedded_postgres.ts'
import { runDbmate } from '../support/dbmate.ts'
import { connectTo } from '../support/ledger.ts'
import { newCluster, startServer } from '../support/servers.ts'

const LIMITS = [
  'client_connection_check_interval=1000ms',
  'idle_in_transaction_session_timeout=5000ms',
  'lock_timeout=2000ms',
  'statement_timeout=3000ms',
]

let folder: string
let server: EmbeddedPostgres
let admin: postgres.Sql

beforeAll(async () => {
  folder = await newCluster('roles')
  server = await startServer(folder)
  admin = connectTo(server.url)
})
beforeEach(async () => {
  await admin`create role migrator login password 'secret' createrole`
  await admin`create database one owner migrator`
  await admin`create database two owner migrator`
})
afterEach(async () => {
  await admin`drop database one with (force)`
  await admin`drop database two with (force)`
  await admin`drop role if exists ledger_service, ledger_dba, migrator`
})
afterAll(async () => {
  await admin.end()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Of ledger_service, in order: those of the role, then those in databases. */
async function limits(): Promise<string[]> {
  const rows = await admin<{ setting: string }[]>`
    select concat(d.datname || ': ', c) as setting from pg_db_role_setting s
      join pg_roles r on r.oid = s.setrole and r.rolname = 'ledger_service'
      left join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c
     order by d.datname nulls first, c`
  return rows.map(({ setting }) => setting)
}

function urlOf(database: string, user = 'migrator'): string {
  const url = new URL(`/${database}`, server.url)
  if (user === 'migrator') [url.username, url.password] = [user, 'secret']
  return url.href
}

async function warningsOf(database: string, user?: string): Promise<string[]> {
  const lines: string[] = []
  await migrate(urlOf(database, user), (line) => lines.push(line))
  return lines.filter((line) => !line.startsWith('Applied: '))
}

/** Rolls everything back. */
async function rollBack(database: string, user?: string): Promise<void> {
  const sql = connectTo(urlOf(database, user))
  const isApplied = async () => (await sql`select from schema_migrations`).length > 0
  while (await isApplied()) await runDbmate(urlOf(database, user), 'rollback')
  await sql.end()
}

/** The roles as a DBA made them, whom whoever migrates may grant but not alter. */
async function createRoles(): Promise<void> {
  await admin`create role ledger_service nologin`
  await admin`create role ledger_dba nologin`
}

test('a role that the migration makes has its limits, and keeps them', async () => {
  expect(await warningsOf('one')).toEqual([])
  expect(await limits()).toEqual(LIMITS)
  await rollBack('one')
  expect(await limits()).toEqual(LIMITS)
})

test.each(['postgres', 'migrator'])(
  'a role that was there without limits gets them of %s, and keeps them through a rollback',
  async (user) => {
    await createRoles()
    await admin`grant ledger_service to migrator with admin option`
    expect(await warningsOf('one', user)).toEqual([])
    expect(await limits()).toEqual(LIMITS)
    await rollBack('one', user)
    expect(await limits()).toEqual(LIMITS)
  },
)

test(
  'limits that somebody has set, for the role or in the database, stay throughout',
  async () => {
    await createRoles()
    await admin`alter role ledger_service set statement_timeout = '30s'`
    await admin`alter role ledger_service set work_mem = '8MB'`
    await admin`alter role ledger_service in database one set lock_timeout = 0`
    expect(await warningsOf('one', 'postgres')).toEqual([])
    const wanted = [
      ...LIMITS.slice(0, 2),
      'statement_timeout=30s',
      'work_mem=8MB',
      'one: lock_timeout=0',
    ]
    expect(await limits()).toEqual(wanted)
    await rollBack('one', 'postgres')
    expect(await limits()).toEqual(wanted)
  },
)

test('what somebody sets afterwards stays through a rollback', async () => {
  await createRoles()
  await warningsOf('one', 'postgres')
  await admin`alter role ledger_service set lock_timeout = '1s'`
  await rollBack('one', 'postgres')
  expect(await limits()).toEqual(LIMITS.toSpliced(2, 1, 'lock_timeout=1s'))
})

test('a rollback leaves another database of the server its limits', async () => {
  await createRoles()
  await warningsOf('one', 'postgres')
  await warningsOf('two', 'postgres')
  await rollBack('one', 'postgres')
  expect(await limits()).toEqual(LIMITS)
  await rollBack('two', 'postgres')
})

test(
  'who migrates and may not set limits is told of those that are missing, and goes on',
  async () => {
    await createRoles()
    await admin`alter role ledger_service set lock_timeout = '1s'`
    const warning = 'Warning: ledger_service has no client_connection_check_interval, ' +
      'idle_in_transaction_session_timeout, statement_timeout; ' +
      'see "Time limits" in docs/reference/sql.md'
    expect(await warningsOf('one')).toEqual([warning])
    expect(await warningsOf('one')).toEqual([warning])
    expect(await limits()).toEqual(['lock_timeout=1s'])
    await rollBack('one')
    expect(await limits()).toEqual(['lock_timeout=1s'])
    await admin`alter role ledger_service set statement_timeout = '1s'`
    await admin`alter role ledger_service set idle_in_transaction_session_timeout = '1s'`
    await admin`alter role ledger_service set client_connection_check_interval = '1s'`
    expect(await warningsOf('one')).toEqual([])
  },
)

test('who may no longer change the role can roll back all the same', async () => {
  await createRoles()
  await admin`grant ledger_service to migrator with admin option`
  await warningsOf('one')
  await admin`revoke ledger_service from migrator`
  await rollBack('one')
  expect(await limits()).toEqual(LIMITS)
})

/** As a dump of the database alone leaves them behind, when it is restored into another cluster. */
async function dropRoles(): Promise<void> {
  const one = connectTo(urlOf('one', 'postgres'))
  await one`drop owned by ledger_service, ledger_dba`
  await one.end()
  await admin`drop role ledger_service, ledger_dba`
}

test('roles that a restore left out are made again, with their limits and rights', async () => {
  await warningsOf('one')
  await dropRoles()
  expect((await warningsOf('one')).map((line) => line.split(/[,:]/)[0])).toEqual([
    'Made the role ledger_service',
    'Made the role ledger_dba',
    ...Array.from({ length: 4 }, () => 'Gave ledger_dba back'),
    ...Array.from({ length: 2 }, () => 'Gave ledger_service back'),
  ])
  expect(await limits()).toEqual(LIMITS)
  const [may] = await admin`
    select rolcanlogin as login, rolsuper as super from pg_roles where rolname = 'ledger_service'`
  expect(may).toEqual({ login: false, super: false })
  expect(await warningsOf('one')).toEqual([])
})

test('who may not make the roles that are missing is told which, and who may', async () => {
  await warningsOf('one')
  await dropRoles()
  await admin`alter role migrator nocreaterole`
  await expect(warningsOf('one')).rejects.toThrow(
    /^the role ledger_service is missing .*"create role ledger_service" as somebody with CREATEROLE/,
  )
})
