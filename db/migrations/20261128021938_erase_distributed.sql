-- migrate:up

set local check_function_bodies = off;

-- function: add_details_erasure
create or replace function ledger.add_details_erasure(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  d public.user_details;
  v_at timestamptz;
begin
  select u.created_at into v_at from public.users u where u.id = add_details_erasure.user_id;
  select x.* into d from public.user_details x
   where x.user_id = add_details_erasure.user_id and v_at < add_details_erasure.before
     and num_nonnulls(x.reference, x.metadata, x.idempotency_key) > 0;
  if not found then return; end if;
  if d.hash <> ledger.details_hash(d.user_id, v_at, d.reference, d.metadata, d.idempotency_key,
    d.asked_id) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('What user %s was made as is not what its hash says.', d.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_details_erasure.intervention, 'details', d.user_id, 0,
    ledger.erased_hash(ledger.details_hash(d.user_id, v_at, null, null, null, d.asked_id), d.hash));
end $$;

comment on function ledger.add_details_erasure is
  'Writes down what will be left of what a user from before a moment was made as, which an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_details_erasure from public;
-- end function

-- function: add_entry_erasure
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
-- end function

-- function: add_hold_erasures
create or replace function ledger.add_hold_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_placed public.hold_changes;
  v_last public.hold_changes;
  v public.hold_changes;
  v_holds bigint[] := array(select o.hold from ledger.erasable_holds(add_hold_erasures.user_id,
    add_hold_erasures.before) o);
begin
  -- Every change of a hold: the hashes of earlier versions were over all of it.
  for v in
    select c.* from public.hold_changes c
     where c.user_id = add_hold_erasures.user_id and c.hold = any (v_holds)
     order by c.hold, c.number
  loop
    if v.number = 1 then
      v_placed := v;
      v_last := null;
    end if;
    if ledger.hold_change_problem(v_placed, v_last, v) is not null then
      raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
        detail = format('Change %s of hold %s is not what it has to be.', v.number, v.hold),
        hint = 'Find out why with verify_user first: nobody could tell afterwards.';
    end if;
    insert into public.erasures (intervention, kind, user_id, number, change, hash)
    values (add_hold_erasures.intervention, 'hold_change', v.user_id, v.hold, v.number,
           ledger.erased_hash(ledger.hold_hash(v_last.hash, v.user_id, v.hold, v.number, v.action,
             v.amount, v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, null,
             case when num_nonnulls(v.idempotency_key, v.metadata) > 0
               then jsonb_build_object('erased', add_hold_erasures.intervention) end,
             v.position), v.hash));
    v_last := v;
  end loop;
end $$;

comment on function ledger.add_hold_erasures is
  'Writes down what will be left of each change of the holds that an intervention is about to erase of a user. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_hold_erasures from public;
-- end function

-- function: apply_erasures
create or replace function ledger.apply_erasures(intervention bigint, user_id bigint)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', apply_erasures.intervention);
  v_ids bigint[];
begin
  update public.payment_history h
     set metadata = v_mark,
         idempotency_key = case when h.user_id <> apply_erasures.user_id then h.idempotency_key end
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'entry'
     and h.user_id = e.user_id and h.seq = e.number;
  update public.hold_changes c
     set metadata = v_mark, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'hold_change'
     and e.user_id = apply_erasures.user_id
     and c.user_id = e.user_id and c.hold = e.number and c.number = e.change
     and num_nonnulls(c.idempotency_key, c.metadata) > 0;
  -- No join: where users are on several servers, interventions are on one.
  v_ids := array(select e.number from public.erasures e
                  where e.intervention = apply_erasures.intervention and e.kind = 'intervention'
                    and e.user_id = apply_erasures.user_id);
  update public.interventions i
     set before = i.before - '{metadata,idempotency_key}'::text[]
   where i.id = any (v_ids);
  update public.user_controls k set reason = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'control'
     and e.user_id = apply_erasures.user_id and k.user_id = e.user_id and k.number = e.number;
  update public.user_details d
     set reference = null, metadata = null, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'details'
     and e.user_id = apply_erasures.user_id and d.user_id = e.user_id;
  if found then
    delete from public.user_references r where r.user_id = apply_erasures.user_id;
    delete from public.user_keys k where k.user_id = apply_erasures.user_id;
  end if;
end $$;

comment on function ledger.apply_erasures is
  'Takes out what an intervention erases of a user: what add_erasures wrote down, and what leads to the user by the reference and the key that are gone.';

revoke all on function ledger.apply_erasures from public;
-- end function

-- function: archive_entries
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
-- end function

-- function: count_erasable
create or replace function ledger.count_erasable(user_id bigint)
  returns bigint
  language plpgsql stable as $$
declare
  v_count bigint;
  v_all bigint;
begin
  -- A statement for each table: where users are on several servers, interventions are on one.
  select count(*) into v_all from ledger.erasable_entries(count_erasable.user_id, 'infinity');
  select count(*) + v_all into v_all
    from ledger.erasable_interventions(count_erasable.user_id, 'infinity');
  select count(*) into v_count from public.payment_history h
   where h.user_id = count_erasable.user_id and h.seq is null
     and num_nonnulls(h.idempotency_key, h.metadata) > 0;
  v_all := v_all + v_count;
  select count(distinct c.hold) into v_count from public.hold_changes c
   where c.user_id = count_erasable.user_id and num_nonnulls(c.idempotency_key, c.metadata) > 0
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = c.user_id and e.number = c.hold);
  v_all := v_all + v_count;
  select count(*) into v_count from public.user_controls k
   where k.user_id = count_erasable.user_id and k.reason is not null;
  v_all := v_all + v_count;
  select count(*) into v_count from public.user_details d
   where d.user_id = count_erasable.user_id
     and num_nonnulls(d.reference, d.metadata, d.idempotency_key) > 0;
  return v_all + v_count;
end $$;

comment on function ledger.count_erasable is
  'How much there is of a user that erase_user would erase, were it old enough, posted or ended.';

revoke all on function ledger.count_erasable from public;
-- end function

-- function: erasable_entries
create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language plpgsql stable as $$
declare
  h public.payment_history;
  v_peer_id bigint;
  v_seqs bigint[];
begin
  -- Users one after the other, and rows one by one: where users are on several servers, none has
  -- the other half of a transfer, nor functions that take rows.
  for h in
    select x.* from public.payment_history x
     where x.user_id = erasable_entries.user_id and x.sealed_at < erasable_entries.before
       and num_nonnulls(x.idempotency_key, x.metadata) > 0
     order by x.seq
  loop
    if h.idempotency_key is not null or not ledger.has_mark(h, 'erased') then
      return next h;
    end if;
  end loop;
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  for v_peer_id, v_seqs in
    select x.peer_user_id, array_agg(x.peer_seq) from public.payment_history x
     where x.user_id = erasable_entries.user_id and x.sealed_at < erasable_entries.before
       and x.peer_user_id is not null
     group by x.peer_user_id order by x.peer_user_id
  loop
    for h in
      select x.* from public.payment_history x
       where x.user_id = v_peer_id and x.seq = any (v_seqs) and x.metadata is not null
       order by x.seq
    loop
      if not ledger.has_mark(h, 'erased') then return next h; end if;
    end loop;
  end loop;
end $$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
-- end function

-- function: erasable_holds
create or replace function ledger.erasable_holds(user_id bigint, before timestamptz)
  returns setof public.holds
  language plpgsql stable as $$
begin
  return query
  select o.* from public.holds o
    join public.hold_changes l
      on l.user_id = o.user_id and l.hold = o.hold and l.number = o.changes
   where o.user_id = erasable_holds.user_id
     and case o.status when 'active' then o.expires_at else l.at end < erasable_holds.before
     and exists (select from public.hold_changes c where c.user_id = o.user_id
                    and c.hold = o.hold and num_nonnulls(c.idempotency_key, c.metadata) > 0)
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = o.user_id and e.number = o.hold);
end $$;

comment on function ledger.erasable_holds is
  'The holds of a user that ended before a moment and have something to erase.';

revoke all on function ledger.erasable_holds from public;
-- end function

-- function: erase_user
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
    'holds', holds, 'interventions', interventions, 'manual_entries', v_manual_entries, 'digest', ledger.erasures_digest(v_id)));
  perform ledger.apply_erasures(v_id, erase_user.user_id);
  kept := ledger.count_erasable(erase_user.user_id);
end $$;

comment on function public.erase_user is
  'Takes out for ever what people said about a user and the user''s entries, holds and withdrawn entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does the proof: see the table erasures. Returns how many of each it erased, and how many are left: call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).';

revoke all on function public.erase_user from public;
-- end function

-- function: erasure_in_shard
create or replace function ledger.erasure_in_shard(table_name text, entry jsonb)
  returns bigint
  language plpgsql stable as $$
declare
  r jsonb := erasure_in_shard.entry;
  v_kind text;
  v_number text;
  v_change text := '0';
  v_id bigint;
begin
  case erasure_in_shard.table_name
    when 'payment_history' then v_kind := 'entry'; v_number := r ->> 'seq';
    when 'hold_changes' then
      v_kind := 'hold_change'; v_number := r ->> 'hold'; v_change := r ->> 'number';
    when 'user_controls' then v_kind := 'control'; v_number := r ->> 'number';
    when 'user_details' then v_kind := 'details'; v_number := '0';
    else return null;
  end case;
  -- The shard itself: within a change of one, Citus plans nothing about its tables.
  execute format(
      'select max(e.intervention) from public.erasures_%s e
        where e.kind = $1 and e.user_id = $2 and e.number = $3 and e.change = $4',
      get_shard_id_for_distribution_column('public.erasures', (r ->> 'user_id')::bigint))
    into v_id
    using v_kind, (r ->> 'user_id')::bigint, v_number::bigint, v_change::bigint;
  return v_id;
end $$;

comment on function ledger.erasure_in_shard is
  'The number of the last intervention that, by what is written down in erasures, takes something out of a row of a shard of this table; null: none. The row is on this server, and so are its erasures.';

revoke all on function ledger.erasure_in_shard from public;
-- end function

-- function: erasures_digest
create or replace function ledger.erasures_digest(intervention bigint)
  returns text
  language plpgsql stable as $$
declare
  v_hashes bytea;
begin
  select string_agg(e.hash, '' order by e.kind collate "C", e.user_id, e.number, e.change)
    into v_hashes from public.erasures e where e.intervention = erasures_digest.intervention;
  return encode(sha256(coalesce(v_hashes, '')), 'hex');
end $$;

comment on function ledger.erasures_digest is
  'One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.';

