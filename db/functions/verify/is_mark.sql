create or replace function ledger.is_mark(metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(is_mark.metadata - '{erased,archived}'::text[] = '{}', true)
$$;

comment on function ledger.is_mark is
  'Whether metadata says no more than that there was some: what an erasure leaves of it.';

revoke all on function ledger.is_mark from public;
