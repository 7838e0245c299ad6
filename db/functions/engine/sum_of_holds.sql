create or replace function ledger.sum_of_holds(user_id bigint)
  returns numeric
  language plpgsql volatile as $$
declare
  -- Before the statement: then it is a bound in the index, which leaves out what has expired.
  v_now timestamptz := clock_timestamp();
begin
  return (select coalesce(sum(o.amount), 0.00) from public.holds o
           where o.user_id = sum_of_holds.user_id and o.status = 'active'
             and o.expires_at > v_now);
end $$;

comment on function ledger.sum_of_holds is 'What active holds of a user reserve now.';

revoke all on function ledger.sum_of_holds from public;
