create or replace function ledger.leaves_shard(shard_id bigint, user_ids bigint[])
  returns boolean
  language plpgsql volatile as $$
begin
  if ledger.keeps_shard(leaves_shard.shard_id) then
    perform from pg_dist_shard s, unnest(leaves_shard.user_ids) u (id)
      where s.shardid = leaves_shard.shard_id
        and not hashint8(u.id) between s.shardminvalue::integer and s.shardmaxvalue::integer;
    if not found then return false; end if;
  end if;
  raise exception using errcode = 'LGMOV', message = 'not the shard of these users',
    detail = format('Shard %s of users isn''t on this server, or others belong there.',
      leaves_shard.shard_id),
    hint = 'Call the function of the schema ledger, which finds every user.';
end $$;

comment on function ledger.leaves_shard is
  'Keeps a shard of users on this server until the end of the transaction; returns false. Raises LGMOV if keeps_shard can''t, or one of the users isn''t of the shard.';

revoke all on function ledger.leaves_shard from public;
