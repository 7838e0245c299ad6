create or replace function ledger.hold_hash_2(
  placed public.hold_changes, change public.hold_changes)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(decode('02', 'hex') || record_send(row(
    (h).user_id, (h).hold, (h).amount, convert_to((h).status, 'UTF8'), (h).available,
    (h).created_at, (h).expires_at, (h).closed_at, convert_to((h).idempotency_key, 'UTF8'),
    convert_to((h).metadata::text, 'UTF8'), convert_to((h).release_key, 'UTF8'),
    convert_to((h).release_metadata::text, 'UTF8'), (h).release_seq, (h).release_balance,
    (h).release_available)))
    from ledger.hold_row(hold_hash_2.placed, hold_hash_2.change) h
$$;

comment on function ledger.hold_hash_2 is
  'The hash that the row of a hold had in version 2 of the encoding, after a change.';

revoke all on function ledger.hold_hash_2 from public;
grant execute on function ledger.hold_hash_2 to ledger_dba;
