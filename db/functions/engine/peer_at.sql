create or replace function ledger.peer_at(
  account ledger.account, peer_user_id bigint, operation text)
  returns ledger.account
  language sql volatile as $$
  select case when peer_user_id is not null or operation = 'TRANSFER'
    then ledger.account_at(account, peer_user_id) end
$$;

comment on function ledger.peer_at is
  'What account_at says of the other user of an operation; null: it has none. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.peer_at from public;
