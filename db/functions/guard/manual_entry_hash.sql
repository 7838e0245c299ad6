create or replace function ledger.manual_entry_hash(
  entry public.payment_history, id bigint, entered_at timestamptz, entered_by text)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash; of a posted entry, the id is not that of its row any more.
  select sha256(decode('01', 'hex') || record_send(row(
    (entry).user_id, id, convert_to((entry).action, 'UTF8'), (entry).amount, (entry).ts,
    convert_to((entry).idempotency_key, 'UTF8'), convert_to((entry).metadata::text, 'UTF8'),
    entered_at, convert_to(entered_by, 'UTF8'))))
$$;

comment on function ledger.manual_entry_hash is
  'The hash of a manual entry as it was entered: sha256 over the version of the encoding (1), what was said of it, the id of its row, when and by whom. It depends on nothing else.';

revoke all on function ledger.manual_entry_hash from public;
grant execute on function ledger.manual_entry_hash to ledger_dba;
