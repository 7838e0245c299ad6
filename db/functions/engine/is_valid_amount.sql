create or replace function ledger.is_valid_amount(amount numeric)
  returns boolean
  language sql immutable parallel safe as $$
  -- The upper bound also keeps NaN out, which is greater than every number.
  select (amount > 0 and amount <= 9999999999.99 and amount = round(amount, 2)) is true
$$;

comment on function ledger.is_valid_amount is
  'Whether an entry or a hold may have this amount: 0.01 to 9999999999.99 with at most two decimals. A numeric(12,2) parameter or column would round instead.';

revoke all on function ledger.is_valid_amount from public;
