create or replace function ledger.entry_hash_1(
  previous bytea, user_id bigint, seq bigint, action text, amount numeric, ts timestamptz,
  balance numeric, sealed_at timestamptz, idempotency_key text, metadata jsonb, held numeric,
  hold bigint, reverses bigint, peer_user_id bigint, peer_seq bigint)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(coalesce(previous, decode(repeat('00', 32), 'hex')) || decode('01', 'hex')
    || int4send(14)
    || ledger.field_1(20, int8send(user_id)) || ledger.field_1(20, int8send(seq))
    || ledger.field_1(25, convert_to(action, 'UTF8'))
    || ledger.field_1(1700, numeric_send(amount)) || ledger.field_1(1184, timestamptz_send(ts))
    || ledger.field_1(1700, numeric_send(balance))
    || ledger.field_1(1184, timestamptz_send(sealed_at))
    || ledger.field_1(25, convert_to(idempotency_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to(metadata::text, 'UTF8'))
    || ledger.field_1(1700, numeric_send(held)) || ledger.field_1(20, int8send(hold))
    || ledger.field_1(20, int8send(reverses)) || ledger.field_1(20, int8send(peer_user_id))
    || ledger.field_1(20, int8send(peer_seq)))
$$;

comment on function ledger.entry_hash_1 is
  'The hash of an entry that was posted with version 1 of the encoding. Entries keep theirs; new ones get that of entry_hash.';

revoke all on function ledger.entry_hash_1 from public;
grant execute on function ledger.entry_hash_1 to ledger_dba;
