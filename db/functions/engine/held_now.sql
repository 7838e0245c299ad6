create or replace function ledger.held_now(user_id bigint)
  returns numeric
  language plpgsql volatile as $$
declare
  -- Before the statement: then it is a bound in the index, which leaves out what has expired.
  v_now timestamptz := clock_timestamp();
begin
  return (select coalesce(sum(o.remaining), 0.00) from public.holds o
           where o.user_id = held_now.user_id and o.status = 'active'
             and o.expires_at > v_now)
    - coalesce((select u.credit_limit from public.users u where u.id = held_now.user_id), 0);
end $$;

comment on function ledger.held_now is
  'What of a user''s balance isn''t available now: what active holds reserve, less the credit limit.';

revoke all on function ledger.held_now from public;
