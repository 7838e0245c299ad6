create or replace function ledger.get_events(
  epoch text, settled bigint, after_position bigint default 0, after_digest text default null,
  read_to bigint default 0, user_ids bigint[] default null, types text[] default null,
  max_rows integer default 100, max_scanned integer default 10000)
  returns setof ledger.event
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_from bigint := greatest(get_events.after_position, get_events.read_to);
  v_limit integer := case when get_events.user_ids is null and get_events.types is null
    then get_events.max_rows else get_events.max_scanned end;
  v_row record;
  v_scanned integer := 0;
  v_last bigint;
  v_end ledger.event;
  v_through bigint := v_from;
  v_positions bigint[] := '{}'; v_users bigint[]; v_holds bigint[]; v_numbers bigint[];
  v_types text[];
begin
  perform ledger.check_cursor(get_events.epoch, get_events.after_position,
    get_events.after_digest);
  for v_row in
    select x.* from ledger.scan_events(v_from, get_events.settled, v_limit) x
  loop
    v_scanned := v_scanned + 1;
    v_through := v_row.position;
    continue when v_row.type is null;
    v_last := v_row.position;
    continue when v_row.type <> all (get_events.types) or v_row.user_id <> all (get_events.user_ids);
    v_positions := array_append(v_positions, v_row.position);
    v_users := array_append(v_users, v_row.user_id);
    v_holds := array_append(v_holds, v_row.hold);
    v_numbers := array_append(v_numbers, v_row.number);
    v_types := array_append(v_types, v_row.type);
    exit when cardinality(v_positions) = get_events.max_rows;
  end loop;
  if v_scanned < v_limit and cardinality(v_positions) < get_events.max_rows then
    v_through := greatest(v_from, get_events.settled);
  end if;

  return query select x.* from ledger.event_details(v_positions, v_users, v_holds, v_numbers,
    v_types) x;
  v_end.position := coalesce(v_last, get_events.after_position);
  v_end.digest := ledger.event_digest(v_end.position);
  v_end.through := v_through;
  return next v_end;
end $$;

comment on function ledger.get_events is
  'What happened after the event at after_position, or after read_to where that was more, in the order of positions and up to settled: entries that were posted, changes of holds, and changes of what users may do; at most max_rows of these users and types (null: all). With a condition it looks at max_scanned rows at most. The last row says how far it looked (through), and which event was the last one there; the next call goes on from these. settled: a position up to which everything has been committed or never will be, in the history of epoch (see get_changes). Raises LGCUR where the event at after_position is not there or has another digest; 55P03 if the epoch is another one by now.';

revoke all on function ledger.get_events from public;
grant execute on function ledger.get_events to ledger_service, ledger_dba;
