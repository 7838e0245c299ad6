create or replace function debit_users(
  user_ids bigint[], amounts numeric[], idempotency_keys text[] default null)
  returns table (user_id bigint, seq bigint, action text, amount numeric, balance numeric,
    available numeric, ts timestamptz, replayed boolean, status text)
  language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
  if cardinality(debit_users.user_ids) is distinct from cardinality(debit_users.amounts)
     or cardinality(debit_users.user_ids) <> cardinality(debit_users.idempotency_keys) then
    raise exception using errcode = '22023', message = 'arrays differ in length';
  end if;
  return query
    select p.user_id, p.seq, p.action, p.amount, p.balance, p.available, p.ts, p.replayed, p.status
      from post_entries(debit_users.user_ids,
             array_fill('DEBIT'::text, array[cardinality(debit_users.user_ids)]),
             debit_users.amounts, debit_users.idempotency_keys) p
     order by p.n;
  perform notify_changed(array_agg(u.id), array_agg(u.seq + u.hold_changes))
    from users u where u.id = any (debit_users.user_ids);
end $$;

comment on function debit_users is
  'Debits many users in one go, in order, and answers a row for each item with status ok or the SQLSTATE that debit_user would have raised; a refused item changes nothing and stops no other. Never waits: 55P03 means that somebody else holds the user, or that more than 1000 hand-made rows are left; repeat these. Raises 22023 when the arrays differ in length.';

revoke all on function debit_users from public;
grant execute on function debit_users to ledger_dba;
