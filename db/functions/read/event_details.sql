create or replace function ledger.event_details(
  positions bigint[], user_ids bigint[], holds bigint[], numbers bigint[], types text[])
  returns setof ledger.event
  language sql stable as $$
  select f.position, coalesce(left(e.hex, 16), ledger.event_digest(f.position)), f.type,
         f.user_id, coalesce(e.sealed_at, c.at, k.at), null::bigint, coalesce(e.seq, c.seq),
         e.action, coalesce(e.amount, c.amount), coalesce(e.balance, c.balance),
         coalesce(e.available, c.available), e.ts, e.sealed_at,
         coalesce(e.idempotency_key, c.idempotency_key), coalesce(e.metadata, c.metadata),
         e.peer_user_id, e.peer_seq, e.reverses, null::bigint, coalesce(e.hold, c.hold), e.hex,
         e.held, coalesce(c.number, k.number), k.operation, k.credit_limit, k.reason, k.role,
         k.actor, c.remaining, nullif(c.expires_at, 'infinity')
    from unnest(event_details.positions, event_details.user_ids, event_details.holds,
           event_details.numbers, event_details.types)
           with ordinality f (position, user_id, hold, number, type, n)
    left join lateral (
      select x.*, x.balance - x.held as available, encode(x.hash, 'hex') as hex
        from public.payment_history x
       where f.type = 'entry.posted' and x.user_id = f.user_id and x.seq = f.number) e on true
    -- A limit keeps the probe by key, also where a small table would be read as a whole.
    left join lateral (
      select x.* from public.hold_changes x
       where x.user_id = f.user_id and x.hold = f.hold and x.number = f.number limit 1) c on true
    left join lateral (
      select x.* from public.user_controls x
       where f.type like 'user.%' and x.user_id = f.user_id and x.number = f.number
       limit 1) k on true
   order by f.n
$$;

comment on function ledger.event_details is
  'These events, each with the columns of what it is about.';

revoke all on function ledger.event_details from public;
