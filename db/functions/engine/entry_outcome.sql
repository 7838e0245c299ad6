create or replace function ledger.entry_outcome(
  n integer, user_id bigint, seq bigint, action text, amount numeric, balance numeric,
  held numeric, posted_at timestamptz, metadata jsonb, hold bigint, reverses bigint,
  peer_user_id bigint, peer_seq bigint, hash bytea, hold_changes bigint,
  next_expiry timestamptz, read_at timestamptz)
  returns ledger.outcome
  language sql stable as $$
  select row(n, 'ok', false, user_id, seq, action, amount, balance, balance - held, posted_at,
    posted_at, metadata::text, hold, reverses, peer_user_id, peer_seq, encode(hash, 'hex'),
    null, null, null, null, seq, balance, balance - held, posted_at, seq + hold_changes, read_at,
    floor(extract(epoch from next_expiry - read_at) * 1000)::bigint)::ledger.outcome
$$;

comment on function ledger.entry_outcome is
  'What post answers of an entry that it has just made. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.entry_outcome from public;
