create or replace function ledger.details_hash(
  user_id bigint, created_at timestamptz, reference text, metadata jsonb, idempotency_key text,
  asked_id bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(decode('01', 'hex') || record_send(row(user_id, created_at,
    convert_to(reference, 'UTF8'), convert_to(metadata::text, 'UTF8'),
    convert_to(idempotency_key, 'UTF8'), asked_id)))
$$;

comment on function ledger.details_hash is
  'The hash of what a user was made as: sha256 over the version of the encoding (1), the row of user_details, and created_at of the user. It depends on nothing else.';

revoke all on function ledger.details_hash from public;
grant execute on function ledger.details_hash to ledger_dba;
