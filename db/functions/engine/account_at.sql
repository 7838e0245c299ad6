create or replace function ledger.account_at(account ledger.account, user_id bigint)
  returns ledger.account
  language sql volatile as $$
  select case when (account).user_id = user_id then account
    else ledger.absent_account(user_id) end
$$;

comment on function ledger.account_at is
  'An account, if it is that of user_id; otherwise the user is none of those that are locked: see absent_account. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.account_at from public;
