-- migrate:up

-- function: capture_hold
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
-- end function

-- function: place_hold
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
-- end function

-- function: post_entries
create or replace function post_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns table (n bigint, status text, user_id bigint, seq bigint, action text, amount numeric,
    balance numeric, available numeric, ts timestamptz, replayed boolean, shortfall numeric,
    metadata jsonb, hash text, version bigint, user_seq bigint, updated_at timestamptz,
    read_at timestamptz, expires_in_ms bigint)
  language plpgsql volatile security definer set search_path = public, pg_temp
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_locked bigint[] := lock_users(post_entries.user_ids, post_entries.wait);
  v_statuses jsonb := seal_users(post_entries.user_ids, v_locked, post_entries.max_pending);
  v_now timestamptz := clock_timestamp();
begin
  return query
    with decided as materialized (
      select d.* from decide_entries(post_entries.user_ids, post_entries.actions,
        post_entries.amounts, post_entries.idempotency_keys, post_entries.metadatas, v_statuses,
        v_now) d
    ), inserted as (
      insert into payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hash)
      select d.user_id, d.action, d.amount, d.ts, d.seq, d.balance, d.sealed_at,
             d.key, d.metadata, d.held, d.hash
        from decided d where d.is_new
    ), copied as (
      update users u set balance = d.user_balance, seq = d.user_seq, updated_at = d.updated_at
        from (select distinct on (d.user_id) d.* from decided d order by d.user_id, d.n desc) d
       where u.id = d.user_id and u.id = any (v_locked)
         and (u.balance, u.seq) is distinct from (d.user_balance, d.user_seq)
    )
    select d.n, d.status, d.user_id, d.seq, d.action, d.amount, d.balance, d.balance - d.held, d.ts,
           d.replayed, case when d.amount > d.balance - d.held and not d.is_new and not d.replayed
             then d.amount - (d.balance - d.held) end, d.metadata, encode(d.hash, 'hex'),
           d.version, d.user_seq,
           case when d.replayed then d.sealed_at else d.updated_at end, v_now, d.expires_in_ms
      from decided d order by d.n;
end $$;

comment on function post_entries is
  'What every door to the ledger does, for up to some thousand items at once: locks the users, seals at most max_pending hand-made rows of each (null: all), applies the items in order (action CREDIT, DEBIT, or null: only recalculate), and answers a row for each, in order, with status ok or a SQLSTATE instead of raising it; with version, user_seq, balance, available and updated_at as they are for the user after the item, at read_at by the clock of the database. 55P03: somebody else holds the user (without wait), or hand-made rows are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function post_entries from public;
grant execute on function post_entries to ledger_service;
-- end function

-- function: release_hold
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
-- end function

-- function: reverse_entry
create or replace function reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null,
  max_pending integer default null)
  returns posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_key record;
  v_entry payment_history;
  v_peer payment_history;
  v_peer_seq bigint;
begin
  if not is_valid_note(reverse_entry.idempotency_key, reverse_entry.metadata) then
    perform raise_status('22023', reverse_entry.user_id);
  end if;
  -- Sealed rows don't change, so this may be read before the lock: it says whom to lock.
  select h.* into v_entry from payment_history h
   where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq;
  perform open_users(
    reverse_entry.user_id || array_remove(array[v_entry.peer_user_id], null),
    reverse_entry.max_pending);
  if v_entry.seq is null then
    select h.* into v_entry from payment_history h
     where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq;
    -- A transfer that came while we waited: its other user isn't locked.
    if v_entry.peer_user_id is not null then
      perform raise_status('55P03', reverse_entry.user_id);
    end if;
  end if;

  select * into v_key from find_key(reverse_entry.user_id, reverse_entry.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_key.is_hold or (v_key.found).reverses is distinct from v_entry.seq
      or v_entry.seq is null then
      perform raise_status('LGKEY', reverse_entry.user_id);
    end if;
    return posted(v_key.found, true);
  end if;
  if v_entry.seq is null then
    perform raise_status('LGENT', reverse_entry.user_id);
  elsif exists (select from payment_history h where h.user_id = reverse_entry.user_id
                  and h.reverses = reverse_entry.seq) then
    perform raise_status('LGREV', reverse_entry.user_id);
  end if;

  -- A transfer goes back whole: its other half is reversed, too, and both name each other.
  if v_entry.peer_user_id is not null then
    select h.* into strict v_peer from payment_history h
     where h.user_id = v_entry.peer_user_id and h.seq = v_entry.peer_seq;
    select s.seq + 1 into strict v_peer_seq
      from user_states(array[v_peer.user_id], clock_timestamp()) s;
  end if;
  v_entry := append_entry(reversal(v_entry, reverse_entry.idempotency_key, reverse_entry.metadata,
    v_peer_seq));
  if v_peer.seq is not null then
    perform append_entry(reversal(v_peer, null, reverse_entry.metadata, v_entry.seq));
  end if;
  return posted(v_entry, false);
end $$;

comment on function reverse_entry is
  'Takes an entry back by an entry of the opposite action, at most once, once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (already reversed), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function reverse_entry from public;
grant execute on function reverse_entry to ledger_service, ledger_dba;
-- end function

-- function: transfer
create or replace function transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null, max_pending integer default null)
  returns setof posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning some 30 statements anew for each call took two thirds of it.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_key record;
  v_from payment_history;
  v_to payment_history;
  v_to_seq bigint;
