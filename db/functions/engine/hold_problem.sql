create or replace function ledger.hold_problem(
  status text, expires_at timestamptz, at timestamptz, remaining numeric, amount numeric,
  new_expires_at timestamptz)
  returns text
  language sql immutable parallel safe as $$
  select case when status is null then 'LGHLU'
    when status <> 'active' or expires_at <= at then 'LGHLD'
    when amount > remaining then 'LGAMT'
    when new_expires_at <= expires_at then 'LGEXP' end
$$;

comment on function ledger.hold_problem is
  'Why a hold can''t be captured for an amount, extended to new_expires_at, or released (both null), at a moment, as a SQLSTATE, or null. status null: there is no such hold.';

revoke all on function ledger.hold_problem from public;
