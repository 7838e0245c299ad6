create or replace function ledger.add_transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_transfer.amount, 2);
  v_at timestamptz;
  -- After the transfer, but for the hash.
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_peer_seq bigint;
  v_peer_balance numeric;
  v_peer_held numeric;
  v_peer_hash bytea;
  v_peer_hold_changes bigint;
begin
  if add_transfer.idempotency_key is null and add_transfer.metadata is null
    and add_transfer.from_user_id <> add_transfer.to_user_id
    and ledger.is_valid_amount(add_transfer.amount) then
    -- As add_entry does it, in the order of their ids, so that two callers never wait for each
    -- other; and both before either is looked at.
    if add_transfer.from_user_id > add_transfer.to_user_id then -- mutation: first
      update public.users u
         set seq = u.seq + 1, balance = u.balance + v_amount, updated_at = clock_timestamp()
       where u.id = add_transfer.to_user_id and u.seq < 9007199254740991
      returning u.seq, u.balance, u.hold_changes
        into v_peer_seq, v_peer_balance, v_peer_hold_changes;
    end if;
    update public.users u
       set seq = u.seq + 1, balance = u.balance - v_amount, updated_at = clock_timestamp()
     where u.id = add_transfer.from_user_id and u.seq < 9007199254740991
    returning u.seq, u.balance, u.hold_changes, u.frozen_at is not null
      into v_seq, v_balance, v_hold_changes, v_is_frozen;
    if add_transfer.from_user_id < add_transfer.to_user_id then -- mutation: second
      update public.users u
         set seq = u.seq + 1, balance = u.balance + v_amount, updated_at = clock_timestamp()
       where u.id = add_transfer.to_user_id and u.seq < 9007199254740991
      returning u.seq, u.balance, u.hold_changes
        into v_peer_seq, v_peer_balance, v_peer_hold_changes;
    end if;
    -- Both have a last entry, nothing is pending, the copies are right, and the funds suffice.
    select a.hash, a.held, p.hash, p.held,
           ledger.next_moment(greatest(a.sealed_at, p.sealed_at)) -- mutation: moment
      into v_hash, v_held, v_peer_hash, v_peer_held, v_at
      from (select h.seq, h.balance, h.sealed_at, h.hash,
                   case when v_hold_changes = 0 then 0.00
                     else ledger.held_now(add_transfer.from_user_id) end as held
              from public.payment_history h where h.user_id = add_transfer.from_user_id
             order by h.seq desc limit 1) a
      cross join (
            select h.seq, h.balance, h.sealed_at, h.hash,
                   case when v_peer_hold_changes = 0 then 0.00
                     else ledger.held_now(add_transfer.to_user_id) end as held
              from public.payment_history h where h.user_id = add_transfer.to_user_id
             order by h.seq desc limit 1) p
     where a.seq + 1 = v_seq and a.balance - v_amount = v_balance
       and p.seq + 1 = v_peer_seq and p.balance + v_amount = v_peer_balance
       and ledger.funds_problem(-v_amount, v_balance, a.held, v_is_frozen)
         is null -- mutation: funds
       and ledger.funds_problem(v_amount, v_peer_balance, p.held, false) is null;
    if found then
      insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        held, peer_user_id, peer_seq, hash)
      values (add_transfer.from_user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at,
          v_held, add_transfer.to_user_id, v_peer_seq,
          ledger.entry_hash(v_hash, add_transfer.from_user_id, v_seq, 'DEBIT', v_amount, v_at,
            v_balance, v_at, null, null, v_held, null, null, add_transfer.to_user_id,
            v_peer_seq)),
        (add_transfer.to_user_id, 'CREDIT', v_amount, v_at, v_peer_seq, v_peer_balance, v_at,
          v_peer_held, add_transfer.from_user_id, v_seq,
          ledger.entry_hash(v_peer_hash, add_transfer.to_user_id, v_peer_seq, 'CREDIT', v_amount,
            v_at, v_peer_balance, v_at, null, null, v_peer_held, null, null,
            add_transfer.from_user_id, v_seq));
      return array[
        row(add_transfer.from_user_id, v_seq, 'DEBIT', v_amount, v_balance,
          v_balance - v_held, v_at, false),
        row(add_transfer.to_user_id, v_peer_seq, 'CREDIT', v_amount, v_peer_balance,
          v_peer_balance - v_peer_held, v_at, false)]::ledger.posted_entry[];
    end if;
  end if;
  return ledger.post_pair('TRANSFER', add_transfer.from_user_id, add_transfer.to_user_id,
    add_transfer.amount, null, add_transfer.idempotency_key, add_transfer.metadata);
end $$;

comment on function ledger.add_transfer is
  'One transfer for people, as post_pair does it, in the shortest way where there is no key and no metadata, nothing is pending, the copies in users are right and the funds suffice. Everything else, refusals and repeats included, is for post_pair.';

revoke all on function ledger.add_transfer from public;
