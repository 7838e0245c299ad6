create or replace function public.recalculate_balance(user_id bigint)
  returns setof ledger.user_snapshot
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.account := ledger.lock_account(recalculate_balance.user_id);
begin
  if v.problem is not null then
    perform ledger.raise_status(v.problem, recalculate_balance.user_id);
  end if;
  perform ledger.copy_accounts(array[v]);
  return query select * from ledger.get_users(array[recalculate_balance.user_id]);
end $$;

comment on function public.recalculate_balance is
  'Posts every pending entry of user_id, sets users.balance from the history, and answers the snapshot. Raises LGUSR, LGRNG, 55P03 (lock_timeout).';

revoke all on function public.recalculate_balance from public;
grant execute on function public.recalculate_balance to ledger_dba;
