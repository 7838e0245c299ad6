create or replace function ledger.collect_traces(intervention bigint)
  returns void
  -- Each statement is planned for the servers as they are.
  language plpgsql set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan as $$
declare
  v_trace public.intervention_traces;
begin
  for v_trace in
    select t.* from public.intervention_traces t
     where t.intervention = collect_traces.intervention and t.before is not null
     order by t.at, t.user_id, t.number
  loop
    insert into public.interventions (operation, user_id, seq, before)
    values (v_trace.operation, v_trace.user_id, v_trace.seq, v_trace.before);
  end loop;
  -- From here on only the intervention has it, where erase_user finds it.
  update public.intervention_traces t set before = null
   where t.intervention = collect_traces.intervention and t.before is not null;
end $$;

comment on function ledger.collect_traces is
  'Of a distributed ledger, at the commit of a transaction that has broken the glass: chains what each row was, which the guards of the shards have written down, as interventions.';

revoke all on function ledger.collect_traces from public;
