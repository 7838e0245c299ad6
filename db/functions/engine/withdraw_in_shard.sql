create or replace function ledger.withdraw_in_shard(user_id bigint, id bigint)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- Or the guard of the shard, in another session, would not hear of it.
  perform ledger.schema_of_shard(withdraw_in_shard.user_id);
  perform set_config('ledger.withdrawn', withdraw_in_shard.id::text, true);
  delete from public.payment_history h
   where h.user_id = withdraw_in_shard.user_id and h.id = withdraw_in_shard.id and h.seq is null;
  perform set_config('ledger.withdrawn', '', true);
end $$;

comment on function ledger.withdraw_in_shard is
  'Removes a pending manual entry on the server of its user, where guard_history can''t see the intervention, which is on the coordinator. Without one verify_manual_entries finds that the entry is gone. Raises LGMOV if the user isn''t there.';

revoke all on function ledger.withdraw_in_shard from public;
