create or replace function ledger.hold_hash(hold public.holds)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash, but over this row alone.
  select sha256(decode('02', 'hex') || record_send(row(
    (hold).user_id, (hold).hold, (hold).amount, convert_to((hold).status, 'UTF8'),
    (hold).available, (hold).created_at, (hold).expires_at, (hold).closed_at,
    convert_to((hold).idempotency_key, 'UTF8'), convert_to((hold).metadata::text, 'UTF8'),
    convert_to((hold).release_key, 'UTF8'), convert_to((hold).release_metadata::text, 'UTF8'),
    (hold).release_seq, (hold).release_balance, (hold).release_available)))
$$;

comment on function ledger.hold_hash is
  'The hash of a hold as it is: sha256 over the version of the encoding (2) and every field. It depends on nothing else.';

revoke all on function ledger.hold_hash from public;
grant execute on function ledger.hold_hash to ledger_dba;
