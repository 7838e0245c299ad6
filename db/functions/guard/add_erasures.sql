create or replace function ledger.add_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', add_erasures.intervention);
  v_entry public.payment_history;
  v_row public.interventions;
  v_last bytea;
begin
  for v_entry in
    select h.* from ledger.erasable_entries(add_erasures.user_id, add_erasures.before) h
     order by h.user_id, h.seq
  loop
    perform ledger.add_entry_erasure(add_erasures.intervention, v_entry, v_mark,
      v_entry.user_id = add_erasures.user_id);
  end loop;
  perform ledger.add_hold_erasures(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);

  perform ledger.add_control_erasures(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);
  perform ledger.add_details_erasure(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);

  for v_row in
    select i.* from ledger.erasable_interventions(add_erasures.user_id, add_erasures.before) i
  loop
    v_row.before := v_row.before - '{metadata,idempotency_key}'::text[];
    v_last := (select i.hash from public.interventions i where i.id = v_row.id - 1);
    insert into public.erasures (intervention, kind, user_id, number, hash)
    values (add_erasures.intervention, 'intervention', v_row.user_id, v_row.id,
      ledger.erased_hash(ledger.intervention_hash(v_last, v_row), v_row.hash));
  end loop;
end $$;

comment on function ledger.add_erasures is
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if one of them is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
