create or replace function ledger.hold_hash_1(
  placed public.hold_changes, change public.hold_changes)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(decode('01', 'hex') || int4send(15)
    || ledger.field_1(20, int8send((h).user_id)) || ledger.field_1(20, int8send((h).hold))
    || ledger.field_1(1700, numeric_send((h).amount))
    || ledger.field_1(25, convert_to((h).status, 'UTF8'))
    || ledger.field_1(1700, numeric_send((h).available))
    || ledger.field_1(1184, timestamptz_send((h).created_at))
    || ledger.field_1(1184, timestamptz_send((h).expires_at))
    || ledger.field_1(1184, timestamptz_send((h).closed_at))
    || ledger.field_1(25, convert_to((h).idempotency_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((h).metadata::text, 'UTF8'))
    || ledger.field_1(25, convert_to((h).release_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((h).release_metadata::text, 'UTF8'))
    || ledger.field_1(20, int8send((h).release_seq))
    || ledger.field_1(1700, numeric_send((h).release_balance))
    || ledger.field_1(1700, numeric_send((h).release_available)))
    from ledger.hold_row(hold_hash_1.placed, hold_hash_1.change) h
$$;

comment on function ledger.hold_hash_1 is
  'The hash that the row of a hold had in version 1 of the encoding, after a change.';

revoke all on function ledger.hold_hash_1 from public;
grant execute on function ledger.hold_hash_1 to ledger_dba;
