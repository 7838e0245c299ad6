create or replace function ledger.write_half(user_id bigint, entry text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  return ledger.insert_half(write_half.entry::ledger.entry);
end $$;

comment on function ledger.write_half is
  'Has insert_half write an entry (as text) of a user whom lock_half has locked in the same transaction. Returns its seq. Whoever calls it where users are on several servers has the server of the user do it.';

revoke all on function ledger.write_half from public;
