create or replace function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language plpgsql volatile as $$
begin
  if ledger.is_distributed() then
    perform ledger.write_each('{}', '{}', copy_accounts.accounts);
    return;
  end if;
  -- users is copied from the history, never the other way round. The caller knows no updated_at of
  -- a user for whom nothing was posted.
  update public.users u
     set seq = x.seq, balance = x.balance, hold_changes = x.hold_changes,
         updated_at = greatest(u.updated_at, x.updated_at, x.posted_at)
    from unnest(copy_accounts.accounts) x
   where u.id = x.user_id
     and (x.seq, x.balance, x.hold_changes) is distinct from (u.seq, u.balance, u.hold_changes);
end $$;

comment on function ledger.copy_accounts is
  'Sets the copies in users of open accounts to what these are now, where they differ.';

revoke all on function ledger.copy_accounts from public;
