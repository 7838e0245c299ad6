create or replace function ledger.erased_entry_hash(previous bytea, entry public.payment_history)
  returns bytea
  language sql stable parallel safe as $$
  select ledger.erased_hash(
    ledger.entry_hash(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq),
    (entry).hash)
$$;

comment on function ledger.erased_entry_hash is
  'What erasures keeps of an entry that comes after one with hash previous, once something of it is erased.';

revoke all on function ledger.erased_entry_hash from public;
