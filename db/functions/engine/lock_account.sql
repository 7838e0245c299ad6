create or replace function ledger.lock_account(user_id bigint)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account;
begin
  -- NO KEY UPDATE, so that this doesn't wait for an open manual insert, whose trigger takes KEY
  -- SHARE, nor a manual insert for this.
  select u.id, u.hold_changes, u.updated_at, coalesce(-u.credit_limit, 0.00), u.frozen_at is not null
    into v.user_id, v.hold_changes, v.updated_at, v.held, v.is_frozen
    from public.users u where u.id = lock_account.user_id for no key update; -- mutation: lock
  if not found then
    v.user_id := lock_account.user_id;
    v.problem := 'LGUSR';
    return v;
  end if;
  -- Only the statement after the one that locked has a snapshot from after the lock. Pending
  -- entries have no seq, and nulls come first in this order, so one index probe finds them, or else
  -- the last entry.
  select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
    from public.payment_history h where h.user_id = v.user_id order by h.seq desc limit 1;
  if v.seq is null or v.hold_changes > 0 then v := ledger.open_account(v, null); end if;
  return v;
end $$;

comment on function ledger.lock_account is
  'Locks a user until the end of the transaction, waiting for it, posts all that is pending, and returns its account; problem: LGUSR (there is no such user), or what open_account says. Raises 55P03 after lock_timeout.';

revoke all on function ledger.lock_account from public;
