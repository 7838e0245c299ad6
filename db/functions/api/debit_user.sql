create or replace function public.debit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if debit_user.idempotency_key is null and debit_user.metadata is null then
    return ledger.add_plain_entry('DEBIT', debit_user.user_id, debit_user.amount,
      -round(debit_user.amount, 2));
  end if;
  return ledger.add_entry('DEBIT', debit_user.user_id, debit_user.amount,
    -round(debit_user.amount, 2), debit_user.idempotency_key, debit_user.metadata);
end $$;

comment on function public.debit_user is
  'Takes amount from user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first. Raises LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function public.debit_user from public;
grant execute on function public.debit_user to ledger_dba;
