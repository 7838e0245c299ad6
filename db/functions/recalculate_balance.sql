create or replace function recalculate_balance(user_id bigint)
  returns setof user_snapshot
  language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
  perform post_entry(recalculate_balance.user_id, null, null, null, null);
  return query select * from get_users(array[recalculate_balance.user_id]);
end $$;

comment on function recalculate_balance is
  'Picks up every hand-made row of user_id, sets users.balance from the history, and answers the snapshot. Raises LGUSR, LGRNG, 55P03 (lock_timeout).';

revoke all on function recalculate_balance from public;
grant execute on function recalculate_balance to ledger_dba;
