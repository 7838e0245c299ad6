create or replace function public.thaw_user(user_id bigint, reason text default null)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return ledger.set_control('THAW', thaw_user.user_id, null, thaw_user.reason, null);
end $$;

comment on function public.thaw_user is
  'Ends freeze_user. user_controls keeps who did it and why. Raises LGUSR, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.thaw_user from public;
grant execute on function public.thaw_user to ledger_dba;
