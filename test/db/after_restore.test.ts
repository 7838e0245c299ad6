/** What `npm run migrate` puts right in a ledger that was restored, or that somebody changed. */
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readStatements } from '../../db/after_restore/statements.ts'
import { migrate } from '../../db/migrate.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { connectTo } from '../support/ledger.ts'
import { newRole, rightsIn } from './rights.ts'

let database: TestDatabase
let sql: postgres.Sql

beforeEach(async () => {
  database = await createDatabase()
  sql = connectTo(database.url)
  await sql`select create_user(1), create_user(2)`
  await sql`select credit_user(1, 10), credit_user(2, 20)`
})
afterEach(async () => {
  await sql.end()
  await database.drop()
})

async function linesOfMigrate(): Promise<string[]> {
  const lines: string[] = []
  await migrate(database.url, (line) => lines.push(line))
  return lines
}

test('a ledger with nothing wrong stays as it is, without a word', async () => {
  const before = await rightsIn(sql)
  const xids = () =>
    sql`
      select oid, xmin::text from pg_proc
       where pronamespace = 'public'::regnamespace order by oid`
  const procs = await xids()
  expect(await linesOfMigrate()).toEqual([])
  expect(await rightsIn(sql)).toEqual(before)
  expect(await xids()).toEqual(procs)
})

test('guards that nothing here puts right are told, one in a line each', async () => {
  await sql`alter function ledger.first_problem strict`
  await sql`drop index holds_active_idx`
  const found = [
    'The function ledger.first_problem(text,text,text,text,text) is disabled or another.',
    'The index public.holds_active_idx on holds is missing.',
  ]
  expect(await linesOfMigrate()).toEqual(
    found.map((line) => `Warning: ${line} See npm run verify.`),
  )
})

describe('rights', () => {
  test('that a dump without access lists lost are given back, and taken from everybody', async () => {
    const before = await rightsIn(sql)
    await sql`revoke all on all tables in schema public from ledger_service, ledger_dba`
    await sql`revoke all on all functions in schema public from ledger_service, ledger_dba`
    await sql`revoke all on schema public from ledger_service, ledger_dba`
    await sql`grant execute on all functions in schema public to public`
    const lines = await linesOfMigrate()
    expect(lines).toContainEqual(expect.stringMatching(/^Gave ledger_service back: EXECUTE on /))
    expect(lines).toContainEqual(expect.stringMatching(/^Gave ledger_dba back: SELECT on /))
    expect(lines).toContainEqual(expect.stringMatching(/^Took from PUBLIC: EXECUTE on /))
    expect(await rightsIn(sql)).toEqual(before)
    expect(await linesOfMigrate()).toEqual([])
  })

  test.each([
    ['grant update, delete on payment_history to ledger_service', 'ledger_service', 'UPDATE'],
    ['grant all on users to ledger_dba', 'ledger_dba', 'TRUNCATE'],
    ['grant insert (seq) on payment_history to ledger_dba', 'ledger_dba', 'INSERT'],
    ['grant select (balance) on users to ledger_service', 'ledger_service', 'SELECT'],
    ['grant select on payment_history to public', 'PUBLIC', 'SELECT'],
    ['grant execute on function break_glass to ledger_service', 'ledger_service', 'EXECUTE'],
    [
      'grant execute on function ledger.get_users to ledger_service with grant option',
      'ledger_service',
      'EXECUTE with grant option',
    ],
    ['grant create on schema public to ledger_dba with grant option', undefined, undefined],
  ])('that nobody should have are taken: %s', async (statement, who, may) => {
    const before = await rightsIn(sql)
    await sql.unsafe(statement)
    if (!who) return await expect(linesOfMigrate()).rejects.toThrow(/^ledger_dba may create/)
    expect(await linesOfMigrate()).toContainEqual(
      expect.stringMatching(new RegExp(`^Took from ${who}: ${may} on `)),
    )
    expect(await rightsIn(sql)).toEqual(before)
  })

  test('of others stay; those to change history are warned of', async () => {
    const reader = await newRole(sql)
    const writer = await newRole(sql)
    await sql`grant select on payment_history to ${sql(reader)}`
    await sql`grant update on payment_history to ${sql(writer)}`
    const before = await rightsIn(sql)
    expect(await linesOfMigrate()).toEqual([`Warning: ${writer} may UPDATE on payment_history`])
    expect(await rightsIn(sql)).toEqual(before)
  })

  test('are left alone where somebody has a function of the same name', async () => {
    await sql`create function debit_user(who text) returns text language sql return who`
    await sql`grant update on payment_history to ledger_service`
    const before = await rightsIn(sql)
    const warning = expect.stringMatching(/^Warning: .*debit_user/)
    expect(await linesOfMigrate()).toEqual([warning, warning])
    expect(await rightsIn(sql)).toEqual(before)
  })

  test('are looked at as the owner, and whoever is somebody else is told so', async () => {
    const other = await newRole(sql)
    await sql.unsafe(`alter role ${other} login password 'secret'`)
    await sql`grant create on schema public to ${sql(other)}`
    await sql`grant select on schema_migrations to ${sql(other)}`
    await sql`grant update on payment_history to ledger_service`
    const before = await rightsIn(sql)
    const url = new URL(database.url)
    ;[url.username, url.password] = [other, 'secret']
    const lines: string[] = []
    await migrate(url.href, (line) => lines.push(line))
    expect(lines).toEqual(
      ['rights', 'sequences', 'guards'].map((what) =>
        expect.stringMatching(`^Warning: can't tell whether all ${what} are right: `)
      ),
    )
    expect(await rightsIn(sql)).toEqual(before)
  })

  test('of a newer version are not known, and left alone', async () => {
    await sql`grant update on payment_history to ledger_service`
    await sql`insert into schema_migrations values ('99991231000000')`
    const before = await rightsIn(sql)
    expect(await linesOfMigrate()).toEqual([])
    expect(await rightsIn(sql)).toEqual(before)
  })
})

