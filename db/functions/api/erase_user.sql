create or replace function public.erase_user(
  user_id bigint, reason text, keep interval default '30 days',
  out entries bigint, out holds bigint, out interventions bigint, out kept bigint)
  -- Of a distributed ledger, each statement is planned for the server of its user.
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan as $$
declare
  v_id bigint;
  v_manual_entries bigint;
  v_before timestamptz := statement_timestamp() - erase_user.keep;
begin
  if coalesce(length(erase_user.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed',
      hint = 'Say whose decision it is, without naming the person: it stays for ever.';
  elsif (erase_user.keep >= interval '1 day') is not true then
    raise exception using errcode = '22023', message = 'at least a day has to be kept',
      hint = 'A repeat of a request from less than a day ago must find what it did.';
  end if;
  -- Nobody posts, holds or releases for the user meanwhile.
  perform from public.users u where u.id = erase_user.user_id for no key update;
  if not found then perform ledger.raise_status('LGUSR', erase_user.user_id); end if;
  -- As chain_intervention does it, which then gives the next number to this one.
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;

  perform ledger.add_erasures(v_id, erase_user.user_id, v_before);
  select count(*) filter (where e.kind = 'entry'),
         count(*) filter (where e.kind = 'hold_change' and e.change = 1),
         count(*) filter (where e.kind = 'intervention'),
         count(*) filter (where e.kind = 'manual_entry')
    into entries, holds, interventions, v_manual_entries
    from public.erasures e where e.intervention = v_id;
  -- Before anything goes: the guards look for it.
  insert into public.interventions (operation, reason, user_id, before)
  values ('ERASE', erase_user.reason, erase_user.user_id, jsonb_build_object('entries', entries,
    'holds', holds, 'interventions', interventions, 'manual_entries', v_manual_entries,
    'digest', ledger.erasures_digest(v_id)));
  perform ledger.apply_erasures(v_id, erase_user.user_id);
  kept := ledger.count_erasable(erase_user.user_id);
end $$;

comment on function public.erase_user is
  'Takes out for ever what people said about a user and the user''s entries, holds and withdrawn entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does the proof: see the table erasures. Returns how many of each it erased, and how many are left: call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).';

revoke all on function public.erase_user from public;
