create or replace function ledger.add_intervention_erasure(
  intervention bigint, erased public.interventions)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  i public.interventions := add_intervention_erasure.erased;
  v_last bytea := (select p.hash from public.interventions p where p.id = i.id - 1);
  v_no_entry public.payment_history;
begin
  if i.hash <> ledger.intervention_hash(v_last, i) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Intervention %s is not what its hash says.', i.id),
      hint = 'Find out why with verify_ledger first: nobody could tell afterwards.';
  end if;
  i.before := i.before - '{metadata,idempotency_key}'::text[];
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_intervention_erasure.intervention, 'intervention', i.user_id, i.id,
    ledger.erased_hash(ledger.intervention_hash(v_last, i), i.hash));
  select x.* into m from public.manual_entries x
   where x.user_id = i.user_id and x.id = (i.before ->> 'id')::bigint and x.seq is null
     and i.operation = 'WITHDRAW';
  if found then
    perform ledger.add_manual_erasure(add_intervention_erasure.intervention, m,
      jsonb_populate_record(v_no_entry, (add_intervention_erasure.erased).before),
      jsonb_populate_record(v_no_entry, i.before), 'intervention', i.id);
  end if;
end $$;

comment on function ledger.add_intervention_erasure is
  'Writes down what will be left of an intervention from which another one is about to erase metadata and the key, and of the manual entry that it withdrew. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_intervention_erasure from public;
