create or replace function ledger.change_of_hold(
  operation text, account ledger.account, target ledger.target, amount numeric,
  expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language sql volatile as $$
  select case when operation = 'HOLD'
    then ledger.first_change(account, amount, expires_in, idempotency_key, metadata)
    else ledger.later_change(operation, account, target, amount, expires_in, idempotency_key,
      metadata) end
$$;

comment on function ledger.change_of_hold is
  'The change that an operation makes of the hold that it places or names: see first_change, later_change. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.change_of_hold from public;
