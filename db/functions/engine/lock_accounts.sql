create or replace function ledger.lock_accounts(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_locked ledger.account[];
  v_accounts ledger.account[];
  v_are_open boolean;
begin
  if ledger.is_distributed() then
    return ledger.lock_each(lock_accounts.user_ids, lock_accounts.wait, lock_accounts.max_pending);
  end if;
  -- As lock_account does, in id order, so that two callers never wait for each other.
  if lock_accounts.wait then
    select array_agg(row(l.id, null, null, null, coalesce(-l.credit_limit, 0.00), null, null,
             l.hold_changes, null, l.updated_at, l.frozen_at is not null)::ledger.account)
      into v_locked from (
      select u.* from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update) l; -- mutation: lock
  else
    select array_agg(row(l.id, null, null, null, coalesce(-l.credit_limit, 0.00), null, null,
             l.hold_changes, null, l.updated_at, l.frozen_at is not null)::ledger.account)
      into v_locked from (
      select u.* from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update skip locked) l; -- mutation: skip locked
  end if;
  -- In the next statement, as there: the last entry, or one that is pending.
  select array_agg(row(i.user_id, null, h.seq, h.balance, i.held, h.sealed_at, h.hash,
           i.hold_changes, null, i.updated_at, i.is_frozen)::ledger.account),
         bool_and(h.seq is not null and i.hold_changes = 0)
    into v_accounts, v_are_open
    from unnest(v_locked) i
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from public.payment_history p
       where p.user_id = i.user_id order by p.seq desc limit 1) h on true; -- mutation: last
  if v_are_open then return v_accounts; end if;
  for i in 1 .. coalesce(cardinality(v_accounts), 0) loop
    if v_accounts[i].seq is null or v_accounts[i].hold_changes > 0 then
      v_accounts[i] := ledger.open_account(v_accounts[i], lock_accounts.max_pending);
    end if;
  end loop;
  return coalesce(v_accounts, '{}');
end $$;

comment on function ledger.lock_accounts is
  'Locks users until the end of the transaction, posts what is pending, at most max_pending entries of each, and returns their accounts in id order; without wait it leaves out those that somebody else holds, and in any case those that don''t exist. Raises 55P03 after lock_timeout.';

revoke all on function ledger.lock_accounts from public;
