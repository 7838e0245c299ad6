create or replace function ledger.add_intervention_erasure(
  intervention bigint, erased bigint)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  i public.interventions;
  v_last bytea := (select p.hash from public.interventions p
                    where p.id = add_intervention_erasure.erased - 1);
  v_entry public.payment_history;
begin
  select x.* into i from public.interventions x where x.id = add_intervention_erasure.erased;
  if i.hash <> ledger.intervention_hash(v_last, i) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Intervention %s is not what its hash says.', i.id),
      hint = 'Find out why with verify_ledger first: nobody could tell afterwards.';
  end if;
  v_entry := jsonb_populate_record(v_entry, i.before);
  i.before := i.before - '{metadata,idempotency_key}'::text[];
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_intervention_erasure.intervention, 'intervention', i.user_id, i.id,
    ledger.erased_hash(ledger.intervention_hash(v_last, i), i.hash));
  select x.* into m from public.manual_entries x
   where x.user_id = i.user_id and x.id = (i.before ->> 'id')::bigint and x.seq is null
     and i.operation = 'WITHDRAW';
  if found then
    perform ledger.add_manual_erasure(add_intervention_erasure.intervention, m, v_entry,
      jsonb_populate_record(null::public.payment_history, i.before), 'intervention', i.id);
  end if;
end $$;

comment on function ledger.add_intervention_erasure is
  'Writes down what will be left of the intervention with the id erased, from which another one is about to erase metadata and the key, and of the manual entry that it withdrew. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_intervention_erasure from public;
