-- migrate:up

set local check_function_bodies = off;

-- function: add_anchor
create or replace function ledger.add_anchor(
  key text, number bigint, at timestamptz, line text)
  returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last ledger.anchors;
begin
  select a.* into v_last from ledger.anchors a
   where a.key = add_anchor.key order by a.number desc limit 1;
  if (add_anchor.number = coalesce(v_last.number, 0) + 1
      and add_anchor.at > coalesce(v_last.at, '-infinity') and add_anchor.at <= clock_timestamp()
      and length(add_anchor.key) in (0, 64) and length(add_anchor.line) <= 2000) is not true then
    raise exception using errcode = '22023', message = 'not the next anchor',
      detail = format('The last one is number %s of %s.', coalesce(v_last.number, 0), v_last.at),
      hint = 'Somebody else has anchored meanwhile: make another anchor.';
  end if;
  -- Who comes second with a number gets 23505.
  insert into ledger.anchors (key, number, at, line)
  values (add_anchor.key, add_anchor.number, add_anchor.at, add_anchor.line);
end $$;

comment on function ledger.add_anchor is
  'Keeps an anchor that npm run anchor is about to write elsewhere: then one that is missing there is missed. Raises 22023 unless it is the next one of its key, 23505 if somebody was faster.';

revoke all on function ledger.add_anchor from public;
grant execute on function ledger.add_anchor to ledger_dba;
-- end function

-- function: await_final
create or replace function ledger.await_final(user_id bigint, at timestamptz)
  returns void
  language plpgsql volatile as $$
begin
  if await_final.at > clock_timestamp() then
    raise exception using errcode = '55P03', message = 'that moment has not come yet',
      detail = format('It is %s.', clock_timestamp()),
      hint = 'Ask for a moment that is past, or for the balance in balances.';
  end if;
  -- The next entry comes after the last one.
  if (select h.sealed_at from public.payment_history h
       where h.user_id = await_final.user_id and h.seq is not null
       order by h.seq desc limit 1) >= await_final.at then
    return;
  end if;
  -- What the primary has committed before that moment may still be on its way here.
  if pg_catalog.pg_is_in_recovery() then
    raise exception using errcode = '55P03', message = 'a standby can''t tell that this moment is final',
      hint = 'Ask the primary, or for a moment before the user''s last entry.';
  end if;
  -- Nobody has locked this version of the row. Whoever does so later reads the clock later.
  if exists (select from public.users u where u.id = await_final.user_id
               and u.xmax = 0) then -- mutation: unlocked
    return;
  end if;
  begin
    perform from public.users u where u.id = await_final.user_id for share;
    -- Gives the lock back, also in a transaction that goes on.
    raise exception using errcode = 'LG000';
  exception when sqlstate 'LG000' then null;
  end;
end $$;

comment on function ledger.await_final is
  'Waits until no entry of a user can get in before a moment any more: until whoever has locked the user, and may have read the clock before that moment, has ended. Entries are to be read by a later statement. Raises 55P03 after lock_timeout, for a moment that has not come yet, and on a standby.';

