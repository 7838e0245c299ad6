-- Functions of one session. What they do to rights is one statement for whoever calls them.

create or replace function pg_temp.rights_now(functions text[], tables text[], schemas text[])
  returns table (what text, who text, may text)
  language sql stable set search_path = pg_catalog, pg_temp as $$
  with acls as (
    select p.proname::text as what, coalesce(p.proacl, acldefault('f', p.proowner)) as acl
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname || '.' || p.proname = any (rights_now.functions)
    union all
    select c.relname::text, coalesce(c.relacl, acldefault('r', c.relowner))
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname || '.' || c.relname = any (rights_now.tables)
    union all
    select format('%s (%s)', c.relname, a.attname), a.attacl
      from pg_attribute a join pg_class c on c.oid = a.attrelid
      join pg_namespace n on n.oid = c.relnamespace
     where n.nspname || '.' || c.relname = any (rights_now.tables) and a.attacl is not null
    union all
    select 'schema ' || n.nspname, n.nspacl from pg_namespace n
     where n.nspname = any (rights_now.schemas)
  )
  select a.what, case x.grantee when 0 then 'PUBLIC' else pg_get_userbyid(x.grantee) end,
         x.privilege_type || case when x.is_grantable then ' with grant option' else '' end
    from acls a, aclexplode(a.acl) x
   where x.grantee in (to_regrole('ledger_service'), to_regrole('ledger_dba'))
      or (x.grantee = 0 and a.what not like 'schema %')
$$;

-- Takes from everybody, the service and the DBAs whatever they may, and gives them what the
-- statements say. Without a difference nothing is left of it. `statement` is one that the caller
-- has no right to run, or that may mean several functions.
create or replace function pg_temp.put_rights_right(
    statements text[], functions text[], tables text[], schemas text[])
  returns table (change text, what text, who text, may text, statement text)
  language plpgsql set search_path = public, pg_temp as $$
declare
  v_statement text;
  v_refused text[] := '{}';
  v_ambiguous text;
  v_before text[];
  v_after text[];
begin
  v_before := array(
    select array[r.what, r.who, r.may]::text
      from pg_temp.rights_now(put_rights_right.functions, put_rights_right.tables,
             put_rights_right.schemas) r order by 1);
  begin
    foreach v_statement in array
      array(
        select format('revoke all on function %s from public, ledger_service, ledger_dba cascade',
                 p.oid::regprocedure)
          from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname || '.' || p.proname = any (put_rights_right.functions))
      || array(
        select format('revoke all on %s from public, ledger_service, ledger_dba cascade',
                 c.oid::regclass)
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname || '.' || c.relname = any (put_rights_right.tables))
      || array(
        select format('revoke all on schema %I from ledger_service, ledger_dba cascade', n.nspname)
          from pg_namespace n where n.nspname = any (put_rights_right.schemas))
      || put_rights_right.statements
    loop
      begin
        execute v_statement;
      exception
        -- Of something that a later migration dropped or gave other arguments.
        when undefined_function or undefined_table or undefined_column or invalid_schema_name
          or undefined_object or wrong_object_type then null;
        when insufficient_privilege then v_refused := v_refused || v_statement;
        -- Somebody has a function of the same name, and it isn't known which one is meant.
        when ambiguous_function then
          v_after := v_before;
          v_ambiguous := v_statement;
          raise exception using errcode = 'UNDO0';
      end;
    end loop;
    v_after := array(
      select array[r.what, r.who, r.may]::text
        from pg_temp.rights_now(put_rights_right.functions, put_rights_right.tables,
               put_rights_right.schemas) r order by 1);
    -- Takes back what this block did.
    if v_after = v_before then
      raise exception using errcode = 'UNDO0';
    end if;
  exception when sqlstate 'UNDO0' then null;
  end;
  return query
    select d.change, (d.r::text[])[1], (d.r::text[])[2], (d.r::text[])[3], null::text
      from (select 'taken' as change, b.r from unnest(v_before) b (r) where b.r <> all (v_after)
            union all
            select 'given', a.r from unnest(v_after) a (r) where a.r <> all (v_before)) d
    union all
    select 'refused', null, null, null, f.r from unnest(v_refused) f (r)
    union all
    select 'ambiguous', null, null, null, v_ambiguous where v_ambiguous is not null;
end $$;
