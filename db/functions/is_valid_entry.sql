create or replace function is_valid_entry(action text, amount numeric)
  returns boolean
  language sql immutable parallel safe as $$
  -- The upper bound also keeps NaN out, which is greater than every number.
  select coalesce(action in ('CREDIT', 'DEBIT')
    and amount > 0 and amount <= 9999999999.99 and amount = round(amount, 2), false)
$$;

comment on function is_valid_entry is
  'Whether an entry may have this action and amount: CREDIT or DEBIT; 0.01 to 9999999999.99 with at most two decimals. A numeric(12,2) parameter or column would round instead. Internal.';

revoke all on function is_valid_entry from public;
