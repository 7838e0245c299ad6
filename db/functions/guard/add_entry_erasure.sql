create or replace function ledger.add_entry_erasure(
  intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  e public.payment_history := add_entry_erasure.entry;
  v_previous bytea;
begin
  select p.hash into v_previous from public.payment_history p
   where p.user_id = e.user_id and p.seq = e.seq - 1;
  if ledger.is_hash_of(v_previous, e) is not true then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Entry %s of user %s is not what its hash says.', e.seq, e.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  e.metadata := add_entry_erasure.mark;
  if add_entry_erasure.is_key_erased then e.idempotency_key := null; end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_entry_erasure.intervention, 'entry', e.user_id, e.seq,
    ledger.erased_entry_hash(v_previous, e));
  select x.* into m from public.manual_entries x where x.user_id = e.user_id and x.seq = e.seq;
  if found then
    perform ledger.add_manual_erasure(add_entry_erasure.intervention, m, add_entry_erasure.entry,
      e, 'entry', e.seq);
  end if;
end $$;

comment on function ledger.add_entry_erasure is
  'Writes down what will be left of an entry whose metadata becomes mark and which may lose its key. Raises LGIMM if it is not what its hash says.';

revoke all on function ledger.add_entry_erasure from public;
