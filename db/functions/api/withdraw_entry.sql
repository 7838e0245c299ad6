create or replace function public.withdraw_entry(
  user_id bigint, id bigint, reason text default null)
  returns ledger.withdrawn_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_entry public.payment_history;
  v_seq bigint;
begin
  -- Locked as the engine does it, so that nobody posts the entry meanwhile.
  perform from public.users u where u.id = withdraw_entry.user_id for no key update;
  if not found then perform ledger.raise_status('LGUSR', withdraw_entry.user_id); end if;
  select h.* into v_entry from public.payment_history h
   where h.user_id = withdraw_entry.user_id and h.id = withdraw_entry.id and h.seq is null;
  if not found then
    select m.seq into v_seq from public.manual_entries m
     where m.user_id = withdraw_entry.user_id and m.id = withdraw_entry.id;
    if v_seq is null then perform ledger.raise_status('LGENT', withdraw_entry.user_id); end if;
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('It was posted as entry %s.', v_seq),
      hint = format('Undo it: select * from reverse_entry(%s, %s)', withdraw_entry.user_id, v_seq);
  end if;
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  insert into public.interventions (operation, reason, user_id, before)
  values ('WITHDRAW', withdraw_entry.reason, v_entry.user_id, to_jsonb(v_entry));
  if ledger.is_distributed() then
    perform from ledger.withdraw_in_shard(withdraw_entry.user_id, withdraw_entry.id);
  else
    delete from public.payment_history h where h.user_id = v_entry.user_id and h.id = v_entry.id;
  end if;
  return (v_entry.user_id, v_entry.id, v_entry.action, v_entry.amount, v_entry.ts,
    v_entry.metadata)::ledger.withdrawn_entry;
end $$;

comment on function public.withdraw_entry is
  'Takes back a manual entry that is still pending, by the id of its row, and returns it. What it was, who took it back and why stays in interventions. Raises LGUSR, LGENT (no such manual entry), LGIMM (it is posted).';

revoke all on function public.withdraw_entry from public;
grant execute on function public.withdraw_entry to ledger_dba;
