create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language sql stable as $$
  select row('erasure_invalid', i.user_id, null, format(
           'What intervention %s took out is not written down as it was.', i.id))::ledger.finding
    from public.interventions i
   where i.operation in ('ERASE', 'ARCHIVE')
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id)
  union all
  select row('erasure_invalid', min(e.user_id), null, format(
           'No intervention %s took anything out.', e.intervention))::ledger.finding
    from public.erasures e
   where not exists (select from public.interventions i
                      where i.id = e.intervention and i.operation in ('ERASE', 'ARCHIVE'))
   group by e.intervention
$$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