begin
  perform check_request(transfer.from_user_id, transfer.amount, transfer.idempotency_key,
    transfer.metadata);
  if transfer.from_user_id = transfer.to_user_id then
    perform raise_status('LGSAM', transfer.from_user_id);
  end if;
  perform open_users(array[transfer.from_user_id, transfer.to_user_id], transfer.max_pending);

  select * into v_key from find_key(transfer.from_user_id, transfer.idempotency_key);
  v_from := v_key.found;
  if v_key.is_hold or v_from.seq is not null then
    if v_key.is_hold or (v_from.action, v_from.amount, v_from.peer_user_id, v_from.reverses)
      is distinct from ('DEBIT', transfer.amount, transfer.to_user_id, null::bigint) then
      perform raise_status('LGKEY', transfer.from_user_id);
    end if;
    select * into strict v_to from payment_history h
     where h.user_id = v_from.peer_user_id and h.seq = v_from.peer_seq;
    return next posted(v_from, true);
    return next posted(v_to, true);
    return;
  end if;

  -- Each half names the other; nobody else can take these numbers while we hold both users.
  select s.seq + 1 into strict v_to_seq
    from user_states(array[transfer.to_user_id], clock_timestamp()) s;
  v_from := append_entry(row(null, transfer.from_user_id, 'DEBIT', transfer.amount, null, null, null,
    null, transfer.idempotency_key, transfer.metadata, null, null, null, transfer.to_user_id,
    v_to_seq, null)::payment_history);
  v_to := append_entry(row(null, transfer.to_user_id, 'CREDIT', transfer.amount, null, null, null,
    null, null, transfer.metadata, null, null, null, transfer.from_user_id, v_from.seq,
    null)::payment_history);
  return next posted(v_from, false);
  return next posted(v_to, false);
end $$;

comment on function transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function transfer from public;
grant execute on function transfer to ledger_service, ledger_dba;
-- end function

-- migrate:down

-- function: transfer
create or replace function transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null, max_pending integer default null)
  returns setof posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_from payment_history;
  v_to payment_history;
  v_to_seq bigint;
begin
  perform check_request(transfer.from_user_id, transfer.amount, transfer.idempotency_key,
    transfer.metadata);
  if transfer.from_user_id = transfer.to_user_id then
    perform raise_status('LGSAM', transfer.from_user_id);
  end if;
  perform open_users(array[transfer.from_user_id, transfer.to_user_id], transfer.max_pending);

  select * into v_key from find_key(transfer.from_user_id, transfer.idempotency_key);
  v_from := v_key.found;
  if v_key.is_hold or v_from.seq is not null then
    if v_key.is_hold or (v_from.action, v_from.amount, v_from.peer_user_id, v_from.reverses)
      is distinct from ('DEBIT', transfer.amount, transfer.to_user_id, null::bigint) then
      perform raise_status('LGKEY', transfer.from_user_id);
    end if;
    select * into strict v_to from payment_history h
     where h.user_id = v_from.peer_user_id and h.seq = v_from.peer_seq;
    return next posted(v_from, true);
    return next posted(v_to, true);
    return;
  end if;

  -- Each half names the other; nobody else can take these numbers while we hold both users.
  select s.seq + 1 into strict v_to_seq
    from user_states(array[transfer.to_user_id], clock_timestamp()) s;
  v_from := append_entry(row(null, transfer.from_user_id, 'DEBIT', transfer.amount, null, null, null,
    null, transfer.idempotency_key, transfer.metadata, null, null, null, transfer.to_user_id,
    v_to_seq, null)::payment_history);
  v_to := append_entry(row(null, transfer.to_user_id, 'CREDIT', transfer.amount, null, null, null,
    null, null, transfer.metadata, null, null, null, transfer.from_user_id, v_from.seq,
    null)::payment_history);
  return next posted(v_from, false);
  return next posted(v_to, false);
end $$;

comment on function transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function transfer from public;
grant execute on function transfer to ledger_service, ledger_dba;
-- end function

-- function: reverse_entry
create or replace function reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null,
  max_pending integer default null)
  returns posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_entry payment_history;
  v_peer payment_history;
  v_peer_seq bigint;
