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
