create or replace function ledger.add_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', add_erasures.intervention);
  v_entry public.payment_history;
  v_id bigint;
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

  for v_id in
    select i.id from ledger.erasable_interventions(add_erasures.user_id, add_erasures.before) i
  loop
    perform ledger.add_intervention_erasure(add_erasures.intervention, v_id);
  end loop;
end $$;

comment on function ledger.add_erasures is
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if one of them is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
