create or replace function entry_hash(previous bytea, entry payment_history)
  returns bytea
  language sql stable parallel safe as $$
  -- record_send gives each field its type, its length (-1: null) and its bytes in the wire format
  -- of PostgreSQL, so no two rows have the same encoding.
  select sha256(coalesce(previous, decode(repeat('00', 32), 'hex')) || '\x01' || record_send(row(
    (entry).user_id, (entry).seq, (entry).action, (entry).amount, (entry).ts, (entry).balance,
    (entry).sealed_at, (entry).idempotency_key, (entry).metadata, (entry).held, (entry).hold,
    (entry).reverses, (entry).peer_user_id, (entry).peer_seq)))
$$;

comment on function entry_hash is
  'The hash of a sealed row: sha256 over the hash of the row before (null: 32 zero bytes), the version of the encoding (1), and this row. db/README.md has the layout. Internal.';

revoke all on function entry_hash from public;
