create or replace function ledger.next_change(
  user_id bigint, hold bigint, number bigint, previous bytea, action text, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v public.hold_changes;
begin
  -- By name: the table may have columns of others.
  v.user_id := next_change.user_id; v.hold := next_change.hold; v.number := next_change.number;
  v.action := next_change.action; v.amount := next_change.amount;
  v.remaining := next_change.remaining; v.expires_at := next_change.expires_at;
  v.at := next_change.at; v.seq := next_change.seq; v.balance := next_change.balance;
  v.available := next_change.available; v.idempotency_key := next_change.idempotency_key;
  v.metadata := next_change.metadata;
  v.position := nextval('public.payment_history_id_seq');
  v.hash := ledger.hold_hash(next_change.previous, v.user_id, v.hold, v.number, v.action, v.amount,
    v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, v.idempotency_key, v.metadata,
    v.position);
  return v;
end $$;

comment on function ledger.next_change is
  'The change of a hold after the one whose hash is previous (null: it is placed), at the next position, to be written. Everything has been decided.';

revoke all on function ledger.next_change from public;
