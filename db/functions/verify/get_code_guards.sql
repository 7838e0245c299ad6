create or replace function ledger.get_code_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass)
  select 'function ' || p.oid::regprocedure, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig,
           p.provolatile, p.proisstrict, p.proparallel, p.proleakproof, l.lanname,
           pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.proowner = o.oid, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
               left join pg_roles r on r.oid = a.grantee
              where a.grantee <> p.proowner and (n.nspname = 'ledger' or a.grantee = 0
                or r.rolname in ('ledger_service', 'ledger_dba'))))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang cross join owner o
   where n.nspname in ('ledger', 'public') and p.proname <> 'expected_guards'
     and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                        and d.objid = p.oid and d.deptype = 'e')
  union all
  -- What could be taken for a function, an operator or a cast of PostgreSQL's in ours: PostgreSQL
  -- makes what it has itself with ids below 16384.
  select s.object, s.runs
    from (
      select 'pg_proc'::regclass as classid, p.oid,
             'function pg_catalog.' || p.oid::regprocedure as object, p.prosrc as runs
        from pg_proc p
       where p.pronamespace = 'pg_catalog'::regnamespace
         and exists (select from pg_proc b where b.proname = p.proname
                        and b.pronamespace = p.pronamespace and b.oid < 16384)
      union all
      select 'pg_operator'::regclass, p.oid, 'operator pg_catalog.' || p.oid::regoperator,
             p.oprcode::text
        from pg_operator p
       where p.oprnamespace = 'pg_catalog'::regnamespace
         and exists (select from pg_operator b where b.oprname = p.oprname
                        and b.oprnamespace = p.oprnamespace and b.oid < 16384)
      union all
      select 'pg_cast'::regclass, p.oid, format('cast pg_catalog.%s as %s', p.castsource::regtype,
               p.casttarget::regtype), p.castfunc::regprocedure::text
        from pg_cast p
       where not exists (
         select from pg_type t join pg_namespace n on n.oid = t.typnamespace
          where t.oid in (p.castsource, p.casttarget)
            and n.nspname not in ('pg_catalog', 'ledger'))) s
   where s.oid >= 16384
     and not exists (select from pg_depend d where d.classid = s.classid and d.objid = s.oid
                        and d.deptype = 'e')
  union all
  -- What else runs at a change, and is neither PostgreSQL's nor an extension's.
  select distinct format('code %s on %s%s', pg_describe_object(d.refclassid, d.refobjid, 0),
         case n.nspname when 'ledger' then 'ledger.' else '' end, r.relname), null
    from pg_class r join pg_namespace n on n.oid = r.relnamespace
    join (
      select c.conrelid, 'pg_constraint'::regclass, c.oid from pg_constraint c
      union all
      select a.adrelid, 'pg_attrdef'::regclass, a.oid from pg_attrdef a
      union all
      select i.indrelid, 'pg_class'::regclass, i.indexrelid from pg_index i
      ) x (relid, classid, objid) on x.relid = r.oid
    join pg_depend d on d.classid = x.classid and d.objid = x.objid
     and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)
   where n.nspname in ('public', 'ledger')
     and not exists (select from pg_depend e where e.classid = d.refclassid
                        and e.objid = d.refobjid and e.deptype = 'e')
$$;

comment on function ledger.get_code_guards is
  'What get_guards says of functions, of who may execute them, of other code that runs at a change of a table, and of what could be taken for a function, an operator or a cast of PostgreSQL.';

revoke all on function ledger.get_code_guards from public;
grant execute on function ledger.get_code_guards to ledger_dba;
