import { describe, expect, test } from 'vitest'
import { codeOf, one, type Role, useLedger } from '../ledger.ts'

const ledger = useLedger()

const INSERT = `insert into payment_history (user_id, action, amount, ts, metadata)
  values (1, 'CREDIT', 1, now(), '{}')`

/** What each role gets for a statement: first ledger_service, then ledger_dba. */
const STATEMENTS: Record<string, [string, string]> = {
  'select * from users': ['42501', 'ok'],
  'select * from payment_history': ['42501', 'ok'],
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
  'insert into users default values': ['42501', '42501'],
  'update users set balance = 1': ['42501', '42501'],
  'delete from users': ['42501', '42501'],
  'truncate users cascade': ['42501', '42501'],
  'select from users for update': ['42501', '42501'],
  'update payment_history set amount = 1': ['42501', '42501'],
  'delete from payment_history': ['42501', '42501'],
  'truncate payment_history': ['42501', '42501'],
  'alter table payment_history disable trigger all': ['42501', '42501'],
  'alter function debit_user reset all': ['42501', '42501'],
  'create table public.mine ()': ['42501', '42501'],
  'set session_replication_role = replica': ['42501', '42501'],
  "select post_entries('{1}', array['CREDIT'], '{1}')": ['ok', '42501'],
  "select get_users('{1}')": ['ok', 'ok'],
  'select create_user()': ['ok', 'ok'],
  "select has_migration('1')": ['ok', 'ok'],
  "select notify_changed('{1}', '{1}')": ['ok', '42501'],
  'select debit_user(1, 1)': ['42501', 'LGFND'],
  'select credit_user(1, 1)': ['42501', 'ok'],
  "select debit_users('{1}', '{1}')": ['42501', 'ok'],
  'select recalculate_balance(1)': ['42501', 'ok'],
  "select lock_users('{1}', true)": ['42501', '42501'],
  'select seal_pending(1, null)': ['42501', '42501'],
  'select last_entry(1)': ['42501', '42501'],
  "select post_entry(1, 'CREDIT', 1, null, null)": ['42501', '42501'],
  "select raise_status('LGUSR', 1)": ['42501', '42501'],
  "select is_valid_entry('CREDIT', 1)": ['42501', '42501'],
  'select is_valid_note(null, null)': ['42501', '42501'],
  "select decide_entries('{1}', '{}', '{}', '{}', '{}', '{}')": ['42501', '42501'],
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
  const { rows } = await one(dba`select count(*)::int as rows from pg_temp.payment_history`)
  expect(rows).toBe(0)
})

test('ledger_dba sees a hand-made row counted at the next debit', async () => {
  const dba = ledger.connect('ledger_dba')
  const id = await ledger.user()
  await dba`insert into payment_history (user_id, action, amount) values (${id}, 'CREDIT', 100)`
  expect(await one(dba`select * from debit_user(${id}, 40)`)).toMatchObject({ balance: '60.00' })
})
