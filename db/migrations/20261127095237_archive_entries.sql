-- migrate:up

-- by hand
alter table public.interventions
  drop constraint interventions_operation_check,
  drop constraint interventions_check,
  add check (operation in ('BREAK GLASS', 'UPDATE', 'DELETE', 'WITHDRAW', 'ERASE', 'ARCHIVE')),
  add check (reason is not null or operation not in ('BREAK GLASS', 'ERASE', 'ARCHIVE'));
comment on table public.interventions is
  'Every use of break_glass, what each row that it let change had been, every manual entry that was withdrawn, every use of erase_user, and each part of an archive. Append-only, and a chain by hash.';
comment on table public.erasures is
  'What erase_user and npm run archive took something out of, and a hash of what they left and of what there was. Append-only.';
-- end by hand

set local check_function_bodies = off;

-- function: add_entry_erasure
create or replace function ledger.add_entry_erasure(
  intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean)
  returns void
  language plpgsql volatile as $$
declare
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
end $$;

comment on function ledger.add_entry_erasure is
  'Writes down what will be left of an entry whose metadata becomes mark and which may lose its key. Raises LGIMM if it is not what its hash says.';

revoke all on function ledger.add_entry_erasure from public;
-- end function

-- function: add_erasures
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
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if an entry or a hold is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
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
    jsonb_build_object('entries', v_entries, 'digest', ledger.erasures_digest(v_id)));
  update public.payment_history h set metadata = v_mark
    from public.erasures e
   where e.intervention = v_id and e.kind = 'entry' and h.user_id = e.user_id and h.seq = e.number;
  return v_entries;
end $$;

comment on function ledger.archive_entries is
  'Takes the metadata out of entries that are older than 30 days, after npm run archive has written it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves out those that are younger, or were archived or erased before. Only for the owner of the ledger. Raises LGIMM if an entry is not what its hash says.';

revoke all on function ledger.archive_entries from public;
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

drop function ledger.erased_entry(entry public.payment_history, mark jsonb, is_own boolean);

-- function: erased_entry

