import { describe, expect, test } from 'vitest'
import { codeOf, start, useLedger } from '../../support/ledger.ts'
import { rehash, tamper, verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()

test('verify_ledger() finds nothing in an empty ledger, nor in users without history', async () => {
  expect(await verifyLedger(ledger.sql)).toEqual([])
  await ledger.user()
  expect(await verifyLedger(ledger.sql)).toEqual([])
})

describe('verify_ledger() finds a guard that is missing or off:', () => {
  const statements = [
    'alter table payment_history disable trigger guard_row',
    'alter table payment_history enable trigger guard_row',
    'alter table payment_history enable replica trigger guard_truncate',
    'alter table payment_history disable trigger check_entry',
    'alter table users disable trigger guard_delete',
    'drop trigger guard_row on payment_history',
    'drop trigger guard_truncate on interventions',
    `drop trigger guard_row on payment_history;
     create trigger guard_row before delete on payment_history
       for each row execute function ledger.guard_history();
     alter table payment_history enable always trigger guard_row`,
    `drop trigger guard_row on payment_history;
     create trigger guard_row before update or delete on payment_history
       for each row when (old.user_id = 1) execute function ledger.guard_history();
     alter table payment_history enable always trigger guard_row`,
    `drop trigger check_entry on payment_history;
     create trigger check_entry before insert on payment_history
       for each row when (new.amount = 0) execute function ledger.check_entry();
     alter table payment_history enable always trigger check_entry`,
    'alter table payment_history drop constraint payment_history_user_id_seq_key',
    'alter table holds drop constraint holds_pkey',
    'drop index hold_changes_user_id_idempotency_key_key',
    `drop index payment_history_user_id_idempotency_key_key;
     create unique index payment_history_user_id_idempotency_key_key
       on payment_history (user_id, idempotency_key) where user_id > 1`,
    'alter table payment_history alter ts drop not null',
    'alter table hold_changes alter balance type numeric(22, 2)',
    'alter table interventions set unlogged',
    'alter table payment_history enable row level security',
    'create rule mine as on insert to interventions do instead nothing',
    `create trigger mine before insert on payment_history
       for each row execute function suppress_redundant_updates_trigger()`,
    `create or replace function ledger.guard_history() returns trigger language plpgsql as
       $$ begin return new; end $$`,
    'alter function ledger.guard_history() set session_replication_role = replica',
    'alter function ledger.guard_history() reset search_path',
    `create or replace function break_glass(reason text) returns bigint language sql as 'select 1'`,
    'drop function break_glass',
    `create or replace function ledger.hold_hash(hold holds) returns bytea language sql
       as $$ select ''::bytea $$`,
    `create or replace function ledger.decide(
       operation text, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb,
       target ledger.target, account ledger.account, peer ledger.account)
       returns ledger.decision language plpgsql volatile as $$ begin return null; end $$`,
    `create or replace function ledger.get_users(user_ids bigint[])
       returns setof ledger.user_snapshot language sql stable security definer
       set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off
       as $$ select u.id, 1000.00, 1000.00, 1::bigint, u.updated_at, 1::bigint, now(), null::bigint
               from public.users u where u.id = any (user_ids) $$`,
    `create or replace function public.balance_at(user_id bigint, at timestamptz)
       returns numeric language sql as 'select 1000.00'`,
    'alter function ledger.post security invoker',
    'alter function ledger.next_moment(timestamptz) stable',
    'create function ledger.mine() returns int language sql as $$ select 1 $$',
    `create function ledger.is_valid_amount(amount integer) returns boolean language sql
       as $$ select true $$`,
    `create or replace view entries as
       select h.user_id, h.seq, h.action, h.amount, (h.balance * 2)::numeric(20, 2) as balance,
              h.balance - h.held as available, h.ts, h.sealed_at, h.idempotency_key, h.metadata,
              h.peer_user_id, h.peer_seq, h.reverses, h.reverses as reversed_by, h.hold,
              encode(h.hash, 'hex') as hash, h.held,
              null::numeric as reversed
         from payment_history h where h.seq is not null`,
    `create function debit_user(user_id bigint, amount integer) returns int language sql
       as $$ select 1 $$`,
    'alter function ledger.decide owner to pg_database_owner',
    'alter table holds owner to pg_database_owner',
    'create table more () inherits (payment_history)',
    'alter table interventions alter role set default current_user',
    'alter table manual_entries alter entered_by drop not null',
    'alter table hold_changes alter at drop not null',
    'alter table hold_changes disable trigger guard_row',
    'drop trigger check_entry on payment_history',
    'drop index payment_history_pending_idx',
    'alter domain ledger.nothing drop constraint posted_as_a_whole',
    'create domain ledger.mine as integer check (value > 0)',
    'alter table interventions disable trigger chain_intervention',
    'drop trigger guard_row on ledger.anchors',
    'alter table manual_entries disable trigger guard_update',
    'create table ledger.mine (id bigint)',
    'create view ledger.mine as select 1 as one',
    'create trigger mine after insert on users execute function ledger.guard_user()',
    'grant insert on ledger.anchors to ledger_dba',
    'grant update on manual_entries to ledger_service',
    'grant usage on sequence payment_history_id_seq to ledger_dba',
    'grant create on schema ledger to ledger_dba',
    'grant create on schema public to public',
    'grant pg_write_all_data to ledger_service',
    'alter role ledger_dba createrole',
    'grant update on payment_history to ledger_service',
    'grant update, delete on payment_history to ledger_service',
    'grant delete on holds to ledger_dba',
    'grant insert on hold_changes to ledger_service',
    'grant truncate on interventions to public',
    'grant insert (seq) on payment_history to ledger_dba',
    'grant update (balance) on users to ledger_dba',
    'grant insert on interventions to ledger_service',
    'grant execute on function ledger.post to public',
    'grant execute on function ledger.post_pending to ledger_service',
    'grant execute on function break_glass to public',
    'grant execute on function debit_user to public',
  ]
  test.each(statements)('%s', async (statement) => {
    const sql = ledger.connect()
    await sql`begin`
    try {
      await sql.unsafe(statement)
      expect(await verifyLedger(sql)).toEqual(['guard_missing -/-'])
    } finally {
      await sql`rollback`
    }
  })
})

test('verify_ledger() takes a restored dump, and what others add, for what it was', async () => {
  const sql = ledger.connect()
  await sql`begin`
  const checks = await sql<{ on_table: string; name: string; definition: string }[]>`
    select conrelid::regclass as on_table, conname as name, pg_get_constraintdef(oid) as definition
      from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace`
  expect(checks.length).toBeGreaterThan(1)
  for (const { on_table, name, definition } of checks) {
    await sql.unsafe(`alter table ${on_table} drop constraint ${name};
      alter table ${on_table} add constraint ${name} ${definition}`)
  }
  await sql.unsafe(`
    alter table users add email text unique;
    create index on payment_history (ts);
    alter table holds add check (amount < 1000000);
    alter table payment_history add branch text default 'main';
    grant select on payment_history to pg_monitor;
    create index on payment_history ((metadata ->> 'order'));
    alter table users add size integer generated always as (length(balance::text)) stored;
    create function mine() returns int language sql as $$ select 1 $$;
    create view mine_too as select 1 as one;
    create sequence counter;
    set timezone = 'Asia/Tokyo';
    set datestyle = 'German';
    set quote_all_identifiers = on;
    set search_path = pg_catalog`)
  const found = await sql`select finding, user_id, seq, detail from public.verify_ledger()`
  expect([...found]).toEqual([])
  await sql`rollback`
})

test('verify_ledger() finds a history that goes on where the one of the user before ends', async () => {
  const { sql } = ledger
  const before = await ledger.user(10)
  const id = await ledger.user(10)
  expect(id).toBe(before + 1)
  await tamper(
    sql,
    `update payment_history set seq = 2, balance = 20 where user_id = ${id}`,
    rehash(id, 2, 1, before),
    `update users set seq = 2, balance = 20 where id = ${id}`,
  )
  expect(await verifyLedger(sql)).toEqual(
    ['balance_wrong', 'gap', 'hash_differs'].map((finding) => `${finding} ${id}/2`),
  )
  await tamper(
    sql,
    `delete from payment_history where user_id in (${before}, ${id})`,
    `delete from users where id in (${before}, ${id})`,
  )
})

test('verify_ledger() finds the same whatever the size of the pages', async () => {
  const { sql } = ledger
  const ids = [await ledger.user(1), await ledger.user(), await ledger.user(3)]
  for (let n = 0; n < 7; n++) await sql`select credit_user(${ids[2]!}::bigint, 1)`
  await tamper(sql, `update payment_history set ts = now() where user_id = ${ids[2]} and seq = 4`)
  for (const size of [1, 2, 3, 4, 100]) {
    let [user, seq]: [string | null, string | null] = ['0', '0']
    let rows = 0
    const found: string[] = []
    while (user !== null) {
      const [page] = await sql`
        select rows_read, next_user_id, next_seq,
               array(select f.finding || ' ' || f.seq from unnest(findings) f)::text as found
          from ledger.verify_entries(${user}::bigint, ${seq}::bigint, ${size}::integer)`
      rows += Number(page!['rows_read'])
      if (page!['found'] !== '{}') found.push(page!['found'])
      user = page!['next_user_id'] as string | null
      seq = page!['next_seq'] as string | null
    }
    expect([size, rows, found]).toEqual([size, 9, ['{"hash_differs 4"}']])
  }
  await tamper(sql, `delete from payment_history where user_id = ${ids[2]}`)
  await tamper(sql, `update users set seq = 0, balance = 0 where id = ${ids[2]}`)
})

test('verify_ledger() has no false finding while everybody writes', async () => {
  const ids = await Promise.all([ledger.user(100), ledger.user(100), ledger.user(100)])
  const stop = new AbortController()
  const write = async (n: number) => {
    const sql = ledger.connect()
    for (let i = n; !stop.signal.aborted; i++) {
      const [a, b] = [ids[i % 3]!, ids[(i + 1) % 3]!]
      await codeOf(sql`select transfer(${a}::bigint, ${b}::bigint, 1)`)
      await codeOf(sql`select debit_users(array[${a}, ${b}]::bigint[], '{1,1}')`)
      await sql`insert into payment_history (user_id, action, amount) values (${a}, 'CREDIT', 3)`
      await codeOf(sql`
        with h as (select (place_hold(${b}::bigint, 1)).hold)
        select hold from h`)
      await codeOf(sql`
        select capture_hold(o.user_id, o.hold) from holds o
         where o.user_id = ${b} and o.status = 'active' order by o.hold limit 1`)
      await codeOf(sql`select reverse_entry(${a}::bigint, (select seq from users where id = ${a}))`)
    }
  }
  const writers = [0, 1].map((n) => start(write(n)))
  try {
    const captured = async () =>
      (await ledger.sql`select from payment_history where hold is not null`).length
    for (let rounds = 0; rounds < 10 || await captured() < 6; rounds++) {
      expect(await verifyLedger(ledger.sql)).toEqual([])
    }
  } finally {
    stop.abort()
    await Promise.all(writers)
  }
})

test('verify_ledger() is for ledger_dba, not for the service', async () => {
  expect(await verifyLedger(ledger.connect('ledger_dba'))).toEqual([])
  expect(await codeOf(ledger.connect('ledger_service')`select verify_ledger()`)).toBe('42501')
})
