create or replace function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language sql volatile as $$
  -- users is copied from the history, never the other way round. The caller knows no updated_at of
  -- a user for whom nothing was posted.
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes,
         updated_at = greatest(u.updated_at, a.updated_at, a.posted_at)
    from unnest(copy_accounts.accounts) a
   where u.id = a.user_id
     and (a.seq, a.balance, a.hold_changes) is distinct from (u.seq, u.balance, u.hold_changes)
$$;

comment on function ledger.copy_accounts is
  'Sets the copies in users of open accounts to what these are now, where they differ.';

revoke all on function ledger.copy_accounts from public;
