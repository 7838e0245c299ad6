create or replace function ledger.guarded_relations()
  returns table (oid oid, kind text, name text)
  language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.oid, case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' else 'table ' end,
         case n.nspname when 'ledger' then 'ledger.' else '' end || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('public', 'ledger') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     and c.relname <> 'schema_migrations'
     -- Not what belongs to an extension.
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                        and d.objid = c.oid and d.deptype = 'e')
$$;

comment on function ledger.guarded_relations is
  'The tables, views and sequences of the schemas public and ledger that get_guards is about: of what kind they are, and their name there.';

revoke all on function ledger.guarded_relations from public;
grant execute on function ledger.guarded_relations to ledger_dba;