revoke all on function ledger.erasures_digest from public;
-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint erasures_kind_check on erasures', '183cf9c5c2cb0ea0'),
    ('constraint erasures_pkey on erasures', 'e7cd8be9f3372af0'),
    ('constraint hold_changes_pkey on hold_changes', '5833c8cad25556aa'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint identity_is_only_check on ledger.identity', 'f9a824bf39a02835'),
    ('constraint identity_pkey on ledger.identity', 'ced5257197a1b3f7'),
    ('constraint interventions_check on interventions', 'd2a573304ca6be36'),
    ('constraint interventions_operation_check on interventions', 'a16e435465ff90ff'),
    ('constraint interventions_pkey on interventions', '0b061cb60c8123a7'),
    ('constraint manual_entries_pkey on manual_entries', '5c745ef35e4bcaea'),
    ('constraint payment_history_pkey on payment_history', '14dc1713ba6975f7'),
    ('constraint payment_history_user_id_seq_key on payment_history', 'be4ce7425d4183e6'),
    ('constraint user_controls_check on user_controls', 'e7f5ac03a39de3b8'),
    ('constraint user_controls_operation_check on user_controls', '9361b82a9fade04a'),
    ('constraint user_controls_pkey on user_controls', '54a744654ceab286'),
    ('constraint user_details_pkey on user_details', '8f9fbf794dd5d754'),
    ('constraint user_keys_pkey on user_keys', 'd38673d90a374de6'),
    ('constraint user_references_pkey on user_references', 'f2b367e344c3ea3d'),
    ('constraint users_pkey on users', '0b061cb60c8123a7'),
    ('constraint webhooks_pkey on ledger.webhooks', 'c111be69896f9b78'),
    ('domain ledger.nothing', '13906e57c06ddad7'),
    ('function ledger.absent_account(bigint)', '671940d020bab811'),
    ('function ledger.absent_ids(bigint,bigint)', '256912eeed601b08'),
    ('function ledger.account_after(ledger.account,public.hold_changes)', '11361e46ba40274f'),
    ('function ledger.account_at(ledger.account,bigint)', '6e8e647fc8af8163'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '6bf11ceff08de2de'),
    ('function ledger.add_control(bigint,timestamp with time zone,text,numeric,text,text)', '7a376917bf863fc6'),
    ('function ledger.add_control_erasures(bigint,bigint,timestamp with time zone)', 'a7f9a5269e7f5690'),
    ('function ledger.add_details_erasure(bigint,bigint,timestamp with time zone)', '7f98f04e6efc8d50'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '02f89e43049f5bd6'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '1ebe7a756a53d58e'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'f3b16351d79afec8'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '272e6188584e6517'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '3b392672e12f2f73'),
    ('function ledger.add_intervention_erasure(bigint,bigint)', '4a1753167d074599'),
    ('function ledger.add_manual_erasure(bigint,public.manual_entries,public.payment_history,public.payment_history,text,bigint)', '66aa5b2a8953301e'),
    ('function ledger.add_plain_entry(text,bigint,numeric,numeric)', '7293accf132bdc62'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint)', 'ed8cb4458201d46f'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '8ea8fc762759499d'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.await_prepared()', '1bd8beb76b5b240c'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'a8ebb9b3debcb111'),
    ('function ledger.by_shard(bigint[])', '2aeae4beef817127'),
    ('function ledger.calls_in_shards()', 'b53492e0618a4b6b'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.change_of_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '4ec33dbe1dfbccb7'),
    ('function ledger.changes_between(timestamp with time zone[])', 'e9c23d137ba2d6d7'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
    ('function ledger.choose_by_hash(text,integer[],text[])', '838f0a5fa2670a54'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '69ed8281fd549459'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.commit_in_two_phases()', '359ac0e86464af99'),
    ('function ledger.control_hash(bytea,bigint,bigint,timestamp with time zone,xid8,text,text,text,numeric,text,bigint)', '7c73f9456755b131'),
    ('function ledger.copy_accounts(ledger.account[])', '1ec7eda90a6d7187'),
    ('function ledger.count_erasable(bigint)', '7cf1574666cdbb1f'),
    ('function ledger.count_pending(integer)', '3c78c438df4a3ca2'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', '8b62bbc0821c1247'),
    ('function ledger.details_hash(bigint,timestamp with time zone,text,jsonb,text,bigint)', '5f8cec19e6312449'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '99e90348f8eb8ed3'),
    ('function ledger.entry_change(public.payment_history)', 'ac66c6d59dc0df5e'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'e52bff4096ba3871'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '6079844d340060aa'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '06dbc5073857914f'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '9b2de0c83b073926'),
    ('function ledger.epoch(bigint)', 'eb7bcdff421c151e'),
    ('function ledger.erasable_entries(bigint,timestamp with time zone)', '5cf8bc8125fb6889'),
    ('function ledger.erasable_holds(bigint,timestamp with time zone)', 'd5b2c0a09806d11a'),
    ('function ledger.erasable_interventions(bigint,timestamp with time zone)', 'a8595e9f84ab7b40'),
    ('function ledger.erased_entry_hash(bytea,public.payment_history)', '967fd561a568cec5'),
    ('function ledger.erased_hash(bytea,bytea)', '32407d2c53eac2ee'),
    ('function ledger.erasure_in_shard(text,jsonb)', '08f9f3c983b14e85'),
    ('function ledger.erasures_digest(bigint)', 'e5b08f484ff575bc'),
    ('function ledger.event_details(bigint[],bigint[],bigint[],bigint[],text[])', '7f9e67ff93f44d9f'),
    ('function ledger.event_digest(bigint)', '5e2a54ec56d95674'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'aa93b635027eecbe'),
    ('function ledger.field_1(oid,bytea)', 'f6c8c03115009b49'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', '88d7b8b024538be5'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '29370ffebadb610d'),
    ('function ledger.find_key(bigint,text,boolean)', '097ac7d6eaded3a1'),
    ('function ledger.find_keys(bigint,text,integer)', '56ef35529f259710'),
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', 'c476716835de3c01'),
    ('function ledger.first_problem(text,text,text,text,text)', '83832731d93a37dc'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', 'e7ecc362e3790977'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', 'aad422bfeaff4bb9'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', 'cd08bddca4cea784'),
    ('function ledger.get_code_guards()', 'a9d66580a0e67530'),
    ('function ledger.get_constraint_guards()', '6e7c110c8f3aa007'),
    ('function ledger.get_each_user(bigint[])', '8d57c33255799af2'),
    ('function ledger.get_erasures(bigint,bigint[])', '4c43563d0c0a7ad6'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', 'd9b5e8050269df72'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '968d3bcd72ba5825'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', 'e795aee6af2d0433'),
    ('function ledger.guard_user()', '405054e65228554f'),
    ('function ledger.guarded_relations()', '316b19b2730723da'),
    ('function ledger.has_mark(public.payment_history,text)', 'eac501c1c8a82cda'),
    ('function ledger.has_migration(text)', '70610966c2c34f65'),
    ('function ledger.has_most_holds(bigint)', '1939260edebe2cd5'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '0a4210c262be7333'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '91f3af6f58f11728'),
    ('function ledger.held_now(bigint)', '30ab54a0e8d785f9'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '1e4b9c8abefcafab'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', '3298349943b9040d'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', 'bc84d22022810715'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '37fa36377a3f39d8'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '37eb1e5d0eb2c42c'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '927f995b51465557'),
    ('function ledger.hold_row_problem(public.holds,public.hold_changes,public.hold_changes,numeric)', '5c4ff77112eb1ee3'),
    ('function ledger.ids_of(ledger.account[])', '5792c869cfc11be5'),
    ('function ledger.incarnation()', '81d49b37cc8945d9'),
    ('function ledger.insert_entries(ledger.entry[])', '30b7a03b10611bae'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_as_entered(public.manual_entries,public.payment_history,text,bigint)', '59eed3f57b694662'),
    ('function ledger.is_distributed()', 'b827f2e205abf59e'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '6210f4a693e6a6df'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', '7f24ff337ceb0581'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'd77919ee028c6f32'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', '26059ea1e4735bd8'),
    ('function ledger.is_mark(jsonb)', 'dc593f0eb5a3141f'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '1597b15daece3031'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', '19ea2bcf64d678f8'),
    ('function ledger.is_valid_amount(numeric)', '6cedcdb0f3e0fb95'),
    ('function ledger.is_valid_expiry(numeric)', '6233b947b7e85698'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '6e3c30b3fef582b4'),
    ('function ledger.is_valid_reference(text)', 'd2285207240980d4'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', 'ee1c14dc88f571a6'),
    ('function ledger.keeps_shard(bigint)', 'c634e762f115a9fb'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', 'b2f58278cb70feec'),
    ('function ledger.leaves_shard(bigint,bigint[])', 'fcc4b554268f6100'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', '3f675588fad14dbb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '85fad7384da4176c'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9aea5da49692125'),
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_half(bigint,text)', '392b3e56d9a5350a'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', 'ceedacc1f50749f3'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer()', 'edc8705d75b5a220'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', 'aec5e4f733d640f4'),
    ('function ledger.pause_cache()', '6c12536b40e77f8a'),
    ('function ledger.peer_at(ledger.account,bigint,text)', '804f21bd01d26e54'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', 'c74e6da8a763a70a'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_each(ledger.account[],bigint[],text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean)', 'd5b47da2c4213a12'),
    ('function ledger.post_half(bigint,numeric,text,jsonb,text)', '45d0c006f0295590'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '49ee095bbe94f63f'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '9fa9641d75db5550'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_pending(bigint,integer)', '3dd43acdabc9b5b1'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.refuse_moved()', '4d9f72ed4dd80c17'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.reversal_problem(public.payment_history,bigint)', '3e948cc753060f73'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.schema_of_shard(bigint)', '9f9e53908b7e54d0'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', 'b4a8751b3f999e4f'),
    ('function ledger.target_of(text,bigint,bigint,numeric,numeric)', '0c964627658a99fb'),
    ('function ledger.transfer_across(bigint,bigint,numeric,text,jsonb)', 'ff6030e9427baa65'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_archived(jsonb[])', '4c2f4837ac46a8c8'),
    ('function ledger.verify_controls(bigint,bigint)', 'a5b90991d2702faf'),
    ('function ledger.verify_copies(bigint,bigint)', 'c23b6c5a8e7b3adc'),
    ('function ledger.verify_details(bigint,bigint)', 'd871c100b091f519'),
    ('function ledger.verify_each_user(bigint,bigint,interval)', '85750ab07225824d'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '5d26c09cecab1703'),
    ('function ledger.verify_entries_again(public.payment_history[])', '8e52553893f5edf6'),
    ('function ledger.verify_entry(public.payment_history)', 'ebcfd978d46589bd'),
    ('function ledger.verify_erasures()', '34cc1a3d7bc03652'),
    ('function ledger.verify_guards()', 'af3cc434dbb5dc63'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'b18c5224d3861691'),
    ('function ledger.verify_interventions()', 'cfe28fe37e67f8f1'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '4357771cb0cad11f'),
    ('function ledger.verify_references()', '98bbc1501ad64aa7'),
    ('function ledger.verify_servers()', '0301506b9062fa50'),
    ('function ledger.verify_servers_again(ledger.finding[])', '232ba8be91b34236'),
    ('function ledger.verify_shards()', '5f59a7f3f7d52353'),
    ('function ledger.verify_suspects(public.payment_history[])', '035d8dd2baf2bd79'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '37fbf891a80d26e4'),
    ('function ledger.verify_users_again(bigint[],interval)', 'f56d02d11b165c2f'),
    ('function ledger.verify_workers()', 'dd506ea8dc8229d1'),
    ('function ledger.withdraw_in_shard(bigint,bigint)', '1061c4d8bc653c61'),
    ('function ledger.withdrawal_of(bigint,bigint)', 'b3ae35ef30d141fe'),
    ('function ledger.write_all(public.hold_changes[],ledger.entry[],ledger.account[])', 'ca6909ca34930c98'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '97b54fa5bdb6c7f9'),
    ('function ledger.write_half(bigint,text)', 'bda16dbef45b5374'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'cbd4ae3d05d6580b'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'd296d71f55859ef6'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'fbc4e4537d885663'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', 'c3ce8739cf22e107'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'ebd5a45bafa4c2b7'),
    ('function public.freeze_user(bigint,text)', '397f0fdf86ab3b55'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b947b26ced430996'),
    ('function public.recalculate_balance(bigint)', '789bdfced21dcf5b'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'a7cbc1ea91c656a8'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', '30d70d5f64a5a839'),
    ('function public.set_credit_limit(bigint,numeric,text)', '8c9cdb0a1cebbe5b'),
    ('function public.thaw_user(bigint,text)', 'eaee04c7fc262c60'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', 'd0e8e96d235119b0'),
    ('function public.verify_ledger()', '61e19428cbf63c3a'),
    ('function public.verify_user(bigint)', '22b59b0cbc0f7456'),
    ('function public.withdraw_entry(bigint,bigint,text)', 'd794273a94941b79'),
    ('index public.erasures_intervention_idx on erasures', '7da639a755092ae5'),
    ('index public.hold_changes_position_idx on hold_changes', 'd6d319d22a0f5ff4'),
    ('index public.hold_changes_user_id_idempotency_key_key on hold_changes', '571e9b78e2bb3f6e'),
    ('index public.holds_active_idx on holds', 'e9ed7809ecf6b72b'),
    ('index public.interventions_transaction_idx on interventions', '59c87b9c6d4a63ea'),
    ('index public.interventions_user_id_idx on interventions', 'bfded952c2a19e49'),
    ('index public.manual_entries_user_id_seq_idx on manual_entries', '70bb937ef0b54d7d'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_reverses_idx on payment_history', '124294cf45552e6e'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', 'e6ce47e068b4cda2'),
    ('index public.user_controls_position_idx on user_controls', '75d8fc122f1756c5'),
    ('rights on active_holds', 'd9e30e89dd780a8a'),
    ('rights on balances', 'd9e30e89dd780a8a'),
    ('rights on daily_totals', 'd9e30e89dd780a8a'),
    ('rights on entries', 'd9e30e89dd780a8a'),
    ('rights on erasures', 'd9e30e89dd780a8a'),
    ('rights on hold_changes', 'd9e30e89dd780a8a'),
    ('rights on holds', 'd9e30e89dd780a8a'),
    ('rights on interventions', 'd9e30e89dd780a8a'),
    ('rights on interventions_id_seq', 'e3b0c44298fc1c14'),
    ('rights on ledger.anchors', 'd9e30e89dd780a8a'),
    ('rights on ledger.cache_paused_at', 'e3b0c44298fc1c14'),
    ('rights on ledger.identity', 'd9e30e89dd780a8a'),
    ('rights on ledger.webhooks', 'e3b0c44298fc1c14'),
    ('rights on manual_entries', 'd9e30e89dd780a8a'),
    ('rights on payment_history', '4721694b16340936'),
    ('rights on payment_history_id_seq', 'e3b0c44298fc1c14'),
    ('rights on pending_entries', 'd9e30e89dd780a8a'),
    ('rights on schema ledger', 'fcd5b9f2775f43ac'),
    ('rights on schema public', 'fcd5b9f2775f43ac'),
    ('rights on user_controls', 'd9e30e89dd780a8a'),
    ('rights on user_details', 'd9e30e89dd780a8a'),
    ('rights on user_keys', 'd9e30e89dd780a8a'),
    ('rights on user_references', 'd9e30e89dd780a8a'),
    ('rights on users', 'd9e30e89dd780a8a'),
    ('rights on users_id_seq', 'e3b0c44298fc1c14'),
    ('role ledger_dba', '9f0033958df0d538'),
    ('role ledger_service', '9f0033958df0d538'),
    ('sequence interventions_id_seq', '287e66d78ae1c075'),
    ('sequence ledger.cache_paused_at', '287e66d78ae1c075'),
    ('sequence payment_history_id_seq', '287e66d78ae1c075'),
    ('sequence users_id_seq', '287e66d78ae1c075'),
    ('table erasures', 'c69ef36b1bc91a93'),
    ('table hold_changes', 'e9fb1c523c7027bf'),
    ('table holds', '841b87fa6b28cbad'),
    ('table interventions', '979f5f8532112395'),
    ('table ledger.anchors', 'fda77f3f519985c0'),
    ('table ledger.identity', '9615794bded0f2fb'),
    ('table ledger.webhooks', '4ca19724509160fa'),
    ('table manual_entries', 'e868c1b5679264b2'),
    ('table payment_history', 'b581b7680d61434a'),
    ('table user_controls', 'a83fd91ad35e1826'),
    ('table user_details', '4782ee38d5c081a1'),
    ('table user_keys', '557c6709a3731f8f'),
    ('table user_references', 'a3752cab7663a3ad'),
    ('table users', 'f1caed8fc91c9f2f'),
    ('trigger chain_intervention on interventions', '6da4ab76983d9237'),
    ('trigger check_entry on payment_history', '3e9646019078f751'),
    ('trigger guard_delete on manual_entries', 'c7a66240205addcb'),
    ('trigger guard_delete on users', '234cbc1a7baf1087'),
    ('trigger guard_hold_changes on users', 'd1b6a1933ac2c5e7'),
    ('trigger guard_id on users', '9ee99fc0cfb1960e'),
    ('trigger guard_insert on users', 'a91011e4853f6c05'),
    ('trigger guard_row on erasures', '9820fba4903ddf07'),
    ('trigger guard_row on hold_changes', '564a4dd5bd6bfc75'),
    ('trigger guard_row on interventions', 'b40646b39a765eee'),
    ('trigger guard_row on ledger.anchors', '4a45b4e6499d56a2'),
    ('trigger guard_row on payment_history', '6f32e6c34df454e6'),
    ('trigger guard_row on user_controls', 'fd4bf7b681b9bc3a'),
    ('trigger guard_row on user_details', '1a7c5d43fa60b3dc'),
    ('trigger guard_truncate on erasures', '6a1d29f427167307'),
    ('trigger guard_truncate on hold_changes', '6e818f13d79ba681'),
    ('trigger guard_truncate on interventions', 'c9e16f218b862075'),
    ('trigger guard_truncate on ledger.anchors', '5ec4eee272b89643'),
    ('trigger guard_truncate on manual_entries', '303dc5ddac37a487'),
    ('trigger guard_truncate on payment_history', '80cb16e4408f8366'),
    ('trigger guard_truncate on user_controls', 'c693fb38a26b8ed6'),
    ('trigger guard_truncate on user_details', 'd9b5aaa76ecbb60c'),
    ('trigger guard_truncate on users', '7354bb8aba463187'),
    ('trigger guard_update on manual_entries', 'f367ba61d5e6ea50'),
    ('type ledger.account', '8a9273866c6242c9'),
    ('type ledger.created_user', '567ed868c4364261'),
    ('type ledger.decision', '760a584c19c940d5'),
    ('type ledger.earlier', 'e9b98acc7cac8506'),
    ('type ledger.entry', '1485fdf04ce24f99'),
    ('type ledger.event', '8234df62c15bb728'),
    ('type ledger.finding', '06bf5bbc9b44124c'),
    ('type ledger.found_entry', '37ca20568e7685a3'),
    ('type ledger.listed_hold', 'a045bf295efe3171'),
    ('type ledger.listed_user', '2df4516fd5eb92fe'),
    ('type ledger.outcome', 'f5320caf42269984'),
    ('type ledger.posted_entry', '4886835da4c937e9'),
    ('type ledger.posted_hold', '01090727137924ed'),
    ('type ledger.released_hold', 'c053dfa6edd34a36'),
    ('type ledger.target', '351f9727201159b3'),
    ('type ledger.user_snapshot', 'e104c361492f0a7e'),
    ('type ledger.user_state', '23f332746db27b44'),
    ('type ledger.withdrawn_entry', '417426dc525611ba'),
    ('view active_holds', 'b6d18a416f2eb170'),
    ('view balances', '5ed360c6ca242b9d'),
    ('view daily_totals', '580acb55cddb69d6'),
    ('view entries', 'ab375ac7651a4658'),
    ('view pending_entries', '5961bd852aeb868f')
$$;

comment on function ledger.expected_guards is
  'What get_guards has to say of a ledger as the migrations make it: of each definition the first 16 digits of its sha256.';

revoke all on function ledger.expected_guards from public;
-- end function

-- function: get_erasures
create or replace function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- No join: where users are on several servers, interventions are on one.
  for seq, intervention in
    select e.number, max(e.intervention) from public.erasures e
     where e.kind = 'entry' and e.user_id = get_erasures.user_id
       and e.number = any (get_erasures.seqs)
     group by e.number order by e.number
  loop
    select i.operation into operation from public.interventions i
     where i.id = get_erasures.intervention;
    if found then return next; end if;
  end loop;
end $$;

comment on function ledger.get_erasures is
  'Of these entries of a user those of which something was taken out, with the last intervention that did so: ERASE or ARCHIVE. Their hashes cover what is gone.';

revoke all on function ledger.get_erasures from public;
grant execute on function ledger.get_erasures to ledger_service, ledger_dba;
-- end function

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Its shards have the number of the shard behind the name.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history(_[0-9]+)?$' then
    -- By name: a column that somebody has added may be generated, which has no value yet.
    if num_nonnulls(old.seq, old.balance, old.sealed_at, old.held, old.hash) = 0
      and num_nulls(new.seq, new.balance, new.sealed_at, new.held, new.hash) = 0
      and (new.user_id, new.action, new.amount, new.ts, new.idempotency_key, new.metadata,
          new.hold, new.reverses, new.peer_user_id, new.peer_seq)
        is not distinct from (old.user_id, old.action, old.amount, old.ts, old.idempotency_key,
          old.metadata, old.hold, old.reverses, old.peer_user_id, old.peer_seq)
    then
      return new;
    end if;
  end if;
  if tg_table_name = 'payment_history' and tg_level = 'ROW'
    and has_table_privilege('public.interventions', 'insert') then
    -- By the transaction's id and start, because a restored copy counts its transactions anew.
    if exists (select from public.interventions i where i.transaction = pg_current_xact_id()
                 and i.at >= now() and i.operation = 'BREAK GLASS') then
      insert into public.interventions (operation, user_id, seq, before)
        values (tg_op, old.user_id, old.seq, to_jsonb(old));
      return case tg_op when 'UPDATE' then new else old end;
    elsif tg_op = 'DELETE' and old.seq is null and exists (
        select from public.interventions i where i.transaction = pg_current_xact_id()
           and i.at >= now() and i.operation = 'WITHDRAW' and i.user_id = old.user_id
           and i.before = to_jsonb(old)) then
      return old;
    end if;
  end if;
  if tg_op = 'DELETE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history_[0-9]+$' then
    -- On a shard, which doesn't see interventions.
    if old.seq is null and current_setting('ledger.withdrawn', true) = old.id::text then
      return old;
    end if;
  end if;
  -- A shard doesn't see interventions, but erasures.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and has_table_privilege(case
      when tg_table_name ~ '_[0-9]+$' then 'public.erasures' else 'public.interventions' end,
      'insert') then
    -- Not in the condition before, which would need the right to call it.
    if ledger.is_erasure(tg_table_name, to_jsonb(old), to_jsonb(new)) then return new; end if;
  end if;
  -- A subscriber repeats what was a withdrawal, an erasure or an intervention on its publisher. No
  -- session can choose to be a process that applies a subscription.
  if tg_level = 'ROW' and exists (
      select from pg_stat_subscription s where s.pid = pg_backend_pid()) then
    return case tg_op when 'UPDATE' then new else old end;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, by withdraw_entry and erase_user, and where a subscription repeats one of these; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
-- end function

-- function: has_mark
create or replace function ledger.has_mark(entry public.payment_history, mark text)
  returns boolean
  language plpgsql stable as $$
begin
  if ((entry).metadata ? has_mark.mark) is not true then return false; end if;
  -- Anybody may write such metadata, but only an erasure has a row in erasures.
  perform from public.erasures e
   where e.kind = 'entry' and e.user_id = (entry).user_id and e.number = (entry).seq;
  return found;
end $$;

comment on function ledger.has_mark is
  'Whether an entry''s metadata was taken out: erased or archived.';

revoke all on function ledger.has_mark from public;
grant execute on function ledger.has_mark to ledger_dba;
-- end function

-- function: is_as_entered
create or replace function ledger.is_as_entered(
  manual_entry public.manual_entries, entry public.payment_history, kind text, number bigint)
  returns boolean
  language plpgsql stable as $$
declare
  m public.manual_entries := is_as_entered.manual_entry;
  e public.payment_history := is_as_entered.entry;
  v_hash bytea := ledger.manual_entry_hash(e, m.id, m.entered_at, m.entered_by);
  v_ids bigint[];
begin
  -- Which nobody can enter.
  if num_nonnulls(e.hold, e.reverses, e.peer_user_id, e.peer_seq) > 0 then return false; end if;
  if v_hash = m.hash
    or ledger.is_mark(e.metadata) and ledger.is_erased('manual_entry', m.user_id, m.id, 0,
      ledger.erased_hash(v_hash, m.hash)) then
    return true;
  end if;
  -- Erased when nothing was written down of manual entries. No join: where users are on several
  -- servers, interventions are on one.
  v_ids := array(select x.intervention from public.erasures x
                  where x.kind = is_as_entered.kind and x.user_id = m.user_id
                    and x.number = is_as_entered.number);
  return exists (select from public.interventions i
                  where i.id = any (v_ids) and not i.before ? 'manual_entries');
end $$;

comment on function ledger.is_as_entered is
  'Whether an entry, or what the erasure of its row (kind, number) left of it, is what the row of manual_entries says was entered. Internal.';

revoke all on function ledger.is_as_entered from public;
-- end function

-- function: is_erased
create or replace function ledger.is_erased(
  kind text, user_id bigint, number bigint, change bigint, hash bytea)
  returns boolean
  language plpgsql stable as $$
declare
  v_hash bytea;
begin
  select e.hash into v_hash from public.erasures e
   where e.kind = is_erased.kind and e.user_id = is_erased.user_id
     and e.number = is_erased.number and e.change = is_erased.change
   order by e.intervention desc limit 1;
  return coalesce(v_hash = is_erased.hash, false);
end $$;

comment on function ledger.is_erased is
  'Whether a row is what its last erasure left; hash: erased_hash of the row as it is.';

revoke all on function ledger.is_erased from public;
-- end function

-- function: is_erasure
create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_table text := regexp_replace(is_erasure.table_name, '_[0-9]+$', '');
  v_id bigint;
  v_mark text;
begin
  if v_table = is_erasure.table_name then
    select i.id, case i.operation when 'ERASE' then 'erased' else 'archived' end into v_id, v_mark
      from public.interventions i
     where i.transaction = pg_current_xact_id() and i.at >= now()
       and i.operation in ('ERASE', 'ARCHIVE')
     order by i.id desc limit 1;
  else
    v_id := ledger.erasure_in_shard(v_table, is_erasure.after);
    v_mark := case when is_erasure.after -> 'metadata' ? 'archived' then 'archived' else 'erased' end;
    -- Only once: afterwards the row is what the erasure left, and stays so.
    if is_erasure.before -> 'metadata' in (jsonb_build_object('erased', v_id),
      jsonb_build_object('archived', v_id)) then
      return false;
    end if;
  end if;
  if v_id is null then return false; end if;
  return case
    when v_table in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object(v_mark, v_id)
      and is_erasure.after -> 'idempotency_key'
        in (case v_mark when 'erased' then 'null'::jsonb end,
          is_erasure.before -> 'idempotency_key')
    when v_mark = 'archived' then false
    when v_table = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when v_table = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    when v_table = 'user_details' then
      is_erasure.after = is_erasure.before
        || '{"reference": null, "metadata": null, "idempotency_key": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out; of a row of a shard, what was written down in erasures to be taken out.';

revoke all on function ledger.is_erasure from public;
-- end function

-- function: verify_archived
create or replace function ledger.verify_archived(lines jsonb[])
  returns table (place bigint, user_id bigint, seq bigint, is_archived boolean, finding text)
  language plpgsql stable as $$
declare
  v_ledger text := ledger.ledger_id();
  v_id text := '^[1-9][0-9]{0,15}$';
  v_line jsonb;
  v_previous bytea;
  h public.payment_history;
begin
  -- One entry a statement: each may be on another server.
  for place, v_line in
    select u.n, u.line from unnest(verify_archived.lines) with ordinality u (line, n)
  loop
    h := null;
    if v_line ->> 'ledger' = v_ledger and v_line ->> 'user_id' ~ v_id and v_line ->> 'seq' ~ v_id then
      select x.* into h from public.payment_history x
       where x.user_id = (v_line ->> 'user_id')::bigint and x.seq = (v_line ->> 'seq')::bigint;
    end if;
    user_id := h.user_id;
    seq := h.seq;
    is_archived := ledger.has_mark(h, 'archived');
    finding := case when h.seq is null then 'archive_invalid'
      when ledger.has_mark(h, 'erased') then 'archive_erased' end;
    if finding is null then
      select p.hash into v_previous from public.payment_history p
       where p.user_id = h.user_id and p.seq = h.seq - 1;
      h.metadata := v_line -> 'metadata';
      if h.hash not in (
        ledger.entry_hash(v_previous, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
          h.sealed_at, h.idempotency_key, h.metadata, h.held, h.hold, h.reverses, h.peer_user_id,
          h.peer_seq),
        ledger.entry_hash_1(v_previous, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
          h.sealed_at, h.idempotency_key, h.metadata, h.held, h.hold, h.reverses, h.peer_user_id,
          h.peer_seq)) then
        finding := 'archive_differs';
      end if;
    end if;
    return next;
  end loop;
end $$;

comment on function ledger.verify_archived is
  'For each line of an archive, in order, its entry, whether that is archived, and what is wrong: archive_invalid (no line of this ledger), archive_erased (the entry was erased afterwards), archive_differs (with the metadata of the line, the entry has another hash), or null.';

revoke all on function ledger.verify_archived from public;
grant execute on function ledger.verify_archived to ledger_dba;
-- end function

-- function: verify_erasures
create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_id bigint;
  v_user_id bigint;
begin
  return query
  select 'erasure_invalid', i.user_id, null::bigint,
         format('What intervention %s took out is not written down as it was.', i.id)
    from public.interventions i
   where i.operation in ('ERASE', 'ARCHIVE')
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id);
  -- No join: where users are on several servers, interventions are on one.
  for v_id, v_user_id in
    select e.intervention, min(e.user_id) from public.erasures e group by e.intervention order by 1
  loop
    if not exists (select from public.interventions i
                    where i.id = v_id and i.operation in ('ERASE', 'ARCHIVE')) then
      return next row('erasure_invalid', v_user_id, null,
        format('No intervention %s took anything out.', v_id))::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
-- end function

-- function: verify_guards
create or replace function ledger.verify_guards()
  returns setof ledger.finding
  language sql stable security definer set search_path = pg_catalog, pg_temp
  -- Or else the session decides what a backslash in a regular expression is.
  set standard_conforming_strings = on as $$
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger.finding
    from ledger.expected_guards() e
    full join ledger.get_guards() g on g.object = e.object
    left join ledger.calls_in_shards() c on c.object = e.object
   where (e.hash is distinct from left(encode(sha256(convert_to(
             replace(coalesce(g.definition, ''), coalesce(c.code, ''), ''), 'UTF8')), 'hex'), 16)
       or strpos(g.definition, c.code) = 0)
     -- Others may have objects of their own. But what runs at a change, or has the name of a
     -- function of the ledger, must be the ledger's.
     and (e.object is not null or g.object like '% ledger.%' and g.object not like 'rights on %'
       or g.object like '% pg_catalog.%'
       or substring(g.object from '^(?:trigger|code) .* on (.*)') in (
            select substring(t.object from '^table (.*)') from ledger.expected_guards() t)
       or substring(g.object from '^function public\.(\w+)\(') in (
            select substring(f.object from '^function public\.(\w+)\(') from ledger.expected_guards() f))
     -- npm run distribute puts another in its place, and verify_shards says whether it is right.
     and (not ledger.is_distributed() or e.object <> 'function ledger.is_distributed()')
  union all
  select f from ledger.verify_servers() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger or other code that runs at a change, anything in schema ledger, or a function of the name of one of ours or PostgreSQL''s, that is somebody else''s; and those of verify_servers.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
-- end function

-- function: verify_servers
create or replace function ledger.verify_servers()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_findings ledger.finding[] := array(
    select f from ledger.verify_interventions() f
    union all select f from ledger.verify_references() f
    union all select f from ledger.verify_shards() f);
begin
  if ledger.is_distributed() and cardinality(v_findings) > 0 then
    v_findings := ledger.verify_servers_again(v_findings);
  end if;
  return query select f.* from unnest(v_findings) f;
end $$;

comment on function ledger.verify_servers is
  'The findings of verify_interventions, verify_references and verify_shards, where users are on several servers those that a second look has, too. Internal.';

revoke all on function ledger.verify_servers from public;
-- end function

-- function: verify_servers_again
create or replace function ledger.verify_servers_again(findings ledger.finding[])
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_findings ledger.finding[];
begin
  perform ledger.await_prepared();
  v_findings := array(
    select f from ledger.verify_interventions() f
    union all select f from ledger.verify_references() f
    union all select f from ledger.verify_shards() f);
  -- What is new may be on its way. And a server that didn't answer meanwhile isn't without guards.
  perform ledger.await_prepared();
  return array(select f from unnest(v_findings) f
                where f = any (verify_servers_again.findings));
end $$;

comment on function ledger.verify_servers_again is
  'Which findings of verify_servers a second look has, too, for where users are on several servers: a user who was on the way to its server in the first is there by now, and so is a shard, and what was erased. Raises 08006 if a server doesn''t answer. Internal.';

revoke all on function ledger.verify_servers_again from public;
-- end function

-- function: verify_workers
create or replace function ledger.verify_workers()
  returns setof ledger.finding
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off
  set standard_conforming_strings = on as $$
declare
  -- What every server has to have: not what belongs to the tables that only the coordinator has,
  -- nor who may read views, which Citus doesn't pass on.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(nullif(regexp_replace(g.definition,
             '(, )?SELECT (PUBLIC|ledger_service|ledger_dba)', '', 'g'), '')), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.erasable_interventions\W'
             '|function .*\m(public.)?interventions\)$'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks|cache_paused_at))$)')$query$;
  v_shard_query text := $query$
    select coalesce(string_agg(g.object || ': ' || g.definition, chr(10)), '')
      from ledger.get_shard_guards() g$query$;
  v_line_query text := $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$;
  v_expected text;
begin
  execute v_server_query into v_expected;
  return query execute v_line_query using v_server_query, v_expected;

  select coalesce(string_agg(x.line, chr(10)), '') into v_expected
    from ledger.get_shards() s
    cross join lateral (
      select format('functions of ledger_%s: %s', s.shard_id, md5(string_agg(concat_ws(' ', f.name,
               f.definition, true, f.caller), chr(10) order by f.name collate "C"))) as line
        from ledger.shard_functions(s.shard_id) f) x;
  return query execute v_line_query using v_shard_query, v_expected;
end $$;

comment on function ledger.verify_workers is
  'The findings about the servers of a distributed ledger: one without a guard that the coordinator has, such as a function that nobody else may execute, or on which the functions of a shard are missing or others.';

revoke all on function ledger.verify_workers from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: verify_workers
create or replace function ledger.verify_workers()
  returns setof ledger.finding
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off
  set standard_conforming_strings = on as $$
declare
  -- What every server has to have: not what belongs to the tables that only the coordinator has,
  -- nor who may read views, which Citus doesn't pass on.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(nullif(regexp_replace(g.definition,
             '(, )?SELECT (PUBLIC|ledger_service|ledger_dba)', '', 'g'), '')), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.erasable_interventions\W'
             '|function .*\m(public.)?interventions\)$'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|erasures|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks|cache_paused_at))$)')$query$;
  v_shard_query text := $query$
    select coalesce(string_agg(g.object || ': ' || g.definition, chr(10)), '')
      from ledger.get_shard_guards() g$query$;
  v_line_query text := $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$;
  v_expected text;
begin
  execute v_server_query into v_expected;
  return query execute v_line_query using v_server_query, v_expected;

  select coalesce(string_agg(x.line, chr(10)), '') into v_expected
    from ledger.get_shards() s
    cross join lateral (
      select format('functions of ledger_%s: %s', s.shard_id, md5(string_agg(concat_ws(' ', f.name,
               f.definition, true, f.caller), chr(10) order by f.name collate "C"))) as line
        from ledger.shard_functions(s.shard_id) f) x;
  return query execute v_line_query using v_shard_query, v_expected;
end $$;

comment on function ledger.verify_workers is
  'The findings about the servers of a distributed ledger: one without a guard that the coordinator has, such as a function that nobody else may execute, or on which the functions of a shard are missing or others.';

revoke all on function ledger.verify_workers from public;
-- end function

-- function: verify_servers_again
create or replace function ledger.verify_servers_again(findings ledger.finding[])
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_findings ledger.finding[];
begin
  perform ledger.await_prepared();
  v_findings := array(
    select f from ledger.verify_references() f union all select f from ledger.verify_shards() f);
  -- What is new may be on its way. And a server that didn't answer meanwhile isn't without guards.
  perform ledger.await_prepared();
  return array(select f from unnest(v_findings) f
                where f = any (verify_servers_again.findings));
end $$;

comment on function ledger.verify_servers_again is
  'Which findings of verify_references and verify_shards a second look has, too, for where users are on several servers: a user who was on the way to its server in the first is there by now, and so is a shard. Raises 08006 if a server doesn''t answer. Internal.';

revoke all on function ledger.verify_servers_again from public;
-- end function

-- function: verify_servers
create or replace function ledger.verify_servers()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_findings ledger.finding[] := array(
    select f from ledger.verify_references() f union all select f from ledger.verify_shards() f);
begin
  if ledger.is_distributed() and cardinality(v_findings) > 0 then
    v_findings := ledger.verify_servers_again(v_findings);
  end if;
  return query select f.* from unnest(v_findings) f;
end $$;

comment on function ledger.verify_servers is
  'The findings of verify_references and verify_shards, where users are on several servers those that a second look has, too. Internal.';

revoke all on function ledger.verify_servers from public;
-- end function

-- function: verify_guards
create or replace function ledger.verify_guards()
  returns setof ledger.finding
  language sql stable security definer set search_path = pg_catalog, pg_temp
  -- Or else the session decides what a backslash in a regular expression is.
  set standard_conforming_strings = on as $$
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger.finding
    from ledger.expected_guards() e
    full join ledger.get_guards() g on g.object = e.object
    left join ledger.calls_in_shards() c on c.object = e.object
   where (e.hash is distinct from left(encode(sha256(convert_to(
             replace(coalesce(g.definition, ''), coalesce(c.code, ''), ''), 'UTF8')), 'hex'), 16)
       or strpos(g.definition, c.code) = 0)
     -- Others may have objects of their own. But what runs at a change, or has the name of a
     -- function of the ledger, must be the ledger's.
     and (e.object is not null or g.object like '% ledger.%' and g.object not like 'rights on %'
       or g.object like '% pg_catalog.%'
       or substring(g.object from '^(?:trigger|code) .* on (.*)') in (
            select substring(t.object from '^table (.*)') from ledger.expected_guards() t)
       or substring(g.object from '^function public\.(\w+)\(') in (
            select substring(f.object from '^function public\.(\w+)\(') from ledger.expected_guards() f))
     -- npm run distribute puts another in its place, and verify_shards says whether it is right.
     and (not ledger.is_distributed() or e.object <> 'function ledger.is_distributed()')
  union all
  select f from ledger.verify_interventions() f
  union all
  select f from ledger.verify_servers() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger or other code that runs at a change, anything in schema ledger, or a function of the name of one of ours or PostgreSQL''s, that is somebody else''s; and those of verify_interventions and verify_servers.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
-- end function

-- function: verify_erasures
create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language sql stable as $$
  select row('erasure_invalid', i.user_id, null, format(
           'What intervention %s took out is not written down as it was.', i.id))::ledger.finding
    from public.interventions i
   where i.operation in ('ERASE', 'ARCHIVE')
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id)
  union all
  select row('erasure_invalid', min(e.user_id), null, format(
           'No intervention %s took anything out.', e.intervention))::ledger.finding
    from public.erasures e
   where not exists (select from public.interventions i
                      where i.id = e.intervention and i.operation in ('ERASE', 'ARCHIVE'))
   group by e.intervention
