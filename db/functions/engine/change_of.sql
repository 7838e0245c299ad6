create or replace function ledger.change_of(action text, amount numeric)
  returns numeric
  language sql immutable parallel safe as $$
  select case when action = 'CREDIT' then amount when action = 'DEBIT' then -amount end
$$;

comment on function ledger.change_of is 'By how much an entry changes the balance.';

revoke all on function ledger.change_of from public;
