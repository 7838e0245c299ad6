create or replace function public.capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, final boolean default true)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_operation text := case when capture_hold.final is false then 'CAPTURE PART' else 'CAPTURE' end;
  c public.hold_changes;
begin
  if capture_hold.idempotency_key is null and capture_hold.metadata is null
    and not ledger.is_distributed() then
    c := ledger.close_hold(v_operation, capture_hold.user_id, capture_hold.hold_id,
      capture_hold.amount);
    if c.hold is not null then
      return (c.user_id, c.seq, 'DEBIT', c.amount, c.balance, c.available, c.at, false
        )::ledger.posted_entry;
    end if;
  end if;
  return ledger.post_change(v_operation, capture_hold.user_id, capture_hold.amount,
    capture_hold.hold_id, capture_hold.idempotency_key, capture_hold.metadata);
end $$;

comment on function public.capture_hold is
  'Takes what a hold holds (amount null: all that is left), or a part; what is left is released, unless final is false: then it stays held, and can be captured, too. Once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than is held), LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.capture_hold from public;
grant execute on function public.capture_hold to ledger_dba;
