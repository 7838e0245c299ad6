create or replace function ledger.changes_between(moments timestamptz[])
  returns table (
    kind text, span integer, user_id bigint, changes bigint, hash text, lasting_hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  -- All of it is read once.
  set jit = off as $$
  -- lasting: what no erasure takes out, as the hashes have it.
  with changes as (
    select 'holds' as kind, c.user_id, c.at, c.hold as id, c.number as step, c.hash,
           record_send(row(c.hold, c.number, convert_to(c.action, 'UTF8'), c.amount, c.remaining,
             c.expires_at, c.at, c.seq, c.balance, c.available, c.position)) as lasting
      from public.hold_changes c
     where c.at > moments[1] and c.at <= moments[cardinality(moments)]
    union all
    select 'manual_entries', m.user_id, m.entered_at, m.id, 0, m.hash,
           record_send(row(m.id, m.entered_at, convert_to(m.entered_by, 'UTF8')))
      from public.manual_entries m
     where m.entered_at > moments[1] and m.entered_at <= moments[cardinality(moments)]
    union all
    select 'user_controls', k.user_id, k.at, k.number, 0, k.hash,
           record_send(row(k.number, k.at, k.transaction::text::bigint, convert_to(k.role, 'UTF8'),
             convert_to(k.actor, 'UTF8'), convert_to(k.operation, 'UTF8'), k.credit_limit,
             k.position))
      from public.user_controls k
     where k.at > moments[1] and k.at <= moments[cardinality(moments)]
    union all
    select 'user_details', d.user_id, u.created_at, 0, 0, d.hash,
           record_send(row(u.created_at, d.asked_id))
      from public.user_details d join public.users u on u.id = d.user_id
     where u.created_at > moments[1] and u.created_at <= moments[cardinality(moments)]
    union all
    select 'interventions', 0, i.at, i.id, 0, i.hash,
           record_send(row(i.id, i.at, i.transaction::text::bigint, convert_to(i.role, 'UTF8'),
             convert_to(i.operation, 'UTF8'), convert_to(i.reason, 'UTF8'), i.user_id, i.seq,
             convert_to((i.before - '{metadata,idempotency_key}'::text[])::text, 'UTF8')))
      from public.interventions i
     where i.at > moments[1] and i.at <= moments[cardinality(moments)])
  select c.kind, s.span, c.user_id, count(*),
         encode(sha256(string_agg(c.hash, '' order by c.id, c.step)), 'hex'),
         encode(sha256(string_agg(c.lasting, '' order by c.id, c.step)), 'hex')
    from changes c
   cross join lateral (select width_bucket(c.at - interval '1 us', moments) as span) s
   group by c.kind, s.span, c.user_id
   order by c.kind, s.span, c.user_id
$$;

comment on function ledger.changes_between is
  'What was done besides posting entries, between each moment (span 1: later than the first, and no later than the second) and the next: of each user, how many changes holds had, manual entries entered, changes in user_controls, and whether it was made with details; and interventions (user_id 0). hash: sha256 over the hashes of these changes; lasting_hash: over what no erasure takes out of them. Anchors are made of it. Moments in order; the first may be -infinity.';

revoke all on function ledger.changes_between from public;
grant execute on function ledger.changes_between to ledger_dba;
