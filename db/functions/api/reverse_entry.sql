create or replace function public.reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null,
  amount numeric default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- Which users to lock may be read before the lock, because posted entries don't change.
  v_peer_id bigint := (select h.peer_user_id from public.payment_history h
    where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq);
  v ledger.posted_entry[];
  v_entry ledger.posted_entry;
begin
  if v_peer_id is null then
    if reverse_entry.idempotency_key is null and reverse_entry.metadata is null
      and not ledger.is_distributed() then
      v_entry := ledger.add_reversal(reverse_entry.user_id, reverse_entry.seq,
        reverse_entry.amount);
      if v_entry.seq is not null then return v_entry; end if;
    end if;
    return ledger.post_change('REVERSE', reverse_entry.user_id, reverse_entry.amount,
      reverse_entry.seq, reverse_entry.idempotency_key, reverse_entry.metadata);
  end if;
  v := ledger.post_pair('REVERSE', reverse_entry.user_id, v_peer_id, reverse_entry.amount,
    reverse_entry.seq, reverse_entry.idempotency_key, reverse_entry.metadata);
  return v[1];
end $$;

comment on function public.reverse_entry is
  'Takes an entry back by an entry of the opposite action, all that is left of it (amount null) or a part, and never more than it; once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (nothing is left), LGAMT (also: more than is left), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.reverse_entry from public;
grant execute on function public.reverse_entry to ledger_dba;
