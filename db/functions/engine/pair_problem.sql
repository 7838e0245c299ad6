create or replace function ledger.pair_problem(
  amount numeric, metadata jsonb, is_same_user boolean, problem text, peer_problem text,
  balance numeric, held numeric, is_frozen boolean, peer_balance numeric, peer_held numeric)
  returns text
  language sql immutable parallel safe as $$
  select ledger.first_problem(
    request => ledger.request_problem(ledger.is_valid_amount(amount), null, metadata, true,
      is_same_user),
    users => ledger.users_problem(problem, peer_problem), key => null, target => null,
    funds => coalesce(ledger.funds_problem(-amount, balance - amount, held, is_frozen),
      ledger.funds_problem(amount, peer_balance + amount, peer_held, false)))
$$;

comment on function ledger.pair_problem is
  'What decide says of a transfer that has no key, in short: PostgreSQL puts it in the place of the call.';

revoke all on function ledger.pair_problem from public;
