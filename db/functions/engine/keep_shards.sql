create or replace function ledger.keep_shards(shard_ids bigint[], wait boolean)
  returns text[]
  language plpgsql volatile as $$
declare
  v_locked bigint[] := '{}';
  v_here bigint[];
begin
  -- As keeps_shard does for one shard.
  if current_setting('transaction_isolation') <> 'read committed' then
    return array_fill('LGMOV'::text, array[cardinality(keep_shards.shard_ids)]);
  elsif keep_shards.wait then
    perform lock_shard_metadata(5, keep_shards.shard_ids);
  else
    v_locked := ledger.locked_shards(keep_shards.shard_ids);
  end if;
  -- In the next statement.
  v_here := array(
    select p.shardid from pg_dist_placement p
     where p.shardid = any (keep_shards.shard_ids)
       and p.groupid = (select l.groupid from pg_dist_local_group l));
  if v_here @> keep_shards.shard_ids and v_locked = '{}' then
    return array_fill('ok'::text, array[cardinality(keep_shards.shard_ids)]);
  end if;
  return array(
    select case when s.id = any (v_locked) then '55P03'
             when s.id = any (v_here) then 'ok' else 'LGMOV' end
      from unnest(keep_shards.shard_ids) with ordinality s (id, n) order by s.n);
end $$;

comment on function ledger.keep_shards is
  'Keeps shards of users on this server until the end of the transaction, as keeps_shard does. Returns a status for each: ok, LGMOV if it isn''t here, or without wait 55P03 if somebody is about to move it.';

revoke all on function ledger.keep_shards from public;
