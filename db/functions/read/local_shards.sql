create or replace function ledger.local_shards()
  returns bigint[]
  language plpgsql stable as $$
begin
  return array(
    select s.shardid from pg_dist_shard s join pg_dist_placement p on p.shardid = s.shardid
     where s.logicalrelid = 'public.users'::regclass
       and p.groupid = (select l.groupid from pg_dist_local_group l)
     order by s.shardid);
end $$;

comment on function ledger.local_shards is
  'The shards of users that this server of a distributed ledger has.';

revoke all on function ledger.local_shards from public;
