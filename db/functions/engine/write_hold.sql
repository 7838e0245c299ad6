create or replace function ledger.write_hold(
  action text, user_id bigint, hold bigint, number bigint, previous bytea, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea := ledger.hold_hash(previous, user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, v_position);
  v public.hold_changes;
begin
  if write_hold.number = 1 then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    values (write_hold.user_id, write_hold.hold, write_hold.amount, write_hold.remaining, 0.00,
      'active', write_hold.expires_at, 1, v_hash);
  else
    update public.holds o
       set remaining = write_hold.remaining,
           captured = case write_hold.action when 'captured' then o.captured + write_hold.amount
             else o.captured end,
           status = case when write_hold.remaining > 0 then 'active' else write_hold.action end,
           expires_at = write_hold.expires_at, changes = write_hold.number, hash = v_hash
     where o.user_id = write_hold.user_id and o.hold = write_hold.hold;
  end if;
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining, expires_at,
    at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (write_hold.user_id, write_hold.hold, write_hold.number, write_hold.action,
    write_hold.amount, write_hold.remaining, write_hold.expires_at, write_hold.at, write_hold.seq,
    write_hold.balance, write_hold.available, write_hold.idempotency_key, write_hold.metadata,
    v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.write_hold is
  'Writes a change of a hold after the one whose hash is previous (null: it is placed), and what the hold is by then. Everything has been decided.';

revoke all on function ledger.write_hold from public;
