-- migrate:up

set local check_function_bodies = off;

drop function ledger.add_transfer(from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb);

-- function: add_transfer

-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint hold_changes_pkey on hold_changes', '5833c8cad25556aa'),
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
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '466d1bc9a9a7d1dc'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'bb1ad59bb3acea1a'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '1b88486450f9fa25'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
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
    ('function ledger.get_relation_guards()', 'f77699c4238c4c37'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', 'b5aa9dc5f4b0ee8a'),
    ('function ledger.guard_user()', 'bec94843b193f3a7'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '0af3778884aad16a'),
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
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'fa9e2c4f51beeaf7'),
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
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '499423e7bb6c4e37'),
    ('function ledger.verify_interventions()', '0d0624ba384c08b2'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '6b272f24b5897009'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'eb1e579f4fe7a94f'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '6b4dc65cf3b55677'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
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
    ('trigger guard_row on hold_changes', '8e703f4d952569c9'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
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

-- function: funds_problem
create or replace function ledger.funds_problem(
  change numeric, balance numeric, held numeric, is_frozen boolean)
  returns text
  language sql immutable parallel safe as $$
  -- Of what is after the entry: who is frozen spends nothing, nobody what isn't available, and no
  -- balance leaves its range.
  select case when change < 0 then
      case when is_frozen then 'LGFRZ' when balance < held then 'LGFND' end
    when balance > 999999999999999999.99 then 'LGRNG' end
$$;

comment on function ledger.funds_problem is
  'The rule about funds: why a balance may not become this by that change while so much is held (less the credit limit), as a SQLSTATE, or null.';

revoke all on function ledger.funds_problem from public;
-- end function

-- function: is_valid_amount
create or replace function ledger.is_valid_amount(amount numeric)
  returns boolean
  language sql immutable parallel safe as $$
  -- The upper bound also keeps NaN out, which is greater than every number.
  select (amount > 0 and amount <= 9999999999.99 and amount = round(amount, 2)) is true
$$;

comment on function ledger.is_valid_amount is
  'Whether an entry or a hold may have this amount: 0.01 to 9999999999.99 with at most two decimals. A numeric(12,2) parameter or column would round instead.';

revoke all on function ledger.is_valid_amount from public;
-- end function

-- function: transfer
create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_amount numeric := round(transfer.amount, 2);
  v record;
  -- The sender and the receiver, as their copies say they are after the transfer.
  a record;
  p record;
  v_pair ledger.posted_entry[];
begin
  if transfer.idempotency_key is null and transfer.metadata is null -- mutation: short
    and ledger.is_valid_amount(transfer.amount) then
    -- As ledger.add_entry does it. The index finds users in the order of their ids, so that two
    -- callers never wait for each other; and both are locked before either is looked at.
    for v in
      update public.users u
         set seq = u.seq + 1, updated_at = clock_timestamp(), balance = u.balance
               + case u.id when transfer.from_user_id then -v_amount else v_amount end
       where u.id in (transfer.from_user_id, transfer.to_user_id) -- mutation: order
         and u.seq < 9007199254740991
      returning u.id, u.seq, u.balance, u.hold_changes, u.frozen_at is not null as is_frozen
    loop
      if v.id = transfer.from_user_id then a := v; else p := v; end if;
    end loop;
    if a is not null and p is not null then
      return query
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, held, peer_user_id, peer_seq, hash)
      select x.user_id, x.action, v_amount, l.at, x.seq, x.balance, l.at, x.held, x.peer_user_id,
             x.peer_seq, ledger.entry_hash(x.previous, x.user_id, x.seq, x.action, v_amount, l.at,
               x.balance, l.at, null, null, x.held, null, null, x.peer_user_id, x.peer_seq)
        -- Both have a last entry, nothing is pending, the copies are right, the funds suffice.
        from (select f.hash, f.held, t.hash as peer_hash, t.held as peer_held,
                     ledger.next_moment(greatest(f.sealed_at, t.sealed_at)) as at -- mutation: moment
                from (select h.seq, h.balance, h.sealed_at, h.hash,
                             case when a.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.from_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.from_user_id
                       order by h.seq desc limit 1) f
                cross join (
                      select h.seq, h.balance, h.sealed_at, h.hash,
                             case when p.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.to_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.to_user_id
                       order by h.seq desc limit 1) t
               where f.seq + 1 = a.seq and f.balance - v_amount = a.balance
                 and t.seq + 1 = p.seq and t.balance + v_amount = p.balance
                 and ledger.funds_problem(-v_amount, a.balance, f.held, a.is_frozen)
                   is null -- mutation: funds
                 and ledger.funds_problem(v_amount, p.balance, t.held, false) is null
              -- So that its moment is one for both.
              offset 0) l
        cross join lateral (values
          (a.id, 'DEBIT', a.seq, a.balance, l.held, p.id, p.seq, l.hash),
          (p.id, 'CREDIT', p.seq, p.balance, l.peer_held, a.id, a.seq, l.peer_hash))
          x (user_id, action, seq, balance, held, peer_user_id, peer_seq, previous)
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false;
      if found then return; end if;
    end if;
  end if;
  v_pair := ledger.post_pair('TRANSFER', transfer.from_user_id, transfer.to_user_id,
    transfer.amount, null, transfer.idempotency_key, transfer.metadata);
  return next v_pair[1];
  return next v_pair[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: transfer
create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.posted_entry[] := ledger.add_transfer(transfer.from_user_id,
    transfer.to_user_id, transfer.amount, transfer.idempotency_key, transfer.metadata);
begin
  return next v[1];
  return next v[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
-- end function

-- function: is_valid_amount
create or replace function ledger.is_valid_amount(amount numeric)
  returns boolean
  language sql immutable parallel safe as $$
  -- The upper bound also keeps NaN out, which is greater than every number.
  select coalesce(amount > 0 and amount <= 9999999999.99 and amount = round(amount, 2), false)
$$;

comment on function ledger.is_valid_amount is
  'Whether an entry or a hold may have this amount: 0.01 to 9999999999.99 with at most two decimals. A numeric(12,2) parameter or column would round instead.';

revoke all on function ledger.is_valid_amount from public;
-- end function

-- function: funds_problem
create or replace function ledger.funds_problem(
  change numeric, balance numeric, held numeric, is_frozen boolean)
  returns text
  language sql immutable parallel safe as $$
  -- Of what is after the entry: who is frozen spends nothing, nobody what isn't available, and no
  -- balance leaves its range.
  select case when change < 0 and is_frozen then 'LGFRZ'
    when change < 0 and balance < held then 'LGFND'
    when balance > 999999999999999999.99 then 'LGRNG' end
$$;

comment on function ledger.funds_problem is
  'The rule about funds: why a balance may not become this by that change while so much is held (less the credit limit), as a SQLSTATE, or null.';

revoke all on function ledger.funds_problem from public;
-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint hold_changes_pkey on hold_changes', '5833c8cad25556aa'),
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
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '466d1bc9a9a7d1dc'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'bb1ad59bb3acea1a'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '1b88486450f9fa25'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.event_digest(bigint)', '3ff9915e335a6888'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '5093f1960775f440'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '612d24ec4a82199e'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'd4f921ae480a72df'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', 'f77699c4238c4c37'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', 'b5aa9dc5f4b0ee8a'),
    ('function ledger.guard_user()', 'bec94843b193f3a7'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '0af3778884aad16a'),
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
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'fa9e2c4f51beeaf7'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', 'd6b1f4ca905f2c34'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', 'bd7b9f5f2d07d7ad'),
    ('function ledger.is_valid_amount(numeric)', 'a8b3e1db07d4b609'),
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
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '499423e7bb6c4e37'),
    ('function ledger.verify_interventions()', '0d0624ba384c08b2'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '6b272f24b5897009'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'eb1e579f4fe7a94f'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '6b4dc65cf3b55677'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b6f3ada900adc3e9'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'e392b484147f36d8'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', 'b2226eae45594849'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '4050c37e04f3df0f'),
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
    ('trigger guard_row on hold_changes', '8e703f4d952569c9'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
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

-- function: add_transfer
create or replace function ledger.add_transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_transfer.amount, 2);
  v_at timestamptz;
  -- After the transfer, but for the hash.
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_peer_seq bigint;
  v_peer_balance numeric;
  v_peer_held numeric;
  v_peer_hash bytea;
  v_peer_hold_changes bigint;
begin
  if add_transfer.idempotency_key is null and add_transfer.metadata is null
    and add_transfer.from_user_id <> add_transfer.to_user_id
    and ledger.is_valid_amount(add_transfer.amount) then
    -- As add_entry does it, in the order of their ids, so that two callers never wait for each
    -- other; and both before either is looked at.
    if add_transfer.from_user_id > add_transfer.to_user_id then -- mutation: first
      update public.users u
         set seq = u.seq + 1, balance = u.balance + v_amount, updated_at = clock_timestamp()
       where u.id = add_transfer.to_user_id and u.seq < 9007199254740991
      returning u.seq, u.balance, u.hold_changes
        into v_peer_seq, v_peer_balance, v_peer_hold_changes;
    end if;
    update public.users u
       set seq = u.seq + 1, balance = u.balance - v_amount, updated_at = clock_timestamp()
     where u.id = add_transfer.from_user_id and u.seq < 9007199254740991
    returning u.seq, u.balance, u.hold_changes, u.frozen_at is not null
      into v_seq, v_balance, v_hold_changes, v_is_frozen;
    if add_transfer.from_user_id < add_transfer.to_user_id then -- mutation: second
      update public.users u
         set seq = u.seq + 1, balance = u.balance + v_amount, updated_at = clock_timestamp()
       where u.id = add_transfer.to_user_id and u.seq < 9007199254740991
      returning u.seq, u.balance, u.hold_changes
        into v_peer_seq, v_peer_balance, v_peer_hold_changes;
    end if;
    -- Both have a last entry, nothing is pending, the copies are right, and the funds suffice.
    select a.hash, a.held, p.hash, p.held,
           ledger.next_moment(greatest(a.sealed_at, p.sealed_at)) -- mutation: moment
      into v_hash, v_held, v_peer_hash, v_peer_held, v_at
      from (select h.seq, h.balance, h.sealed_at, h.hash,
                   case when v_hold_changes = 0 then 0.00
                     else ledger.held_now(add_transfer.from_user_id) end as held
              from public.payment_history h where h.user_id = add_transfer.from_user_id
             order by h.seq desc limit 1) a
      cross join (
            select h.seq, h.balance, h.sealed_at, h.hash,
                   case when v_peer_hold_changes = 0 then 0.00
                     else ledger.held_now(add_transfer.to_user_id) end as held
              from public.payment_history h where h.user_id = add_transfer.to_user_id
             order by h.seq desc limit 1) p
     where a.seq + 1 = v_seq and a.balance - v_amount = v_balance
       and p.seq + 1 = v_peer_seq and p.balance + v_amount = v_peer_balance
       and ledger.funds_problem(-v_amount, v_balance, a.held, v_is_frozen)
         is null -- mutation: funds
       and ledger.funds_problem(v_amount, v_peer_balance, p.held, false) is null;
    if found then
      insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        held, peer_user_id, peer_seq, hash)
      values (add_transfer.from_user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at,
          v_held, add_transfer.to_user_id, v_peer_seq,
          ledger.entry_hash(v_hash, add_transfer.from_user_id, v_seq, 'DEBIT', v_amount, v_at,
            v_balance, v_at, null, null, v_held, null, null, add_transfer.to_user_id,
            v_peer_seq)),
        (add_transfer.to_user_id, 'CREDIT', v_amount, v_at, v_peer_seq, v_peer_balance, v_at,
          v_peer_held, add_transfer.from_user_id, v_seq,
          ledger.entry_hash(v_peer_hash, add_transfer.to_user_id, v_peer_seq, 'CREDIT', v_amount,
            v_at, v_peer_balance, v_at, null, null, v_peer_held, null, null,
            add_transfer.from_user_id, v_seq));
      return array[
        row(add_transfer.from_user_id, v_seq, 'DEBIT', v_amount, v_balance,
          v_balance - v_held, v_at, false),
        row(add_transfer.to_user_id, v_peer_seq, 'CREDIT', v_amount, v_peer_balance,
          v_peer_balance - v_peer_held, v_at, false)]::ledger.posted_entry[];
    end if;
  end if;
  return ledger.post_pair('TRANSFER', add_transfer.from_user_id, add_transfer.to_user_id,
    add_transfer.amount, null, add_transfer.idempotency_key, add_transfer.metadata);
end $$;

comment on function ledger.add_transfer is
  'One transfer for people, as post_pair does it, in the shortest way where there is no key and no metadata, nothing is pending, the copies in users are right and the funds suffice. Everything else, refusals and repeats included, is for post_pair.';

revoke all on function ledger.add_transfer from public;
-- end function
