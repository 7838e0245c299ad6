/** What `npm run migrate` refuses before it has changed anything, each in one line. */
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { databaseFault, type Facts } from '../../db/preconditions.ts'

let admin: postgres.Sql
beforeAll(() => {
  admin = postgres(inject('databaseUrl'), { max: 1, onnotice: () => {} })
})
afterAll(() => admin.end())

/** A database of its own, made by `options` and changed by `statements`. */
async function database(statements: string[], options = ''): Promise<string> {
  const name = `preconditions_${randomBytes(8).toString('hex')}`
  await admin.unsafe(`create database ${name} ${options}`)
  onTestFinished(() => admin`drop database if exists ${admin(name)} with (force)`.then(() => {}))
  const url = new URL(`/${name}`, inject('databaseUrl')).href
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  for (const text of statements) await sql.unsafe(text.replaceAll('DATABASE', name))
  await sql.end()
  return url
}

const refusal = (url: string) =>
  migrate(url).then(() => 'migrated', (error: Error) => error.message)

/** Tables that are there besides those of the test. */
async function ledgerTables(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 })
  const rows = await sql`select from pg_class where relname in ('users', 'payment_history')`
  await sql.end()
  return rows.length
}

const GOOD: Facts = {
  major: 18,
  isStandby: false,
  encoding: 'UTF8',
  hasPublic: true,
  schema: 'public',
  creators: [],
}

describe('databaseFault()', () => {
  test.each([16, 17, 18, 19])('takes PostgreSQL %i', (major) => {
    expect(databaseFault({ ...GOOD, major })).toBeUndefined()
  })

  test.each<[Partial<Facts>, RegExp]>([
    [{ major: 15 }, /^PostgreSQL 15 is too old.*16 to 18$/],
    [{ isStandby: true }, /standby/],
    [{ encoding: 'SQL_ASCII' }, /SQL_ASCII.*UTF8/],
    [{ hasPublic: false, schema: null }, /no schema public/],
    [{ schema: null }, /search_path leads to no schema/],
    [{ schema: 'other' }, /search_path leads to other/],
    [{ creators: ['public'] }, /^public may create.*revoke create on schema public from public/],
  ])('refuses %j', (fact, line) => {
    expect(databaseFault({ ...GOOD, ...fact })).toMatch(line)
  })
})

describe('migrate() refuses, and changes nothing of,', () => {
  test.each<[string, RegExp, string[], string?]>([
    [
      'a database in another encoding',
      /in SQL_ASCII/,
      [],
      `encoding 'SQL_ASCII' template template0 locale 'C'`,
    ],
    ['a database without schema public', /no schema public/, ['drop schema public']],
    ['a search path that leads elsewhere', /leads to other/, [
      'create schema other',
      'alter database DATABASE set search_path = other, public',
    ]],
    ['a search path to the schema of whoever migrates', /leads to postgres/, [
      'create schema postgres',
    ]],
    ['a schema public in which anybody may create', /^public may create/, [
      'grant create on schema public to public',
    ]],
    ['a schema public in which the service may create', /^ledger_service may create/, [
      'grant create on schema public to ledger_service',
    ]],
    ['the migrations of another program', /of another program/, [
      'create table schema_migrations (version varchar primary key)',
      `insert into schema_migrations values ('20200101000000')`,
    ]],
    ['a table of migrations that has other columns', /of another program/, [
      'create table schema_migrations (version bigint not null, dirty boolean not null)',
    ]],
  ])('%s', async (_, line, statements, options) => {
    const url = await database(statements, options)
    const message = await refusal(url)
    expect(message).toMatch(line)
    expect(message).not.toContain('\n')
    expect(await ledgerTables(url)).toBe(0)
  })

  test('a database of ours that was opened to anybody', async () => {
    const url = await database([])
    await migrate(url)
    const sql = postgres(url, { max: 1 })
    onTestFinished(() => sql.end())
    await sql`grant create on schema public to public`
    expect(await refusal(url)).toMatch(/^public may create/)
    await sql`revoke create on schema public from public`
    expect(await refusal(url)).toBe('migrated')
  })
})

test('migrate() takes an empty table of migrations, and one that newer versions wrote to', async () => {
  const url = await database(['create table schema_migrations (version varchar primary key)'])
  expect(await refusal(url)).toBe('migrated')
  const sql = postgres(url, { max: 1 })
  onTestFinished(() => sql.end())
  await sql`insert into schema_migrations values ('99991231000000')`
  expect(await refusal(url)).toBe('migrated')
})

test('migrate() makes a database in UTF8', async () => {
  const url = new URL(await database([]))
  const name = url.pathname.slice(1)
  await admin`drop database ${admin(name)}`
  await migrate(url.href)
  const [row] = await admin`
    select pg_encoding_to_char(encoding) as encoding from pg_database where datname = ${name}`
  expect(row).toEqual({ encoding: 'UTF8' })
})
