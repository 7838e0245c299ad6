create or replace function public.capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return ledger.post_change('CAPTURE', capture_hold.user_id, capture_hold.amount,
    capture_hold.hold_id, capture_hold.idempotency_key, capture_hold.metadata);
end $$;

comment on function public.capture_hold is
  'Takes the amount of a hold (null: all of it), or a part, which releases the rest; once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than was held), LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.capture_hold from public;
grant execute on function public.capture_hold to ledger_dba;
