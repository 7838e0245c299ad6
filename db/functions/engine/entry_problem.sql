create or replace function ledger.entry_problem(seq bigint, is_reversed boolean)
  returns text
  language sql immutable parallel safe as $$
  select case when seq is null then 'LGENT' when is_reversed then 'LGREV' end
$$;

comment on function ledger.entry_problem is
  'Why an entry can''t be reversed, as a SQLSTATE, or null. seq null: there is no such entry.';

revoke all on function ledger.entry_problem from public;