revoke all on function ledger.await_final from public;
-- end function

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- Whoever inserts may not lock users, so this function does it as the owner.
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz;
begin
  if new.user_id is null or new.action is null or new.amount is null or new.ts is null then
    raise exception using errcode = '23502', message = 'an entry needs user_id, action and amount',
      hint = 'insert into payment_history (user_id, action, amount) values (…, ''CREDIT'', …)';
  elsif new.action not in ('CREDIT', 'DEBIT') then
    raise exception using errcode = '23514', message = 'action is CREDIT or DEBIT',
      hint = 'In capitals: CREDIT adds to the balance, DEBIT takes from it.';
  elsif not ledger.is_valid_amount(new.amount) then
    raise exception using errcode = '23514',
      message = 'amount is from 0.01 to 9999999999.99 with at most two decimals',
      hint = 'Nothing is rounded: give the amount as it is to be.';
  elsif not (new.ts >= '0001-01-01 00:00:00+00' and new.ts < '10000-01-01 00:00:00+00') then
    raise exception using errcode = '23514', message = 'ts is of the years 1 to 9999',
      hint = 'Leave it out to have it happen now.';
  elsif num_nonnulls(new.seq, new.balance, new.sealed_at, new.held, new.hash, new.hold,
      new.reverses, new.peer_user_id, new.peer_seq) > 0 then
    raise exception using errcode = '23514',
      message = 'an entry has no seq, balance, hold, reversal or peer before it is posted',
      hint = 'Give user_id, action, amount and, if you like, ts and metadata alone.';
  elsif not ledger.is_valid_key_and_metadata(new.idempotency_key, new.metadata) then
    raise exception using errcode = '23514',
      message = 'a key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB',
      hint = 'Give it in this form, or leave it out.';
  end if;
  new.amount := round(new.amount, 2);
  -- As a foreign key: not for rows that are restored or replicated, which come in any order. Who
  -- entered them comes with them.
  if current_setting('session_replication_role') = 'replica' then return new; end if;
  -- As a foreign key does it, so this doesn't wait for a debit in flight. With a key as the engine
  -- does it, so that nobody else uses the key meanwhile.
  if new.idempotency_key is null then
    perform from public.users u where u.id = new.user_id for key share;
  else
    perform from public.users u where u.id = new.user_id for no key update;
  end if;
  if not found then
    raise exception using errcode = '23503', message = format('there is no user %s', new.user_id),
      hint = 'Make the user first: select * from create_user(…).';
  end if;
  -- Of a row that is there already, ON CONFLICT may leave this out, and otherwise it fails.
  if exists (select from public.payment_history h where h.id = new.id and h.user_id = new.user_id)
    or exists (select from public.payment_history h where h.user_id = new.user_id
                  and h.idempotency_key = new.idempotency_key) then
    return new;
  end if;
  -- After the lock, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user,
    ledger.manual_entry_hash(new, new.id, v_at, session_user));
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded. Records who entered it, and when.';

revoke all on function ledger.check_entry from public;
-- end function

-- function: create_user
create or replace function public.create_user(
  user_id bigint default null, reference text default null, metadata jsonb default null,
  idempotency_key text default null)
  returns ledger.created_user
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.created_user;
  v_at timestamptz := clock_timestamp();
begin
  if not ledger.is_valid_key_and_metadata(create_user.idempotency_key, create_user.metadata)
    or not ledger.is_valid_reference(create_user.reference) then
    perform ledger.raise_status('22023', null);
  end if;
  -- Another call that creates the same user at the same time is waited for; the next try finds its
  -- user.
  for v_try in 1 .. 3 loop
    v := ledger.find_created_user(create_user.user_id, create_user.reference,
      create_user.metadata, create_user.idempotency_key);
    if v.id is not null then return v; end if;
    begin
      v.id := ledger.insert_user(create_user.user_id, v_at);
      if num_nonnulls(create_user.reference, create_user.metadata,
          create_user.idempotency_key) > 0 then
        insert into public.user_details (user_id, reference, metadata, idempotency_key, asked_id)
        values (v.id, create_user.reference, create_user.metadata, create_user.idempotency_key,
          create_user.user_id);
      end if;
      if create_user.idempotency_key is not null then
        insert into public.user_keys (idempotency_key, user_id)
          values (create_user.idempotency_key, v.id);
      end if;
      if create_user.reference is not null then
        insert into public.user_references (reference, user_id)
          values (create_user.reference, v.id);
      end if;
      return (v.id, true, false, v_at, create_user.reference, create_user.metadata
        )::ledger.created_user;
    exception when unique_violation then null;
    end;
  end loop;
  raise exception using errcode = '40001', message = 'another transaction makes the same user',
    hint = 'Repeat it.';
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one; reference: the caller''s own name for it, of one user only. Once per idempotency_key (replayed), reference and id: what exists already is answered with created = false. Raises LGKEY if that was made as something else, 22023 for a malformed key, reference or metadata, 23514 for an id out of range, 40001.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
-- end function

