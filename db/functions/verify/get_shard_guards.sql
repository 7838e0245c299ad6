create or replace function ledger.get_shard_guards()
  returns table (object text, definition text)
  language sql stable
  -- As in shard_functions, which the definitions are compared with.
  set search_path = pg_catalog, pg_temp as $$
  select 'functions of ' || n.nspname, md5(string_agg(concat_ws(' ', p.proname,
           pg_get_functiondef(p.oid), p.proowner = c.relowner, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
               left join pg_roles r on r.oid = x.grantee
              where x.grantee <> p.proowner)), chr(10) order by p.proname))
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_class c on c.oid = 'public.payment_history'::regclass
   where n.nspname ~ '^ledger_\d+$'
   group by n.nspname
$$;

comment on function ledger.get_shard_guards is
  'For each shard the functions of its schema on this server, to be compared with shard_functions: their text, whether they belong to the owner, and who else may call them.';

revoke all on function ledger.get_shard_guards from public;
