create or replace function ledger.lock_half(user_id bigint, idempotency_key text)
  returns text
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  a ledger.account;
  f ledger.earlier;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  a := ledger.lock_account(lock_half.user_id);
  if a.problem is not null then return null; end if;
  if lock_half.idempotency_key is not null then
    f := ledger.find_key(a.user_id, lock_half.idempotency_key, a.hold_changes > 0);
    if num_nonnulls(f.seq, f.number) > 0 then return null; end if;
  end if;
  return a;
end $$;

comment on function ledger.lock_half is
  'Locks one of the two users of a transfer, as lock_account does, and returns its account as text; null if it has a problem, or the user has used the key. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_half from public;
