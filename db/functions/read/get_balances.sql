create or replace function ledger.get_balances(user_ids bigint[], at timestamptz default null)
  returns table (user_id bigint, as_of timestamptz, balance numeric, seq bigint)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_at timestamptz := coalesce(get_balances.at, clock_timestamp());
  v_id bigint;
begin
  foreach v_id in array get_balances.user_ids loop
    if not exists (select from public.users u where u.id = v_id) then
      perform ledger.raise_status('LGUSR', v_id);
    end if;
    perform ledger.await_final(v_id, v_at);
  end loop;
  return query
    select i.id, v_at, coalesce(h.balance, 0.00), e.seq
      from unnest(get_balances.user_ids) with ordinality i (id, n)
      cross join lateral (select ledger.entry_at(i.id, v_at) as seq) e
      left join public.payment_history h on h.user_id = i.id and h.seq = e.seq
     order by i.n;
end $$;

comment on function ledger.get_balances is
  'What the ledger held for several users as of one moment (null: now), in their order: both halves of a transfer count from the same moment, so a transfer between two of them never changes their sum. seq: of the entry that the balance stands on; 0: none. Raises LGUSR, 55P03 as balance_at does.';

revoke all on function ledger.get_balances from public;
grant execute on function ledger.get_balances to ledger_service, ledger_dba;
