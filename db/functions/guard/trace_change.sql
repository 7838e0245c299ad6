create or replace function ledger.trace_change(operation text, entry jsonb)
  returns boolean
  language plpgsql volatile as $$
declare
  v_user_id bigint := trace_change.entry ->> 'user_id';
  -- The shard itself: within a change of one, Citus plans nothing about its tables.
  v_table text := 'public.intervention_traces_'
    || get_shard_id_for_distribution_column('public.intervention_traces', v_user_id);
  v_id bigint;
begin
  -- By the transaction's id and start, as on one server. Citus does whatever it does about a shard
  -- in one transaction of its server.
  execute format('select max(t.intervention) from %s t
      where t.user_id < 0 and t.transaction = pg_current_xact_id() and t.at >= now()', v_table)
    into v_id;
  if v_id is null then return false; end if;
  execute format('insert into %1$s (user_id, number, intervention, operation, seq, before, at,
        transaction)
      select $1, coalesce(max(t.number), 0) + 1, $2, $3, $4, $5, clock_timestamp(),
             pg_current_xact_id()
        from %1$s t where t.user_id = $1', v_table)
    using v_user_id, v_id, trace_change.operation, (trace_change.entry ->> 'seq')::bigint,
      trace_change.entry;
  return true;
end $$;

comment on function ledger.trace_change is
  'Writes down, on the server of a shard, what a row of payment_history was that is about to be changed after break_glass; false if this transaction may not.';

revoke all on function ledger.trace_change from public;
