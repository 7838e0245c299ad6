create or replace function ledger.change_problem(
  amount numeric, idempotency_key text, metadata jsonb, is_same_user boolean, users text,
  change numeric, balance numeric, held numeric, is_frozen boolean)
  returns text
  language sql immutable parallel safe as $$
  select ledger.first_problem(
    request => ledger.request_problem(ledger.is_valid_amount(amount), idempotency_key, metadata,
      true, is_same_user),
    users => users, key => null, target => null,
    funds => ledger.funds_problem(change, balance + change, held, is_frozen))
$$;

comment on function ledger.change_problem is
  'What decide says of a debit or a credit that has no key, in short: PostgreSQL puts it in the place of the call.';

revoke all on function ledger.change_problem from public;
