create or replace function ledger.opposite_of(action text)
  returns text
  language sql immutable parallel safe as $$
  select case when action = 'CREDIT' then 'DEBIT' when action = 'DEBIT' then 'CREDIT' end
$$;

comment on function ledger.opposite_of is 'The action that takes another one back.';

revoke all on function ledger.opposite_of from public;
