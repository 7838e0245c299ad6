create or replace function ledger.add_plain_entry(
  action text, user_id bigint, amount numeric, change numeric)
  returns ledger.posted_entry
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_seq bigint;
  v_balance numeric;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_entry ledger.posted_entry;
begin
  -- Where users are on several servers, post_change is shorter: its statements are planned once.
  if ledger.is_valid_amount(add_plain_entry.amount) and not ledger.is_distributed() then
    -- Locks the user, and writes what its copy will be if the copy is right and nothing is in the
    -- way. Otherwise post_change sets it from the history, or raises, which takes this back.
    update public.users u
       set seq = u.seq + 1, balance = u.balance + add_plain_entry.change,
           updated_at = clock_timestamp()
     where u.id = add_plain_entry.user_id and u.seq < 9007199254740991
    returning u.seq, u.balance, u.hold_changes, u.frozen_at is not null
      into v_seq, v_balance, v_hold_changes, v_is_frozen;
    -- In the next statement, which has a snapshot from after the lock: behind the last entry, but
    -- not if one is pending, of which nulls come first in this order.
    insert into public.payment_history as e (user_id, action, amount, ts, seq, balance, sealed_at,
      held, hash)
    select add_plain_entry.user_id, add_plain_entry.action, l.amount, l.at, l.seq, l.balance, l.at,
           l.held,
           ledger.entry_hash(l.hash, add_plain_entry.user_id, l.seq, add_plain_entry.action,
             l.amount, l.at, l.balance, l.at, null, null, l.held, null, null, null, null)
      from (select h.seq + 1 as seq, h.balance + add_plain_entry.change as balance, h.hash,
                   ledger.next_moment(h.sealed_at) as at, abs(add_plain_entry.change) as amount,
                   case when v_hold_changes = 0 then 0.00
                     else ledger.held_now(add_plain_entry.user_id) end as held
              from public.payment_history h where h.user_id = add_plain_entry.user_id
             order by h.seq desc limit 1) l -- mutation: last
     where l.seq = v_seq and l.balance = v_balance -- mutation: copied
       and ledger.funds_problem(add_plain_entry.change, l.balance, l.held, v_is_frozen)
         is null -- mutation: funds
    returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false
      into v_entry;
    if found then return v_entry; end if;
  end if;
  return ledger.post_change(add_plain_entry.action, add_plain_entry.user_id,
    add_plain_entry.amount, null, null, null);
end $$;

comment on function ledger.add_plain_entry is
  'One DEBIT or CREDIT without a key and metadata for people (change: the amount with its sign and two decimals), as post_change does it, in the shortest way where nothing is pending, the copy in users is right and the funds suffice. Everything else, refusals included, is for post_change.';

revoke all on function ledger.add_plain_entry from public;
