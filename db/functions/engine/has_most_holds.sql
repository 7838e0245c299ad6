create or replace function ledger.has_most_holds(user_id bigint)
  returns boolean
  language plpgsql volatile as $$
declare
  -- As in held_now, which reads all of them for each operation of the user.
  v_now timestamptz := clock_timestamp();
begin
  return exists (select from public.holds o where o.user_id = has_most_holds.user_id
                    and o.status = 'active' and o.expires_at > v_now offset 9999);
end $$;

comment on function ledger.has_most_holds is
  'Whether a user has as many active holds as there may be: 10000.';

revoke all on function ledger.has_most_holds from public;
