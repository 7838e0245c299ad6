create or replace function ledger.entry_hash(
  previous bytea, user_id bigint, seq bigint, action text, amount numeric, ts timestamptz,
  balance numeric, sealed_at timestamptz, idempotency_key text, metadata jsonb, held numeric,
  hold bigint, reverses bigint, peer_user_id bigint, peer_seq bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- record_send writes for each field its type, its length (-1 for null) and its bytes in the wire
  -- format of PostgreSQL, so no two rows have the same encoding. It converts text to the
  -- client_encoding of the session, so text is passed as bytes of UTF-8. How a literal with a
  -- backslash reads depends on the session, too, so decode is used, which costs nothing in a cached
  -- plan.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('02', 'hex')
    || record_send(row(user_id, seq, convert_to(action, 'UTF8'), amount, ts, balance, sealed_at,
      convert_to(idempotency_key, 'UTF8'), convert_to(metadata::text, 'UTF8'), held, hold, reverses,
      peer_user_id, peer_seq)))
$$;

comment on function ledger.entry_hash is
  'The hash of a posted entry: sha256 over the hash of the entry before (null: 32 zero bytes), the version of the encoding (2), and this row. It depends on nothing but these, whatever the session is set to. docs/reference/statements.md has the layout.';

revoke all on function ledger.entry_hash from public;
grant execute on function ledger.entry_hash to ledger_dba;
