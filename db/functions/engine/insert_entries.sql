create or replace function ledger.insert_entries(entries ledger.entry[])
  returns void
  language sql volatile as $$
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
  select e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at,
         e.idempotency_key, e.metadata, e.held, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash
    from unnest(insert_entries.entries) e
$$;

comment on function ledger.insert_entries is 'Writes entries; everything has been decided.';

revoke all on function ledger.insert_entries from public;