-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint erasures_kind_check on erasures', 'd4ab3762e953a811'),
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
    ('domain ledger.nothing', 'be4231534676bdaa'),
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '8468a2fb0d9c0e97'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '9a85be9f3f8ad47f'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '22fd396f4c30c1df'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '466d1bc9a9a7d1dc'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_erasable(bigint)', 'b2f3c2770e93aaa6'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'bb1ad59bb3acea1a'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '1b88486450f9fa25'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.erasable_entries(bigint,timestamp with time zone)', 'd464e43c92051eb0'),
    ('function ledger.erasable_holds(bigint,timestamp with time zone)', '6c04bc763a6957b5'),
    ('function ledger.erasable_interventions(bigint,timestamp with time zone)', '276af74e2fb387e0'),
    ('function ledger.erased_entry_hash(bytea,public.payment_history)', '96843c64ccda8987'),
    ('function ledger.erased_hash(bytea,bytea)', '5235bf157a4de438'),
    ('function ledger.erasures_digest(bigint)', 'dd781b4efd2a1dff'),
    ('function ledger.event_digest(bigint)', '3ff9915e335a6888'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '5093f1960775f440'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '9f377034d1899b47'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'd4f921ae480a72df'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', 'cf3ffb6491e63807'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', '0a7aee133169714a'),
    ('function ledger.guard_user()', 'bec94843b193f3a7'),
    ('function ledger.has_mark(public.payment_history,text)', '0a1ed24ed430da4c'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '1477408d305a139d'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', 'b721cfc03d5c0aea'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', '36e0068db7f06dd5'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '0a4b69eb81c1e1ac'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '40d5971a6b654398'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '63f304569abbd92a'),
    ('function ledger.incarnation()', '03acd22936e7f003'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', 'ca19610883ff28c5'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '07fd586f7ec4c7cd'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', '6f7f5068fc9490b7'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'f96c6dedd665def7'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', 'd6b1f4ca905f2c34'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', 'bd7b9f5f2d07d7ad'),
    ('function ledger.is_valid_amount(numeric)', 'b91a5ef0470880f2'),
    ('function ledger.is_valid_expiry(numeric)', '3cd1867800e88211'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '4043c260f041ad4a'),
    ('function ledger.is_valid_reference(text)', 'aa335e8e5604a4d9'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', '145ebae06b0bda66'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'cd4ded54b6b6ffc7'),
    ('function ledger.list_journal(bigint,integer,integer)', 'b449df9fec14c62f'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '584687e426f52bf0'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '14a556b43cb729f1'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82b3703a1a2efd06'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '74be060f0f57bf88'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '428b2ab8987be5d9'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '8ab3bed019dc910e'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '840cc244fd8988f5'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '7d8de74f96b0f7d6'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '362fc526c3605eeb'),
    ('function ledger.post_pending(bigint,integer)', 'c1d89467bdafa15b'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', 'd09741ee987195e3'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '455b38d4b821502c'),
    ('function ledger.verify_erasures()', 'f71b382ef3a3b9a6'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '81f66500cf55514e'),
    ('function ledger.verify_interventions()', '58813f1ceb3b8998'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '1dfde30328a37324'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'a4592f9a4ae8dcd0'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '6b4dc65cf3b55677'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '6240297e22ce359b'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b6f3ada900adc3e9'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'e392b484147f36d8'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', 'b2226eae45594849'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '556eb2ed2def794d'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '8638721ce2a142fa'),
    ('index public.hold_changes_user_id_idempotency_key_key on hold_changes', 'b32b30dd92d59630'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('rights on active_holds', 'e3b0c44298fc1c14'),
    ('rights on balances', 'e3b0c44298fc1c14'),
    ('rights on daily_totals', 'e3b0c44298fc1c14'),
    ('rights on entries', 'e3b0c44298fc1c14'),
    ('rights on erasures', 'e3b0c44298fc1c14'),
    ('rights on hold_changes', 'e3b0c44298fc1c14'),
    ('rights on holds', 'e3b0c44298fc1c14'),
    ('rights on interventions', 'e3b0c44298fc1c14'),
    ('rights on interventions_id_seq', 'e3b0c44298fc1c14'),
    ('rights on ledger.anchors', 'e3b0c44298fc1c14'),
    ('rights on ledger.identity', 'e3b0c44298fc1c14'),
    ('rights on manual_entries', 'e3b0c44298fc1c14'),
    ('rights on payment_history', '0ce07dcfcda45792'),
    ('rights on payment_history_id_seq', 'e3b0c44298fc1c14'),
    ('rights on pending_entries', 'e3b0c44298fc1c14'),
    ('rights on schema ledger', 'e3b0c44298fc1c14'),
    ('rights on schema public', 'e3b0c44298fc1c14'),
    ('rights on user_controls', 'e3b0c44298fc1c14'),
    ('rights on user_details', 'e3b0c44298fc1c14'),
    ('rights on user_keys', 'e3b0c44298fc1c14'),
    ('rights on user_references', 'e3b0c44298fc1c14'),
    ('rights on users', 'e3b0c44298fc1c14'),
    ('rights on users_id_seq', 'e3b0c44298fc1c14'),
    ('role ledger_dba', '9f0033958df0d538'),
    ('role ledger_service', '9f0033958df0d538'),
    ('sequence interventions_id_seq', '6e5f8caf581d36cb'),
    ('sequence payment_history_id_seq', '6e5f8caf581d36cb'),
    ('sequence users_id_seq', '6e5f8caf581d36cb'),
    ('table erasures', 'c8bcd6c9ae2a5fb2'),
    ('table hold_changes', 'b91d433a4f5db56e'),
    ('table holds', '04ae750b150e913a'),
    ('table interventions', '6b539bf0f5297326'),
    ('table ledger.anchors', 'cf356844e9596c6c'),
    ('table ledger.identity', '8bce03ed7360f1db'),
    ('table manual_entries', '8427085a0883f126'),
    ('table payment_history', '9bd52f8fae22bbf8'),
    ('table user_controls', '4474f3fce9479c2c'),
    ('table user_details', 'fc0f3dc5177e4115'),
    ('table user_keys', 'e9cc0114ab7f3c43'),
    ('table user_references', '36dc8a826f7ef939'),
    ('table users', 'b53059c066d18542'),
    ('trigger chain_intervention on interventions', '8e6002a18696d00d'),
    ('trigger check_entry on payment_history', 'f64a6aa33fdae45a'),
    ('trigger guard_delete on manual_entries', '7bb3415abaaf487a'),
    ('trigger guard_delete on users', 'd87e6ac8249237c6'),
    ('trigger guard_hold_changes on users', 'b09eb156e1c859fb'),
    ('trigger guard_id on users', '52653f2f53b4f420'),
    ('trigger guard_insert on users', '24ba671813594687'),
    ('trigger guard_row on erasures', 'f863b1f7f7675b19'),
    ('trigger guard_row on hold_changes', '8e703f4d952569c9'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
    ('trigger guard_truncate on erasures', '082f7e9db6b068a0'),
    ('trigger guard_truncate on hold_changes', 'fcd8ed33e79d133e'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on ledger.anchors', '6f819b7bea8c96e4'),
    ('trigger guard_truncate on manual_entries', '38e565872e706ec7'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on user_controls', 'ccd0948ff08da1b0'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on manual_entries', 'b3c7e47d117738ee'),
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
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out.';

revoke all on function ledger.is_erasure from public;
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

-- function: verify_interventions
create or replace function ledger.verify_interventions()
  returns setof ledger.finding
  language sql stable as $$
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at at time zone 'UTC', coalesce(i.reason, i.before::text)))::ledger.finding
    from public.interventions i where i.operation not in ('WITHDRAW', 'ERASE', 'ARCHIVE')
  union all
  select row('intervention_invalid', i.user_id, i.seq, format(
           'Intervention %s is not what came after number %s.', i.id, coalesce(i.last_id, 0)))::ledger.finding
    from (select i.*, lag(i.id) over w as last_id,
                 ledger.intervention_hash(lag(i.hash) over w, i) as right_hash
            from public.interventions i window w as (order by i.id)) i
   where i.id <> coalesce(i.last_id, 0) + 1
      or i.hash <> i.right_hash and not ledger.is_erased('intervention', i.user_id, i.id, 0,
           ledger.erased_hash(i.right_hash, i.hash))
  union all
  select f from ledger.verify_erasures() f
$$;

comment on function ledger.verify_interventions is
  'The findings about interventions: everything that was done with break_glass, for ever, and where their chain was edited, or one is missing; and those of verify_erasures. Internal.';

revoke all on function ledger.verify_interventions from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: verify_interventions
create or replace function ledger.verify_interventions()
  returns setof ledger.finding
  language sql stable as $$
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at at time zone 'UTC', coalesce(i.reason, i.before::text)))::ledger.finding
    from public.interventions i where i.operation not in ('WITHDRAW', 'ERASE')
  union all
  select row('intervention_invalid', i.user_id, i.seq, format(
           'Intervention %s is not what came after number %s.', i.id, coalesce(i.last_id, 0)))::ledger.finding
    from (select i.*, lag(i.id) over w as last_id,
                 ledger.intervention_hash(lag(i.hash) over w, i) as right_hash
            from public.interventions i window w as (order by i.id)) i
   where i.id <> coalesce(i.last_id, 0) + 1
      or i.hash <> i.right_hash and not ledger.is_erased('intervention', i.user_id, i.id, 0,
           ledger.erased_hash(i.right_hash, i.hash))
  union all
  select f from ledger.verify_erasures() f
$$;

comment on function ledger.verify_interventions is
  'The findings about interventions: everything that was done with break_glass, for ever, and where their chain was edited, or one is missing; and those of verify_erasures. Internal.';

revoke all on function ledger.verify_interventions from public;
-- end function

-- function: verify_erasures
create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language sql stable as $$
  select row('erasure_invalid', i.user_id, null, format(
           'What intervention %s erased is not written down as it was.', i.id))::ledger.finding
    from public.interventions i
   where i.operation = 'ERASE'
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id)
  union all
  select row('erasure_invalid', min(e.user_id), null, format(
           'No intervention %s erased anything.', e.intervention))::ledger.finding
    from public.erasures e
   where not exists (select from public.interventions i
                      where i.id = e.intervention and i.operation = 'ERASE')
   group by e.intervention
$$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
-- end function

-- function: is_erasure
create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_id bigint := (
    select i.id from public.interventions i
     where i.transaction = pg_current_xact_id() and i.at >= now() and i.operation = 'ERASE'
     order by i.id desc limit 1);
begin
  if v_id is null then return false; end if;
  return case
    when is_erasure.table_name in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object('erased', v_id)
      and is_erasure.after -> 'idempotency_key'
        in ('null', is_erasure.before -> 'idempotency_key')
    when is_erasure.table_name = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when is_erasure.table_name = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases takes out.';

revoke all on function ledger.is_erasure from public;
-- end function

drop function ledger.has_mark(entry public.payment_history, mark text);

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint erasures_kind_check on erasures', 'd4ab3762e953a811'),
    ('constraint erasures_pkey on erasures', 'e7cd8be9f3372af0'),
    ('constraint hold_changes_pkey on hold_changes', '5833c8cad25556aa'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint identity_is_only_check on ledger.identity', 'f9a824bf39a02835'),
    ('constraint identity_pkey on ledger.identity', 'ced5257197a1b3f7'),
    ('constraint interventions_check on interventions', '7c2b6f0992274e0f'),
    ('constraint interventions_operation_check on interventions', '2db77fd5274b79e6'),
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
    ('domain ledger.nothing', 'be4231534676bdaa'),
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'e95a4ccd71425106'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '466d1bc9a9a7d1dc'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_erasable(bigint)', 'b2f3c2770e93aaa6'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'bb1ad59bb3acea1a'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '1b88486450f9fa25'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.erasable_entries(bigint,timestamp with time zone)', '773618f51e0a5f7d'),
    ('function ledger.erasable_holds(bigint,timestamp with time zone)', '6c04bc763a6957b5'),
    ('function ledger.erasable_interventions(bigint,timestamp with time zone)', '276af74e2fb387e0'),
    ('function ledger.erased_entry(public.payment_history,jsonb,boolean)', '703c030e571cd509'),
    ('function ledger.erased_entry_hash(bytea,public.payment_history)', '96843c64ccda8987'),
    ('function ledger.erased_hash(bytea,bytea)', '5235bf157a4de438'),
    ('function ledger.erasures_digest(bigint)', 'dd781b4efd2a1dff'),
    ('function ledger.event_digest(bigint)', '3ff9915e335a6888'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '5093f1960775f440'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '9f377034d1899b47'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'd4f921ae480a72df'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', 'cf3ffb6491e63807'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', '0a7aee133169714a'),
    ('function ledger.guard_user()', 'bec94843b193f3a7'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '1477408d305a139d'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', 'b721cfc03d5c0aea'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', '36e0068db7f06dd5'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '0a4b69eb81c1e1ac'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '40d5971a6b654398'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '63f304569abbd92a'),
    ('function ledger.incarnation()', '03acd22936e7f003'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', 'ca19610883ff28c5'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '07fd586f7ec4c7cd'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', '4b2761e17ba45bbe'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'f96c6dedd665def7'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', 'd6b1f4ca905f2c34'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', 'bd7b9f5f2d07d7ad'),
    ('function ledger.is_valid_amount(numeric)', 'b91a5ef0470880f2'),
    ('function ledger.is_valid_expiry(numeric)', '3cd1867800e88211'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '4043c260f041ad4a'),
    ('function ledger.is_valid_reference(text)', 'aa335e8e5604a4d9'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', '145ebae06b0bda66'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'cd4ded54b6b6ffc7'),
    ('function ledger.list_journal(bigint,integer,integer)', 'b449df9fec14c62f'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '584687e426f52bf0'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '14a556b43cb729f1'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82b3703a1a2efd06'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '74be060f0f57bf88'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '428b2ab8987be5d9'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '8ab3bed019dc910e'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '840cc244fd8988f5'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '7d8de74f96b0f7d6'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '362fc526c3605eeb'),
    ('function ledger.post_pending(bigint,integer)', 'c1d89467bdafa15b'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', 'd09741ee987195e3'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '455b38d4b821502c'),
    ('function ledger.verify_erasures()', 'b4819f1510326191'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '81f66500cf55514e'),
    ('function ledger.verify_interventions()', '2899c17adb84af59'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '1dfde30328a37324'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'a4592f9a4ae8dcd0'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '6b4dc65cf3b55677'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '6240297e22ce359b'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b6f3ada900adc3e9'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'e392b484147f36d8'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', 'b2226eae45594849'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '556eb2ed2def794d'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '8638721ce2a142fa'),
    ('index public.hold_changes_user_id_idempotency_key_key on hold_changes', 'b32b30dd92d59630'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('rights on active_holds', 'e3b0c44298fc1c14'),
    ('rights on balances', 'e3b0c44298fc1c14'),
    ('rights on daily_totals', 'e3b0c44298fc1c14'),
    ('rights on entries', 'e3b0c44298fc1c14'),
    ('rights on erasures', 'e3b0c44298fc1c14'),
    ('rights on hold_changes', 'e3b0c44298fc1c14'),
    ('rights on holds', 'e3b0c44298fc1c14'),
    ('rights on interventions', 'e3b0c44298fc1c14'),
    ('rights on interventions_id_seq', 'e3b0c44298fc1c14'),
    ('rights on ledger.anchors', 'e3b0c44298fc1c14'),
    ('rights on ledger.identity', 'e3b0c44298fc1c14'),
    ('rights on manual_entries', 'e3b0c44298fc1c14'),
    ('rights on payment_history', '0ce07dcfcda45792'),
    ('rights on payment_history_id_seq', 'e3b0c44298fc1c14'),
    ('rights on pending_entries', 'e3b0c44298fc1c14'),
    ('rights on schema ledger', 'e3b0c44298fc1c14'),
    ('rights on schema public', 'e3b0c44298fc1c14'),
    ('rights on user_controls', 'e3b0c44298fc1c14'),
    ('rights on user_details', 'e3b0c44298fc1c14'),
    ('rights on user_keys', 'e3b0c44298fc1c14'),
    ('rights on user_references', 'e3b0c44298fc1c14'),
    ('rights on users', 'e3b0c44298fc1c14'),
    ('rights on users_id_seq', 'e3b0c44298fc1c14'),
    ('role ledger_dba', '9f0033958df0d538'),
    ('role ledger_service', '9f0033958df0d538'),
    ('sequence interventions_id_seq', '6e5f8caf581d36cb'),
    ('sequence payment_history_id_seq', '6e5f8caf581d36cb'),
    ('sequence users_id_seq', '6e5f8caf581d36cb'),
    ('table erasures', 'c8bcd6c9ae2a5fb2'),
    ('table hold_changes', 'b91d433a4f5db56e'),
    ('table holds', '04ae750b150e913a'),
    ('table interventions', '6b539bf0f5297326'),
    ('table ledger.anchors', 'cf356844e9596c6c'),
    ('table ledger.identity', '8bce03ed7360f1db'),
    ('table manual_entries', '8427085a0883f126'),
    ('table payment_history', '9bd52f8fae22bbf8'),
    ('table user_controls', '4474f3fce9479c2c'),
    ('table user_details', 'fc0f3dc5177e4115'),
    ('table user_keys', 'e9cc0114ab7f3c43'),
    ('table user_references', '36dc8a826f7ef939'),
    ('table users', 'b53059c066d18542'),
    ('trigger chain_intervention on interventions', '8e6002a18696d00d'),
    ('trigger check_entry on payment_history', 'f64a6aa33fdae45a'),
    ('trigger guard_delete on manual_entries', '7bb3415abaaf487a'),
    ('trigger guard_delete on users', 'd87e6ac8249237c6'),
    ('trigger guard_hold_changes on users', 'b09eb156e1c859fb'),
    ('trigger guard_id on users', '52653f2f53b4f420'),
    ('trigger guard_insert on users', '24ba671813594687'),
    ('trigger guard_row on erasures', 'f863b1f7f7675b19'),
    ('trigger guard_row on hold_changes', '8e703f4d952569c9'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
    ('trigger guard_truncate on erasures', '082f7e9db6b068a0'),
    ('trigger guard_truncate on hold_changes', 'fcd8ed33e79d133e'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on ledger.anchors', '6f819b7bea8c96e4'),
    ('trigger guard_truncate on manual_entries', '38e565872e706ec7'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on user_controls', 'ccd0948ff08da1b0'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on manual_entries', 'b3c7e47d117738ee'),
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

-- function: erased_entry
create or replace function ledger.erased_entry(
  entry public.payment_history, mark jsonb, is_own boolean)
  returns public.payment_history
  language plpgsql immutable parallel safe as $$
declare
  v public.payment_history := erased_entry.entry;
begin
  v.metadata := erased_entry.mark;
  if erased_entry.is_own then v.idempotency_key := null; end if;
  return v;
end $$;

comment on function ledger.erased_entry is
  'What is left of an entry that is erased: of the other half of a transfer, its key as well.';

revoke all on function ledger.erased_entry from public;
-- end function

-- function: erasable_entries
create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language sql stable as $$
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  select h.* from public.payment_history h
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and (h.idempotency_key is not null or h.metadata is not null and not exists (
       select from public.erasures e
        where e.kind = 'entry' and e.user_id = h.user_id and e.number = h.seq))
  union all
  select p.* from public.payment_history h
    join public.payment_history p on p.user_id = h.peer_user_id and p.seq = h.peer_seq
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and p.metadata is not null and not exists (
       select from public.erasures e
        where e.kind = 'entry' and e.user_id = p.user_id and e.number = p.seq)
$$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
-- end function

drop function ledger.archive_entries(user_ids bigint[], seqs bigint[], reason text);

-- function: add_erasures
create or replace function ledger.add_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', add_erasures.intervention);
  v_entry record;
  v_row public.interventions;
  v_last bytea;
begin
  for v_entry in
    select h as entry, p.hash as previous, h.user_id = add_erasures.user_id as is_own
      from ledger.erasable_entries(add_erasures.user_id, add_erasures.before) h
      left join public.payment_history p on p.user_id = h.user_id and p.seq = h.seq - 1
     order by h.user_id, h.seq
  loop
    if ledger.is_hash_of(v_entry.previous, v_entry.entry) is not true then
      raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
        detail = format('Entry %s of user %s is not what its hash says.', (v_entry.entry).seq,
          (v_entry.entry).user_id),
        hint = 'Find out why with verify_user first: nobody could tell afterwards.';
    end if;
    insert into public.erasures (intervention, kind, user_id, number, hash)
    values (add_erasures.intervention, 'entry', (v_entry.entry).user_id, (v_entry.entry).seq,
      ledger.erased_entry_hash(v_entry.previous,
        ledger.erased_entry(v_entry.entry, v_mark, v_entry.is_own)));
  end loop;

  perform ledger.add_hold_erasures(add_erasures.intervention, add_erasures.user_id,
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
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if an entry or a hold is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
-- end function

drop function ledger.add_entry_erasure(intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean);

-- by hand
do $$ begin
  if exists (select from public.interventions i where i.operation = 'ARCHIVE') then
    raise exception 'this would drop what proves that archived rows are right';
  end if;
end $$;
alter table public.interventions
  drop constraint interventions_operation_check,
  drop constraint interventions_check,
  add check (operation in ('BREAK GLASS', 'UPDATE', 'DELETE', 'WITHDRAW', 'ERASE')),
  add check (reason is not null or operation not in ('BREAK GLASS', 'ERASE'));
comment on table public.interventions is
  'Every use of break_glass, what each row that it let change had been, every manual entry that was withdrawn, and every use of erase_user. Append-only, and a chain by hash.';
comment on table public.erasures is
  'What erase_user took something out of, and a hash of what it left and of what there was. Append-only.';
-- end by hand
