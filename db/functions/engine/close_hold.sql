create or replace function ledger.close_hold(
  operation text, user_id bigint, hold bigint, amount numeric)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_is_capture boolean := close_hold.operation <> 'RELEASE';
  v_amount numeric := round(close_hold.amount, 2);
  v_now timestamptz; v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric; v_held numeric;
  v_entry_hash bytea;
  v_updated_at timestamptz;
  v_hold_changes bigint; v_is_frozen boolean;
  v_limit numeric;
  v_before numeric;
  v_remaining numeric := 0.00;
  v_number bigint;
  v_hash bytea;
  v public.hold_changes;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = close_hold.user_id for no key update; -- mutation: lock
  v_now := clock_timestamp();
  -- The last entry, or one that is pending, of which nulls come first in this order; and the hold.
  select h.seq, h.balance, greatest(ledger.next_moment(h.sealed_at), v_updated_at), h.hash,
         o.remaining, o.expires_at, o.changes + 1, o.hash, (
           select sum(a.remaining) from public.holds a
            where a.user_id = close_hold.user_id and a.status = 'active'
              and a.expires_at > v_now) - v_limit
    into v_seq, v_balance, v_at, v_entry_hash, v_before, v_expires_at, v_number, v_hash, v_held
    from (select e.seq, e.balance, e.sealed_at, e.hash from public.payment_history e
           where e.user_id = close_hold.user_id order by e.seq desc limit 1) h
    cross join public.holds o
   where o.user_id = close_hold.user_id and o.hold = close_hold.hold and h.seq is not null
     and ledger.is_valid_amount(coalesce(close_hold.amount, o.remaining))
     and ledger.hold_problem(o.status, o.expires_at, v_now, o.remaining, v_amount, null) is null;
  if not found then return null; end if;
  if v_is_capture then
    v_amount := coalesce(v_amount, v_before);
    if close_hold.operation = 'CAPTURE PART' then v_remaining := v_before - v_amount; end if;
    v_seq := v_seq + 1;
    v_balance := v_balance - v_amount;
    v_held := v_held - v_before + v_remaining;
    if ledger.funds_problem(-v_amount, v_balance, v_held, v_is_frozen) is not null then
      return null; -- mutation: funds
    end if;
  else
    v_amount := v_before;
    v_held := v_held - v_before;
  end if;
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1, updated_at = v_at
   where u.id = close_hold.user_id;
  -- The change comes before its entry, as it does in a batch.
  v := ledger.next_change(close_hold.user_id, close_hold.hold, v_number, v_hash,
    case when v_is_capture then 'captured' else 'released' end, v_amount, v_remaining, v_expires_at,
    v_at, v_seq, v_balance, v_balance - v_held, null, null);
  perform ledger.write_change(v);
  if v_is_capture then
    insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held,
      hold, hash)
    values (close_hold.user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at, v_held,
      close_hold.hold, ledger.entry_hash(v_entry_hash, close_hold.user_id, v_seq, 'DEBIT', v_amount,
        v_at, v_balance, v_at, null, null, v_held, close_hold.hold, null, null, null));
  end if;
  return v;
end $$;

comment on function ledger.close_hold is
  'One CAPTURE, CAPTURE PART or RELEASE without a key and metadata for people, as post_change and post_hold do it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for these. The moment of the change is that of the entry, too.';

revoke all on function ledger.close_hold from public;
