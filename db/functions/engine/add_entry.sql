create or replace function ledger.add_entry(
  action text, user_id bigint, amount numeric, change numeric, idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_hold_changes bigint;
  v_entry ledger.posted_entry;
begin
  -- Where users are on several servers, post_change is shorter: its statements are planned once.
  if ledger.is_valid_amount(add_entry.amount) and not ledger.is_distributed()
    and ledger.is_valid_key_and_metadata(add_entry.idempotency_key, add_entry.metadata) then
    -- A repeat changes nothing, so the copy comes last.
    select u.hold_changes into v_hold_changes
      from public.users u where u.id = add_entry.user_id for no key update;
    -- Then nothing is held, the user isn't frozen, and there is no limit.
    if v_hold_changes = 0 then
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, idempotency_key, metadata, held, hash)
      select add_entry.user_id, add_entry.action, l.amount, l.at, l.seq, l.balance, l.at,
             add_entry.idempotency_key, add_entry.metadata, 0.00,
             ledger.entry_hash(l.hash, add_entry.user_id, l.seq, add_entry.action, l.amount, l.at,
               l.balance, l.at, add_entry.idempotency_key, add_entry.metadata, 0.00, null, null,
               null, null)
        from (select h.seq + 1 as seq, h.balance + add_entry.change as balance, h.hash,
                     ledger.next_moment(h.sealed_at) as at, abs(add_entry.change) as amount
                from public.payment_history h where h.user_id = add_entry.user_id
               order by h.seq desc limit 1) l
       where l.seq is not null
         and ledger.funds_problem(add_entry.change, l.balance, 0.00, false)
           is null -- mutation: funds
      on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance, e.ts, false
        into v_entry;
      if found then
        update public.users u
           set seq = v_entry.seq, balance = v_entry.balance, updated_at = v_entry.ts
         where u.id = v_entry.user_id;
        return v_entry;
      end if;
    end if;
  end if;
  return ledger.post_change(add_entry.action, add_entry.user_id, add_entry.amount, null,
    add_entry.idempotency_key, add_entry.metadata);
end $$;

comment on function ledger.add_entry is
  'One DEBIT or CREDIT for people (change: the amount with its sign and two decimals), as post_change does it, in the shortest way where nothing is pending, the user has never had a hold, a limit or a freeze, and the funds suffice. Everything else, refusals and repeats included, is for post_change.';

revoke all on function ledger.add_entry from public;
