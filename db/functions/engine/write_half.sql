create or replace function ledger.write_half(user_id bigint, entry text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  e ledger.entry := write_half.entry::ledger.entry;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, peer_user_id, peer_seq, hash)
  values (e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at, e.idempotency_key,
    e.metadata, e.held, e.peer_user_id, e.peer_seq, e.hash);
  update public.users u
     set seq = e.seq, balance = e.balance, updated_at = e.posted_at where u.id = e.user_id;
  return e.seq;
end $$;

comment on function ledger.write_half is
  'Writes an entry (as text) that is half of a transfer, and what its user is by then, and returns its seq; everything has been decided. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.write_half from public;