-- function: debit_users
create or replace function public.debit_users(
  user_ids bigint[], amounts numeric[], idempotency_keys text[] default null)
  returns table (user_id bigint, seq bigint, action text, amount numeric, balance numeric,
    available numeric, ts timestamptz, replayed boolean, status text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if cardinality(debit_users.user_ids) is distinct from cardinality(debit_users.amounts)
     or cardinality(debit_users.user_ids) <> cardinality(debit_users.idempotency_keys) then
    raise exception using errcode = '22023', message = 'arrays differ in length',
      hint = 'Give each user an amount and, if there are keys at all, a key or null.';
  end if;
  return query
    select o.user_id, o.seq, 'DEBIT'::text,
           coalesce(o.amount, case when ledger.is_valid_amount(debit_users.amounts[o.n])
             then round(debit_users.amounts[o.n], 2) else debit_users.amounts[o.n] end),
           coalesce(o.balance, o.user_balance), coalesce(o.available, o.user_available), o.ts,
           o.replayed, o.status
      from ledger.post(array_fill('DEBIT'::text, array[cardinality(debit_users.user_ids)]),
             debit_users.user_ids, debit_users.amounts,
             idempotency_keys => debit_users.idempotency_keys) o
     order by o.n;
end $$;

comment on function public.debit_users is
  'Debits many users in one go, in order, and answers a row for each item with status ok or the SQLSTATE that debit_user would have raised; a refused item changes nothing and stops no other. Never waits: 55P03 means that somebody else holds the user, or that more than 1000 pending entries are left; repeat these. Raises 22023 when the arrays differ in length.';

revoke all on function public.debit_users from public;
grant execute on function public.debit_users to ledger_dba;
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

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name = 'payment_history' then
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
  -- A subscriber repeats what was a withdrawal or an intervention on its publisher. Which process
  -- applies a subscription, no session can choose.
  if tg_level = 'ROW' and exists (
      select from pg_stat_subscription s where s.pid = pg_backend_pid()) then
    return case tg_op when 'UPDATE' then new else old end;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, by withdraw_entry, and where a subscription repeats one of these; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
-- end function

-- function: guard_user
create or replace function ledger.guard_user()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- JavaScript reads numbers exactly up to this bound.
    if new.id between 1 and 9007199254740991 then return null; end if;
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991',
      hint = 'create_user() without an id takes the next free one.';
  elsif tg_op = 'DELETE' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.holds o where o.user_id = old.id) then
      delete from public.user_references r
       where r.reference = (select d.reference from public.user_details d where d.user_id = old.id);
      delete from public.user_keys k where k.idempotency_key = (
        select d.idempotency_key from public.user_details d where d.user_id = old.id);
      delete from public.user_details d where d.user_id = old.id;
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    if new.hold_changes >= old.hold_changes then return null; end if;
    raise exception using errcode = '23514', message = 'hold_changes never goes down',
      hint = 'The engine keeps it: leave it out of the update.';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op),
    hint = 'Freeze a user who must not be used any more: see freeze_user.';
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes who has a history, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
-- end function

-- function: insert_user
create or replace function ledger.insert_user(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint := coalesce(insert_user.user_id, nextval('public.users_id_seq'));
  v_step bigint := 1;
begin
  loop
    insert into public.users (id, created_at, updated_at)
      values (v_id, insert_user.at, insert_user.at) on conflict do nothing;
    if found then return v_id; end if;
    if insert_user.user_id is not null then
      -- For create_user alone, which looks for it again.
      raise exception using errcode = '23505';
    end if;
    -- Ids that were given explicitly may be ahead of the sequence. This gets past them in few
    -- steps, however many there are.
    v_id := v_id + v_step;
    v_step := v_step * 2;
    perform setval('public.users_id_seq', v_id);
  end loop;
end $$;

comment on function ledger.insert_user is
  'Makes a user with this id, or with the next free one (null), at a moment; answers the id. Raises 23505 if the id is taken, 23514 if it is out of range.';

revoke all on function ledger.insert_user from public;
-- end function

-- function: raise_status
create or replace function ledger.raise_status(
  status text, user_id bigint, amount numeric default null, available numeric default null)
  returns void
  language plpgsql volatile as $$
begin
  case raise_status.status
    when 'ok' then return;
    when 'LGUSR' then raise exception using errcode = 'LGUSR', message = 'unknown user',
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null')),
      hint = 'Make the user first: select * from create_user(…).';
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than was held.',
        coalesce(raise_status.amount::text, 'null')),
      hint = 'Nothing is rounded: give another amount, at most what a hold held to capture it.';
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount),
      hint = 'Look at balances and active_holds: a credit, or the release of a hold, makes more available.';
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id),
      hint = 'user_controls says who froze the user, and why.';
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.',
      hint = 'Repeat a request exactly as it was, and give another one a key of its own.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.',
      hint = 'Look for a wrong amount in pending_entries.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.',
      hint = 'active_holds has those that can be; place another hold, or debit the user.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id),
      hint = 'holds has the numbers of each user.';
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id),
      hint = 'entries has those that are posted by seq, pending_entries the other ones by id.';
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'An entry is reversed at most once.',
      hint = 'reversed_by in entries names the reversal, which can be reversed itself.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.',
      hint = 'Give another user as to_user_id.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata, expiry or reference',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds, a reference 1 to 255 characters without control characters.',
      hint = 'Give it in this form, or leave it out.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.',
      hint = 'Repeat it. pg_blocking_pids and pg_stat_activity say whom it waits for.';
  end case;
