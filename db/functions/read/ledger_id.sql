create or replace function ledger.ledger_id()
  returns uuid
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.id from ledger.identity i
$$;

comment on function ledger.ledger_id is
  'Which ledger this is: an id that the database was born with, for names that ledgers share with one another, such as keys in Redis.';

revoke all on function ledger.ledger_id from public;
grant execute on function ledger.ledger_id to ledger_service, ledger_dba;
