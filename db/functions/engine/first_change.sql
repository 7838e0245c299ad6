create or replace function ledger.first_change(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := first_change.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  return ledger.next_change(a.user_id, v_hold, 1, null, 'placed', first_change.amount,
    first_change.amount, ledger.expires_after(v_at, first_change.expires_in), v_at, a.seq,
    a.balance, a.balance - a.held - first_change.amount, first_change.idempotency_key,
    first_change.metadata);
end $$;

comment on function ledger.first_change is
  'The change that places the next hold of a user whose account is open, before what it reserves is counted there, to be written. Everything has been decided.';

revoke all on function ledger.first_change from public;
