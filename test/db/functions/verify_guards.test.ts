import { describe, expect, test } from 'vitest'
import { readFunction } from '../../../db/function_blocks.ts'
import { useLedger } from '../../support/ledger.ts'
import { type Found, inShort } from '../../support/tampering.ts'

const ledger = useLedger()

// `npm run db:guards` writes db/functions/verify/expected_guards.sql.
test('verify_guards() has the hash of every guard as the migrations make it', async () => {
  const rows = await ledger.sql<{ line: string }[]>`
    select format('(%L, %L)', g.object,
             left(encode(sha256(convert_to(coalesce(g.definition, ''), 'UTF8')), 'hex'), 16)) as line
      from ledger.get_guards() g order by g.object collate "C"`
  const expected = readFunction('db', 'expected_guards').match(/^ {4}\('.*'\)/gm)!
  expect(rows.map(({ line }) => line)).toEqual(expected.map((line) => line.trim()))
})

test('verify_guards() finds what is not ours however the session reads backslashes', async () => {
  const sql = ledger.connect()
  await sql`set standard_conforming_strings = off`
  await sql`set escape_string_warning = off`
  await sql`begin`
  await sql`create function debit_user(text) returns text return $1`
  expect(inShort(await sql<Found[]>`select * from ledger.verify_guards()`))
    .toEqual(['guard_missing -/-'])
  await sql`rollback`
})

const MINE = `create function public.mine(x numeric) returns numeric language plpgsql immutable
  as 'begin return x; end';`

/** What leaves the text of each function and table as it was, or only adds to it. */
const BEHIND: Record<string, string[]> = {
  'what a function is besides its text': [
    'alter function ledger.first_problem strict',
    'alter function ledger.post parallel safe',
    'alter function ledger.is_wanted leakproof',
    `do $$ begin execute replace(pg_get_functiondef('public.debit_user'::regproc),
       'idempotency_key text DEFAULT NULL', 'idempotency_key text DEFAULT ''mine'''); end $$`,
  ],
  'a type': [
    'alter type ledger.account alter attribute held type numeric(20, 0)',
    'alter type ledger.account owner to ledger_dba',
    'alter domain ledger.nothing set default 1',
    'alter domain ledger.nothing owner to ledger_dba',
    `create type ledger.mine as enum ('a')`,
  ],
  'who owns what everything is in': [
    'alter schema ledger owner to ledger_service',
    'alter schema public owner to ledger_dba',
    `do $$ begin
       execute format('alter database %I owner to ledger_service', current_database());
     end $$`,
  ],
  'the order of positions': [
    'alter sequence payment_history_id_seq increment by -1 minvalue -1000',
    'alter sequence payment_history_id_seq cycle',
    'alter sequence payment_history_id_seq cache 1000',
  ],
  'what may be read': [
    'grant select on payment_history to ledger_service',
    'grant select (metadata) on payment_history to public',
    'grant usage on schema ledger to public',
    'grant pg_read_all_data to ledger_service',
    'grant ledger_dba to ledger_service',
    'revoke select on entries from ledger_dba',
  ],
  'what may be executed': [
    'grant execute on function break_glass to ledger_service',
    'grant execute on function erase_user to ledger_dba',
    'revoke execute on function debit_user from ledger_dba',
  ],
  'code that runs at a change': [
    `${MINE} create index on payment_history (public.mine(amount))`,
    `${MINE} alter table payment_history add check (public.mine(amount) > 0)`,
    `${MINE} alter table users add mine numeric generated always as (public.mine(balance)) stored`,
    `${MINE} alter table ledger.webhooks add mine numeric default public.mine(1)`,
    `${MINE} create operator public.@@@ (function = public.mine, rightarg = numeric);
     create index on holds ((@@@ amount))`,
    `create operator class public.mine for type numeric using btree as
       operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >,
       function 1 numeric_cmp(numeric, numeric);
     create index on payment_history (amount public.mine)`,
  ],
  'what is taken for something of PostgreSQL': [
    `create function pg_catalog.sha256(bigint) returns bytea language sql as $$ select ''::bytea $$`,
    `${MINE} create operator pg_catalog.~ (function = public.mine, rightarg = numeric)`,
    `create function public.mine(bigint) returns text language sql as $$ select '1' $$;
     create cast (bigint as text) with function public.mine(bigint)`,
  ],
  'an index, a view': [
    'drop index holds_active_idx',
    'alter view entries set (security_invoker = on)',
  ],
}

describe.each(Object.entries(BEHIND))('verify_guards() finds a change of %s:', (_, statements) => {
  test.each(statements)('%s', async (statement) => {
    const sql = ledger.connect()
    await sql`begin`
    try {
      await sql.unsafe(statement)
      const found = await sql<Found[]>`select * from ledger.verify_guards()`
      expect([...new Set(inShort(found))]).toEqual(['guard_missing -/-'])
    } finally {
      await sql`rollback`
    }
  })
})
