create or replace function entry_hash(previous bytea, entry payment_history)
  returns bytea
  language sql immutable parallel safe as $$
  -- Every field has a fixed width or its length in front, so no two rows have the same encoding.
  -- timestamptz_send: microseconds since 2000-01-01 UTC as a big-endian int8.
  select sha256(coalesce(previous, decode(repeat('00', 32), 'hex'))
    || '\x01'
    || int8send((entry).user_id) || int8send((entry).seq)
    || case (entry).action when 'CREDIT' then '\x43'::bytea else '\x44'::bytea end
    || int8send(((entry).amount * 100)::bigint)
    || timestamptz_send((entry).ts) || timestamptz_send((entry).sealed_at)
    || int8send(coalesce((entry).hold, 0)) || int8send(coalesce((entry).reverses, 0))
    || int8send(coalesce((entry).peer_user_id, 0)) || int8send(coalesce((entry).peer_seq, 0))
    || text_field((entry).balance::text) || text_field((entry).held::text)
    || text_field((entry).idempotency_key) || text_field((entry).metadata::text))
$$;

comment on function entry_hash is
  'The hash of a sealed row: sha256 over the hash of the row before (null: 32 zero bytes) and version 1 of the encoding of this one. db/README.md has the layout. Internal.';

revoke all on function entry_hash from public;
