create or replace function ledger.schema_of_shard(user_id bigint)
  returns text
  language plpgsql stable as $$
declare
  v_name text := 'ledger_'
    || get_shard_id_for_distribution_column('public.users', schema_of_shard.user_id);
begin
  if to_regnamespace(v_name) is not null then return v_name; end if;
  raise exception using errcode = 'LGMOV', message = 'not the server of this user',
    detail = 'Citus calls functions where the user is, but stops that for a session in which it has failed to plan a statement with subqueries.',
    hint = 'Repeat it in a new session.';
end $$;

comment on function ledger.schema_of_shard is
  'The name of the schema with the functions of the shard of a user. Raises LGMOV if this server has none: then Citus didn''t have the server of the user do it, and nothing was done.';

revoke all on function ledger.schema_of_shard from public;
