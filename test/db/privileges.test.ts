import { describe, expect, test } from 'vitest'
import { listFunctions } from '../../db/function_blocks.ts'
import { codeOf, one, type Role, useLedger } from '../ledger.ts'

const ledger = useLedger()

const INSERT = `insert into payment_history (user_id, action, amount, ts, metadata)
  values (1, 'CREDIT', 1, now(), '{}')`

/** What each role gets for a statement: first ledger_service, then ledger_dba. */
const STATEMENTS: Record<string, [string, string]> = {
  'select * from users': ['42501', 'ok'],
  'select * from payment_history': ['42501', 'ok'],
  'select * from holds': ['42501', 'ok'],
  'select * from entries': ['42501', 'ok'],
  'select * from interventions': ['42501', 'ok'],
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
  'insert into users default values': ['42501', '42501'],
  'update users set balance = 1': ['42501', '42501'],
  'delete from users': ['42501', '42501'],
  'truncate users cascade': ['42501', '42501'],
  'select from users for update': ['42501', '42501'],
  'update payment_history set amount = 1': ['42501', '42501'],
  'delete from payment_history': ['42501', '42501'],
  'truncate payment_history': ['42501', '42501'],
  "insert into holds (user_id, hold, amount, available, created_at, expires_at) values (1, 1, 1, 1, now(), 'infinity')":
    ['42501', '42501'],
  "update holds set status = 'released', closed_at = now()": ['42501', '42501'],
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
  "select post_entries('{1}', array['CREDIT'], '{1}')": ['ok', 'ok'],
  "select get_users('{1}')": ['ok', 'ok'],
  'select create_user()': ['ok', 'ok'],
  "select has_migration('1')": ['ok', 'ok'],
  'select ledger.get_changes(null, null, null, null)': ['ok', 'ok'],
  'select ledger.ledger_id()': ['ok', 'ok'],
  'select debit_user(1, 1)': ['42501', 'LGFND'],
  'select credit_user(1, 1)': ['42501', 'ok'],
  "select debit_users('{1}', '{1}')": ['42501', 'ok'],
  'select recalculate_balance(1)': ['42501', 'ok'],
  "select lock_users('{1}', true)": ['42501', '42501'],
  'select seal_pending(1, null)': ['42501', '42501'],
  'select * from transfer(1, 2, 1)': ['LGUSR', 'LGUSR'],
  'select * from place_hold(1, 1)': ['LGFND', 'LGFND'],
  'select * from capture_hold(1, 1)': ['LGHLD', 'LGHLD'],
  'select * from release_hold(1, 1)': ['LGHLD', 'LGHLD'],
  'select * from get_hold(1, 1)': ['ok', 'ok'],
  'select * from reverse_entry(1, 1)': ['LGENT', 'LGENT'],
  'select balance_at(1, now())': ['ok', 'ok'],
  "select * from get_moments(1, '{now}')": ['ok', 'ok'],
  'select * from get_history(1)': ['ok', 'ok'],
  'select * from get_statement(1)': ['ok', 'ok'],
  'select * from verify_user(1)': ['42501', 'ok'],
  'select * from verify_user_page(1)': ['ok', 'ok'],
  'select * from get_capture_shortfall(1, 1)': ['ok', 'ok'],
  'select * from get_guards()': ['42501', 'ok'],
  'select hold_hash(null)': ['42501', 'ok'],
  'select * from verify_ledger()': ['42501', 'ok'],
  'select * from verify_entries()': ['42501', 'ok'],
  'select * from verify_users()': ['42501', 'ok'],
  'select * from verify_guards()': ['42501', 'ok'],
  'select * from heads_at(now())': ['42501', 'ok'],
  'select verify_entry(null)': ['42501', 'ok'],
  'select verify_holds(1, 2)': ['42501', 'ok'],
  'select entry_change(null)': ['42501', 'ok'],
  "select break_glass('for a good reason')": ['42501', '42501'],
  'select entry_at(1, now())': ['42501', 'ok'],
  "select open_users('{1}', null)": ['42501', '42501'],
  "select seal_users('{1}', '{1}', null)": ['42501', 'ok'],
  "select user_states('{1}', now())": ['42501', 'ok'],
  "select copy_balances('{1}')": ['42501', '42501'],
  "select find_key(1, 'k')": ['42501', 'ok'],
  'select touch_holds(1)': ['42501', '42501'],
  "select check_request(1, 1, 'k', '{}')": ['42501', 'ok'],
  'select append_entry(null)': ['42501', 'P0002'],
  'select posted(null, false)': ['42501', 'ok'],
  'select reversal(null, null, null, null)': ['42501', 'ok'],
  'select entry_hash(null, null)': ['42501', 'ok'],
  "select post_entry(1, 'CREDIT', 1, null, null)": ['42501', 'ok'],
  "select raise_status('LGUSR', 1)": ['42501', 'LGUSR'],
  "select is_valid_entry('CREDIT', 1)": ['42501', 'ok'],
  'select is_valid_note(null, null)': ['42501', 'ok'],
  "select decide_entries('{1}', '{}', '{}', '{}', '{}', '{}', now())": ['42501', 'ok'],
  "select entry_items('{1}', '{}', '{}', '{}', '{}', '{}', now())": ['42501', 'ok'],
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
    select p.proname from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and has_function_privilege('ledger_test_nobody', p.oid, 'execute')
    union all
    select c.relname from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'S')
       and has_table_privilege('ledger_test_nobody', c.oid, 'select, insert, update, delete')`
  expect([...open]).toEqual([])
})

test('every function is in the table of statements', async () => {
  const functions = await ledger.sql`
    select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace
       and p.prorettype <> 'trigger'::regtype`
  const statements = Object.keys(STATEMENTS).join('\n')
  expect(
    functions.map(({ proname }) => proname as string)
      .filter((name) => !new RegExp(`\\b${name}\\(`).test(statements)),
  ).toEqual([])
})

test('what is granted is what the table of statements says', async () => {
  const granted = await ledger.sql`
    select r.rolname || ': ' || string_agg(p.proname, ' ' order by p.proname) as functions
      from pg_proc p join pg_roles r on r.rolname in ('ledger_service', 'ledger_dba')
     where p.pronamespace = 'public'::regnamespace
       and has_function_privilege(r.oid, p.oid, 'execute')
     group by r.rolname order by r.rolname desc`
  const called = Object.entries(STATEMENTS).flatMap(([statement, codes]) => {
    const name = /^select (?:\* from )?(\w+)\(/.exec(statement)?.[1]
    return name && name !== 'nextval' && name !== 'count' && codes[0] !== '42501' ? [name] : []
  })
  // ledger_dba may execute every function, and is refused inside where it may not do what it does.
  expect(granted.map(({ functions }) => functions as string)).toEqual([
    `ledger_service: ${called.sort().join(' ')}`,
    `ledger_dba: ${listFunctions('db').join(' ')}`,
  ])
  const tables = await ledger.sql`
    select format('%s: %s %s', r.rolname, a.privilege_type, c.relname) as granted
      from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
     where c.relnamespace = 'public'::regnamespace and r.rolname like 'ledger%' order by 1`
  expect(tables.map((row) => row['granted'] as string)).toEqual(
    ['entries', 'holds', 'interventions', 'payment_history', 'users'].map((name) =>
      `ledger_dba: SELECT ${name}`
    ),
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

test('every function that runs as its owner has a search_path that ends in pg_temp', async () => {
  const loose = await ledger.sql`
    select p.proname from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.prosecdef
       and not coalesce(p.proconfig @> array['search_path=public, pg_temp'], false)`
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

test('ledger_dba sees a hand-made row counted at the next debit', async () => {
  const dba = ledger.connect('ledger_dba')
  const id = await ledger.user()
  await dba`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 100)`
  expect(await one(dba`select * from debit_user(${id}, 40)`)).toMatchObject({ balance: '60.00' })
})