$$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
-- end function

drop function ledger.verify_archived(lines jsonb[]);

-- function: is_erasure
create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_id bigint;
  v_mark text;
begin
  select i.id, case i.operation when 'ERASE' then 'erased' else 'archived' end into v_id, v_mark
    from public.interventions i
   where i.transaction = pg_current_xact_id() and i.at >= now()
     and i.operation in ('ERASE', 'ARCHIVE')
   order by i.id desc limit 1;
  if not found then return false; end if;
  return case
    when is_erasure.table_name in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object(v_mark, v_id)
      and is_erasure.after -> 'idempotency_key'
        in (case v_mark when 'erased' then 'null'::jsonb end,
          is_erasure.before -> 'idempotency_key')
    when v_mark = 'archived' then false
    when is_erasure.table_name = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when is_erasure.table_name = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    when is_erasure.table_name = 'user_details' then
      is_erasure.after = is_erasure.before
        || '{"reference": null, "metadata": null, "idempotency_key": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out.';

revoke all on function ledger.is_erasure from public;
-- end function

-- function: is_erased
create or replace function ledger.is_erased(
  kind text, user_id bigint, number bigint, change bigint, hash bytea)
  returns boolean
  language sql stable as $$
  select coalesce((
    select e.hash = is_erased.hash from public.erasures e
     where e.kind = is_erased.kind and e.user_id = is_erased.user_id
       and e.number = is_erased.number and e.change = is_erased.change
     order by e.intervention desc limit 1), false)
