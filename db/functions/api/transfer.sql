create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_amount numeric := round(transfer.amount, 2);
  v record;
  -- The sender and the receiver, as their copies say they are after the transfer.
  a record;
  p record;
  v_pair ledger.posted_entry[];
begin
  if transfer.idempotency_key is null and transfer.metadata is null -- mutation: short
    and not ledger.is_distributed()
    and ledger.is_valid_amount(transfer.amount) then
    -- As ledger.add_entry does it. The index finds users in the order of their ids, so that two
    -- callers never wait for each other; and both are locked before either is looked at.
    for v in
      update public.users u
         set seq = u.seq + 1, updated_at = clock_timestamp(), balance = u.balance
               + case u.id when transfer.from_user_id then -v_amount else v_amount end
       where u.id in (transfer.from_user_id, transfer.to_user_id) -- mutation: order
         and u.seq < 9007199254740991
      returning u.id, u.seq, u.balance, u.hold_changes, u.frozen_at is not null as is_frozen
    loop
      if v.id = transfer.from_user_id then a := v; else p := v; end if;
    end loop;
    if a is not null and p is not null then
      return query
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, held, peer_user_id, peer_seq, hash)
      select x.user_id, x.action, v_amount, l.at, x.seq, x.balance, l.at, x.held, x.peer_user_id,
             x.peer_seq, ledger.entry_hash(x.previous, x.user_id, x.seq, x.action, v_amount, l.at,
               x.balance, l.at, null, null, x.held, null, null, x.peer_user_id, x.peer_seq)
        -- Both have a last entry, nothing is pending, the copies are right, the funds suffice.
        from (select f.hash, f.held, t.hash as peer_hash, t.held as peer_held,
                     ledger.next_moment(greatest(f.sealed_at, t.sealed_at)) as at -- mutation: moment
                from (select h.seq, h.balance, h.sealed_at, h.hash,
                             case when a.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.from_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.from_user_id
                       order by h.seq desc limit 1) f
                cross join (
                      select h.seq, h.balance, h.sealed_at, h.hash,
                             case when p.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.to_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.to_user_id
                       order by h.seq desc limit 1) t
               where f.seq + 1 = a.seq and f.balance - v_amount = a.balance
                 and t.seq + 1 = p.seq and t.balance + v_amount = p.balance
                 and ledger.funds_problem(-v_amount, a.balance, f.held, a.is_frozen)
                   is null -- mutation: funds
                 and ledger.funds_problem(v_amount, p.balance, t.held, false) is null
              -- So that its moment is one for both.
              offset 0) l
        cross join lateral (values
          (a.id, 'DEBIT', a.seq, a.balance, l.held, p.id, p.seq, l.hash),
          (p.id, 'CREDIT', p.seq, p.balance, l.peer_held, a.id, a.seq, l.peer_hash))
          x (user_id, action, seq, balance, held, peer_user_id, peer_seq, previous)
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false;
      if found then return; end if;
    end if;
  end if;
  v_pair := ledger.post_pair('TRANSFER', transfer.from_user_id, transfer.to_user_id,
    transfer.amount, null, transfer.idempotency_key, transfer.metadata);
  return next v_pair[1];
  return next v_pair[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
