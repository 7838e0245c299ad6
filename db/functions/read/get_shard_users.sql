create or replace function ledger.get_shard_users(user_ids bigint[])
  returns setof ledger.user_snapshot
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if ledger.is_distributed() then
    return query select * from ledger.get_each_user(get_shard_users.user_ids);
  else
    return query select * from ledger.get_users(get_shard_users.user_ids);
  end if;
end $$;

comment on function ledger.get_shard_users is
  'What get_users answers, wherever the users are. In the schema of a shard it raises LGMOV, as post does there, if they aren''t in the shard.';

revoke all on function ledger.get_shard_users from public;
grant execute on function ledger.get_shard_users to ledger_service, ledger_dba;
