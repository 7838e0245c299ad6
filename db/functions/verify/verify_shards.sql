create or replace function ledger.verify_shards()
  returns setof ledger.finding
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off
  set standard_conforming_strings = on as $$
declare
  -- What each shard has to have, without brackets and the number that Citus puts behind each name.
  v_query text := $query$
    select coalesce(string_agg(x.line, chr(10)), '') from (
      select concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)
        from pg_trigger t
       where t.tgrelid = ':table'::regclass and not t.tgisinternal and t.tgtype & 32 = 0
      union all
      select concat_ws(' ', 'constraint', c.conname, pg_get_constraintdef(c.oid))
        from pg_constraint c
       where c.conrelid = ':table'::regclass and c.contype in ('c', 'p', 'u')
      union all
      select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid)
        from pg_index i where i.indrelid = ':table'::regclass and i.indisunique) r (raw),
      regexp_replace(translate(r.raw, '()', ''), coalesce(substring(':table' from '_\d+$'), '-'), '',
        'g') x (line)$query$;
  v_citus regclass := to_regclass('pg_catalog.pg_dist_partition');
  v_is_distributed boolean := false;
  v_table text;
  v_expected text;
begin
  if v_citus is not null then
    execute $query$select exists (select from pg_dist_partition d
      where d.logicalrelid = 'public.users'::regclass)$query$ into v_is_distributed;
  end if;
  if v_is_distributed <> ledger.is_distributed() then
    return next row('guard_missing', null, null, format('ledger.is_distributed() says %s.',
      ledger.is_distributed()))::ledger.finding;
  end if;
  if not v_is_distributed then return; end if;

  for v_table in execute 'select d.logicalrelid::text from pg_dist_partition d order by 1' loop
    execute replace(v_query, ':table', v_table) into v_expected;
    return query execute $query$
      select 'guard_missing', null::bigint, null::bigint,
             format('On shard %s of %s this is missing or another: %s', s.shardid, $1,
               case when s.success then l.line else s.result end)
        from run_command_on_shards($1, $2) s
        cross join lateral (
          select * from string_to_table($3, chr(10))
          except select * from string_to_table(case when s.success then s.result end, chr(10))
          ) l (line)$query$
      using v_table, replace(v_query, ':table', '%1$s'), v_expected;
  end loop;

  return query select * from ledger.verify_workers();
end $$;

comment on function ledger.verify_shards is
  'The findings about a ledger whose users are on several servers: a shard without a trigger, a constraint or a unique index that its table has, or with another one, and what verify_workers finds. None where all users are on one server.';

revoke all on function ledger.verify_shards from public;
