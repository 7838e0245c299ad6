create or replace function ledger.absent_account(user_id bigint)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account;
begin
  v.user_id := absent_account.user_id;
  v.problem := case when exists (select from public.users u where u.id = absent_account.user_id)
    then '55P03' else 'LGUSR' end;
  return v;
end $$;

comment on function ledger.absent_account is
  'The account of a user whom lock_users left out: problem 55P03 if somebody else holds the user, LGUSR if there is none.';

revoke all on function ledger.absent_account from public;
