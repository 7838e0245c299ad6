create or replace function ledger.hold_problem(
  status text, expires_at timestamptz, at timestamptz, held numeric, amount numeric)
  returns text
  language sql immutable parallel safe as $$
  select case when status is null then 'LGHLU'
    when status <> 'active' or expires_at <= at then 'LGHLD'
    when amount > held then 'LGAMT' end
$$;

comment on function ledger.hold_problem is
  'Why a hold can''t be captured for an amount (null: or released) at a moment, as a SQLSTATE, or null. status null: there is no such hold.';

revoke all on function ledger.hold_problem from public;
