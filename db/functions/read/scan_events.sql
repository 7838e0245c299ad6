create or replace function ledger.scan_events(
  after_position bigint, until bigint, max_rows integer)
  returns table ("position" bigint, user_id bigint, hold bigint, number bigint, type text)
  -- Without any option, so that it is part of the query that calls it, which need not read all.
  language sql stable as $$
  -- Of a pending entry that was given its id explicitly and an event with the same one, the event
  -- comes first: what is left out between two pages is no event.
  select x.position, x.user_id, x.hold, x.number, x.type from (
    (select h.id as position, h.user_id, null::bigint as hold, h.seq as number,
            case when h.seq is not null then 'entry.posted' end as type
       from public.payment_history h
      where h.id > scan_events.after_position and h.id <= scan_events.until
      order by h.id, h.seq limit scan_events.max_rows)
    union all
    (select c.position, c.user_id, c.hold, c.number, 'hold.' || c.action
       from public.hold_changes c
      where c.position > scan_events.after_position and c.position <= scan_events.until
      order by c.position limit scan_events.max_rows)
    union all
    (select k.position, k.user_id, null, k.number,
            case k.operation when 'FREEZE' then 'user.frozen' when 'THAW' then 'user.thawed'
              else 'user.credit_limit_set' end
       from public.user_controls k
      where k.position > scan_events.after_position and k.position <= scan_events.until
      order by k.position limit scan_events.max_rows)) x
   order by x.position, x.number limit scan_events.max_rows
$$;

comment on function ledger.scan_events is
  'The first max_rows positions after after_position, up to until, and what happened there; type is null of a pending entry, which is no event.';

revoke all on function ledger.scan_events from public;
