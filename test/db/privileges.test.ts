import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { codeOf, one, type Role, useLedger } from '../support/ledger.ts'
import { STATEMENTS } from './privileged_statements.ts'

const ledger = useLedger()

describe.each<[Role, 0 | 1]>([['ledger_service', 0], ['ledger_dba', 1]])('%s', (role, column) => {
  test.each(Object.entries(STATEMENTS).map(([statement, codes]) => [statement, codes[column]]))(
    'gets for %s %s',
    async (statement, code) => {
      const sql = ledger.connect(role)
      await sql`begin`
      expect(await codeOf(sql.unsafe(statement))).toBe(code)
      await sql.end({ timeout: 0 })
    },
  )

  test('can’t make itself anybody else', async () => {
    const { attributes } = await one(ledger.sql`
      select concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)
             as attributes
        from pg_roles where rolname = ${role}`)
    expect(attributes).toBe('f f f f f')
    expect(
      await ledger.sql`select from pg_auth_members m where m.member = ${role}::regrole`,
    ).toHaveLength(0)
  })
})

test('nothing of it is for everybody', async () => {
  const { sql } = ledger
  await sql`
    do $$ begin create role ledger_test_nobody; exception when duplicate_object then null; end $$`
  const open = await sql`
    select p.oid::regprocedure::text from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'ledger'::regnamespace)
       and has_function_privilege('ledger_test_nobody', p.oid, 'execute')
    union all
    select c.oid::regclass::text from pg_class c
     where c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace)
       and c.relkind in ('r', 'v', 'm', 'S')
       and case c.relkind
         when 'S' then has_sequence_privilege('ledger_test_nobody', c.oid, 'usage, select, update')
         else has_table_privilege('ledger_test_nobody', c.oid,
           'select, insert, update, delete, truncate, references, trigger') end
    union all
    select 'schema ledger' where has_schema_privilege('ledger_test_nobody', 'ledger', 'usage')`
  expect([...open]).toEqual([])
})

test('what people see in public is what they call', async () => {
  const functions = await ledger.sql`
    select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace order by 1`
  const api = readdirSync('db/functions/api').map((file) => file.replace('.sql', '')).sort()
  expect(functions.map(({ proname }) => proname as string)).toEqual(api)
})

test('what is granted is what the table of statements says, and everything else nobody’s', async () => {
  const granted = await ledger.sql<{ role: string; functions: string[] }[]>`
    select r.rolname as role, json_agg(
             case n.nspname when 'ledger' then 'ledger.' else '' end || p.proname
             order by p.proname) as functions
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      join pg_roles r on r.rolname in ('ledger_service', 'ledger_dba')
     where n.nspname in ('public', 'ledger') and has_function_privilege(r.oid, p.oid, 'execute')
     group by r.rolname`
  const called = (column: 0 | 1) =>
    Object.entries(STATEMENTS).flatMap(([statement, codes]) => {
      const name = /^select (?:\* from )?((?:ledger\.)?\w+)\(/.exec(statement)?.[1]
      return name && name !== 'nextval' && name !== 'count' && codes[column] !== '42501'
        ? [name]
        : []
    }).sort()
  const of = (role: string) => granted.find((row) => row.role === role)!.functions.sort()
  expect(of('ledger_service')).toEqual(called(0))
  expect(of('ledger_dba')).toEqual(called(1))
})

test('docs/reference/sql.md lists what ledger_dba may execute in schema ledger', async () => {
  const rows = await ledger.sql<{ name: string }[]>`
    select p.proname as name from pg_proc p
     where p.pronamespace = 'ledger'::regnamespace
       and has_function_privilege('ledger_dba', p.oid, 'execute') order by 1`
  const page = readFileSync('docs/reference/sql.md', 'utf8')
  const [, list] = /^The functions that `ledger_dba` may execute:\n([^]*?)\n\n(?=The others)/m.exec(
    page,
  )!
  const listed = [...list!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
    .filter((name) => !['public', 'ledger', 'break_glass', 'erase_user'].includes(name))
  expect(listed.toSorted()).toEqual(rows.map(({ name }) => name).toSorted())
})

test('tables and columns are granted as people need them', async () => {
  const tables = await ledger.sql`
    select format('%s: %s %s', r.rolname, a.privilege_type, c.relname) as granted
      from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
     where c.relnamespace in ('public'::regnamespace, 'ledger'::regnamespace)
       and r.rolname like 'ledger%' order by 1`
  expect(tables.map((row) => row['granted'] as string)).toEqual(
    [
      'active_holds',
      'anchors',
      'balances',
      'daily_totals',
      'entries',
      'erasures',
      'hold_changes',
      'holds',
      'identity',
      'intervention_traces',
      'interventions',
      'manual_entries',
      'payment_history',
      'pending_entries',
      'user_controls',
      'user_details',
      'user_keys',
      'user_references',
      'users',
    ].map((name) => `ledger_dba: SELECT ${name}`),
  )
  const columns = await ledger.sql`
    select format('%s: %s %s.%s', r.rolname, a.privilege_type, t.attrelid::regclass, t.attname)
             as granted
      from pg_attribute t, aclexplode(t.attacl) a join pg_roles r on r.oid = a.grantee
     where r.rolname like 'ledger%' order by t.attrelid, t.attname`
  expect(columns.map((row) => row['granted'] as string)).toEqual(
    ['action', 'amount', 'metadata', 'ts', 'user_id']
      .map((name) => `ledger_dba: INSERT payment_history.${name}`),
  )
})

test('every function that runs as its owner looks into pg_catalog only', async () => {
  const loose = await ledger.sql`
    select p.oid::regprocedure from pg_proc p
     where p.pronamespace in ('public'::regnamespace, 'ledger'::regnamespace) and p.prosecdef
       and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)`
  expect([...loose]).toEqual([])
})

test('a temporary table of the caller’s doesn’t stand in for the ledger', async () => {
  const dba = ledger.connect('ledger_dba')
  const id = await ledger.user(10)
  await dba`create temp table users (like public.users)`
  await dba`create temp table payment_history (like public.payment_history)`
  await dba`insert into pg_temp.users select * from public.users where id = ${id}`
  await dba`update pg_temp.users set balance = 1000`
  expect(await codeOf(dba`select debit_user(${id}, 11)`)).toBe('LGFND')
  expect(await one(dba`select * from debit_user(${id}, 4)`)).toMatchObject({ balance: '6.00' })
  await dba`create temp table holds (like public.holds)`
  const other = await ledger.user()
  expect(await one(dba`select balance from reverse_entry(${id}, 2)`)).toEqual({ balance: '10.00' })
  expect(await dba`select * from transfer(${id}, ${other}, 4)`).toHaveLength(2)
  expect(await one(dba`select available from place_hold(${id}, 4)`)).toEqual({ available: '2.00' })
  expect(await one(dba`select balance from capture_hold(${id}, 1)`)).toEqual({ balance: '2.00' })
  const { rows } = await one(dba`
    select count(*)::int as rows from (
      select id from pg_temp.payment_history union all select hold from pg_temp.holds) t`)
  expect(rows).toBe(0)
})

test('ledger_dba sees a manual entry posted at the next debit', async () => {
  const dba = ledger.connect('ledger_dba')
  const id = await ledger.user()
  await dba`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 100)`
  expect(await one(dba`select * from debit_user(${id}, 40)`)).toMatchObject({ balance: '60.00' })
})
