create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.posted_entry[] := ledger.add_transfer(transfer.from_user_id,
    transfer.to_user_id, transfer.amount, transfer.idempotency_key, transfer.metadata);
begin
  return next v[1];
  return next v[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
