create or replace function ledger.field_1(type oid, value bytea)
  returns bytea
  language sql immutable parallel safe as $$
  select int4send(type::integer) || coalesce(int4send(length(value)) || value, int4send(-1))
$$;

comment on function ledger.field_1 is
  'A field as version 1 of the hashes has it, which is how record_send writes it: type, length (-1: null), bytes.';

revoke all on function ledger.field_1 from public;
grant execute on function ledger.field_1 to ledger_dba;
