create or replace function ledger.hold_hash_1(hold public.holds)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(decode('01', 'hex') || int4send(15)
    || ledger.field_1(20, int8send((hold).user_id)) || ledger.field_1(20, int8send((hold).hold))
    || ledger.field_1(1700, numeric_send((hold).amount))
    || ledger.field_1(25, convert_to((hold).status, 'UTF8'))
    || ledger.field_1(1700, numeric_send((hold).available))
    || ledger.field_1(1184, timestamptz_send((hold).created_at))
    || ledger.field_1(1184, timestamptz_send((hold).expires_at))
    || ledger.field_1(1184, timestamptz_send((hold).closed_at))
    || ledger.field_1(25, convert_to((hold).idempotency_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((hold).metadata::text, 'UTF8'))
    || ledger.field_1(25, convert_to((hold).release_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((hold).release_metadata::text, 'UTF8'))
    || ledger.field_1(20, int8send((hold).release_seq))
    || ledger.field_1(1700, numeric_send((hold).release_balance))
    || ledger.field_1(1700, numeric_send((hold).release_available)))
$$;

comment on function ledger.hold_hash_1 is
  'The hash of a hold that was last changed with version 1 of the encoding.';

revoke all on function ledger.hold_hash_1 from public;
grant execute on function ledger.hold_hash_1 to ledger_dba;
