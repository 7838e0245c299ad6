create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
declare
  v ledger.account := insert_hold.account;
  v_hold public.holds;
begin
  v_hold.user_id := v.user_id;
  v_hold.hold := 1;
  if v.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold.hold
      from public.holds h where h.user_id = v.user_id;
  end if;
  v_hold.amount := insert_hold.amount;
  v_hold.status := 'active';
  v_hold.available := v.balance - v.held - v_hold.amount;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_hold.created_at := clock_timestamp();
  v_hold.expires_at := ledger.expires_after(v_hold.created_at, insert_hold.expires_in);
  v_hold.idempotency_key := insert_hold.idempotency_key;
  v_hold.metadata := insert_hold.metadata;
  v_hold.position := nextval('public.payment_history_id_seq');
  v_hold.hash := ledger.hold_hash(v_hold);
  insert into public.holds (user_id, hold, amount, status, available, created_at, expires_at,
    idempotency_key, metadata, position, hash)
  values (v_hold.user_id, v_hold.hold, v_hold.amount, v_hold.status, v_hold.available,
    v_hold.created_at, v_hold.expires_at, v_hold.idempotency_key, v_hold.metadata,
    v_hold.position, v_hold.hash);
  return v_hold;
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
