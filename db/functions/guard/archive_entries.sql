create or replace function ledger.archive_entries(
  user_ids bigint[], seqs bigint[], reason text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan as $$
declare
  v_id bigint;
  v_mark jsonb;
  v_before timestamptz := statement_timestamp() - interval '30 days';
  v_user_id bigint;
  v_seqs bigint[];
  v_entry public.payment_history;
  v_entries bigint := 0;
  v_manual_entries bigint;
begin
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  -- As erase_user.
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;
  v_mark := jsonb_build_object('archived', v_id);
  for v_user_id, v_seqs in
    select x.user_id, array_agg(x.seq)
      from unnest(archive_entries.user_ids, archive_entries.seqs) x (user_id, seq)
     group by x.user_id order by x.user_id
  loop
    for v_entry in
      select h.* from public.payment_history h
       where h.user_id = v_user_id and h.seq = any (v_seqs) and h.metadata is not null
         and h.sealed_at < v_before
       order by h.seq
    loop
      continue when ledger.has_mark(v_entry, 'archived') or ledger.has_mark(v_entry, 'erased');
      perform ledger.add_entry_erasure(v_id, v_entry, v_mark, false);
      v_entries := v_entries + 1;
    end loop;
  end loop;
  if v_entries = 0 then return 0; end if;
  select count(*) into v_manual_entries
    from public.erasures e where e.intervention = v_id and e.kind = 'manual_entry';
  insert into public.interventions (operation, reason, before)
  values ('ARCHIVE', archive_entries.reason,
    jsonb_build_object('entries', v_entries, 'manual_entries', v_manual_entries,
      'digest', ledger.erasures_digest(v_id)));
  update public.payment_history h set metadata = v_mark
    from public.erasures e
   where e.intervention = v_id and e.kind = 'entry' and h.user_id = e.user_id and h.seq = e.number;
  return v_entries;
end $$;

comment on function ledger.archive_entries is
  'Takes the metadata out of entries that are older than 30 days, after npm run archive has written it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves out those that are younger, or were archived or erased before. Only for the owner of the ledger. Raises LGIMM if an entry is not what its hash says.';

revoke all on function ledger.archive_entries from public;