$$;

comment on function ledger.is_erased is
  'Whether a row is what its last erasure left; hash: erased_hash of the row as it is.';

revoke all on function ledger.is_erased from public;
-- end function

-- function: is_as_entered
create or replace function ledger.is_as_entered(
  manual_entry public.manual_entries, entry public.payment_history, kind text, number bigint)
  returns boolean
  language plpgsql stable as $$
declare
  m public.manual_entries := is_as_entered.manual_entry;
  e public.payment_history := is_as_entered.entry;
  v_hash bytea := ledger.manual_entry_hash(e, m.id, m.entered_at, m.entered_by);
begin
  -- Which nobody can enter.
  if num_nonnulls(e.hold, e.reverses, e.peer_user_id, e.peer_seq) > 0 then return false; end if;
  return v_hash = m.hash
    or ledger.is_mark(e.metadata) and ledger.is_erased('manual_entry', m.user_id, m.id, 0,
      ledger.erased_hash(v_hash, m.hash))
    -- Erased when nothing was written down of manual entries.
    or exists (select from public.erasures x join public.interventions i on i.id = x.intervention
                where x.kind = is_as_entered.kind and x.user_id = m.user_id
                  and x.number = is_as_entered.number and not i.before ? 'manual_entries');
end $$;

comment on function ledger.is_as_entered is
  'Whether an entry, or what the erasure of its row (kind, number) left of it, is what the row of manual_entries says was entered. Internal.';

