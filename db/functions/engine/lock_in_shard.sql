create or replace function ledger.lock_in_shard(
  user_id bigint, user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_schema text := ledger.schema_of_shard(lock_in_shard.user_id);
  v_accounts ledger.account[];
begin
  perform ledger.leaves_shard(substr(v_schema, length('ledger_') + 1)::bigint,
    lock_in_shard.user_ids);
  execute format('select %s.lock_accounts($1, $2, $3)', v_schema)
    into v_accounts using lock_in_shard.user_ids, lock_in_shard.wait, lock_in_shard.max_pending;
  return v_accounts;
end $$;

comment on function ledger.lock_in_shard is
  'What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_in_shard from public;
