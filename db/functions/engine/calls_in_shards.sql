create or replace function ledger.calls_in_shards()
  returns table (object text, code text, definition text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_first text := E'  -- Calls in shards.\n';
  v_last text := E'  -- End of the calls in shards.\n';
  v record;
begin
  -- Whoever replaced is_distributed() is found by verify_shards.
  if not ledger.is_distributed() or to_regclass('pg_catalog.pg_dist_shard') is null then
    return;
  end if;
  for v in
    select p.oid, p.proname, (
             select string_agg(format('%s.%s', p.proname, a.name), ', ' order by a.n)
               from unnest(p.proargnames) with ordinality a (name, n)) as arguments
      from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.proname in (
             'capture_hold', 'credit_user', 'debit_user', 'place_hold', 'release_hold')
        or p.pronamespace = 'ledger'::regnamespace and p.proname in (
             'lock_half', 'post_half', 'write_half')
  loop
    object := 'function ' || v.oid::regprocedure;
    select v_first || E'  if starts_with(current_setting(''application_name''), '
             || E'''citus_internal'') then\n'
             || ledger.choose_by_hash(format('hashint8(%s.user_id)', v.proname),
               array_agg(s.shardmaxvalue::integer order by s.shardmaxvalue::integer),
               -- Before write_half, lock_half has kept the shard.
               array_agg(format(case v.proname when 'write_half'
                   then E'return ledger_%s.%s(%s);\n'
                   else E'if ledger.keeps_shard(%s) then return ledger_%1$s.%s(%s); end if;\n' end,
                 s.shardid, v.proname, v.arguments) order by s.shardmaxvalue::integer))
             || E'  end if;\n' || v_last
      into code
      from pg_dist_shard s where s.logicalrelid = 'public.users'::regclass;
    definition := regexp_replace(
      regexp_replace(pg_get_functiondef(v.oid), v_first || '.*' || v_last, ''),
      E'\nbegin\n', format(E'\nbegin\n%s', code));
    return next;
  end loop;
end $$;

comment on function ledger.calls_in_shards is
  'Functions that the coordinator has the server of a user call, and which work there as on one server: with the functions of the user''s shard (see shard_functions). The code for that, which npm run distribute puts at the beginning of each, and its definition with it. None where all users are on one server.';

revoke all on function ledger.calls_in_shards from public;
