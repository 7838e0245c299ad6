create or replace function ledger.control_hash(
  previous bytea, user_id bigint, number bigint, at timestamptz, transaction xid8, role text,
  actor text, operation text, credit_limit numeric, reason text, "position" bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('01', 'hex')
    || record_send(row(user_id, number, at, transaction::text::bigint, convert_to(role, 'UTF8'),
      convert_to(actor, 'UTF8'), convert_to(operation, 'UTF8'), credit_limit,
      convert_to(reason, 'UTF8'), "position")))
$$;

comment on function ledger.control_hash is
  'The hash of a row of user_controls: sha256 over the hash of the user''s row before (null: 32 zero bytes), the version of the encoding (1), and this row. It depends on nothing else.';

revoke all on function ledger.control_hash from public;
grant execute on function ledger.control_hash to ledger_dba;