revoke all on function ledger.is_as_entered from public;
-- end function

-- function: has_mark
create or replace function ledger.has_mark(entry public.payment_history, mark text)
  returns boolean
  language sql stable as $$
  -- Anybody may write such metadata, but only an erasure has a row in erasures.
  select coalesce((entry).metadata ? has_mark.mark, false) and exists (
    select from public.erasures e
     where e.kind = 'entry' and e.user_id = (entry).user_id and e.number = (entry).seq)
$$;

comment on function ledger.has_mark is
  'Whether an entry''s metadata was taken out: erased or archived.';

revoke all on function ledger.has_mark from public;
grant execute on function ledger.has_mark to ledger_dba;
-- end function

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Its shards have the number of the shard behind the name.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history(_[0-9]+)?$' then
    -- By name: a column that somebody has added may be generated, which has no value yet.
    if num_nonnulls(old.seq, old.balance, old.sealed_at, old.held, old.hash) = 0
      and num_nulls(new.seq, new.balance, new.sealed_at, new.held, new.hash) = 0
      and (new.user_id, new.action, new.amount, new.ts, new.idempotency_key, new.metadata,
          new.hold, new.reverses, new.peer_user_id, new.peer_seq)
        is not distinct from (old.user_id, old.action, old.amount, old.ts, old.idempotency_key,
          old.metadata, old.hold, old.reverses, old.peer_user_id, old.peer_seq)
    then
      return new;
    end if;
  end if;
  if tg_table_name = 'payment_history' and tg_level = 'ROW'
    and has_table_privilege('public.interventions', 'insert') then
    -- By the transaction's id and start, because a restored copy counts its transactions anew.
    if exists (select from public.interventions i where i.transaction = pg_current_xact_id()
                 and i.at >= now() and i.operation = 'BREAK GLASS') then
      insert into public.interventions (operation, user_id, seq, before)
        values (tg_op, old.user_id, old.seq, to_jsonb(old));
      return case tg_op when 'UPDATE' then new else old end;
    elsif tg_op = 'DELETE' and old.seq is null and exists (
        select from public.interventions i where i.transaction = pg_current_xact_id()
           and i.at >= now() and i.operation = 'WITHDRAW' and i.user_id = old.user_id
           and i.before = to_jsonb(old)) then
      return old;
    end if;
  end if;
  if tg_op = 'DELETE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history_[0-9]+$' then
    -- On a shard, which doesn't see interventions.
    if old.seq is null and current_setting('ledger.withdrawn', true) = old.id::text then
      return old;
    end if;
  end if;
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name !~ '_[0-9]+$'
    and has_table_privilege('public.interventions', 'insert') then
    -- Not in the condition before, which would need the right to call it.
    if ledger.is_erasure(tg_table_name, to_jsonb(old), to_jsonb(new)) then return new; end if;
  end if;
  -- A subscriber repeats what was a withdrawal, an erasure or an intervention on its publisher. No
  -- session can choose to be a process that applies a subscription.
  if tg_level = 'ROW' and exists (
      select from pg_stat_subscription s where s.pid = pg_backend_pid()) then
    return case tg_op when 'UPDATE' then new else old end;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, by withdraw_entry and erase_user, and where a subscription repeats one of these; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
