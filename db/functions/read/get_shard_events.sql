create or replace function ledger.get_shard_events(
  epoch text, afters bigint[], untils bigint[], read_positions bigint[],
  user_ids bigint[] default null, types text[] default null, max_rows integer default 100,
  max_scanned integer default 10000)
  returns table (series integer, event ledger.event, needs bigint[], shards bigint[])
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_shards bigint[] := ledger.local_shards();
  v_throughs bigint[] := get_shard_events.untils;
  v_digests text[] := array_fill(null::text, array[cardinality(get_shard_events.afters)]);
  v_shard bigint; v_row record; v_unread integer;
  -- What was found, side by side: where, and of which series.
  v_ns integer[] := '{}'; v_positions bigint[] := '{}'; v_homes bigint[] := '{}';
  v_mixed bigint[] := '{}';
begin
  if get_shard_events.epoch is distinct from ledger.epoch(0) then
    raise exception using errcode = '55P03', message = 'the history is another one',
      detail = format('It is not that of %s any more.', get_shard_events.epoch),
      hint = 'Ask get_series how far it is settled now.';
  end if;
  foreach v_shard in array v_shards loop
    v_unread := 0;
    for v_row in
      execute format('select x.*, coalesce($7[x.n], ledger_%1$s.event_digest($8[x.n])) as digest
          from ledger_%1$s.scan_series($1, $2, $3, $4, $5, $6) x', v_shard)
        using get_shard_events.afters, get_shard_events.untils, get_shard_events.user_ids,
          get_shard_events.types, get_shard_events.max_rows,
          greatest(100, get_shard_events.max_scanned / cardinality(v_shards)), v_digests,
          get_shard_events.read_positions
    loop
      v_unread := v_unread + v_row.has_unread::integer;
      v_digests[v_row.n] := v_row.digest;
      v_throughs[v_row.n] := least(v_throughs[v_row.n], v_row.through);
      v_ns := v_ns || array_fill(v_row.n, array[cardinality(v_row.positions)]);
      v_homes := v_homes || array_fill(v_shard, array[cardinality(v_row.positions)]);
      v_positions := v_positions || v_row.positions;
    end loop;
    if v_unread > 1 then v_mixed := array_append(v_mixed, v_shard); end if;
  end loop;

  for i in 1 .. cardinality(v_throughs) loop
    -- Where the first max_rows of a series end, which no shard has read beyond.
    v_throughs[i] := least(v_throughs[i], (
      select f.p from unnest(v_ns, v_positions) f (n, p) where f.n = i order by f.p
      offset get_shard_events.max_rows - 1 limit 1));
  end loop;
  for v_row in
    select f.home, array_agg(f.p) as positions
      from unnest(v_ns, v_positions, v_homes) f (n, p, home)
     where f.p <= v_throughs[f.n] group by f.home
  loop
    return query execute format('select (((x.event).position) >> 48)::integer, x.event, x.needs,
        null::bigint[] from ledger_%s.events_at($1, $2) x', v_row.home)
      using v_row.positions, v_row.home = any (v_mixed);
  end loop;
  shards := v_shards;
  for i in 1 .. cardinality(v_throughs) loop
    series := (get_shard_events.afters[i] >> 48)::integer;
    event := null;
    event.digest := v_digests[i]; event.through := v_throughs[i];
    return next;
  end loop;
end $$;

comment on function ledger.get_shard_events is
  'What the shards of this server have of the events that get_events answers where all users are on one server. Every server numbers what is written there, above its series × 2^48; of each series, afters has the position up to which the reader has read, untils up to which it is settled (see get_series), read_positions that of the last event that was read. Answers at most max_rows events of each series, in no order, each with the positions of those that come right before it for its user (needs; null: nothing of the user is elsewhere). Then, with shards, one row for each series: through, how far it looked, and the digest of the event at read_positions, if it is here. Raises 55P03 if the epoch is another one by now.';

revoke all on function ledger.get_shard_events from public;
grant execute on function ledger.get_shard_events to ledger_service, ledger_dba;
