create or replace function ledger.ids_of(accounts ledger.account[])
  returns bigint[]
  language plpgsql immutable as $$
begin
  -- Without a query, which would be dear for a single operation.
  if cardinality(ids_of.accounts) = 1 then return array[ids_of.accounts[1].user_id]; end if;
  return array(select a.user_id from unnest(ids_of.accounts) a);
end $$;

comment on function ledger.ids_of is 'The users of accounts, in the same order.';

revoke all on function ledger.ids_of from public;
