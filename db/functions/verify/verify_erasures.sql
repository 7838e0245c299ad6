create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_id bigint;
  v_user_id bigint;
begin
  return query
  select 'erasure_invalid', i.user_id, null::bigint,
         format('What intervention %s took out is not written down as it was.', i.id)
    from public.interventions i
   where i.operation in ('ERASE', 'ARCHIVE')
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id);
  -- No join: where users are on several servers, interventions are on one.
  for v_id, v_user_id in
    select e.intervention, min(e.user_id) from public.erasures e group by e.intervention order by 1
  loop
    if not exists (select from public.interventions i
                    where i.id = v_id and i.operation in ('ERASE', 'ARCHIVE')) then
      return next row('erasure_invalid', v_user_id, null,
        format('No intervention %s took anything out.', v_id))::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
