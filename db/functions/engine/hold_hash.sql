create or replace function ledger.hold_hash(
  previous bytea, user_id bigint, hold bigint, number bigint, action text, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb, "position" bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('03', 'hex')
    || record_send(row(user_id, hold, number, convert_to(action, 'UTF8'), amount, remaining,
      expires_at, at, seq, balance, available, convert_to(idempotency_key, 'UTF8'),
      convert_to(metadata::text, 'UTF8'), "position")))
$$;

comment on function ledger.hold_hash is
  'The hash of a change of a hold: sha256 over the hash of the change of that hold before (null: 32 zero bytes), the version of the encoding (3), and this row. It depends on nothing else.';

revoke all on function ledger.hold_hash from public;
grant execute on function ledger.hold_hash to ledger_dba;
