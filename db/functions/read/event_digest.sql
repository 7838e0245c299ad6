create or replace function ledger.event_digest(at_position bigint)
  returns text
  language sql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select left(encode(h.hash, 'hex'), 16) from public.payment_history h
   where h.id = event_digest.at_position and h.seq is not null
  union all
  select left(encode(c.hash, 'hex'), 16) from public.hold_changes c
   where c.position = event_digest.at_position
  union all
  select left(encode(sha256(convert_to(format('%s %s %s %s', k.position, k.user_id, k.number,
           (extract(epoch from k.at) * 1000000)::bigint), 'UTF8')), 'hex'), 16)
    from public.user_controls k where k.position = event_digest.at_position
$$;

comment on function ledger.event_digest is
  'Sixteen hexadecimal digits that the event at a position alone has, in this history and in each copy of it; null: there is no event.';

revoke all on function ledger.event_digest from public;