end $$;

comment on function ledger.raise_status is
  'Raises what post returns as a status; ok returns.';

revoke all on function ledger.raise_status from public;
-- end function

-- migrate:down

-- function: raise_status
create or replace function ledger.raise_status(
  status text, user_id bigint, amount numeric default null, available numeric default null)
  returns void
  language plpgsql volatile as $$
begin
  case raise_status.status
    when 'ok' then return;
    when 'LGUSR' then raise exception using errcode = 'LGUSR', message = 'unknown user',
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null')),
      hint = 'Make the user first: select * from create_user(…).';
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than was held.',
        coalesce(raise_status.amount::text, 'null')),
      hint = 'Nothing is rounded: give another amount, at most what a hold held to capture it.';
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount),
      hint = 'Look at balances and active_holds: a credit, or the release of a hold, makes more available.';
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id);
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.',
      hint = 'Repeat a request exactly as it was, and give another one a key of its own.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.',
      hint = 'Look for a wrong amount in pending_entries.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.',
      hint = 'active_holds has those that can be; place another hold, or debit the user.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id),
      hint = 'holds has the numbers of each user.';
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id),
      hint = 'entries has those that are posted by seq, pending_entries the other ones by id.';
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'An entry is reversed at most once.',
      hint = 'reversed_by in entries names the reversal, which can be reversed itself.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.',
      hint = 'Give another user as to_user_id.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata, expiry or reference',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds, a reference 1 to 255 characters without control characters.',
      hint = 'Give it in this form, or leave it out.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.',
      hint = 'Repeat it. pg_blocking_pids and pg_stat_activity say whom it waits for.';
  end case;
end $$;

comment on function ledger.raise_status is
  'Raises what post returns as a status; ok returns.';

revoke all on function ledger.raise_status from public;
-- end function

-- function: insert_user
create or replace function ledger.insert_user(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint := coalesce(insert_user.user_id, nextval('public.users_id_seq'));
  v_step bigint := 1;
begin
  loop
    insert into public.users (id, created_at, updated_at)
      values (v_id, insert_user.at, insert_user.at) on conflict do nothing;
    if found then return v_id; end if;
    if insert_user.user_id is not null then
      raise exception using errcode = '23505', message = 'the user exists';
    end if;
    -- Ids that were given explicitly may be ahead of the sequence. This gets past them in few
    -- steps, however many there are.
    v_id := v_id + v_step;
    v_step := v_step * 2;
    perform setval('public.users_id_seq', v_id);
  end loop;
end $$;

comment on function ledger.insert_user is
  'Makes a user with this id, or with the next free one (null), at a moment; answers the id. Raises 23505 if the id is taken, 23514 if it is out of range.';

revoke all on function ledger.insert_user from public;
-- end function

-- function: guard_user
create or replace function ledger.guard_user()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- JavaScript reads numbers exactly up to this bound.
    if new.id between 1 and 9007199254740991 then return null; end if;
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991';
  elsif tg_op = 'DELETE' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.holds o where o.user_id = old.id) then
      delete from public.user_references r
       where r.reference = (select d.reference from public.user_details d where d.user_id = old.id);
      delete from public.user_keys k where k.idempotency_key = (
        select d.idempotency_key from public.user_details d where d.user_id = old.id);
      delete from public.user_details d where d.user_id = old.id;
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    if new.hold_changes >= old.hold_changes then return null; end if;
    raise exception using errcode = '23514', message = 'hold_changes never goes down';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op);
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes who has a history, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
-- end function

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name = 'payment_history' then
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
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, and by withdraw_entry; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
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
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '13e31eb14326f7cd'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '9c39007730fe0869'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', 'af1a2a374b335133'),
    ('function ledger.check_entry()', 'ff9f7476619a6b3c'),
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
    ('function ledger.guard_history()', 'c2553ab7a3a6b6f3'),
    ('function ledger.guard_user()', '12aad599b1da94d4'),
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
    ('function ledger.insert_user(bigint,timestamp with time zone)', '6fe2dab218c733d3'),
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
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '2b92d30dac0d8301'),
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
    ('function public.create_user(bigint,text,jsonb,text)', '76753f6797144064'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '65dcc2d260d640df'),
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

