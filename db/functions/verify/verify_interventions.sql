create or replace function ledger.verify_interventions()
  returns setof ledger.finding
  language sql stable as $$
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at at time zone 'UTC', coalesce(i.reason, i.before::text)))::ledger.finding
    from public.interventions i where i.operation not in ('WITHDRAW', 'ERASE', 'ARCHIVE')
  union all
  select row('intervention_invalid', i.user_id, i.seq, format(
           'Intervention %s is not what came after number %s.', i.id, coalesce(i.last_id, 0)))::ledger.finding
    from (select i.*, lag(i.id) over w as last_id,
                 ledger.intervention_hash(lag(i.hash) over w, i) as right_hash
            from public.interventions i window w as (order by i.id)) i
   where i.id <> coalesce(i.last_id, 0) + 1
      or i.hash <> i.right_hash and not (
           coalesce(i.before ->> 'metadata', i.before ->> 'idempotency_key') is null
           and ledger.is_erased('intervention', i.user_id, i.id, 0,
             ledger.erased_hash(i.right_hash, i.hash)))
  union all
  select f from ledger.verify_erasures() f
  union all
  select f from ledger.verify_traces() f
$$;

comment on function ledger.verify_interventions is
  'The findings about interventions: everything that was done with break_glass, for ever, and where their chain was edited, or one is missing; and those of verify_erasures and verify_traces. Internal.';

revoke all on function ledger.verify_interventions from public;
