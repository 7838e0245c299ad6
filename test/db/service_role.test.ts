/** Whoever steals the password of the service: logged in with it, and with nothing else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type postgres from 'postgres'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { codeOf, connectTo, one } from '../support/ledger.ts'

let database: TestDatabase
let sql: postgres.Sql
let admin: postgres.Sql

beforeAll(async () => {
  database = await createDatabase()
  sql = connectTo(database.serviceUrl)
  admin = connectTo(database.url)
  await admin`select create_user(1)`
  await admin`select credit_user(1, 100)`
  await admin`analyze`
})

afterAll(async () => {
  await Promise.all([sql, admin].map((connection) => connection.end({ timeout: 0 })))
  await database.drop()
})

const REFUSED = {
  'reads no history': [
    'table payment_history',
    'select from payment_history',
    'table entries',
    'table users',
    'table holds',
    'table hold_changes',
    'table interventions',
    'table user_controls',
    'table user_details',
    'table user_references',
    'table user_keys',
    'copy payment_history to stdout',
    'copy (select amount from payment_history) to stdout',
    'create view mine as select * from payment_history',
    'create materialized view mine as select * from payment_history',
    'create temp table mine as table payment_history',
    'create publication mine for table payment_history',
    'alter table payment_history owner to ledger_service',
    'select * from verify_ledger()',
    'select * from ledger.heads_at(now())',
    "select * from ledger.find_key(1, 'k', true)",
    'table ledger.identity',
    'select ledger.entry_at(1, now())',
    "select * from ledger.lock_accounts('{1}', true, null)",
    'table pg_authid',
    'table pg_statistic',
    "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "copy (select 1) to program 'cat'",
    "copy (select 1) to '/tmp/mine'",
  ],
  'changes no balance': [
    'update users set balance = 1000000 where id = 1',
    'update users set updated_at = now()',
    'insert into users (id, balance) values (7, 100)',
    'delete from users',
    "insert into payment_history (user_id, action, amount) values (1, 'CREDIT', 1)",
    'update payment_history set amount = 1',
    'delete from payment_history',
    'truncate payment_history, users cascade',
    "copy payment_history (user_id, action, amount) from '/dev/null'",
    'merge into users u using (select 1) s on u.id = 1 when matched then delete',
    'drop table payment_history cascade',
    'alter table payment_history disable trigger all',
    'alter table users no force row level security',
    'drop trigger guard_row on payment_history',
    'set session_replication_role = replica',
    "select setval('users_id_seq', 1)",
  ],
  'calls no owner’s function, and makes itself nobody else': [
    "select break_glass('for a good reason')",
    'select debit_user(1, 1)',
    'select credit_user(1, 1)',
    "select debit_users('{1}', '{1}')",
    'select recalculate_balance(1)',
    'select * from transfer(1, 2, 1)',
    'select * from place_hold(1, 1)',
    'select * from capture_hold(1, 1)',
    'select * from release_hold(1, 1)',
    'select * from reverse_entry(1, 1)',
    "select ledger.post_change('CREDIT', 1, 1, null, null, null)",
    "select ledger.post_pair('TRANSFER', 1, 2, 1, null, null, null)",
    "select ledger.post_hold('HOLD', 1, 1, null, null, null, null)",
    'select ledger.post_pending(1, null)',
    "select ledger.copy_accounts('{}')",
    "select ledger.insert_entries('{}')",
    'set role ledger_dba',
    'set role pg_read_all_data',
    'set session authorization postgres',
    'alter role ledger_service superuser',
    'alter role ledger_service createrole',
    'grant ledger_dba to ledger_service',
    'grant pg_read_all_data to ledger_service',
    'create role mine',
    'create schema mine',
    'create database mine',
    'create function mine() returns int language sql as $$ select 1 $$',
    'create or replace function debit_user(bigint) returns int language sql as $$ select 1 $$',
    'create extension dblink',
    'alter system set fsync = off',
    'alter database postgres set search_path = mine',
    'checkpoint',
  ],
}

describe.each(Object.entries(REFUSED))('%s', (_, statements) => {
  test.each(statements)('%s', async (statement) => {
    expect(await codeOf(sql.unsafe(statement))).toBe('42501')
  })
})

test('statistics of columns tell nothing either', async () => {
  expect(await sql`select from pg_stats where schemaname = 'public'`).toHaveLength(0)
  expect((await admin`select from pg_stats where schemaname = 'public'`).length).toBeGreaterThan(0)
})

test('is told apart from the owner, and carries the time limits in their order', async () => {
  expect(
    await one(sql`
      select session_user::text as who, pg_get_userbyid(d.datdba) = session_user as owns,
             current_setting('statement_timeout') as statement,
             current_setting('lock_timeout') as lock,
             current_setting('client_connection_check_interval') as check
        from pg_database d where d.datname = current_database()`),
  ).toEqual({ who: 'ledger_service', owns: false, statement: '3s', lock: '2s', check: '1s' })
})

test('nothing of all that has changed anything', async () => {
  expect(await one(admin`select balance, seq from users where id = 1`))
    .toEqual({ balance: '100.00', seq: '1' })
})
