create or replace function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- No join: where users are on several servers, interventions are on one.
  for seq, intervention in
    select e.number, max(e.intervention) from public.erasures e
     where e.kind = 'entry' and e.user_id = get_erasures.user_id
       and e.number = any (get_erasures.seqs)
     group by e.number order by e.number
  loop
    select i.operation into operation from public.interventions i
     where i.id = get_erasures.intervention;
    if found then return next; end if;
  end loop;
end $$;

comment on function ledger.get_erasures is
  'Of these entries of a user those of which something was taken out, with the last intervention that did so: ERASE or ARCHIVE. Their hashes cover what is gone.';

revoke all on function ledger.get_erasures from public;
grant execute on function ledger.get_erasures to ledger_service, ledger_dba;
