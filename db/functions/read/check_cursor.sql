create or replace function ledger.check_cursor(epoch text, at_position bigint, digest text)
  returns void
  language plpgsql stable as $$
begin
  -- What is settled was found out in the history of that epoch.
  if check_cursor.epoch is distinct from (
      select ledger.epoch(i.last_value - (not i.is_called)::int)
        from public.interventions_id_seq i) then
    raise exception using errcode = '55P03', message = 'the history is another one',
      detail = format('It is not that of %s any more.', check_cursor.epoch),
      hint = 'Ask get_changes how far it is settled now.';
  elsif check_cursor.at_position > 0 and check_cursor.digest
      is distinct from ledger.event_digest(check_cursor.at_position) then
    raise exception using errcode = 'LGCUR', message = 'the event is gone',
      detail = format('At position %s there is no event, or another one.',
        check_cursor.at_position),
      hint = 'The database was restored, or its history rewritten: begin from the first event.';
  end if;
end $$;

comment on function ledger.check_cursor is
  'Raises 55P03 unless the history is that of this epoch, and LGCUR unless the event at at_position (0: none) is there, with this digest.';

revoke all on function ledger.check_cursor from public;
