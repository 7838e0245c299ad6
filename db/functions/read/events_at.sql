create or replace function ledger.events_at(positions bigint[], has_others boolean)
  returns table (event ledger.event, needs bigint[])
  language plpgsql stable as $$
declare
  v_positions bigint[]; v_users bigint[]; v_holds bigint[]; v_numbers bigint[]; v_types text[];
begin
  select array_agg(s.position), array_agg(s.user_id), array_agg(s.hold), array_agg(s.number),
         array_agg(s.type)
    into v_positions, v_users, v_holds, v_numbers, v_types
    from unnest(events_at.positions) p (id)
    cross join lateral ledger.scan_events(p.id - 1, p.id, 1) s;
  return query
    select x, case when events_at.has_others then
             ledger.events_before(x.user_id, x.hold, coalesce(x.number, x.seq), x.type) end
      from ledger.event_details(v_positions, v_users, v_holds, v_numbers, v_types) x;
end $$;

comment on function ledger.events_at is
  'The events at these positions; has_others: with those that come right before each (see events_before).';

revoke all on function ledger.events_at from public;
