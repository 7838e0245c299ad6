create or replace function ledger.is_hash_of(previous bytea, entry public.payment_history)
  returns boolean
  language sql stable parallel safe as $$
  select (entry).hash in (
    ledger.entry_hash(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq),
    ledger.entry_hash_1(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq))
    or ledger.is_mark((entry).metadata) and ledger.is_erased('entry', (entry).user_id,
      (entry).seq, 0, ledger.erased_entry_hash(previous, entry))
$$;

comment on function ledger.is_hash_of is
  'Whether an entry has the hash that it must have after the entry with hash previous, in any version of the encoding; or is what an erasure left of one that had it.';

revoke all on function ledger.is_hash_of from public;
