create or replace function ledger.request_problem(
  is_amount_valid boolean, idempotency_key text, metadata jsonb, is_expiry_valid boolean,
  is_same_user boolean)
  returns text
  language sql immutable parallel safe as $$
  select case when not is_amount_valid then 'LGAMT'
    when not ledger.is_valid_key_and_metadata(idempotency_key, metadata) or not is_expiry_valid
      then '22023'
    when is_same_user then 'LGSAM' end
$$;

comment on function ledger.request_problem is
  'What is wrong with a request whoever it is for, as a SQLSTATE, or null: its amount, its key, metadata or expiry, or a transfer from a user to itself.';

revoke all on function ledger.request_problem from public;
