create or replace function hold_hash(hold holds)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash, but over this row alone.
  select sha256('\x01' || record_send(row(
    (hold).user_id, (hold).hold, (hold).amount, (hold).status, (hold).available, (hold).created_at,
    (hold).expires_at, (hold).closed_at, (hold).idempotency_key, (hold).metadata,
    (hold).release_key, (hold).release_metadata, (hold).release_seq, (hold).release_balance,
    (hold).release_available)))
$$;

comment on function hold_hash is
  'The hash of a hold as it is: sha256 over the version of the encoding (1) and every field. Internal.';

revoke all on function hold_hash from public;
grant execute on function hold_hash to ledger_dba;
