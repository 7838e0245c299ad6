create or replace function ledger.add_hold(
  user_id bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_hold.amount, 2);
  v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_hold bigint;
  v public.hold_changes;
begin
  if ledger.request_problem(ledger.is_valid_amount(add_hold.amount), null, add_hold.metadata,
    ledger.is_valid_expiry(add_hold.expires_in), false) is not null then return null; end if;
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = add_hold.user_id for no key update; -- mutation: lock
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at := clock_timestamp();
  v_expires_at := ledger.expires_after(v_at, add_hold.expires_in);
  -- The last entry, or one that is pending, of which nulls come first in this order. While
  -- hold_changes is 0 there are no holds, so nobody looks for them.
  select h.seq, h.balance, greatest(h.sealed_at, v_updated_at, v_at),
         case when v_hold_changes = 0 then 0.00 else coalesce((
           select sum(o.remaining) from public.holds o
            where o.user_id = add_hold.user_id and o.status = 'active'
              and o.expires_at > v_at), 0.00) end - v_limit,
         case when v_hold_changes = 0 then 1 else (
           select coalesce(max(o.hold), 0) + 1 from public.holds o
            where o.user_id = add_hold.user_id) end
    into v_seq, v_balance, v_updated_at, v_held, v_hold
    from public.payment_history h where h.user_id = add_hold.user_id
   order by h.seq desc limit 1;
  -- Who may have the most holds already is for decide.
  if v_seq is null or v_hold_changes >= 10000
    or ledger.funds_problem(-v_amount, v_balance - v_amount, v_held, v_is_frozen)
    is not null then return null; end if; -- mutation: funds
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1,
         updated_at = v_updated_at
   where u.id = add_hold.user_id;
  v := ledger.next_change(add_hold.user_id, v_hold, 1, null, 'placed', v_amount, v_amount,
    v_expires_at, v_at, v_seq, v_balance, v_balance - v_held - v_amount, null, add_hold.metadata);
  perform ledger.write_change(v);
  return v;
end $$;

comment on function ledger.add_hold is
  'One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_hold.';

revoke all on function ledger.add_hold from public;
