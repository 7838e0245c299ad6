create or replace function public.debit_users(
  user_ids bigint[], amounts numeric[], idempotency_keys text[] default null)
  returns table (user_id bigint, seq bigint, action text, amount numeric, balance numeric,
    available numeric, ts timestamptz, replayed boolean, status text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if cardinality(debit_users.user_ids) is distinct from cardinality(debit_users.amounts)
     or cardinality(debit_users.user_ids) <> cardinality(debit_users.idempotency_keys) then
    raise exception using errcode = '22023', message = 'arrays differ in length',
      hint = 'Give each user an amount and, if there are keys at all, a key or null.';
  end if;
  return query
    select o.user_id, o.seq, 'DEBIT'::text,
           coalesce(o.amount, case when ledger.is_valid_amount(debit_users.amounts[o.n])
             then round(debit_users.amounts[o.n], 2) else debit_users.amounts[o.n] end),
           coalesce(o.balance, o.user_balance), coalesce(o.available, o.user_available), o.ts,
           o.replayed, o.status
      from ledger.post(array_fill('DEBIT'::text, array[cardinality(debit_users.user_ids)]),
             debit_users.user_ids, debit_users.amounts,
             idempotency_keys => debit_users.idempotency_keys) o
     order by o.n;
end $$;

comment on function public.debit_users is
  'Debits many users in one go, in order, and answers a row for each item with status ok or the SQLSTATE that debit_user would have raised; a refused item changes nothing and stops no other. Never waits: 55P03 means that somebody else holds the user, or that more than 1000 pending entries are left; repeat these. Raises 22023 when the arrays differ in length.';

revoke all on function public.debit_users from public;
grant execute on function public.debit_users to ledger_dba;
