import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { codeOf, hashAfter, one, type Role, useLedger } from '../support/ledger.ts'

const ledger = useLedger()

const INSERT = `insert into payment_history (user_id, action, amount, ts, metadata)
  values (1, 'CREDIT', 1, now(), '{}')`

/** What each role gets for a statement: first ledger_service, then ledger_dba. */
const STATEMENTS: Record<string, [string, string]> = {
  'select * from users': ['42501', 'ok'],
  'select * from payment_history': ['42501', 'ok'],
  'select * from holds': ['42501', 'ok'],
  'select * from hold_changes': ['42501', 'ok'],
  'select * from entries': ['42501', 'ok'],
  'select * from interventions': ['42501', 'ok'],
  'select * from balances': ['42501', 'ok'],
  'select * from pending_entries': ['42501', 'ok'],
  'select * from active_holds': ['42501', 'ok'],
  'select * from daily_totals': ['42501', 'ok'],
  'select * from user_controls': ['42501', 'ok'],
  'select * from user_details': ['42501', 'ok'],
  'select * from user_references': ['42501', 'ok'],
  'select * from user_keys': ['42501', 'ok'],
  'select * from manual_entries': ['42501', 'ok'],
  'select * from ledger.anchors': ['42501', 'ok'],
  'update manual_entries set seq = 1': ['42501', '42501'],
  'delete from ledger.anchors': ['42501', '42501'],
  'select count(*) from users': ['42501', 'ok'],
  'select id from users': ['42501', 'ok'],
  [INSERT]: ['42501', 'ok'],
  "insert into payment_history (user_id, action, amount) values (1, 'DEBIT', 1)": ['42501', 'ok'],
  "insert into payment_history (user_id, action, amount, seq) values (1, 'CREDIT', 1, 9)": [
    '42501',
    '42501',
  ],
  "insert into payment_history (user_id, action, amount, balance) values (1, 'CREDIT', 1, 9)": [
    '42501',
    '42501',
  ],
  "insert into payment_history (user_id, action, amount, sealed_at) values (1, 'CREDIT', 1, now())":
    ['42501', '42501'],
  "insert into payment_history (user_id, action, amount, idempotency_key) values (1, 'CREDIT', 1, 'k')":
    ['42501', '42501'],
  "insert into payment_history (id, user_id, action, amount) values (7, 1, 'CREDIT', 1)": [
    '42501',
    '42501',
  ],
  ...Object.fromEntries(
    ['held', 'hash', 'hold', 'reverses', 'peer_user_id', 'peer_seq'].map((column) => [
      `insert into payment_history (user_id, action, amount, ${column}) values (1, 'CREDIT', 1, null)`,
      ['42501', '42501'],
    ]),
  ),
  "insert into user_references values ('a', 1)": ['42501', '42501'],
  'delete from user_references': ['42501', '42501'],
  "insert into user_controls (user_id, number, at, role, operation, position) values (1, 1, now(), 'x', 'THAW', 1)":
    ['42501', '42501'],
  "update user_controls set reason = 'x'": ['42501', '42501'],
  'delete from user_controls': ['42501', '42501'],
  'truncate user_controls': ['42501', '42501'],
  'select * from freeze_user(1)': ['42501', 'ok'],
  'select * from thaw_user(1)': ['42501', 'ok'],
  'select * from set_credit_limit(1, 5)': ['42501', 'ok'],
  "select * from ledger.set_control('THAW', 1, null, null, null)": ['ok', '42501'],
  'select * from ledger.get_user_state(1)': ['ok', 'ok'],
  'select * from ledger.list_controls(1)': ['ok', 'ok'],
  'select * from ledger.list_users()': ['ok', 'ok'],
  'select * from ledger.count_pending()': ['ok', 'ok'],
  'select * from ledger.find_entries(1)': ['ok', 'ok'],
  'select * from ledger.list_journal()': ['ok', 'ok'],
  "select * from ledger.get_events('none', 0)": ['55P03', '55P03'],
  'select ledger.incarnation()': ['ok', 'ok'],
  "select ledger.assert_replica('', 1, 0)": ['55000', '55000'],
  "select ledger.claim_webhook('one', 'me', 1, 0)": ['ok', '42501'],
  "select ledger.advance_webhook('one', 'me', 1, 0)": ['ok', '42501'],
  "select * from ledger.balances_below('{1}', '{1}', '{1}')": ['ok', 'ok'],
  'select from ledger.webhooks': ['42501', '42501'],
  'update ledger.webhooks set position = 0': ['42501', '42501'],
  'select * from ledger.list_holds(1)': ['ok', 'ok'],
  'insert into users default values': ['42501', '42501'],
  'update users set balance = 1': ['42501', '42501'],
  'delete from users': ['42501', '42501'],
  'truncate users cascade': ['42501', '42501'],
  'select from users for update': ['42501', '42501'],
  'update payment_history set amount = 1': ['42501', '42501'],
  'delete from payment_history': ['42501', '42501'],
  'truncate payment_history': ['42501', '42501'],
  "insert into holds (user_id, hold, amount, status, expires_at) values (1, 1, 1, 'active', now())":
    ['42501', '42501'],
  "update holds set status = 'released'": ['42501', '42501'],
  "insert into hold_changes (user_id, hold, number, action) values (1, 1, 1, 'placed')": [
    '42501',
    '42501',
  ],
  'update hold_changes set amount = 1': ['42501', '42501'],
  'delete from hold_changes': ['42501', '42501'],
  'truncate hold_changes': ['42501', '42501'],
  'delete from holds': ['42501', '42501'],
  'truncate holds': ['42501', '42501'],
  'select from holds for update': ['42501', '42501'],
  "insert into interventions (operation, reason) values ('BREAK GLASS', 'for a good reason')": [
    '42501',
    '42501',
  ],
  "update interventions set reason = 'none at all'": ['42501', '42501'],
  'delete from interventions': ['42501', '42501'],
  'truncate interventions': ['42501', '42501'],
  "insert into entries (user_id, action, amount) values (1, 'CREDIT', 1)": ['42501', '42501'],
  'update entries set amount = 1': ['42501', '42501'],
  'delete from entries': ['42501', '42501'],
  'drop view entries': ['42501', '42501'],
  "select nextval('payment_history_id_seq')": ['42501', '42501'],
  'lock table payment_history in share mode': ['42501', '42501'],
  'alter table payment_history disable trigger all': ['42501', '42501'],
  'alter function debit_user reset all': ['42501', '42501'],
  'create table public.mine ()': ['42501', '42501'],
  'set session_replication_role = replica': ['42501', '42501'],
  'select ledger.get_changes(null, null, null, null)': ['ok', 'ok'],
  'select ledger.ledger_id()': ['ok', 'ok'],
  // For people.
  'select debit_user(1, 1)': ['42501', 'LGFND'],
  'select credit_user(1, 1)': ['42501', 'ok'],
  "select debit_users('{1}', '{1}')": ['42501', 'ok'],
  'select recalculate_balance(1)': ['42501', 'ok'],
  'select * from transfer(1, 2, 1)': ['42501', 'LGUSR'],
  'select * from place_hold(1, 1)': ['42501', 'LGFND'],
  'select * from capture_hold(1, 1)': ['42501', 'LGHLU'],
  'select * from release_hold(1, 1)': ['42501', 'LGHLU'],
  'select * from extend_hold(1, 1, 60)': ['42501', 'LGHLU'],
  'select * from reverse_entry(1, 1)': ['42501', 'LGENT'],
  'select balance_at(1, now())': ['ok', 'ok'],
  'select create_user()': ['ok', 'ok'],
  'select withdraw_entry(1, 1)': ['42501', 'LGENT'],
  'select * from verify_user(1)': ['42501', 'ok'],
  'select * from verify_ledger()': ['42501', 'ok'],
  "select break_glass('for a good reason')": ['42501', '42501'],
  "select erase_user(1, 'for a good reason')": ['42501', '42501'],
  // For the service.
  "select ledger.post('{CREDIT}', '{1}', '{1}')": ['ok', 'ok'],
  "select ledger.get_users('{1}')": ['ok', 'ok'],
  "select ledger.get_balances('{1}')": ['ok', 'ok'],
  "select ledger.has_migration('1')": ['ok', 'ok'],
  'select * from ledger.get_shards()': ['ok', 'ok'],
  "select ledger.get_shard_users('{1}')": ['ok', 'ok'],
  'select * from ledger.get_hold(1, 1)': ['ok', 'ok'],
  "select * from ledger.get_moments(1, '{2026-01-01}')": ['ok', 'ok'],
  'select * from ledger.get_history(1)': ['ok', 'ok'],
  'select * from ledger.get_statement(1)': ['ok', 'ok'],
  "select * from ledger.get_erasures(1, '{1}')": ['ok', 'ok'],
  'select * from ledger.verify_user_page(1)': ['ok', 'ok'],
  // For whoever verifies.
  'select * from ledger.get_guards()': ['42501', 'ok'],
  'select * from ledger.get_code_guards()': ['42501', 'ok'],
  'select * from ledger.get_relation_guards()': ['42501', 'ok'],
  "select * from ledger.changes_between('{-infinity,2026-01-01}')": ['42501', 'ok'],
  "select ledger.add_anchor('', 1, now(), '')": ['42501', 'ok'],
  'select ledger.manual_entry_hash(null, null, null, null)': ['42501', 'ok'],
  'select ledger.intervention_hash(null, null)': ['42501', 'ok'],
  'select * from ledger.verify_entries()': ['42501', 'ok'],
  'select * from ledger.verify_users()': ['42501', 'ok'],
  'select * from ledger.verify_guards()': ['42501', 'ok'],
  'select * from ledger.heads_at(now())': ['42501', 'ok'],
  [`select ${hashAfter('null', 'null::payment_history')}`]: ['42501', 'ok'],
  [`select ${hashAfter('null', 'null::payment_history', '_1')}`]: ['42501', 'ok'],
  [`select ledger.hold_hash(${'null, '.repeat(14)}null)`]: ['42501', 'ok'],
  [`select ledger.control_hash(${'null, '.repeat(10)}null)`]: ['42501', 'ok'],
  'select ledger.details_hash(null, null, null, null, null, null)': ['42501', 'ok'],
  'select ledger.hold_hash_1(null, null)': ['42501', 'ok'],
  'select ledger.hold_hash_2(null, null)': ['42501', 'ok'],
  'select ledger.hold_row(null, null)': ['42501', 'ok'],
  "select ledger.has_mark(null, 'erased')": ['42501', 'ok'],
  'select ledger.field_1(20, null)': ['42501', 'ok'],
  'table ledger.identity': ['42501', 'ok'],
  'update ledger.identity set id = gen_random_uuid()': ['42501', '42501'],
  'create table ledger.mine ()': ['42501', '42501'],
}

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
