create or replace function release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null,
  max_pending integer default null)
  returns released_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_key record;
  v_hold holds;
begin
  if not is_valid_note(release_hold.idempotency_key, release_hold.metadata) then
    perform raise_status('22023', release_hold.user_id);
  end if;
  perform open_users(array[release_hold.user_id], release_hold.max_pending);

  select o.* into v_hold from holds o
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id;
  select * into v_key from find_key(release_hold.user_id, release_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_hold.release_key is distinct from release_hold.idempotency_key then
      perform raise_status('LGKEY', release_hold.user_id);
    end if;
    return row(v_hold.user_id, v_hold.release_balance, v_hold.release_available,
      v_hold.release_seq, v_hold.closed_at, true)::released_hold;
  end if;
  if v_hold.hold is null or v_hold.status <> 'active' or v_hold.expires_at <= clock_timestamp() then
    perform raise_status('LGHLD', release_hold.user_id);
  end if;

  update holds o set status = 'released', closed_at = touch_holds(release_hold.user_id),
         release_key = release_hold.idempotency_key, release_metadata = release_hold.metadata
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id
  returning o.* into v_hold;
  select s.seq, s.balance, s.balance - s.held
    into v_hold.release_seq, v_hold.release_balance, v_hold.release_available
    from user_states(array[release_hold.user_id], clock_timestamp()) s;
  update holds o set release_seq = v_hold.release_seq, release_balance = v_hold.release_balance,
         release_available = v_hold.release_available, hash = hold_hash(v_hold)
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id;
  return row(v_hold.user_id, v_hold.release_balance, v_hold.release_available, v_hold.release_seq,
    v_hold.closed_at, false)::released_hold;
end $$;

comment on function release_hold is
  'Gives back what a hold set aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLD (unknown, closed or expired), LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function release_hold from public;
grant execute on function release_hold to ledger_service, ledger_dba;