-- function: debit_users
create or replace function public.debit_users(
  user_ids bigint[], amounts numeric[], idempotency_keys text[] default null)
  returns table (user_id bigint, seq bigint, action text, amount numeric, balance numeric,
    available numeric, ts timestamptz, replayed boolean, status text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if cardinality(debit_users.user_ids) is distinct from cardinality(debit_users.amounts)
     or cardinality(debit_users.user_ids) <> cardinality(debit_users.idempotency_keys) then
    raise exception using errcode = '22023', message = 'arrays differ in length';
  end if;
  return query
    select o.user_id, o.seq, 'DEBIT'::text,
           coalesce(o.amount, case when ledger.is_valid_amount(debit_users.amounts[o.n])
             then round(debit_users.amounts[o.n], 2) else debit_users.amounts[o.n] end),
           coalesce(o.balance, o.user_balance), coalesce(o.available, o.user_available), o.ts,
           o.replayed, o.status
      from ledger.post(array_fill('DEBIT'::text, array[cardinality(debit_users.user_ids)]),
             debit_users.user_ids, debit_users.amounts,
             idempotency_keys => debit_users.idempotency_keys) o
     order by o.n;
end $$;

comment on function public.debit_users is
  'Debits many users in one go, in order, and answers a row for each item with status ok or the SQLSTATE that debit_user would have raised; a refused item changes nothing and stops no other. Never waits: 55P03 means that somebody else holds the user, or that more than 1000 pending entries are left; repeat these. Raises 22023 when the arrays differ in length.';

revoke all on function public.debit_users from public;
grant execute on function public.debit_users to ledger_dba;
-- end function

-- function: create_user
create or replace function public.create_user(
  user_id bigint default null, reference text default null, metadata jsonb default null,
  idempotency_key text default null)
  returns ledger.created_user
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.created_user;
  v_at timestamptz := clock_timestamp();
begin
  if not ledger.is_valid_key_and_metadata(create_user.idempotency_key, create_user.metadata)
    or not ledger.is_valid_reference(create_user.reference) then
    perform ledger.raise_status('22023', null);
  end if;
  -- Another call that creates the same user at the same time is waited for; the next try finds its
  -- user.
  for v_try in 1 .. 3 loop
    v := ledger.find_created_user(create_user.user_id, create_user.reference,
      create_user.metadata, create_user.idempotency_key);
    if v.id is not null then return v; end if;
    begin
      v.id := ledger.insert_user(create_user.user_id, v_at);
      if num_nonnulls(create_user.reference, create_user.metadata,
          create_user.idempotency_key) > 0 then
        insert into public.user_details (user_id, reference, metadata, idempotency_key, asked_id)
        values (v.id, create_user.reference, create_user.metadata, create_user.idempotency_key,
          create_user.user_id);
      end if;
      if create_user.idempotency_key is not null then
        insert into public.user_keys (idempotency_key, user_id)
          values (create_user.idempotency_key, v.id);
      end if;
      if create_user.reference is not null then
        insert into public.user_references (reference, user_id)
          values (create_user.reference, v.id);
      end if;
      return (v.id, true, false, v_at, create_user.reference, create_user.metadata
        )::ledger.created_user;
    exception when unique_violation then null;
    end;
  end loop;
  raise exception using errcode = '40001', message = 'another transaction makes the same user';
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one; reference: the caller''s own name for it, of one user only. Once per idempotency_key (replayed), reference and id: what exists already is answered with created = false. Raises LGKEY if that was made as something else, 22023 for a malformed key, reference or metadata, 23514 for an id out of range, 40001.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
-- end function

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- Whoever inserts may not lock users, so this function does it as the owner.
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz;
begin
  if new.user_id is null or new.action is null or new.amount is null or new.ts is null then
    raise exception using errcode = '23502', message = 'an entry needs user_id, action and amount',
      hint = 'insert into payment_history (user_id, action, amount) values (…, ''CREDIT'', …)';
  elsif new.action not in ('CREDIT', 'DEBIT') then
    raise exception using errcode = '23514', message = 'action is CREDIT or DEBIT',
      hint = 'In capitals: CREDIT adds to the balance, DEBIT takes from it.';
  elsif not ledger.is_valid_amount(new.amount) then
    raise exception using errcode = '23514',
      message = 'amount is from 0.01 to 9999999999.99 with at most two decimals',
      hint = 'Nothing is rounded: give the amount as it is to be.';
  elsif not (new.ts >= '0001-01-01 00:00:00+00' and new.ts < '10000-01-01 00:00:00+00') then
    raise exception using errcode = '23514', message = 'ts is of the years 1 to 9999',
      hint = 'Leave it out to have it happen now.';
  elsif num_nonnulls(new.seq, new.balance, new.sealed_at, new.held, new.hash, new.hold,
      new.reverses, new.peer_user_id, new.peer_seq) > 0 then
    raise exception using errcode = '23514',
      message = 'an entry has no seq, balance, hold, reversal or peer before it is posted',
      hint = 'Give user_id, action, amount and, if you like, ts and metadata alone.';
  elsif not ledger.is_valid_key_and_metadata(new.idempotency_key, new.metadata) then
    raise exception using errcode = '23514',
      message = 'a key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB',
      hint = 'Give it in this form, or leave it out.';
  end if;
  -- As a foreign key does it, so this doesn't wait for a debit in flight. With a key as the engine
  -- does it, so that nobody else uses the key meanwhile.
  if new.idempotency_key is null then
    perform from public.users u where u.id = new.user_id for key share;
  else
    perform from public.users u where u.id = new.user_id for no key update;
  end if;
  if not found then
    raise exception using errcode = '23503', message = format('there is no user %s', new.user_id),
      hint = 'Make the user first: select * from create_user(…).';
  end if;
  new.amount := round(new.amount, 2);
  -- Of a row that is there already, ON CONFLICT may leave this out, and otherwise it fails.
  if current_setting('session_replication_role') = 'replica'
    or exists (select from public.payment_history h where h.id = new.id and h.user_id = new.user_id)
    or exists (select from public.payment_history h where h.user_id = new.user_id
                  and h.idempotency_key = new.idempotency_key) then
    return new;
  end if;
  -- After the lock, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user,
    ledger.manual_entry_hash(new, new.id, v_at, session_user));
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded. Records who entered it, and when.';

