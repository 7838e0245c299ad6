create or replace function ledger.write_each(
  changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[])
  returns void
  -- Entries pass from server to server as text.
  language plpgsql volatile set datestyle = 'ISO, YMD' as $$
declare
  v_changes text;
  v_entries text;
  v_accounts text;
  v_first_id bigint;
  v_ids bigint[];
begin
  for v_first_id, v_ids in
    select s.first_id, s.ids
      from ledger.by_shard(array(
        select c.user_id from unnest(write_each.changes) c
        union select e.user_id from unnest(write_each.entries) e
        union select a.user_id from unnest(write_each.accounts) a)) s
  loop
    -- Before the statement, which Citus sends on only without subqueries, and as text, because it
    -- knows no types of the ledger.
    v_changes := array(select c from unnest(write_each.changes) c where c.user_id = any (v_ids));
    v_entries := array(select e from unnest(write_each.entries) e where e.user_id = any (v_ids));
    v_accounts := array(select a from unnest(write_each.accounts) a where a.user_id = any (v_ids));
    perform from ledger.write_in_shard(v_first_id, v_changes, v_entries, v_accounts);
  end loop;
end $$;

comment on function ledger.write_each is
  'What write_changes, insert_entries and copy_accounts do, where users are on several servers: shard by shard, each on its server.';

revoke all on function ledger.write_each from public;
