create or replace function ledger.intervention_hash(
  previous bytea, intervention public.interventions)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(coalesce(previous, decode(repeat('00', 32), 'hex')) || decode('01', 'hex')
    || record_send(row((intervention).id, (intervention).at,
      (intervention).transaction::text::bigint, convert_to((intervention).role, 'UTF8'),
      convert_to((intervention).operation, 'UTF8'), convert_to((intervention).reason, 'UTF8'),
      (intervention).user_id, (intervention).seq,
      convert_to((intervention).before::text, 'UTF8'))))
$$;

comment on function ledger.intervention_hash is
  'The hash of an intervention: sha256 over the hash of the one before (null: 32 zero bytes), the version of the encoding (1), and this row. It depends on nothing else.';

revoke all on function ledger.intervention_hash from public;
grant execute on function ledger.intervention_hash to ledger_dba;
