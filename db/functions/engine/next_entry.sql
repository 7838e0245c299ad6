create or replace function ledger.next_entry(
  previous_hash bytea, user_id bigint, seq bigint, action text, amount numeric, balance numeric,
  at timestamptz, idempotency_key text, metadata jsonb, held numeric, hold bigint,
  reverses bigint, peer_user_id bigint, peer_seq bigint)
  returns ledger.entry
  language sql stable as $$
  select row(user_id, seq, action, amount, balance, at, at, idempotency_key, metadata, held, hold,
    reverses, peer_user_id, peer_seq,
    ledger.entry_hash(previous_hash, user_id, seq, action, amount, at, balance, at,
      idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq))::ledger.entry
$$;

comment on function ledger.next_entry is
  'An entry of the engine, chained to the one before it (previous_hash; null: it is the first). PostgreSQL puts the body in the place of the call, so that it costs nothing.';

revoke all on function ledger.next_entry from public;
