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
  v_positions bigint[] := '{}'; v_users bigint[]; v_numbers bigint[]; v_types text[];
begin
  -- What is settled was found out in the history of that epoch.
  if get_events.epoch is distinct from (
      select ledger.epoch(i.last_value - (not i.is_called)::int)
        from public.interventions_id_seq i) then
    raise exception using errcode = '55P03', message = 'the history is another one',
      detail = format('It is not that of %s any more.', get_events.epoch),
      hint = 'Ask get_changes how far it is settled now.';
  elsif get_events.after_position > 0 and get_events.after_digest
      is distinct from ledger.event_digest(get_events.after_position) then
    raise exception using errcode = 'LGCUR', message = 'the event is gone',
      detail = format('At position %s there is no event, or another one.',
        get_events.after_position),
      hint = 'The database was restored, or its history rewritten: begin from the first event.';
  end if;

  -- Of a pending entry that was given its id explicitly and an event with the same one, the event
  -- comes first: what is left out between two pages is no event.
  for v_row in
    select x.* from (
      (select h.id as position, h.user_id, h.seq as number,
              case when h.seq is not null then 'entry.posted' end as type
         from public.payment_history h where h.id > v_from and h.id <= get_events.settled
        order by h.id, h.seq limit v_limit)
      union all
      (select k.position, k.user_id, k.number,
              case k.operation when 'FREEZE' then 'user.frozen' when 'THAW' then 'user.thawed'
                else 'user.credit_limit_set' end
         from public.user_controls k where k.position > v_from and k.position <= get_events.settled
        order by k.position limit v_limit)) x
     order by x.position, x.number limit v_limit
  loop
    v_scanned := v_scanned + 1;
    v_through := v_row.position;
    continue when v_row.type is null;
    v_last := v_row.position;
    continue when v_row.type <> all (get_events.types) or v_row.user_id <> all (get_events.user_ids);
    v_positions := array_append(v_positions, v_row.position);
    v_users := array_append(v_users, v_row.user_id);
    v_numbers := array_append(v_numbers, v_row.number);
    v_types := array_append(v_types, v_row.type);
    exit when cardinality(v_positions) = get_events.max_rows;
  end loop;
  if v_scanned < v_limit and cardinality(v_positions) < get_events.max_rows then
    v_through := greatest(v_from, get_events.settled);
  end if;

  return query
    select f.position, coalesce(left(e.hash, 16), ledger.event_digest(f.position)), f.type,
           f.user_id, coalesce(e.sealed_at, k.at), null::bigint, e.seq, e.action, e.amount,
           e.balance, e.available, e.ts, e.sealed_at, e.idempotency_key, e.metadata,
           e.peer_user_id, e.peer_seq, e.reverses, null::bigint, e.hold, e.hash, e.held,
           k.number, k.operation, k.credit_limit, k.reason, k.role, k.actor
      from unnest(v_positions, v_users, v_numbers, v_types)
             with ordinality f (position, user_id, number, type, n)
      left join lateral (
        select x.* from public.entries x
         where f.type = 'entry.posted' and x.user_id = f.user_id and x.seq = f.number) e on true
      left join lateral (
        select x.* from public.user_controls x
         where f.type <> 'entry.posted' and x.user_id = f.user_id and x.number = f.number) k on true
     order by f.n;
  v_end.position := coalesce(v_last, get_events.after_position);
  v_end.digest := ledger.event_digest(v_end.position);
  v_end.through := v_through;
  return next v_end;
end $$;

comment on function ledger.get_events is
  'What happened after the event at after_position, or after read_to where that was more, in the order of positions and up to settled: entries that were posted, and changes of what users may do; at most max_rows of these users and types (null: all). With a condition it looks at max_scanned rows at most. The last row says how far it looked (through), and which event was the last one there; the next call goes on from these. settled: a position up to which everything has been committed or never will be, in the history of epoch (see get_changes). Raises LGCUR where the event at after_position is not there or has another digest; 55P03 if the epoch is another one by now.';

revoke all on function ledger.get_events from public;
grant execute on function ledger.get_events to ledger_service, ledger_dba;