-- end function

-- function: get_erasures
create or replace function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select distinct on (e.number) e.number, e.intervention, i.operation
    from public.erasures e
    join public.interventions i on i.id = e.intervention
   where e.kind = 'entry' and e.user_id = get_erasures.user_id
     and e.number = any (get_erasures.seqs)
   order by e.number, e.intervention desc
$$;

comment on function ledger.get_erasures is
  'Of these entries of a user those of which something was taken out, with the last intervention that did so: ERASE or ARCHIVE. Their hashes cover what is gone.';

revoke all on function ledger.get_erasures from public;
grant execute on function ledger.get_erasures to ledger_service, ledger_dba;
-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint erasures_kind_check on erasures', '183cf9c5c2cb0ea0'),
    ('constraint erasures_pkey on erasures', 'e7cd8be9f3372af0'),
    ('constraint hold_changes_pkey on hold_changes', '5833c8cad25556aa'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint identity_is_only_check on ledger.identity', 'f9a824bf39a02835'),
    ('constraint identity_pkey on ledger.identity', 'ced5257197a1b3f7'),
    ('constraint interventions_check on interventions', 'd2a573304ca6be36'),
    ('constraint interventions_operation_check on interventions', 'a16e435465ff90ff'),
    ('constraint interventions_pkey on interventions', '0b061cb60c8123a7'),
    ('constraint manual_entries_pkey on manual_entries', '5c745ef35e4bcaea'),
    ('constraint payment_history_pkey on payment_history', '14dc1713ba6975f7'),
    ('constraint payment_history_user_id_seq_key on payment_history', 'be4ce7425d4183e6'),
    ('constraint user_controls_check on user_controls', 'e7f5ac03a39de3b8'),
    ('constraint user_controls_operation_check on user_controls', '9361b82a9fade04a'),
    ('constraint user_controls_pkey on user_controls', '54a744654ceab286'),
    ('constraint user_details_pkey on user_details', '8f9fbf794dd5d754'),
    ('constraint user_keys_pkey on user_keys', 'd38673d90a374de6'),
    ('constraint user_references_pkey on user_references', 'f2b367e344c3ea3d'),
    ('constraint users_pkey on users', '0b061cb60c8123a7'),
    ('constraint webhooks_pkey on ledger.webhooks', 'c111be69896f9b78'),
    ('domain ledger.nothing', '13906e57c06ddad7'),
    ('function ledger.absent_account(bigint)', '671940d020bab811'),
    ('function ledger.absent_ids(bigint,bigint)', '256912eeed601b08'),
    ('function ledger.account_after(ledger.account,public.hold_changes)', '11361e46ba40274f'),
    ('function ledger.account_at(ledger.account,bigint)', '6e8e647fc8af8163'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '6bf11ceff08de2de'),
    ('function ledger.add_control(bigint,timestamp with time zone,text,numeric,text,text)', '7a376917bf863fc6'),
    ('function ledger.add_control_erasures(bigint,bigint,timestamp with time zone)', 'a7f9a5269e7f5690'),
    ('function ledger.add_details_erasure(bigint,bigint,timestamp with time zone)', '1c2cc3a6e506c10d'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '02f89e43049f5bd6'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '6d49d48dc0ac95f5'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'f3b16351d79afec8'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '272e6188584e6517'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', 'e1aad29f3f8fc678'),
    ('function ledger.add_intervention_erasure(bigint,bigint)', '4a1753167d074599'),
    ('function ledger.add_manual_erasure(bigint,public.manual_entries,public.payment_history,public.payment_history,text,bigint)', '66aa5b2a8953301e'),
    ('function ledger.add_plain_entry(text,bigint,numeric,numeric)', '7293accf132bdc62'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint)', '5e80a096a652bf87'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '815a1cf5780b0765'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.await_prepared()', '1bd8beb76b5b240c'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'a8ebb9b3debcb111'),
    ('function ledger.by_shard(bigint[])', '2aeae4beef817127'),
    ('function ledger.calls_in_shards()', 'b53492e0618a4b6b'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.change_of_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '4ec33dbe1dfbccb7'),
    ('function ledger.changes_between(timestamp with time zone[])', 'e9c23d137ba2d6d7'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
    ('function ledger.choose_by_hash(text,integer[],text[])', '838f0a5fa2670a54'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '69ed8281fd549459'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.commit_in_two_phases()', '359ac0e86464af99'),
    ('function ledger.control_hash(bytea,bigint,bigint,timestamp with time zone,xid8,text,text,text,numeric,text,bigint)', '7c73f9456755b131'),
    ('function ledger.copy_accounts(ledger.account[])', '1ec7eda90a6d7187'),
    ('function ledger.count_erasable(bigint)', '113ad498b2cad302'),
    ('function ledger.count_pending(integer)', '3c78c438df4a3ca2'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', '8b62bbc0821c1247'),
    ('function ledger.details_hash(bigint,timestamp with time zone,text,jsonb,text,bigint)', '5f8cec19e6312449'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '99e90348f8eb8ed3'),
    ('function ledger.entry_change(public.payment_history)', 'ac66c6d59dc0df5e'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'e52bff4096ba3871'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '6079844d340060aa'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '06dbc5073857914f'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '9b2de0c83b073926'),
    ('function ledger.epoch(bigint)', 'eb7bcdff421c151e'),
    ('function ledger.erasable_entries(bigint,timestamp with time zone)', '249068e4963190bf'),
    ('function ledger.erasable_holds(bigint,timestamp with time zone)', '838c5e5f29b66b7b'),
    ('function ledger.erasable_interventions(bigint,timestamp with time zone)', 'a8595e9f84ab7b40'),
    ('function ledger.erased_entry_hash(bytea,public.payment_history)', '967fd561a568cec5'),
    ('function ledger.erased_hash(bytea,bytea)', '32407d2c53eac2ee'),
    ('function ledger.erasures_digest(bigint)', 'b223879d80f25189'),
    ('function ledger.event_details(bigint[],bigint[],bigint[],bigint[],text[])', '7f9e67ff93f44d9f'),
    ('function ledger.event_digest(bigint)', '5e2a54ec56d95674'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'aa93b635027eecbe'),
    ('function ledger.field_1(oid,bytea)', 'f6c8c03115009b49'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', '88d7b8b024538be5'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '29370ffebadb610d'),
    ('function ledger.find_key(bigint,text,boolean)', '097ac7d6eaded3a1'),
    ('function ledger.find_keys(bigint,text,integer)', '56ef35529f259710'),
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', 'c476716835de3c01'),
    ('function ledger.first_problem(text,text,text,text,text)', '83832731d93a37dc'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', 'e7ecc362e3790977'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', 'aad422bfeaff4bb9'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', 'cd08bddca4cea784'),
    ('function ledger.get_code_guards()', 'a9d66580a0e67530'),
    ('function ledger.get_constraint_guards()', '6e7c110c8f3aa007'),
    ('function ledger.get_each_user(bigint[])', '8d57c33255799af2'),
    ('function ledger.get_erasures(bigint,bigint[])', '83b21fa779d99f23'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', 'd9b5e8050269df72'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '968d3bcd72ba5825'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', '1c8a0c38ddc939c6'),
    ('function ledger.guard_user()', '405054e65228554f'),
    ('function ledger.guarded_relations()', '316b19b2730723da'),
    ('function ledger.has_mark(public.payment_history,text)', '5e9c1e09ac860192'),
    ('function ledger.has_migration(text)', '70610966c2c34f65'),
    ('function ledger.has_most_holds(bigint)', '1939260edebe2cd5'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '0a4210c262be7333'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '91f3af6f58f11728'),
    ('function ledger.held_now(bigint)', '30ab54a0e8d785f9'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '1e4b9c8abefcafab'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', '3298349943b9040d'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', 'bc84d22022810715'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '37fa36377a3f39d8'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '37eb1e5d0eb2c42c'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '927f995b51465557'),
    ('function ledger.hold_row_problem(public.holds,public.hold_changes,public.hold_changes,numeric)', '5c4ff77112eb1ee3'),
    ('function ledger.ids_of(ledger.account[])', '5792c869cfc11be5'),
    ('function ledger.incarnation()', '81d49b37cc8945d9'),
    ('function ledger.insert_entries(ledger.entry[])', '30b7a03b10611bae'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_as_entered(public.manual_entries,public.payment_history,text,bigint)', 'f7fc5926df18e39d'),
    ('function ledger.is_distributed()', 'b827f2e205abf59e'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '02817f8cc93843c7'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', 'd1ddacd119828337'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'd77919ee028c6f32'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', '26059ea1e4735bd8'),
    ('function ledger.is_mark(jsonb)', 'dc593f0eb5a3141f'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '1597b15daece3031'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', '19ea2bcf64d678f8'),
    ('function ledger.is_valid_amount(numeric)', '6cedcdb0f3e0fb95'),
    ('function ledger.is_valid_expiry(numeric)', '6233b947b7e85698'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '6e3c30b3fef582b4'),
    ('function ledger.is_valid_reference(text)', 'd2285207240980d4'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', 'ee1c14dc88f571a6'),
    ('function ledger.keeps_shard(bigint)', 'c634e762f115a9fb'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', 'b2f58278cb70feec'),
    ('function ledger.leaves_shard(bigint,bigint[])', 'fcc4b554268f6100'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', '3f675588fad14dbb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '85fad7384da4176c'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9aea5da49692125'),
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_half(bigint,text)', '392b3e56d9a5350a'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', 'ceedacc1f50749f3'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer()', 'edc8705d75b5a220'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', 'aec5e4f733d640f4'),
    ('function ledger.pause_cache()', '6c12536b40e77f8a'),
    ('function ledger.peer_at(ledger.account,bigint,text)', '804f21bd01d26e54'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', 'c74e6da8a763a70a'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_each(ledger.account[],bigint[],text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean)', 'd5b47da2c4213a12'),
    ('function ledger.post_half(bigint,numeric,text,jsonb,text)', '45d0c006f0295590'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '49ee095bbe94f63f'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '9fa9641d75db5550'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_pending(bigint,integer)', '3dd43acdabc9b5b1'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.refuse_moved()', '4d9f72ed4dd80c17'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.reversal_problem(public.payment_history,bigint)', '3e948cc753060f73'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.schema_of_shard(bigint)', '9f9e53908b7e54d0'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', 'b4a8751b3f999e4f'),
    ('function ledger.target_of(text,bigint,bigint,numeric,numeric)', '0c964627658a99fb'),
    ('function ledger.transfer_across(bigint,bigint,numeric,text,jsonb)', 'ff6030e9427baa65'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', 'a5b90991d2702faf'),
    ('function ledger.verify_copies(bigint,bigint)', 'c23b6c5a8e7b3adc'),
    ('function ledger.verify_details(bigint,bigint)', 'd871c100b091f519'),
    ('function ledger.verify_each_user(bigint,bigint,interval)', '85750ab07225824d'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '5d26c09cecab1703'),
    ('function ledger.verify_entries_again(public.payment_history[])', '8e52553893f5edf6'),
    ('function ledger.verify_entry(public.payment_history)', 'ebcfd978d46589bd'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', '0a05300b9af4e401'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'b18c5224d3861691'),
    ('function ledger.verify_interventions()', 'cfe28fe37e67f8f1'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '4357771cb0cad11f'),
    ('function ledger.verify_references()', '98bbc1501ad64aa7'),
    ('function ledger.verify_servers()', 'a81d7c7f8fdb6881'),
    ('function ledger.verify_servers_again(ledger.finding[])', 'dc1ee30c9d581e4d'),
    ('function ledger.verify_shards()', '5f59a7f3f7d52353'),
    ('function ledger.verify_suspects(public.payment_history[])', '035d8dd2baf2bd79'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '37fbf891a80d26e4'),
    ('function ledger.verify_users_again(bigint[],interval)', 'f56d02d11b165c2f'),
    ('function ledger.verify_workers()', '929565d7811a0e67'),
    ('function ledger.withdraw_in_shard(bigint,bigint)', '1061c4d8bc653c61'),
    ('function ledger.withdrawal_of(bigint,bigint)', 'b3ae35ef30d141fe'),
    ('function ledger.write_all(public.hold_changes[],ledger.entry[],ledger.account[])', 'ca6909ca34930c98'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '97b54fa5bdb6c7f9'),
    ('function ledger.write_half(bigint,text)', 'bda16dbef45b5374'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'cbd4ae3d05d6580b'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'd296d71f55859ef6'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'fbc4e4537d885663'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', 'ed73f691e2a1042d'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'ebd5a45bafa4c2b7'),
    ('function public.freeze_user(bigint,text)', '397f0fdf86ab3b55'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b947b26ced430996'),
    ('function public.recalculate_balance(bigint)', '789bdfced21dcf5b'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'a7cbc1ea91c656a8'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', '30d70d5f64a5a839'),
    ('function public.set_credit_limit(bigint,numeric,text)', '8c9cdb0a1cebbe5b'),
    ('function public.thaw_user(bigint,text)', 'eaee04c7fc262c60'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', 'd0e8e96d235119b0'),
    ('function public.verify_ledger()', '61e19428cbf63c3a'),
    ('function public.verify_user(bigint)', '22b59b0cbc0f7456'),
    ('function public.withdraw_entry(bigint,bigint,text)', 'd794273a94941b79'),
    ('index public.erasures_intervention_idx on erasures', '7da639a755092ae5'),
    ('index public.hold_changes_position_idx on hold_changes', 'd6d319d22a0f5ff4'),
    ('index public.hold_changes_user_id_idempotency_key_key on hold_changes', '571e9b78e2bb3f6e'),
    ('index public.holds_active_idx on holds', 'e9ed7809ecf6b72b'),
    ('index public.interventions_transaction_idx on interventions', '59c87b9c6d4a63ea'),
    ('index public.interventions_user_id_idx on interventions', 'bfded952c2a19e49'),
    ('index public.manual_entries_user_id_seq_idx on manual_entries', '70bb937ef0b54d7d'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_reverses_idx on payment_history', '124294cf45552e6e'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', 'e6ce47e068b4cda2'),
    ('index public.user_controls_position_idx on user_controls', '75d8fc122f1756c5'),
    ('rights on active_holds', 'd9e30e89dd780a8a'),
    ('rights on balances', 'd9e30e89dd780a8a'),
    ('rights on daily_totals', 'd9e30e89dd780a8a'),
    ('rights on entries', 'd9e30e89dd780a8a'),
    ('rights on erasures', 'd9e30e89dd780a8a'),
    ('rights on hold_changes', 'd9e30e89dd780a8a'),
    ('rights on holds', 'd9e30e89dd780a8a'),
    ('rights on interventions', 'd9e30e89dd780a8a'),
    ('rights on interventions_id_seq', 'e3b0c44298fc1c14'),
    ('rights on ledger.anchors', 'd9e30e89dd780a8a'),
    ('rights on ledger.cache_paused_at', 'e3b0c44298fc1c14'),
    ('rights on ledger.identity', 'd9e30e89dd780a8a'),
    ('rights on ledger.webhooks', 'e3b0c44298fc1c14'),
    ('rights on manual_entries', 'd9e30e89dd780a8a'),
    ('rights on payment_history', '4721694b16340936'),
    ('rights on payment_history_id_seq', 'e3b0c44298fc1c14'),
    ('rights on pending_entries', 'd9e30e89dd780a8a'),
    ('rights on schema ledger', 'fcd5b9f2775f43ac'),
    ('rights on schema public', 'fcd5b9f2775f43ac'),
    ('rights on user_controls', 'd9e30e89dd780a8a'),
    ('rights on user_details', 'd9e30e89dd780a8a'),
    ('rights on user_keys', 'd9e30e89dd780a8a'),
    ('rights on user_references', 'd9e30e89dd780a8a'),
    ('rights on users', 'd9e30e89dd780a8a'),
    ('rights on users_id_seq', 'e3b0c44298fc1c14'),
    ('role ledger_dba', '9f0033958df0d538'),
    ('role ledger_service', '9f0033958df0d538'),
    ('sequence interventions_id_seq', '287e66d78ae1c075'),
    ('sequence ledger.cache_paused_at', '287e66d78ae1c075'),
    ('sequence payment_history_id_seq', '287e66d78ae1c075'),
    ('sequence users_id_seq', '287e66d78ae1c075'),
    ('table erasures', 'c69ef36b1bc91a93'),
    ('table hold_changes', 'e9fb1c523c7027bf'),
    ('table holds', '841b87fa6b28cbad'),
    ('table interventions', '979f5f8532112395'),
    ('table ledger.anchors', 'fda77f3f519985c0'),
    ('table ledger.identity', '9615794bded0f2fb'),
    ('table ledger.webhooks', '4ca19724509160fa'),
    ('table manual_entries', 'e868c1b5679264b2'),
    ('table payment_history', 'b581b7680d61434a'),
    ('table user_controls', 'a83fd91ad35e1826'),
    ('table user_details', '4782ee38d5c081a1'),
    ('table user_keys', '557c6709a3731f8f'),
    ('table user_references', 'a3752cab7663a3ad'),
    ('table users', 'f1caed8fc91c9f2f'),
    ('trigger chain_intervention on interventions', '6da4ab76983d9237'),
    ('trigger check_entry on payment_history', '3e9646019078f751'),
    ('trigger guard_delete on manual_entries', 'c7a66240205addcb'),
    ('trigger guard_delete on users', '234cbc1a7baf1087'),
    ('trigger guard_hold_changes on users', 'd1b6a1933ac2c5e7'),
    ('trigger guard_id on users', '9ee99fc0cfb1960e'),
    ('trigger guard_insert on users', 'a91011e4853f6c05'),
    ('trigger guard_row on erasures', '9820fba4903ddf07'),
    ('trigger guard_row on hold_changes', '564a4dd5bd6bfc75'),
    ('trigger guard_row on interventions', 'b40646b39a765eee'),
    ('trigger guard_row on ledger.anchors', '4a45b4e6499d56a2'),
    ('trigger guard_row on payment_history', '6f32e6c34df454e6'),
    ('trigger guard_row on user_controls', 'fd4bf7b681b9bc3a'),
    ('trigger guard_row on user_details', '1a7c5d43fa60b3dc'),
    ('trigger guard_truncate on erasures', '6a1d29f427167307'),
    ('trigger guard_truncate on hold_changes', '6e818f13d79ba681'),
    ('trigger guard_truncate on interventions', 'c9e16f218b862075'),
    ('trigger guard_truncate on ledger.anchors', '5ec4eee272b89643'),
    ('trigger guard_truncate on manual_entries', '303dc5ddac37a487'),
    ('trigger guard_truncate on payment_history', '80cb16e4408f8366'),
    ('trigger guard_truncate on user_controls', 'c693fb38a26b8ed6'),
    ('trigger guard_truncate on user_details', 'd9b5aaa76ecbb60c'),
    ('trigger guard_truncate on users', '7354bb8aba463187'),
    ('trigger guard_update on manual_entries', 'f367ba61d5e6ea50'),
    ('type ledger.account', '8a9273866c6242c9'),
    ('type ledger.created_user', '567ed868c4364261'),
    ('type ledger.decision', '760a584c19c940d5'),
    ('type ledger.earlier', 'e9b98acc7cac8506'),
    ('type ledger.entry', '1485fdf04ce24f99'),
    ('type ledger.event', '8234df62c15bb728'),
    ('type ledger.finding', '06bf5bbc9b44124c'),
    ('type ledger.found_entry', '37ca20568e7685a3'),
    ('type ledger.listed_hold', 'a045bf295efe3171'),
    ('type ledger.listed_user', '2df4516fd5eb92fe'),
    ('type ledger.outcome', 'f5320caf42269984'),
    ('type ledger.posted_entry', '4886835da4c937e9'),
    ('type ledger.posted_hold', '01090727137924ed'),
    ('type ledger.released_hold', 'c053dfa6edd34a36'),
    ('type ledger.target', '351f9727201159b3'),
    ('type ledger.user_snapshot', 'e104c361492f0a7e'),
    ('type ledger.user_state', '23f332746db27b44'),
    ('type ledger.withdrawn_entry', '417426dc525611ba'),
    ('view active_holds', 'b6d18a416f2eb170'),
    ('view balances', '5ed360c6ca242b9d'),
    ('view daily_totals', '580acb55cddb69d6'),
    ('view entries', 'ab375ac7651a4658'),
    ('view pending_entries', '5961bd852aeb868f')
$$;

comment on function ledger.expected_guards is
  'What get_guards has to say of a ledger as the migrations make it: of each definition the first 16 digits of its sha256.';

revoke all on function ledger.expected_guards from public;
-- end function

-- function: erasures_digest
create or replace function ledger.erasures_digest(intervention bigint)
  returns text
  language sql stable as $$
  select encode(sha256(coalesce(string_agg(e.hash, '' order by e.kind collate "C", e.user_id,
           e.number, e.change), '')), 'hex')
    from public.erasures e where e.intervention = erasures_digest.intervention
$$;

comment on function ledger.erasures_digest is
  'One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.';

revoke all on function ledger.erasures_digest from public;
-- end function

drop function ledger.erasure_in_shard(table_name text, entry jsonb);

-- function: erase_user
create or replace function public.erase_user(
  user_id bigint, reason text, keep interval default '30 days',
  out entries bigint, out holds bigint, out interventions bigint, out kept bigint)
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
  v_before timestamptz := statement_timestamp() - erase_user.keep;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Erasing'); end if;
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
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;

  perform ledger.add_erasures(v_id, erase_user.user_id, v_before);
  select count(*) filter (where e.kind = 'entry'), count(distinct e.number) filter (where e.kind = 'hold_change'),
         count(*) filter (where e.kind = 'intervention')
    into entries, holds, interventions
    from public.erasures e where e.intervention = v_id;
  -- Before anything goes: the guards look for it.
  insert into public.interventions (operation, reason, user_id, before)
  values ('ERASE', erase_user.reason, erase_user.user_id, jsonb_build_object('entries', entries,
    'holds', holds, 'interventions', interventions, 'manual_entries', (
      select count(*) from public.erasures e
       where e.intervention = v_id and e.kind = 'manual_entry'),
    'digest', ledger.erasures_digest(v_id)));
  perform ledger.apply_erasures(v_id, erase_user.user_id);
  kept := ledger.count_erasable(erase_user.user_id);
end $$;

comment on function public.erase_user is
  'Takes out for ever what people said about a user and the user''s entries, holds and withdrawn entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does the proof: see the table erasures. Returns how many of each it erased, and how many are left: call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).';

revoke all on function public.erase_user from public;
-- end function

-- function: erasable_holds
create or replace function ledger.erasable_holds(user_id bigint, before timestamptz)
  returns setof public.holds
  language sql stable as $$
  select o.* from public.holds o
    join public.hold_changes l
      on l.user_id = o.user_id and l.hold = o.hold and l.number = o.changes
   where o.user_id = erasable_holds.user_id
     and case o.status when 'active' then o.expires_at else l.at end < erasable_holds.before
     and exists (select from public.hold_changes c where c.user_id = o.user_id
                    and c.hold = o.hold and num_nonnulls(c.idempotency_key, c.metadata) > 0)
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = o.user_id and e.number = o.hold)
$$;

comment on function ledger.erasable_holds is
  'The holds of a user that ended before a moment and have something to erase.';

revoke all on function ledger.erasable_holds from public;
-- end function

-- function: erasable_entries
create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language sql stable as $$
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  select h.* from public.payment_history h
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and (h.idempotency_key is not null
       or h.metadata is not null and not ledger.has_mark(h, 'erased'))
  union all
  select p.* from public.payment_history h
    join public.payment_history p on p.user_id = h.peer_user_id and p.seq = h.peer_seq
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and p.metadata is not null and not ledger.has_mark(p, 'erased')
$$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
-- end function

-- function: count_erasable
create or replace function ledger.count_erasable(user_id bigint)
  returns bigint
  language sql stable as $$
  select (select count(*) from ledger.erasable_entries(count_erasable.user_id, 'infinity'))
    + (select count(*) from ledger.erasable_interventions(count_erasable.user_id, 'infinity'))
    + (select count(*) from public.payment_history h
        where h.user_id = count_erasable.user_id and h.seq is null
          and num_nonnulls(h.idempotency_key, h.metadata) > 0)
    + (select count(distinct c.hold) from public.hold_changes c
        where c.user_id = count_erasable.user_id
          and num_nonnulls(c.idempotency_key, c.metadata) > 0
          and not exists (select from public.erasures e where e.kind = 'hold_change'
                             and e.user_id = c.user_id and e.number = c.hold))
    + (select count(*) from public.user_controls k
        where k.user_id = count_erasable.user_id and k.reason is not null)
    + (select count(*) from public.user_details d where d.user_id = count_erasable.user_id
          and num_nonnulls(d.reference, d.metadata, d.idempotency_key) > 0)
$$;

comment on function ledger.count_erasable is
  'How much there is of a user that erase_user would erase, were it old enough, posted or ended.';

revoke all on function ledger.count_erasable from public;
-- end function

-- function: archive_entries
create or replace function ledger.archive_entries(
  user_ids bigint[], seqs bigint[], reason text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
  v_mark jsonb;
  v_entry public.payment_history;
  v_entries bigint := 0;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Archiving'); end if;
  -- As erase_user.
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;
  v_mark := jsonb_build_object('archived', v_id);
  for v_entry in
    select h.* from unnest(archive_entries.user_ids, archive_entries.seqs) x (user_id, seq)
      join public.payment_history h on h.user_id = x.user_id and h.seq = x.seq
     where h.metadata is not null and h.sealed_at < statement_timestamp() - interval '30 days'
       and not ledger.has_mark(h, 'archived') and not ledger.has_mark(h, 'erased')
     order by h.user_id, h.seq
  loop
    perform ledger.add_entry_erasure(v_id, v_entry, v_mark, false);
    v_entries := v_entries + 1;
  end loop;
  if v_entries = 0 then return 0; end if;
  insert into public.interventions (operation, reason, before)
  values ('ARCHIVE', archive_entries.reason,
    jsonb_build_object('entries', v_entries, 'manual_entries', (
      select count(*) from public.erasures e
       where e.intervention = v_id and e.kind = 'manual_entry'),
      'digest', ledger.erasures_digest(v_id)));
  update public.payment_history h set metadata = v_mark
    from public.erasures e
   where e.intervention = v_id and e.kind = 'entry' and h.user_id = e.user_id and h.seq = e.number;
  return v_entries;
end $$;

comment on function ledger.archive_entries is
  'Takes the metadata out of entries that are older than 30 days, after npm run archive has written it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves out those that are younger, or were archived or erased before. Only for the owner of the ledger. Raises LGIMM if an entry is not what its hash says.';

revoke all on function ledger.archive_entries from public;
-- end function

-- function: apply_erasures
create or replace function ledger.apply_erasures(intervention bigint, user_id bigint)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', apply_erasures.intervention);
begin
  update public.payment_history h
     set metadata = v_mark,
         idempotency_key = case when h.user_id <> apply_erasures.user_id then h.idempotency_key end
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'entry'
     and h.user_id = e.user_id and h.seq = e.number;
  update public.hold_changes c
     set metadata = v_mark, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'hold_change'
     and c.user_id = e.user_id and c.hold = e.number and c.number = e.change
     and num_nonnulls(c.idempotency_key, c.metadata) > 0;
  update public.interventions i
     set before = i.before - '{metadata,idempotency_key}'::text[]
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'intervention'
     and i.id = e.number;
  update public.user_controls k set reason = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'control'
     and k.user_id = e.user_id and k.number = e.number;
  update public.user_details d
     set reference = null, metadata = null, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'details'
     and d.user_id = e.user_id;
  if found then
    delete from public.user_references r where r.user_id = apply_erasures.user_id;
    delete from public.user_keys k where k.user_id = apply_erasures.user_id;
  end if;
end $$;

comment on function ledger.apply_erasures is
  'Takes out what an intervention erases of a user: what add_erasures wrote down, and what leads to the user by the reference and the key that are gone.';

revoke all on function ledger.apply_erasures from public;
-- end function

-- function: add_hold_erasures
create or replace function ledger.add_hold_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_placed public.hold_changes;
  v_last public.hold_changes;
  v public.hold_changes;
begin
  -- Every change of a hold: the hashes of earlier versions were over all of it.
  for v in
    select c.* from ledger.erasable_holds(add_hold_erasures.user_id, add_hold_erasures.before) o
      join public.hold_changes c on c.user_id = o.user_id and c.hold = o.hold
     order by c.hold, c.number
  loop
    if v.number = 1 then
      v_placed := v;
      v_last := null;
    end if;
    if ledger.hold_change_problem(v_placed, v_last, v) is not null then
      raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
        detail = format('Change %s of hold %s is not what it has to be.', v.number, v.hold),
        hint = 'Find out why with verify_user first: nobody could tell afterwards.';
    end if;
    insert into public.erasures (intervention, kind, user_id, number, change, hash)
    select add_hold_erasures.intervention, 'hold_change', v.user_id, v.hold, v.number,
           ledger.erased_hash(ledger.hold_hash(v_last.hash, v.user_id, v.hold, v.number, v.action,
             v.amount, v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, null,
             case when num_nonnulls(v.idempotency_key, v.metadata) > 0
               then jsonb_build_object('erased', add_hold_erasures.intervention) end,
             v.position), v.hash);
    v_last := v;
  end loop;
end $$;

comment on function ledger.add_hold_erasures is
  'Writes down what will be left of each change of the holds that an intervention is about to erase of a user. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_hold_erasures from public;
-- end function

-- function: add_entry_erasure
create or replace function ledger.add_entry_erasure(
  intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  e public.payment_history := add_entry_erasure.entry;
  v_previous bytea := (select p.hash from public.payment_history p
                        where p.user_id = e.user_id and p.seq = e.seq - 1);
begin
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
-- end function

-- function: add_details_erasure
create or replace function ledger.add_details_erasure(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  d public.user_details;
  v_at timestamptz := (select u.created_at from public.users u
                        where u.id = add_details_erasure.user_id);
begin
  select x.* into d from public.user_details x
   where x.user_id = add_details_erasure.user_id and v_at < add_details_erasure.before
     and num_nonnulls(x.reference, x.metadata, x.idempotency_key) > 0;
  if not found then return; end if;
  if d.hash <> ledger.details_hash(d.user_id, v_at, d.reference, d.metadata, d.idempotency_key,
    d.asked_id) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('What user %s was made as is not what its hash says.', d.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_details_erasure.intervention, 'details', d.user_id, 0,
    ledger.erased_hash(ledger.details_hash(d.user_id, v_at, null, null, null, d.asked_id), d.hash));
end $$;

comment on function ledger.add_details_erasure is
  'Writes down what will be left of what a user from before a moment was made as, which an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_details_erasure from public;
-- end function