test('triggers that a restore made plain are enabled always again', async () => {
  const state = () =>
    sql`select tgrelid::regclass::text, tgname, tgenabled from pg_trigger
         where not tgisinternal order by 1, 2`
  const before = [...await state()]
  const guards = before.filter(({ tgenabled }) => tgenabled === 'A')
  for (const table of new Set(guards.map(({ tgrelid }) => String(tgrelid)))) {
    const how = table === 'interventions' ? 'disable' : 'enable'
    await sql.unsafe(`alter table ${table} ${how} trigger user`)
  }
  expect(await linesOfMigrate()).toHaveLength(guards.length)
  expect([...await state()].filter(({ tgenabled }) => tgenabled === 'A')).toEqual(guards)
  expect(await linesOfMigrate()).toEqual([])
})

describe('sequences', () => {
  const restart = async (table: string, at = 1) => {
    await sql`select setval(pg_get_serial_sequence(${table}, 'id'), ${at}::bigint, false)`
  }
  const nextUser = async () => {
    const [row] = await sql`insert into users default values returning id`
    return Number(row!['id'])
  }

  test('behind the ids of a restore are moved past them', async () => {
    await sql`insert into users (id) select generate_series(3, 2500)`
    await restart('users')
    await restart('payment_history')
    expect((await linesOfMigrate()).toSorted()).toEqual([
      expect.stringMatching(/^Moved payment_history_id_seq from 0 to 2: /),
      'Moved users_id_seq from 0 to 2500: those ids were taken',
    ])
    expect(await nextUser()).toBe(2501)
    await sql`insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 1)`
    const [row] = await sql`select max(id)::text as id from payment_history`
    expect(row).toEqual({ id: '3' })
    expect(await linesOfMigrate()).toEqual([])
  })

  test.each([
    'select place_hold(1, 1)',
    'select freeze_user(1)',
    `insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 1);
     select withdraw_entry(1, 3, 'mistyped by somebody')`,
  ])('are moved past whatever took a number from them: %s', async (statements) => {
    await sql.unsafe(statements)
    await restart('payment_history')
    const moved = 'Moved payment_history_id_seq from 0 to 3: those ids were taken'
    expect(await linesOfMigrate()).toEqual([moved])
  })

  test('are not moved to an id that somebody chose far away', async () => {
    await sql`insert into users (id) values (3), (4), (9007199254740991)`
    await restart('users', 2)
    expect(await linesOfMigrate()).toEqual([
      'Moved users_id_seq from 1 to 4: those ids were taken',
    ])
    expect(await nextUser()).toBe(5)
  })

  test('never go back', async () => {
    await restart('users', 1000)
    await restart('payment_history', 1000)
    expect(await linesOfMigrate()).toEqual([])
    expect(await nextUser()).toBe(1000)
  })
})

test('what the migrations state is read past comments, texts and bodies of functions', () => {
  const { rights, functions, tables, always } = readStatements(
    fileURLToPath(new URL('../../db/migrations', import.meta.url)),
  )
  expect(functions.map((name) => name.split('.')[1])).toContain('debit_user')
  expect(tables).toContain('public.payment_history')
  expect(always).toContainEqual(['public.payment_history', 'guard_row'])
  for (const text of rights) {
    expect(text).toMatch(/^(grant|revoke) [\w ,()]+ on [\w .]+ (to|from) [\w ,]+$/)
  }
})
