create or replace function ledger.is_valid_expiry(seconds numeric)
  returns boolean
  language sql immutable parallel safe as $$
  -- To the microsecond, as times are kept, so that a repeat can be compared with the first.
  select coalesce(seconds between 0.001 and 3155760000 and seconds = round(seconds, 6), true)
$$;

comment on function ledger.is_valid_expiry is
  'Whether a hold may expire after so many seconds: null (never), or 0.001 to 3155760000 (100 years) with at most six decimals.';

revoke all on function ledger.is_valid_expiry from public;