begin
  if not is_valid_note(reverse_entry.idempotency_key, reverse_entry.metadata) then
    perform raise_status('22023', reverse_entry.user_id);
  end if;
  -- Sealed rows don't change, so this may be read before the lock: it says whom to lock.
  select h.* into v_entry from payment_history h
   where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq;
  perform open_users(
    reverse_entry.user_id || array_remove(array[v_entry.peer_user_id], null),
    reverse_entry.max_pending);
  if v_entry.seq is null then
    select h.* into v_entry from payment_history h
     where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq;
    -- A transfer that came while we waited: its other user isn't locked.
    if v_entry.peer_user_id is not null then
      perform raise_status('55P03', reverse_entry.user_id);
    end if;
  end if;

  select * into v_key from find_key(reverse_entry.user_id, reverse_entry.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_key.is_hold or (v_key.found).reverses is distinct from v_entry.seq
      or v_entry.seq is null then
      perform raise_status('LGKEY', reverse_entry.user_id);
    end if;
    return posted(v_key.found, true);
  end if;
  if v_entry.seq is null then
    perform raise_status('LGENT', reverse_entry.user_id);
  elsif exists (select from payment_history h where h.user_id = reverse_entry.user_id
                  and h.reverses = reverse_entry.seq) then
    perform raise_status('LGREV', reverse_entry.user_id);
  end if;

  -- A transfer goes back whole: its other half is reversed, too, and both name each other.
  if v_entry.peer_user_id is not null then
    select h.* into strict v_peer from payment_history h
     where h.user_id = v_entry.peer_user_id and h.seq = v_entry.peer_seq;
    select s.seq + 1 into strict v_peer_seq
      from user_states(array[v_peer.user_id], clock_timestamp()) s;
  end if;
  v_entry := append_entry(reversal(v_entry, reverse_entry.idempotency_key, reverse_entry.metadata,
    v_peer_seq));
  if v_peer.seq is not null then
    perform append_entry(reversal(v_peer, null, reverse_entry.metadata, v_entry.seq));
  end if;
  return posted(v_entry, false);
end $$;

comment on function reverse_entry is
  'Takes an entry back by an entry of the opposite action, at most once, once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (already reversed), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function reverse_entry from public;
grant execute on function reverse_entry to ledger_service, ledger_dba;
-- end function

-- function: release_hold
create or replace function release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null,
  max_pending integer default null)
  returns released_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
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
-- end function

-- function: post_entries
create or replace function post_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns table (n bigint, status text, user_id bigint, seq bigint, action text, amount numeric,
    balance numeric, available numeric, ts timestamptz, replayed boolean, shortfall numeric,
    metadata jsonb, hash text, version bigint, user_seq bigint, updated_at timestamptz,
    read_at timestamptz, expires_in_ms bigint)
  language plpgsql volatile security definer set search_path = public, pg_temp
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_locked bigint[] := lock_users(post_entries.user_ids, post_entries.wait);
  v_statuses jsonb := seal_users(post_entries.user_ids, v_locked, post_entries.max_pending);
  v_now timestamptz := clock_timestamp();
begin
  return query
    with decided as materialized (
      select d.* from decide_entries(post_entries.user_ids, post_entries.actions,
        post_entries.amounts, post_entries.idempotency_keys, post_entries.metadatas, v_statuses,
        v_now) d
    ), inserted as (
      insert into payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hash)
      select d.user_id, d.action, d.amount, d.ts, d.seq, d.balance, d.sealed_at,
             d.key, d.metadata, d.held, d.hash
        from decided d where d.is_new
    ), copied as (
      update users u set balance = d.user_balance, seq = d.user_seq, updated_at = d.updated_at
        from (select distinct on (d.user_id) d.* from decided d order by d.user_id, d.n desc) d
       where u.id = d.user_id and u.id = any (v_locked)
         and (u.balance, u.seq) is distinct from (d.user_balance, d.user_seq)
    )
    select d.n, d.status, d.user_id, d.seq, d.action, d.amount, d.balance, d.balance - d.held, d.ts,
           d.replayed, case when d.amount > d.balance - d.held and not d.is_new and not d.replayed
             then d.amount - (d.balance - d.held) end, d.metadata, encode(d.hash, 'hex'),
           d.version, d.user_seq,
           case when d.replayed then d.sealed_at else d.updated_at end, v_now, d.expires_in_ms
      from decided d order by d.n;
end $$;

comment on function post_entries is
  'What every door to the ledger does, for up to some thousand items at once: locks the users, seals at most max_pending hand-made rows of each (null: all), applies the items in order (action CREDIT, DEBIT, or null: only recalculate), and answers a row for each, in order, with status ok or a SQLSTATE instead of raising it; with version, user_seq, balance, available and updated_at as they are for the user after the item, at read_at by the clock of the database. 55P03: somebody else holds the user (without wait), or hand-made rows are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function post_entries from public;
grant execute on function post_entries to ledger_service;
-- end function

-- function: place_hold
create or replace function place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null, max_pending integer default null)
  returns posted_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
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
-- end function

-- function: capture_hold
create or replace function capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, max_pending integer default null)
  returns posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
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
-- end function
