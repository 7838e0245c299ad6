create or replace function ledger.write_in_shard(
  user_id bigint, changes text, entries text, accounts text)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_schema text := ledger.schema_of_shard(write_in_shard.user_id);
begin
  if write_in_shard.changes <> '{}' then
    execute format('select %s.write_changes($1)', v_schema)
      using write_in_shard.changes::public.hold_changes[];
  end if;
  if write_in_shard.entries <> '{}' then
    execute format('select %s.insert_entries($1)', v_schema)
      using write_in_shard.entries::ledger.entry[];
  end if;
  if write_in_shard.accounts <> '{}' then
    execute format('select %s.copy_accounts($1)', v_schema)
      using write_in_shard.accounts::ledger.account[];
  end if;
end $$;

comment on function ledger.write_in_shard is
  'What write_changes, insert_entries and copy_accounts of the shard of user_id do, to which everything has to belong, and which lock_in_shard has kept; arrays as text. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.write_in_shard from public;
