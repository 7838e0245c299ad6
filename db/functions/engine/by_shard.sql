create or replace function ledger.by_shard(user_ids bigint[])
  returns table (first_id bigint, ids bigint[])
  language plpgsql volatile as $$
declare
  v_shard_ids bigint[] := array(
    select distinct get_shard_id_for_distribution_column('public.users', i)
      from unnest(by_shard.user_ids) i where i is not null);
begin
  if cardinality(v_shard_ids) = 0 then return; end if;
  -- None of them moves until the end of the transaction: see keeps_shard.
  perform lock_shard_metadata(5, array(select s from unnest(v_shard_ids) s order by s));
  return query
    select min(u.id), array_agg(u.id order by u.id)
      from (select distinct i as id, get_shard_id_for_distribution_column('public.users', i) as shard
              from unnest(by_shard.user_ids) i where i is not null) u
     group by u.shard order by u.shard;
end $$;

comment on function ledger.by_shard is
  'Users of a distributed ledger by the shard that they belong to, always in the same order, with one of each shard; keeps the shards where they are until the end of the transaction.';

revoke all on function ledger.by_shard from public;
