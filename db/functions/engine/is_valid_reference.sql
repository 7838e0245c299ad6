create or replace function ledger.is_valid_reference(reference text)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(length(reference) between 1 and 255 and reference = btrim(reference)
    and reference !~ E'[\\x01-\\x1f\\x7f-\\x9f]', true)
$$;

comment on function ledger.is_valid_reference is
  'Whether a user may have this reference: 1 to 255 characters without control characters, no space at either end; or null.';

revoke all on function ledger.is_valid_reference from public;
