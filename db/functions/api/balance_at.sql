create or replace function public.balance_at(user_id bigint, at timestamptz)
  returns numeric
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_seq bigint;
begin
  if not exists (select from public.users u where u.id = balance_at.user_id) then
    perform ledger.raise_status('LGUSR', balance_at.user_id);
  elsif balance_at.at is null then
    return null;
  end if;
  perform ledger.await_final(balance_at.user_id, balance_at.at);
  v_seq := ledger.entry_at(balance_at.user_id, balance_at.at);
  return coalesce((
    select h.balance from public.payment_history h
     where h.user_id = balance_at.user_id and h.seq = v_seq), 0.00);
end $$;

comment on function public.balance_at is
  'What the ledger held for a user at a moment, the same for ever: the balance after the last entry that had been posted by then (sealed_at, not ts: a manual entry counts from when it was posted). From an index, in logarithmic time. Waits for who has locked the user meanwhile. Raises LGUSR, 55P03 (lock_timeout, or a moment that has not come yet).';

revoke all on function public.balance_at from public;
grant execute on function public.balance_at to ledger_service, ledger_dba;
