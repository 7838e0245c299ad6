create or replace function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select distinct on (e.number) e.number, e.intervention, i.operation
    from public.erasures e
    join public.interventions i on i.id = e.intervention
   where e.kind = 'entry' and e.user_id = get_erasures.user_id
     and e.number = any (get_erasures.seqs)
   order by e.number, e.intervention desc
$$;

comment on function ledger.get_erasures is
  'Of these entries of a user those of which something was taken out, with the last intervention that did so: ERASE or ARCHIVE. Their hashes cover what is gone.';

revoke all on function ledger.get_erasures from public;
grant execute on function ledger.get_erasures to ledger_service, ledger_dba;
