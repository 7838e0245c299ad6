create or replace function public.place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c public.hold_changes;
  v record;
begin
  if place_hold.idempotency_key is null and not ledger.is_distributed() then
    c := ledger.add_hold(place_hold.user_id, place_hold.amount, place_hold.expires_in,
      place_hold.metadata);
    if c.hold is not null then
      return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'),
        c.available, false)::ledger.posted_hold;
    end if;
  end if;
  v := ledger.post_hold('HOLD', place_hold.user_id, place_hold.amount, null,
    place_hold.expires_in, place_hold.idempotency_key, place_hold.metadata);
  c := v.change;
  return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'), c.available,
    v.replayed)::ledger.posted_hold;
end $$;

comment on function public.place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGMAX (10000 holds are active), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.place_hold from public;
grant execute on function public.place_hold to ledger_dba;
