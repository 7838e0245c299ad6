-- migrate:up

-- by hand
-- What ledger.get_events returns: an entry or a change of a user with its position, or how far it
-- looked.
create type ledger.event as (
  position bigint, digest text, type text, user_id bigint, at timestamptz, through bigint,
  seq bigint, action text, amount numeric, balance numeric, available numeric, ts timestamptz,
  sealed_at timestamptz, idempotency_key text, metadata jsonb, peer_user_id bigint, peer_seq bigint,
  reverses bigint, reversed_by bigint, hold bigint, hash text, held numeric,
  number bigint, operation text, credit_limit numeric, reason text, role text, actor text);
-- end by hand

set local check_function_bodies = off;

-- function: event_digest
create or replace function ledger.event_digest(at_position bigint)
  returns text
  language sql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select left(encode(h.hash, 'hex'), 16) from public.payment_history h
   where h.id = event_digest.at_position and h.seq is not null
  union all
  select left(encode(sha256(convert_to(format('%s %s %s %s', k.position, k.user_id, k.number,
           (extract(epoch from k.at) * 1000000)::bigint), 'UTF8')), 'hex'), 16)
    from public.user_controls k where k.position = event_digest.at_position
$$;

comment on function ledger.event_digest is
  'Sixteen hexadecimal digits that the event at a position alone has, in this history and in each copy of it; null: there is no event.';

