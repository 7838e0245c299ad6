create or replace function ledger.has_migration(version text)
  returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from public.schema_migrations m where m.version = has_migration.version)
$$;

comment on function ledger.has_migration is
  'Whether the migration with this version (the digits its file name starts with) was applied; what readiness is about.';

revoke all on function ledger.has_migration from public;
grant execute on function ledger.has_migration to ledger_service, ledger_dba;
