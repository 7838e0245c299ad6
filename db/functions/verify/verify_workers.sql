create or replace function ledger.verify_workers()
  returns setof ledger.finding
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off
  set standard_conforming_strings = on as $$
declare
  -- What every server has to have: not what belongs to the tables that only the coordinator has,
  -- nor who may read views, which Citus doesn't pass on.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(nullif(regexp_replace(g.definition,
             '(, )?SELECT (PUBLIC|ledger_service|ledger_dba)', '', 'g'), '')), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.erasable_interventions\W'
             '|function .*\m(public.)?interventions\)$'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks|cache_paused_at))$)')$query$;
  v_shard_query text := $query$
    select coalesce(string_agg(g.object || ': ' || g.definition, chr(10)), '')
      from ledger.get_shard_guards() g$query$;
  v_line_query text := $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$;
  v_expected text;
begin
  execute v_server_query into v_expected;
  return query execute v_line_query using v_server_query, v_expected;

  select coalesce(string_agg(x.line, chr(10)), '') into v_expected
    from ledger.get_shards() s
    cross join lateral (
      select format('functions of ledger_%s: %s', s.shard_id, md5(string_agg(concat_ws(' ', f.name,
               f.definition, true, f.caller), chr(10) order by f.name collate "C"))) as line
        from ledger.shard_functions(s.shard_id) f) x;
  return query execute v_line_query using v_shard_query, v_expected;
end $$;

comment on function ledger.verify_workers is
  'The findings about the servers of a distributed ledger: one without a guard that the coordinator has, such as a function that nobody else may execute, or on which the functions of a shard are missing or others.';

revoke all on function ledger.verify_workers from public;