revoke all on function ledger.event_digest from public;
-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint identity_is_only_check on ledger.identity', 'f9a824bf39a02835'),
    ('constraint identity_pkey on ledger.identity', 'ced5257197a1b3f7'),
    ('constraint interventions_check on interventions', '0479997d8cc11929'),
    ('constraint interventions_operation_check on interventions', 'f7de16ca882d232f'),
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
    ('function ledger.absent_ids(bigint,bigint)', '340a386d56714b15'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', 'af1a2a374b335133'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.close_hold(ledger.account,bigint,text,text,jsonb)', '35347c8e53b9d946'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'c676e63b4d09558e'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,boolean)', '4c79974889646607'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.event_digest(bigint)', '3ff9915e335a6888'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '7281493d5cb823f9'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '612d24ec4a82199e'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'd4f921ae480a72df'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', '9b8def62b1ce04a6'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '4da8e787949e82e1'),
    ('function ledger.guard_history()', 'b5aa9dc5f4b0ee8a'),
    ('function ledger.guard_user()', 'f7192430f5011070'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'd2508f856f325bc3'),
    ('function ledger.hold_as_placed(public.holds)', 'd14c9f35c6f27b81'),
    ('function ledger.hold_hash(public.holds)', '112859ecee0ea5e3'),
    ('function ledger.hold_hash_1(public.holds)', 'ba6fec0014035d45'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric)', 'fcc826f50559264a'),
    ('function ledger.incarnation()', '03acd22936e7f003'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '67d2de1bb7b6585f'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'fa9e2c4f51beeaf7'),
    ('function ledger.is_hold_replay(bigint,bigint,numeric,numeric,jsonb)', 'd94be752f8951e37'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_valid_amount(numeric)', 'a8b3e1db07d4b609'),
    ('function ledger.is_valid_expiry(numeric)', '3cd1867800e88211'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '4043c260f041ad4a'),
    ('function ledger.is_valid_reference(text)', 'aa335e8e5604a4d9'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', '145ebae06b0bda66'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'f3437536195bfb0c'),
    ('function ledger.list_journal(bigint,integer,integer)', 'cf92b4b503bd0feb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric)', 'ee02aae3b3425673'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '14a556b43cb729f1'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82fc176814a2631d'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.holds,timestamp with time zone)', '20333d00e03820f1'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '09162be0b6457688'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '6313111ee2b88b5a'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', 'e2922e53bb9e4103'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '20e57ff397601672'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', 'f88baeb3bc53ecb3'),
    ('function ledger.post_pending(bigint,integer)', 'c1d89467bdafa15b'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '223fab78bfa8bdad'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '94d3eabd3774720a'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '5604c26531a8c9af'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '676d1792815b1470'),
    ('function ledger.verify_interventions()', '0d0624ba384c08b2'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '6b272f24b5897009'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'eb1e579f4fe7a94f'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function ledger.write_hold(text,ledger.account,numeric,bigint,numeric,text,jsonb)', '959c68dc61339fdc'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb)', 'bbed874e080908fb'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'a73e5e60c3f3cd09'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', '05f347aeed102e78'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb)', 'e776168cec598eed'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '4050c37e04f3df0f'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '8638721ce2a142fa'),
    ('index public.holds_user_id_idempotency_key_key on holds', '3286e6a923f0df0f'),
    ('index public.holds_user_id_release_key_key on holds', 'bc3d2baf054dc03c'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_user_id_hold_reverses_key on payment_history', '295aaf88f5e93a2d'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('rights on active_holds', 'e3b0c44298fc1c14'),
    ('rights on balances', 'e3b0c44298fc1c14'),
    ('rights on daily_totals', 'e3b0c44298fc1c14'),
    ('rights on entries', 'e3b0c44298fc1c14'),
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
    ('table holds', 'ff7dad861d6b2ee2'),
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
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on ledger.anchors', '6f819b7bea8c96e4'),
    ('trigger guard_truncate on manual_entries', '38e565872e706ec7'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on user_controls', 'ccd0948ff08da1b0'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on manual_entries', 'b3c7e47d117738ee'),
    ('view active_holds', '14e772b78df855bc'),
    ('view balances', '406438f00cb6d2a2'),
    ('view daily_totals', '580acb55cddb69d6'),
    ('view entries', '26325eb94c0f4638'),
    ('view pending_entries', '5961bd852aeb868f')
$$;

comment on function ledger.expected_guards is
  'What get_guards has to say of a ledger as the migrations make it: of each definition the first 16 digits of its sha256.';

revoke all on function ledger.expected_guards from public;
-- end function

-- function: get_events
create or replace function ledger.get_events(
  epoch text, settled bigint, after_position bigint default 0, after_digest text default null,
  read_to bigint default 0, user_ids bigint[] default null, types text[] default null,
  max_rows integer default 100, max_scanned integer default 10000)
  returns setof ledger.event
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_from bigint := greatest(get_events.after_position, get_events.read_to);
  v_limit integer := case when get_events.user_ids is null and get_events.types is null
    then get_events.max_rows else get_events.max_scanned end;
  v_row record;
  v_scanned integer := 0;
  v_last bigint;
  v_end ledger.event;
  v_through bigint := v_from;
  v_positions bigint[] := '{}'; v_users bigint[]; v_numbers bigint[]; v_types text[];
begin
  -- What is settled was found out in the history of that epoch.
  if get_events.epoch is distinct from (
      select ledger.epoch(i.last_value - (not i.is_called)::int)
        from public.interventions_id_seq i) then
    raise exception using errcode = '55P03', message = 'the history is another one',
      detail = format('It is not that of %s any more.', get_events.epoch),
      hint = 'Ask get_changes how far it is settled now.';
  elsif get_events.after_position > 0 and get_events.after_digest
      is distinct from ledger.event_digest(get_events.after_position) then
    raise exception using errcode = 'LGCUR', message = 'the event is gone',
      detail = format('At position %s there is no event, or another one.',
        get_events.after_position),
      hint = 'The database was restored, or its history rewritten: begin from the first event.';
  end if;

  -- Of a pending entry that was given its id explicitly and an event with the same one, the event
  -- comes first: what is left out between two pages is no event.
  for v_row in
    select x.* from (
      (select h.id as position, h.user_id, h.seq as number,
              case when h.seq is not null then 'entry.posted' end as type
         from public.payment_history h where h.id > v_from and h.id <= get_events.settled
        order by h.id, h.seq limit v_limit)
      union all
      (select k.position, k.user_id, k.number,
              case k.operation when 'FREEZE' then 'user.frozen' when 'THAW' then 'user.thawed'
                else 'user.credit_limit_set' end
         from public.user_controls k where k.position > v_from and k.position <= get_events.settled
        order by k.position limit v_limit)) x
     order by x.position, x.number limit v_limit
  loop
    v_scanned := v_scanned + 1;
    v_through := v_row.position;
    continue when v_row.type is null;
    v_last := v_row.position;
    continue when v_row.type <> all (get_events.types) or v_row.user_id <> all (get_events.user_ids);
    v_positions := array_append(v_positions, v_row.position);
    v_users := array_append(v_users, v_row.user_id);
    v_numbers := array_append(v_numbers, v_row.number);
    v_types := array_append(v_types, v_row.type);
    exit when cardinality(v_positions) = get_events.max_rows;
  end loop;
  if v_scanned < v_limit and cardinality(v_positions) < get_events.max_rows then
    v_through := greatest(v_from, get_events.settled);
  end if;

  return query
    select f.position, coalesce(left(e.hash, 16), ledger.event_digest(f.position)), f.type,
           f.user_id, coalesce(e.sealed_at, k.at), null::bigint, e.seq, e.action, e.amount,
           e.balance, e.available, e.ts, e.sealed_at, e.idempotency_key, e.metadata,
           e.peer_user_id, e.peer_seq, e.reverses, null::bigint, e.hold, e.hash, e.held,
           k.number, k.operation, k.credit_limit, k.reason, k.role, k.actor
      from unnest(v_positions, v_users, v_numbers, v_types)
             with ordinality f (position, user_id, number, type, n)
      left join lateral (
        select x.* from public.entries x
         where f.type = 'entry.posted' and x.user_id = f.user_id and x.seq = f.number) e on true
      left join lateral (
        select x.* from public.user_controls x
         where f.type <> 'entry.posted' and x.user_id = f.user_id and x.number = f.number) k on true
     order by f.n;
  v_end.position := coalesce(v_last, get_events.after_position);
  v_end.digest := ledger.event_digest(v_end.position);
  v_end.through := v_through;
  return next v_end;
end $$;

comment on function ledger.get_events is
  'What happened after the event at after_position, or after read_to where that was more, in the order of positions and up to settled: entries that were posted, and changes of what users may do; at most max_rows of these users and types (null: all). With a condition it looks at max_scanned rows at most. The last row says how far it looked (through), and which event was the last one there; the next call goes on from these. settled: a position up to which everything has been committed or never will be, in the history of epoch (see get_changes). Raises LGCUR where the event at after_position is not there or has another digest; 55P03 if the epoch is another one by now.';

revoke all on function ledger.get_events from public;
grant execute on function ledger.get_events to ledger_service, ledger_dba;
-- end function

-- function: incarnation
create or replace function ledger.incarnation()
  returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select left(encode(sha256(convert_to(format('%s %s %s %s',
           (pg_control_system()).system_identifier,
           left(pg_walfile_name(pg_current_wal_lsn()), 8),
           (select d.oid from pg_database d where d.datname = current_database()),
           'public.payment_history'::regclass::oid), 'UTF8')), 'hex'), 8)
$$;

comment on function ledger.incarnation is
  'Names this database: a copy, a restored one, and one that another server has taken over have another name; a restart changes nothing.';

revoke all on function ledger.incarnation from public;
grant execute on function ledger.incarnation to ledger_service, ledger_dba;
-- end function

-- migrate:down

drop function ledger.incarnation();

drop function ledger.get_events(epoch text, settled bigint, after_position bigint, after_digest text, read_to bigint, user_ids bigint[], types text[], max_rows integer, max_scanned integer);

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint identity_is_only_check on ledger.identity', 'f9a824bf39a02835'),
    ('constraint identity_pkey on ledger.identity', 'ced5257197a1b3f7'),
    ('constraint interventions_check on interventions', '0479997d8cc11929'),
    ('constraint interventions_operation_check on interventions', 'f7de16ca882d232f'),
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
    ('function ledger.absent_ids(bigint,bigint)', '340a386d56714b15'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', 'af1a2a374b335133'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.close_hold(ledger.account,bigint,text,text,jsonb)', '35347c8e53b9d946'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'c676e63b4d09558e'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,boolean)', '4c79974889646607'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '7281493d5cb823f9'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '612d24ec4a82199e'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', '9b8def62b1ce04a6'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '4da8e787949e82e1'),
    ('function ledger.guard_history()', 'b5aa9dc5f4b0ee8a'),
    ('function ledger.guard_user()', 'f7192430f5011070'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'd2508f856f325bc3'),
    ('function ledger.hold_as_placed(public.holds)', 'd14c9f35c6f27b81'),
    ('function ledger.hold_hash(public.holds)', '112859ecee0ea5e3'),
    ('function ledger.hold_hash_1(public.holds)', 'ba6fec0014035d45'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric)', 'fcc826f50559264a'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '67d2de1bb7b6585f'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'fa9e2c4f51beeaf7'),
    ('function ledger.is_hold_replay(bigint,bigint,numeric,numeric,jsonb)', 'd94be752f8951e37'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_valid_amount(numeric)', 'a8b3e1db07d4b609'),
    ('function ledger.is_valid_expiry(numeric)', '3cd1867800e88211'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '4043c260f041ad4a'),
    ('function ledger.is_valid_reference(text)', 'aa335e8e5604a4d9'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', '145ebae06b0bda66'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'f3437536195bfb0c'),
    ('function ledger.list_journal(bigint,integer,integer)', 'cf92b4b503bd0feb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric)', 'ee02aae3b3425673'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '14a556b43cb729f1'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82fc176814a2631d'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.holds,timestamp with time zone)', '20333d00e03820f1'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '09162be0b6457688'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '6313111ee2b88b5a'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', 'e2922e53bb9e4103'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '20e57ff397601672'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', 'f88baeb3bc53ecb3'),
    ('function ledger.post_pending(bigint,integer)', 'c1d89467bdafa15b'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '223fab78bfa8bdad'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '94d3eabd3774720a'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '5604c26531a8c9af'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '676d1792815b1470'),
    ('function ledger.verify_interventions()', '0d0624ba384c08b2'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '6b272f24b5897009'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'eb1e579f4fe7a94f'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function ledger.write_hold(text,ledger.account,numeric,bigint,numeric,text,jsonb)', '959c68dc61339fdc'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb)', 'bbed874e080908fb'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'a73e5e60c3f3cd09'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', '05f347aeed102e78'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb)', 'e776168cec598eed'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '4050c37e04f3df0f'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '8638721ce2a142fa'),
    ('index public.holds_user_id_idempotency_key_key on holds', '3286e6a923f0df0f'),
    ('index public.holds_user_id_release_key_key on holds', 'bc3d2baf054dc03c'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_user_id_hold_reverses_key on payment_history', '295aaf88f5e93a2d'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('rights on active_holds', 'e3b0c44298fc1c14'),
    ('rights on balances', 'e3b0c44298fc1c14'),
    ('rights on daily_totals', 'e3b0c44298fc1c14'),
    ('rights on entries', 'e3b0c44298fc1c14'),
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
    ('table holds', 'ff7dad861d6b2ee2'),
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
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on ledger.anchors', '6f819b7bea8c96e4'),
    ('trigger guard_truncate on manual_entries', '38e565872e706ec7'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on user_controls', 'ccd0948ff08da1b0'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on manual_entries', 'b3c7e47d117738ee'),
    ('view active_holds', '14e772b78df855bc'),
    ('view balances', '406438f00cb6d2a2'),
    ('view daily_totals', '580acb55cddb69d6'),
    ('view entries', '26325eb94c0f4638'),
    ('view pending_entries', '5961bd852aeb868f')
$$;

comment on function ledger.expected_guards is
  'What get_guards has to say of a ledger as the migrations make it: of each definition the first 16 digits of its sha256.';

revoke all on function ledger.expected_guards from public;
-- end function

drop function ledger.event_digest(at_position bigint);

-- by hand
drop type ledger.event;
-- end by hand
