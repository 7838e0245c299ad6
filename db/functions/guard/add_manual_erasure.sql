create or replace function ledger.add_manual_erasure(
  intervention bigint, manual_entry public.manual_entries, entry public.payment_history,
  what_is_left public.payment_history, kind text, number bigint)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries := add_manual_erasure.manual_entry;
begin
  if not ledger.is_as_entered(m, add_manual_erasure.entry, add_manual_erasure.kind,
    add_manual_erasure.number) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Manual entry %s of user %s is not what was entered.', m.id, m.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_manual_erasure.intervention, 'manual_entry', m.user_id, m.id,
    ledger.erased_hash(ledger.manual_entry_hash(add_manual_erasure.what_is_left, m.id,
      m.entered_at, m.entered_by), m.hash));
end $$;

comment on function ledger.add_manual_erasure is
  'Writes down what will be left of a manual entry whose row (kind, number) an intervention is about to erase, with who entered it and when. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_manual_erasure from public;
