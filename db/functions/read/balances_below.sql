create or replace function ledger.balances_below(
  user_ids bigint[], seqs bigint[], thresholds numeric[])
  returns table (user_id bigint, seq bigint, threshold numeric, balance numeric)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_action text; v_amount numeric; v_balance numeric;
begin
  if ledger.is_distributed() then
    -- One by one, each on the server of its user.
    for i in 1 .. cardinality(balances_below.user_ids) loop
      select h.action, h.amount, h.balance into v_action, v_amount, v_balance
        from public.payment_history h
       where h.user_id = balances_below.user_ids[i] and h.seq = balances_below.seqs[i];
      return query
        select balances_below.user_ids[i], balances_below.seqs[i], round(t.threshold, 2), v_balance
          from unnest(balances_below.thresholds) t (threshold)
         where v_balance < t.threshold
           and v_balance - ledger.change_of(v_action, v_amount) >= t.threshold
         order by t.threshold desc;
    end loop;
    return;
  end if;
  return query
    select h.user_id, h.seq, round(t.threshold, 2), h.balance
      from unnest(balances_below.user_ids, balances_below.seqs) e (user_id, seq)
      join public.payment_history h on h.user_id = e.user_id and h.seq = e.seq
      join unnest(balances_below.thresholds) t (threshold)
        on h.balance < t.threshold
       and h.balance - ledger.change_of(h.action, h.amount) >= t.threshold
     order by h.user_id, h.seq, t.threshold desc;
end $$;

comment on function ledger.balances_below is
  'Of these entries those with which the balance of their user fell below a threshold, and below which.';

revoke all on function ledger.balances_below from public;
grant execute on function ledger.balances_below to ledger_service, ledger_dba;
