create or replace function ledger.verify_users_again(
  user_ids bigint[], pending_limit interval)
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_user_id bigint;
  v_findings ledger.finding[] := '{}';
begin
  perform ledger.await_prepared();
  foreach v_user_id in array verify_users_again.user_ids loop
    v_findings := v_findings || array(select f from ledger.verify_each_user(v_user_id - 1,
      v_user_id, verify_users_again.pending_limit) f);
  end loop;
  return v_findings;
end $$;

comment on function ledger.verify_users_again is
  'The findings of verify_users about some users, in a second look, for where users are on several servers: what was on its way in the first is everywhere by now. Internal.';

revoke all on function ledger.verify_users_again from public;
