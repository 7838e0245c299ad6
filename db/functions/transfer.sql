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
