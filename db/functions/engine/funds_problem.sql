create or replace function ledger.funds_problem(
  change numeric, balance numeric, held numeric, is_frozen boolean)
  returns text
  language sql immutable parallel safe as $$
  -- Of what is after the entry: who is frozen spends nothing, nobody what isn't available, and no
  -- balance leaves its range.
  select case when change < 0 then
      case when is_frozen then 'LGFRZ' when balance < held then 'LGFND' end
    when balance > 999999999999999999.99 then 'LGRNG' end
$$;

comment on function ledger.funds_problem is
  'The rule about funds: why a balance may not become this by that change while so much is held (less the credit limit), as a SQLSTATE, or null.';

revoke all on function ledger.funds_problem from public;
