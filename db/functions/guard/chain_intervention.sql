create or replace function ledger.chain_intervention()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last public.interventions;
begin
  if tg_when = 'AFTER' then
    perform ledger.collect_traces(new.id);
    return null;
  end if;
  -- One after the other, until each commits. Under a stricter isolation level, where the next
  -- statement sees no newer row, the primary key refuses the second.
  perform from ledger.identity i for no key update;
  select i.* into v_last from public.interventions i order by i.id desc limit 1;
  new.id := coalesce(v_last.id, 0) + 1;
  new.at := greatest(clock_timestamp(), v_last.at + interval '1 us');
  new.hash := ledger.intervention_hash(v_last.hash, new);
  return new;
end $$;

comment on function ledger.chain_intervention is
  'Numbers an intervention, says when it was, and chains it to the one before; at the commit after break_glass on a distributed ledger it calls collect_traces.';

revoke all on function ledger.chain_intervention from public;
