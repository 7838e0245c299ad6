create or replace function ledger.schema_of_shard(user_id bigint)
  returns text
  language plpgsql stable as $$
declare
  v_name text := 'ledger_'
    || get_shard_id_for_distribution_column('public.users', schema_of_shard.user_id);
begin
  if to_regnamespace(v_name) is null then perform ledger.refuse_moved(); end if;
  return v_name;
end $$;

comment on function ledger.schema_of_shard is
  'The name of the schema with the functions of the shard of a user. Raises LGMOV if this server has none: see refuse_moved.';

revoke all on function ledger.schema_of_shard from public;
