create or replace function capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, max_pending integer default null)
  returns posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_key record;
  v_hold holds;
begin
  perform check_request(capture_hold.user_id, coalesce(capture_hold.amount, 1),
    capture_hold.idempotency_key, capture_hold.metadata);
  perform open_users(array[capture_hold.user_id], capture_hold.max_pending);

  select o.* into v_hold from holds o
   where o.user_id = capture_hold.user_id and o.hold = capture_hold.hold_id;
  select * into v_key from find_key(capture_hold.user_id, capture_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_key.is_hold or v_hold.hold is null or ((v_key.found).hold, (v_key.found).amount)
      is distinct from (v_hold.hold, coalesce(capture_hold.amount, v_hold.amount)) then
      perform raise_status('LGKEY', capture_hold.user_id);
    end if;
    return posted(v_key.found, true);
  end if;
  if v_hold.hold is null or v_hold.status <> 'active' or v_hold.expires_at <= clock_timestamp() then
    perform raise_status('LGHLD', capture_hold.user_id);
  elsif capture_hold.amount > v_hold.amount then
    perform raise_status('LGAMT', capture_hold.user_id, capture_hold.amount);
  end if;

  -- Closed first: what it held is what the entry may take.
  v_hold.status := 'captured';
  v_hold.closed_at := touch_holds(capture_hold.user_id);
  update holds o set status = v_hold.status, closed_at = v_hold.closed_at, hash = hold_hash(v_hold)
   where o.user_id = capture_hold.user_id and o.hold = capture_hold.hold_id;
  return posted(append_entry(row(null, capture_hold.user_id, 'DEBIT',
    coalesce(capture_hold.amount, v_hold.amount), null, null, null, null,
    capture_hold.idempotency_key, capture_hold.metadata, null, capture_hold.hold_id, null, null,
    null, null)::payment_history), false);
end $$;

comment on function capture_hold is
  'Takes the amount of a hold (null: all of it), or a part, which releases the rest; once per idempotency_key. Raises LGUSR, LGHLD (unknown, closed or expired), LGAMT (also: more than was held), LGFND, LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function capture_hold from public;
grant execute on function capture_hold to ledger_service, ledger_dba;
