create or replace function debit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns posted_entry
  language sql volatile security definer set search_path = public, pg_temp as $$
  select post_entry(debit_user.user_id, 'DEBIT', debit_user.amount, debit_user.idempotency_key,
    debit_user.metadata)
$$;

comment on function debit_user is
  'Takes amount from user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Picks up hand-made rows first. Raises LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function debit_user from public;
grant execute on function debit_user to ledger_dba;
