create or replace function ledger.get_shards()
  returns table (shard_id bigint, min_hash integer, host text, port integer)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not ledger.is_distributed() then return; end if;
  return query
    select s.shardid, s.shardminvalue::integer, n.nodename, n.nodeport
      from pg_dist_shard s
      join pg_dist_placement p on p.shardid = s.shardid
      join pg_dist_node n on n.groupid = p.groupid and n.noderole = 'primary'
     where s.logicalrelid = 'public.users'::regclass
     order by s.shardminvalue::integer;
end $$;

comment on function ledger.get_shards is
  'The shards of users in the order of what hashint8 says of their ids, each from min_hash on, with the server that has it; none where all users are on one server.';

revoke all on function ledger.get_shards from public;
grant execute on function ledger.get_shards to ledger_service, ledger_dba;
