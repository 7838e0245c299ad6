create or replace function has_migration(version text)
  returns boolean
  language sql stable security definer set search_path = public, pg_temp as $$
  select exists (select from schema_migrations m where m.version = has_migration.version)
$$;

comment on function has_migration is
  'Whether the migration with this version (the digits its file name starts with) was applied; what readiness is about.';

revoke all on function has_migration from public;
grant execute on function has_migration to ledger_service, ledger_dba;
