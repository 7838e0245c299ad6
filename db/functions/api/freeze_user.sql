create or replace function public.freeze_user(user_id bigint, reason text default null)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return ledger.set_control('FREEZE', freeze_user.user_id, null, freeze_user.reason, null);
end $$;

comment on function public.freeze_user is
  'From now on nothing is taken from user_id, and nothing held, until thaw_user: that raises LGFRZ. Credits, releases and repeats of what was done go on. user_controls keeps who did it and why. Raises LGUSR, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.freeze_user from public;
grant execute on function public.freeze_user to ledger_dba;
