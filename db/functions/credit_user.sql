create or replace function credit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns posted_entry
  language sql volatile security definer set search_path = public, pg_temp as $$
  select post_entry(credit_user.user_id, 'CREDIT', credit_user.amount, credit_user.idempotency_key,
    credit_user.metadata)
$$;

comment on function credit_user is
  'Adds amount to user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Picks up hand-made rows first. Raises LGUSR, LGAMT, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function credit_user from public;
grant execute on function credit_user to ledger_dba;
