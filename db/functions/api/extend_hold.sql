create or replace function public.extend_hold(
  user_id bigint, hold_id bigint, expires_in numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v record := ledger.post_hold('EXTEND', extend_hold.user_id, null, extend_hold.hold_id,
    extend_hold.expires_in, extend_hold.idempotency_key, extend_hold.metadata);
  c public.hold_changes := v.change;
begin
  return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'), c.available,
    v.replayed)::ledger.posted_hold;
end $$;

comment on function public.extend_hold is
  'Lets an active hold expire later: expires_in seconds from now, or never (null). Once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGEXP (not later than before), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.extend_hold from public;
grant execute on function public.extend_hold to ledger_dba;
