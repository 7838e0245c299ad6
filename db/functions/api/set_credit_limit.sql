create or replace function public.set_credit_limit(
  user_id bigint, credit_limit numeric, reason text default null)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return ledger.set_control('CREDIT LIMIT', set_credit_limit.user_id,
    set_credit_limit.credit_limit, set_credit_limit.reason, null);
end $$;

comment on function public.set_credit_limit is
  'How far below zero the balance of user_id may go: available is the balance, less what is held, plus this (0 or null: none; at most 9999999999.99). A limit below what is used already only keeps more from being taken. user_controls keeps who did it and why. Raises LGUSR, LGAMT, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.set_credit_limit from public;
grant execute on function public.set_credit_limit to ledger_dba;