revoke all on function ledger.check_entry from public;
-- end function

-- function: await_final
create or replace function ledger.await_final(user_id bigint, at timestamptz)
  returns void
  language plpgsql volatile as $$
begin
  if await_final.at > clock_timestamp() then
    raise exception using errcode = '55P03', message = 'that moment has not come yet',
      detail = format('It is %s.', clock_timestamp());
  end if;
  -- The next entry comes after the last one.
  if (select h.sealed_at from public.payment_history h
       where h.user_id = await_final.user_id and h.seq is not null
       order by h.seq desc limit 1) >= await_final.at then
    return;
  end if;
  -- Nobody has locked this version of the row. Whoever does so later reads the clock later.
  if exists (select from public.users u where u.id = await_final.user_id
               and u.xmax = 0) then -- mutation: unlocked
    return;
  end if;
  begin
    perform from public.users u where u.id = await_final.user_id for share;
    -- Gives the lock back, also in a transaction that goes on.
    raise exception using errcode = 'LG000';
  exception when sqlstate 'LG000' then null;
  end;
end $$;

comment on function ledger.await_final is
  'Waits until no entry of a user can get in before a moment any more: until whoever has locked the user, and may have read the clock before that moment, has ended. Entries are to be read by a later statement. Raises 55P03 after lock_timeout, or for a moment that has not come yet.';

revoke all on function ledger.await_final from public;
-- end function

-- function: add_anchor
create or replace function ledger.add_anchor(
  key text, number bigint, at timestamptz, line text)
  returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last ledger.anchors;
begin
  select a.* into v_last from ledger.anchors a
   where a.key = add_anchor.key order by a.number desc limit 1;
  if (add_anchor.number = coalesce(v_last.number, 0) + 1
      and add_anchor.at > coalesce(v_last.at, '-infinity') and add_anchor.at <= clock_timestamp()
      and length(add_anchor.key) in (0, 64) and length(add_anchor.line) <= 2000) is not true then
    raise exception using errcode = '22023', message = 'not the next anchor',
      detail = format('The last one is number %s of %s.', coalesce(v_last.number, 0), v_last.at);
  end if;
  -- Who comes second with a number gets 23505.
  insert into ledger.anchors (key, number, at, line)
  values (add_anchor.key, add_anchor.number, add_anchor.at, add_anchor.line);
end $$;

comment on function ledger.add_anchor is
  'Keeps an anchor that npm run anchor is about to write elsewhere: then one that is missing there is missed. Raises 22023 unless it is the next one of its key, 23505 if somebody was faster.';

revoke all on function ledger.add_anchor from public;
grant execute on function ledger.add_anchor to ledger_dba;
-- end function
