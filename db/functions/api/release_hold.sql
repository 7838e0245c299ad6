create or replace function public.release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.released_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c public.hold_changes;
  v record;
begin
  if release_hold.idempotency_key is null and release_hold.metadata is null
    and not ledger.is_distributed() then
    c := ledger.close_hold('RELEASE', release_hold.user_id, release_hold.hold_id, null);
    if c.hold is not null then
      return (c.user_id, c.balance, c.available, c.seq, c.at, false)::ledger.released_hold;
    end if;
  end if;
  v := ledger.post_hold('RELEASE', release_hold.user_id, null, release_hold.hold_id, null,
    release_hold.idempotency_key, release_hold.metadata);
  c := v.change;
  return (c.user_id, c.balance, c.available, c.seq, c.at, v.replayed)::ledger.released_hold;
end $$;

comment on function public.release_hold is
  'Gives back what a hold still sets aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.release_hold from public;
grant execute on function public.release_hold to ledger_dba;
