/** verify_ledger() where a guard is missing or off. */
import { describe, expect, test } from 'vitest'
import { useLedger } from '../../support/ledger.ts'
import { verifyLedger } from '../../support/tampering.ts'

const ledger = useLedger()

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
