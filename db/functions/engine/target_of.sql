create or replace function ledger.target_of(
  operation text, user_id bigint, ref bigint, amount numeric, expires_in numeric)
  returns ledger.target
  language sql volatile as $$
  select case when operation in ('CAPTURE', 'CAPTURE PART', 'RELEASE', 'EXTEND', 'REVERSE')
    then ledger.load_target(operation, user_id, ref, amount, expires_in) end
$$;

comment on function ledger.target_of is
  'What load_target says of an operation that names a hold or an entry; null: it names none. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.target_of from public;
