create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := insert_hold.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  return ledger.write_hold('placed', a.user_id, v_hold, 1, null, insert_hold.amount,
    insert_hold.amount, ledger.expires_after(v_at, insert_hold.expires_in), v_at, a.seq, a.balance,
    a.balance - a.held - insert_hold.amount, insert_hold.idempotency_key, insert_hold.metadata);
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
