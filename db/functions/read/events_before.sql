create or replace function ledger.events_before(
  user_id bigint, hold bigint, number bigint, type text)
  returns bigint[]
  language sql stable as $$
  select array(
    select h.id from public.payment_history h
     where h.user_id = events_before.user_id and h.seq = case
       when events_before.type = 'entry.posted' then events_before.number - 1
       when events_before.type like 'hold.%' then (
         select c.seq - (c.action = 'captured')::integer from public.hold_changes c
          where c.user_id = events_before.user_id and c.hold = events_before.hold
            and c.number = events_before.number) end
    union all
    select c.position from public.hold_changes c
     where c.user_id = events_before.user_id and c.hold = events_before.hold
       and case when events_before.type = 'entry.posted'
         then c.action = 'captured' and c.seq = events_before.number
         else c.number = events_before.number - 1 end and c.position is not null
    union all
    select k.position from public.user_controls k
     where events_before.type like 'user.%' and k.user_id = events_before.user_id
       and k.number = events_before.number - 1)
$$;

comment on function ledger.events_before is
  'The positions of the events of a user that come right before this one: the entry before, of a capture''s entry the change of its hold, of a change of a hold the one before and the last entry, of a control the one before.';

revoke all on function ledger.events_before from public;
