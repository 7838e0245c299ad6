create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := insert_hold.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
  v_expires_at timestamptz := ledger.expires_after(v_at, insert_hold.expires_in);
  v_available numeric := a.balance - a.held - insert_hold.amount;
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea;
  v public.hold_changes;
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  v_hash := ledger.hold_hash(null, a.user_id, v_hold, 1, 'placed', insert_hold.amount,
    insert_hold.amount, v_expires_at, v_at, a.seq, a.balance, v_available,
    insert_hold.idempotency_key, insert_hold.metadata, v_position);
  insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
    changes, hash)
  values (a.user_id, v_hold, insert_hold.amount, insert_hold.amount, 0.00, 'active', v_expires_at,
    1, v_hash);
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (a.user_id, v_hold, 1, 'placed', insert_hold.amount, insert_hold.amount, v_expires_at,
    v_at, a.seq, a.balance, v_available, insert_hold.idempotency_key, insert_hold.metadata,
    v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
