create or replace function ledger.get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass)
  select r.object, r.definition from ledger.get_relation_guards() r
  union all
  select c.object, c.definition from ledger.get_constraint_guards() c
  union all
  select case t.typtype when 'd' then 'domain ' else 'type ' end || t.oid::regtype, concat_ws(' ',
           t.typowner = o.oid, format_type(nullif(t.typbasetype, 0), t.typtypmod), t.typnotnull,
           t.typdefault, (
             select string_agg(translate(pg_get_constraintdef(c.oid), '()', ''), ', '
                      order by c.conname)
               from pg_constraint c where c.contypid = t.oid), (
             select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                      order by a.attnum)
               from pg_attribute a
              where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped))
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
   cross join owner o
   where n.nspname = 'ledger' and (t.typtype in ('d', 'e', 'r') or c.relkind = 'c')
  union all
  -- In schema public, only those who could put something in the place of ours.
  select 'rights on schema ' || n.nspname, (
           select string_agg(distinct concat_ws(' ', x.privilege_type,
                    coalesce(r.rolname, 'PUBLIC')), ', ')
             from aclexplode(n.nspacl) x
             left join pg_roles r on r.oid = x.grantee
            where x.grantee <> n.nspowner and x.grantee <> o.oid
              and (r.rolname in ('ledger_service', 'ledger_dba')
                or n.nspname = 'ledger' and (x.grantee = 0 or x.privilege_type = 'CREATE')
                or x.grantee = 0 and x.privilege_type = 'CREATE'))
    from pg_namespace n, owner o where n.nspname in ('public', 'ledger')
  union all
  -- What a role may do without any of these rights.
  select 'role ' || r.rolname, concat_ws(', ', r.rolsuper, r.rolcreaterole, r.rolreplication,
           r.rolbypassrls, (
             select string_agg(x.what, ', ' order by x.what)
               from (
                 select 'the owner' as what where pg_has_role(r.oid, o.oid, 'MEMBER')
                 union all
                 select 'the owner of schema ' || n.nspname from pg_namespace n
                  where n.nspname in ('public', 'ledger')
                    and pg_has_role(r.oid, n.nspowner, 'MEMBER')
                 union all
                 select 'the owner of the database' from pg_database d
                  where d.datname = current_database() and pg_has_role(r.oid, d.datdba, 'MEMBER')
                 union all
                 select m.rolname from pg_roles m
                  where m.oid <> r.oid and pg_has_role(r.oid, m.oid, 'MEMBER')
                    and (m.rolname in ('pg_write_all_data', 'pg_read_server_files',
                        'pg_write_server_files', 'pg_execute_server_program', 'pg_maintain',
                        'ledger_service')
                      or r.rolname = 'ledger_service'
                        and m.rolname in ('ledger_dba', 'pg_read_all_data',
                          'pg_signal_backend'))) x))
    from pg_roles r, owner o where r.rolname in ('ledger_service', 'ledger_dba')
  union all
  select c.object, c.definition from ledger.get_code_guards() c
$$;

comment on function ledger.get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, views and sequences with their owner, constraints, types, indexes, triggers, every function, who may write, execute or create, what the roles may besides, and what could be taken for something of PostgreSQL''s own; each with its definition. Of what others have in public, too: verify_guards tells what is ours.';

revoke all on function ledger.get_guards from public;
grant execute on function ledger.get_guards to ledger_dba;
