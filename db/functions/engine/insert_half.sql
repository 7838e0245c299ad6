create or replace function ledger.insert_half(entry ledger.entry)
  returns bigint
  language plpgsql volatile as $$
declare
  e ledger.entry := insert_half.entry;
begin
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, peer_user_id, peer_seq, hash)
  values (e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at, e.idempotency_key,
    e.metadata, e.held, e.peer_user_id, e.peer_seq, e.hash);
  update public.users u
     set seq = e.seq, balance = e.balance, updated_at = e.posted_at where u.id = e.user_id;
  return e.seq;
end $$;

comment on function ledger.insert_half is
  'Writes an entry that is half of a transfer, and what its user is by then; everything has been decided, and the user is locked. Returns its seq.';

revoke all on function ledger.insert_half from public;
