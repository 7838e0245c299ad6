create or replace function ledger.add_reversal(user_id bigint, reversed_seq bigint, amount numeric)
  returns ledger.posted_entry
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_reversal.amount, 2);
  v_action text;
  v_change numeric;
  v_left numeric;
  v_seq bigint;
  v_balance numeric;
  v_at timestamptz;
  v_hash bytea;
  v_held numeric;
  v_hold_changes bigint;
  v_is_frozen boolean;
begin
  if add_reversal.amount is not null and not ledger.is_valid_amount(add_reversal.amount) then
    return null;
  end if;
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null into v_hold_changes, v_is_frozen
    from public.users u where u.id = add_reversal.user_id for no key update; -- mutation: lock
  -- The last entry, or one that is pending, of which nulls come first in this order; and the one
  -- that is reversed.
  select l.seq + 1, l.balance, ledger.next_moment(l.sealed_at), l.hash,
         ledger.opposite_of(e.action), e.amount - coalesce((
           select sum(r.amount) from public.payment_history r
            where r.user_id = add_reversal.user_id and r.reverses = e.seq), 0),
         case when v_hold_changes = 0 then 0.00 else ledger.held_now(add_reversal.user_id) end
    into v_seq, v_balance, v_at, v_hash, v_action, v_left, v_held
    from (select h.seq, h.balance, h.sealed_at, h.hash from public.payment_history h
           where h.user_id = add_reversal.user_id order by h.seq desc limit 1) l
    cross join public.payment_history e
   where e.user_id = add_reversal.user_id and e.seq = add_reversal.reversed_seq
     and e.peer_user_id is null and l.seq is not null;
  v_amount := coalesce(v_amount, v_left);
  v_change := ledger.change_of(v_action, v_amount);
  v_balance := v_balance + v_change;
  if coalesce(ledger.entry_problem(v_seq, v_left, v_amount),
      ledger.funds_problem(v_change, v_balance, v_held, v_is_frozen)) is not null then
    return null; -- mutation: funds
  end if;
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held,
    reverses, hash)
  values (add_reversal.user_id, v_action, v_amount, v_at, v_seq, v_balance, v_at, v_held,
    add_reversal.reversed_seq, ledger.entry_hash(v_hash, add_reversal.user_id, v_seq, v_action,
      v_amount, v_at, v_balance, v_at, null, null, v_held, null, add_reversal.reversed_seq, null,
      null));
  update public.users u set seq = v_seq, balance = v_balance, updated_at = v_at
   where u.id = add_reversal.user_id;
  return (add_reversal.user_id, v_seq, v_action, v_amount, v_balance, v_balance - v_held, v_at,
    false)::ledger.posted_entry;
end $$;

comment on function ledger.add_reversal is
  'One REVERSE without a key and metadata of an entry that is no transfer for people, as post_change does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_change.';

revoke all on function ledger.add_reversal from public;
