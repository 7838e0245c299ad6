create or replace function place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null, max_pending integer default null)
  returns posted_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_key record;
  v_hold holds;
  v_state record;
begin
  perform check_request(place_hold.user_id, place_hold.amount, place_hold.idempotency_key,
    place_hold.metadata);
  -- To the microsecond, as times are kept, so that a repeat can be compared with the first.
  if place_hold.expires_in not between 0.001 and 3155760000
    or place_hold.expires_in <> round(place_hold.expires_in, 6) then
    perform raise_status('22023', place_hold.user_id);
  end if;
  perform open_users(array[place_hold.user_id], place_hold.max_pending);

  select * into v_key from find_key(place_hold.user_id, place_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    select o.* into v_hold from holds o where o.user_id = place_hold.user_id
       and o.idempotency_key = place_hold.idempotency_key;
    if v_hold.amount is distinct from place_hold.amount or place_hold.expires_in is distinct from
      extract(epoch from nullif(v_hold.expires_at, 'infinity') - v_hold.created_at) then
      perform raise_status('LGKEY', place_hold.user_id);
    end if;
    return row(v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
      nullif(v_hold.expires_at, 'infinity'), v_hold.available, true)::posted_hold;
  end if;

  perform touch_holds(place_hold.user_id);
  -- By the clock, whatever time was the last one: it is the clock that other holds expire by.
  v_hold.created_at := clock_timestamp();
  select * into strict v_state from user_states(array[place_hold.user_id], v_hold.created_at);
  if place_hold.amount > v_state.balance - v_state.held then
    perform raise_status('LGFND', place_hold.user_id, place_hold.amount,
      v_state.balance - v_state.held);
  end if;
  v_hold.user_id := place_hold.user_id;
  v_hold.hold := coalesce((select max(o.hold) from holds o where o.user_id = place_hold.user_id), 0)
    + 1;
  v_hold.amount := place_hold.amount;
  v_hold.status := 'active';
  v_hold.available := v_state.balance - v_state.held - place_hold.amount;
  v_hold.expires_at := coalesce(
    v_hold.created_at + make_interval(secs => place_hold.expires_in::double precision), 'infinity');
  v_hold.idempotency_key := place_hold.idempotency_key;
  v_hold.metadata := place_hold.metadata;
  v_hold.hash := hold_hash(v_hold);
  insert into holds select v_hold.*;
  return row(v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
    nullif(v_hold.expires_at, 'infinity'), v_hold.available, false)::posted_hold;
end $$;

comment on function place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function place_hold from public;
grant execute on function place_hold to ledger_service, ledger_dba;
