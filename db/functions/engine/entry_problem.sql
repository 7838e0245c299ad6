create or replace function ledger.entry_problem(seq bigint, remaining numeric, amount numeric)
  returns text
  language sql immutable parallel safe as $$
  select case when seq is null then 'LGENT' when remaining = 0 then 'LGREV'
    when amount > remaining then 'LGAMT' end
$$;

comment on function ledger.entry_problem is
  'Why so much of an entry can''t be reversed, as a SQLSTATE, or null; remaining: what has not been reversed yet. seq null: there is no such entry.';

revoke all on function ledger.entry_problem from public;
