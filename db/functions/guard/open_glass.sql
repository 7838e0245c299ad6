create or replace function ledger.open_glass(user_id bigint, intervention bigint)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  -- Or it would be written by another session than the changes are.
  perform ledger.schema_of_shard(open_glass.user_id);
  insert into public.intervention_traces (user_id, number, intervention, operation, at, transaction)
  values (open_glass.user_id, open_glass.intervention, open_glass.intervention, 'BREAK GLASS',
    clock_timestamp(), pg_current_xact_id());
end $$;

comment on function ledger.open_glass is
  'Lets this transaction, on the server of a shard, change what is posted there, as an intervention of the coordinator says; user_id: a number of no user that belongs to the shard. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.open_glass from public;
