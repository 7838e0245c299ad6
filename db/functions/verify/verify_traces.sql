create or replace function ledger.verify_traces()
  returns setof ledger.finding
  -- Volatile: an intervention is there as soon as its traces are, for a statement that comes later.
  language plpgsql volatile as $$
declare
  v_trace public.intervention_traces;
begin
  -- No join: where users are on several servers, interventions are on one.
  for v_trace in select t.* from public.intervention_traces t order by t.user_id, t.number loop
    if v_trace.before is not null or not exists (
        select from public.interventions i
         where i.id = v_trace.intervention and i.operation = 'BREAK GLASS')
      or v_trace.operation <> 'BREAK GLASS' and not exists (
        select from public.interventions i
         where i.id > v_trace.intervention and i.operation = v_trace.operation
           and i.user_id = v_trace.user_id and i.seq is not distinct from v_trace.seq) then
      return next row('intervention_invalid', nullif(greatest(v_trace.user_id, 0), 0), v_trace.seq,
        format('No intervention says what its server has written down: %s at %s.',
          v_trace.operation, v_trace.at at time zone 'UTC'))::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_traces is
  'The findings about intervention_traces: what was changed on a server of a distributed ledger without a trace in the chain of interventions. Internal.';

revoke all on function ledger.verify_traces from public;
