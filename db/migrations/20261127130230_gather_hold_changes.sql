-- migrate:up

set local check_function_bodies = off;

-- function: add_hold
create or replace function ledger.add_hold(
  user_id bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_hold.amount, 2);
  v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_hold bigint;
  v public.hold_changes;
begin
  if ledger.request_problem(ledger.is_valid_amount(add_hold.amount), null, add_hold.metadata,
    ledger.is_valid_expiry(add_hold.expires_in), false) is not null then return null; end if;
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = add_hold.user_id for no key update; -- mutation: lock
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at := clock_timestamp();
  v_expires_at := ledger.expires_after(v_at, add_hold.expires_in);
  -- The last entry, or one that is pending, of which nulls come first in this order. Without changes
  -- that are counted nobody looks for holds.
  select h.seq, h.balance, greatest(h.sealed_at, v_updated_at, v_at),
         case when v_hold_changes = 0 then 0.00 else coalesce((
           select sum(o.remaining) from public.holds o
            where o.user_id = add_hold.user_id and o.status = 'active'
              and o.expires_at > v_at), 0.00) end - v_limit,
         case when v_hold_changes = 0 then 1 else (
           select coalesce(max(o.hold), 0) + 1 from public.holds o
            where o.user_id = add_hold.user_id) end
    into v_seq, v_balance, v_updated_at, v_held, v_hold
    from public.payment_history h where h.user_id = add_hold.user_id
   order by h.seq desc limit 1;
  -- Who may have the most holds already is for decide.
  if v_seq is null or v_hold_changes >= 10000
    or ledger.funds_problem(-v_amount, v_balance - v_amount, v_held, v_is_frozen)
    is not null then return null; end if; -- mutation: funds
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1,
         updated_at = v_updated_at
   where u.id = add_hold.user_id;
  v := ledger.next_change(add_hold.user_id, v_hold, 1, null, 'placed', v_amount, v_amount,
    v_expires_at, v_at, v_seq, v_balance, v_balance - v_held - v_amount, null, add_hold.metadata);
  perform ledger.write_change(v);
  return v;
end $$;

comment on function ledger.add_hold is
  'One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_hold.';

revoke all on function ledger.add_hold from public;
-- end function

drop function ledger.change_hold(operation text, account ledger.account, target ledger.target, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: change_hold

-- end function

-- function: close_hold
create or replace function ledger.close_hold(
  operation text, user_id bigint, hold bigint, amount numeric)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_is_capture boolean := close_hold.operation <> 'RELEASE';
  v_amount numeric := round(close_hold.amount, 2);
  v_now timestamptz; v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric; v_held numeric;
  v_entry_hash bytea;
  v_updated_at timestamptz;
  v_hold_changes bigint; v_is_frozen boolean;
  v_limit numeric;
  v_before numeric;
  v_remaining numeric := 0.00;
  v_number bigint;
  v_hash bytea;
  v public.hold_changes;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = close_hold.user_id for no key update; -- mutation: lock
  v_now := clock_timestamp();
  -- The last entry, or one that is pending, of which nulls come first in this order; and the hold.
  select h.seq, h.balance, greatest(ledger.next_moment(h.sealed_at), v_updated_at), h.hash,
         o.remaining, o.expires_at, o.changes + 1, o.hash, (
           select sum(a.remaining) from public.holds a
            where a.user_id = close_hold.user_id and a.status = 'active'
              and a.expires_at > v_now) - v_limit
    into v_seq, v_balance, v_at, v_entry_hash, v_before, v_expires_at, v_number, v_hash, v_held
    from (select e.seq, e.balance, e.sealed_at, e.hash from public.payment_history e
           where e.user_id = close_hold.user_id order by e.seq desc limit 1) h
    cross join public.holds o
   where o.user_id = close_hold.user_id and o.hold = close_hold.hold and h.seq is not null
     and ledger.is_valid_amount(coalesce(close_hold.amount, o.remaining))
     and ledger.hold_problem(o.status, o.expires_at, v_now, o.remaining, v_amount, null) is null;
  if not found then return null; end if;
  if v_is_capture then
    v_amount := coalesce(v_amount, v_before);
    if close_hold.operation = 'CAPTURE PART' then v_remaining := v_before - v_amount; end if;
    v_seq := v_seq + 1;
    v_balance := v_balance - v_amount;
    v_held := v_held - v_before + v_remaining;
    if ledger.funds_problem(-v_amount, v_balance, v_held, v_is_frozen) is not null then
      return null; -- mutation: funds
    end if;
  else
    v_amount := v_before;
    v_held := v_held - v_before;
  end if;
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1, updated_at = v_at
   where u.id = close_hold.user_id;
  -- The change comes before its entry, as it does in a batch.
  v := ledger.next_change(close_hold.user_id, close_hold.hold, v_number, v_hash,
    case when v_is_capture then 'captured' else 'released' end, v_amount, v_remaining, v_expires_at,
    v_at, v_seq, v_balance, v_balance - v_held, null, null);
  perform ledger.write_change(v);
  if v_is_capture then
    insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held,
      hold, hash)
    values (close_hold.user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at, v_held,
      close_hold.hold, ledger.entry_hash(v_entry_hash, close_hold.user_id, v_seq, 'DEBIT', v_amount,
        v_at, v_balance, v_at, null, null, v_held, close_hold.hold, null, null, null));
  end if;
  return v;
end $$;

comment on function ledger.close_hold is
  'One CAPTURE, CAPTURE PART or RELEASE without a key and metadata for people, as post_change and post_hold do it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for these. The moment of the change is that of the entry, too.';

revoke all on function ledger.close_hold from public;
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
    ('constraint webhooks_pkey on ledger.webhooks', 'c111be69896f9b78'),
    ('domain ledger.nothing', 'be4231534676bdaa'),
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '8468a2fb0d9c0e97'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '9a85be9f3f8ad47f'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '145af328260b2f87'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '069824caaad62427'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '739613a94dacff25'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '22fd396f4c30c1df'),
    ('function ledger.assert_replica(text,bigint,bigint)', '8a84d839089767a9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'ea0e677c660ddbd8'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_cursor(text,bigint,text)', '6f565509f5c6f05d'),
    ('function ledger.check_entry()', '7f043639bd80336a'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '192b99124bcb1aef'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', 'a6a312f750e43ac3'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_erasable(bigint)', 'b2f3c2770e93aaa6'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', '4bb8892b74509331'),
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
    ('function ledger.event_details(bigint[],bigint[],bigint[],bigint[],text[])', '637459b572320d18'),
    ('function ledger.event_digest(bigint)', '8bb6158351f606f7'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '5093f1960775f440'),
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', '4374c698f8414028'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '9f377034d1899b47'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'c50f689bc8afa4d1'),
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
    ('function ledger.has_most_holds(bigint)', '692f08b4b2b349c8'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '1477408d305a139d'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', 'b721cfc03d5c0aea'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', '36e0068db7f06dd5'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '0a4b69eb81c1e1ac'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '40d5971a6b654398'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '63f304569abbd92a'),
    ('function ledger.incarnation()', '98355c358e1ecbd7'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
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
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', 'fba80db3137249b4'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'cd4ded54b6b6ffc7'),
    ('function ledger.list_journal(bigint,integer,integer)', 'b449df9fec14c62f'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '5ea4e34ed0cf3d65'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '6268504ecf16a95a'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', '8427020a2f279725'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82b3703a1a2efd06'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '74be060f0f57bf88'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '428b2ab8987be5d9'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '3881272a72a47fd6'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '7211d3a25126a4a2'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'e7376ec9cc4303bb'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '362fc526c3605eeb'),
    ('function ledger.post_pending(bigint,integer)', '01f5b1b953d1d2de'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '2a7ec38fd210c7b1'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.scan_events(bigint,bigint,integer)', '02a4ae120e6e4deb'),
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
    ('function ledger.write_change(public.hold_changes)', 'ff1431e43e6362d6'),
    ('function ledger.write_changes(public.hold_changes[])', '8963ee029de721ed'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '655e0426bb5a7214'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '6240297e22ce359b'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'ee0d57c4bf009c3a'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', '368774522fb38298'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', '65ad09c535f26545'),
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
    ('rights on ledger.webhooks', 'e3b0c44298fc1c14'),
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
    ('table ledger.webhooks', '0d67a386b98f0820'),
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

-- function: first_change
create or replace function ledger.first_change(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := first_change.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  return ledger.next_change(a.user_id, v_hold, 1, null, 'placed', first_change.amount,
    first_change.amount, ledger.expires_after(v_at, first_change.expires_in), v_at, a.seq,
    a.balance, a.balance - a.held - first_change.amount, first_change.idempotency_key,
    first_change.metadata);
end $$;

comment on function ledger.first_change is
  'The change that places the next hold of a user whose account is open, before what it reserves is counted there, to be written. Everything has been decided.';

revoke all on function ledger.first_change from public;
-- end function

drop function ledger.insert_hold(account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: insert_hold

-- end function

-- function: later_change
create or replace function ledger.later_change(
  operation text, account ledger.account, target ledger.target, amount numeric,
  expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := later_change.account;
  t ledger.target := later_change.target;
  -- No earlier than updated_at of the user, which the answer shows.
  v_at timestamptz := greatest(clock_timestamp(), a.updated_at, a.posted_at);
  v_action text := 'captured';
begin
  case later_change.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, later_change.expires_in); -- mutation: extend
    else
      -- The user as it will be, like what is held.
      a.seq := a.seq + 1;
      a.balance := a.balance - later_change.amount;
  end case;
  return ledger.next_change(a.user_id, t.hold, t.changes + 1, t.hash, v_action, later_change.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    later_change.idempotency_key, later_change.metadata);
end $$;

comment on function ledger.later_change is
  'The change that a CAPTURE, CAPTURE PART, RELEASE or EXTEND makes of a hold, for a user whose account is open, with what will be held afterwards, to be written. Everything has been decided.';

revoke all on function ledger.later_change from public;
-- end function

-- function: next_change
create or replace function ledger.next_change(
  user_id bigint, hold bigint, number bigint, previous bytea, action text, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v public.hold_changes;
begin
  -- By name: the table may have columns of others.
  v.user_id := next_change.user_id; v.hold := next_change.hold; v.number := next_change.number;
  v.action := next_change.action; v.amount := next_change.amount;
  v.remaining := next_change.remaining; v.expires_at := next_change.expires_at;
  v.at := next_change.at; v.seq := next_change.seq; v.balance := next_change.balance;
  v.available := next_change.available; v.idempotency_key := next_change.idempotency_key;
  v.metadata := next_change.metadata;
  v.position := nextval('public.payment_history_id_seq');
  v.hash := ledger.hold_hash(next_change.previous, v.user_id, v.hold, v.number, v.action, v.amount,
    v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, v.idempotency_key, v.metadata,
    v.position);
  return v;
end $$;

comment on function ledger.next_change is
  'The change of a hold after the one whose hash is previous (null: it is placed), at the next position, to be written. Everything has been decided.';

revoke all on function ledger.next_change from public;
-- end function

-- function: post
create or replace function ledger.post(
  operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[] default null,
  refs bigint[] default null, expires_ins numeric[] default null,
  idempotency_keys text[] default null, metadatas jsonb[] default null,
  wait boolean default false, max_pending integer default 1000)
  returns setof ledger.outcome
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  -- No sequential scans: after a bulk load the statistics are wrong until the next analyze, and
  -- every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning the statements anew in each call took two thirds of its time.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_accounts ledger.account[] := ledger.lock_accounts(ledger.users_of(post.operations,
    post.user_ids, post.peer_user_ids, post.refs), post.wait, post.max_pending);
  v_ids bigint[] := array(select x.user_id from unnest(v_accounts) x);
  v_has_repeated_keys boolean := ledger.has_repeated_keys(post.user_ids, post.idempotency_keys);
  -- Operations that read what stands in the tables of their user.
  v_readers text[] := '{HOLD,CAPTURE,CAPTURE PART,RELEASE,EXTEND,REVERSE}';
  v_has_readers boolean := v_has_repeated_keys or post.operations && v_readers;
  v_read_at timestamptz := clock_timestamp();
  -- What this call has decided and not written yet, and to whom it belongs.
  v_new ledger.entry[] := '{}';
  v_changes public.hold_changes[] := '{}';
  v_unwritten bigint[] := '{}';
  v_operation text;
  v_peer_id bigint;
  v_a integer;
  v_p integer;
  v_at timestamptz;
  a ledger.account;
  p ledger.account;
  t ledger.target;
  d ledger.decision;
  e ledger.entry;
  c public.hold_changes;
begin
  for i in 1 .. cardinality(post.operations) loop -- mutation: order
    v_operation := post.operations[i];
    v_peer_id := post.peer_user_ids[i];
    v_a := width_bucket(post.user_ids[i], v_ids);
    a := v_accounts[v_a];
    if (a.user_id = post.user_ids[i]) is not true then
      a := ledger.absent_account(post.user_ids[i]);
    end if;
    t := null;
    if v_has_readers and (v_has_repeated_keys or v_operation = any (v_readers)) then
      -- What this call has posted so far counts, too.
      if a.user_id = any (v_unwritten) then -- mutation: flush
        perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
        v_changes := '{}'; v_new := '{}'; v_unwritten := '{}';
      end if;
      if v_operation <> 'HOLD' then
        t := ledger.load_target(v_operation, a.user_id, post.refs[i], post.amounts[i],
          post.expires_ins[i]);
        v_peer_id := coalesce(v_peer_id, t.peer_user_id);
      end if;
    end if;
    if v_peer_id is not null or v_operation = 'TRANSFER' then
      v_p := width_bucket(v_peer_id, v_ids);
      p := v_accounts[v_p];
      if (p.user_id = v_peer_id) is not true then p := ledger.absent_account(v_peer_id); end if;
    elsif p.user_id is not null then
      p := null;
    end if;

    if v_operation in ('CREDIT', 'DEBIT', 'TRANSFER') and post.idempotency_keys[i] is null then
      d := ledger.plain_decision(v_operation, post.amounts[i], post.metadatas[i], a.user_id,
        a.problem, a.balance, a.held, a.is_frozen, p.user_id, p.problem, p.balance, p.held);
    else
      d := ledger.decide(v_operation, post.amounts[i], post.expires_ins[i],
        post.idempotency_keys[i], post.metadatas[i], t, a, p);
    end if;
    if d.problem is null and not d.replayed and d.action is not null and v_operation <> 'HOLD' then
      if d.hold is not null then
        a.held := d.held;
        v_changes := array_append(v_changes,
          ledger.later_change(v_operation, a, t, d.amount, null, null, null));
        a.hold_changes := a.hold_changes + 1;
      end if;
      -- Before the call, which PostgreSQL replaces by its body only if no argument is volatile.
      v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
      e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
        a.balance + d.change, v_at, post.idempotency_keys[i], post.metadatas[i],
        d.held, d.hold, d.reverses, p.user_id, p.seq + 1);
      v_new := array_append(v_new, e);
      if v_has_readers then v_unwritten := v_unwritten || array[a.user_id, p.user_id]; end if;
      -- At once: to set its fields one by one costs five times as much.
      v_accounts[v_a] := row(a.user_id, null, e.seq, e.balance, a.held, v_at, e.hash,
        a.hold_changes, a.next_expiry, v_at, a.is_frozen)::ledger.account;
      return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
        e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
        a.hold_changes, a.next_expiry, v_read_at);
      if p.user_id is not null then
        e := ledger.next_entry(p.hash, p.user_id, p.seq + 1, ledger.opposite_of(d.action), d.amount,
          p.balance - d.change, v_at, null, post.metadatas[i], p.held, null,
          t.peer_reverses, e.user_id, e.seq);
        v_new := array_append(v_new, e);
        p := row(p.user_id, null, e.seq, e.balance, p.held, v_at, e.hash, p.hold_changes,
          p.next_expiry, v_at, p.is_frozen)::ledger.account;
        v_accounts[v_p] := p; -- mutation: peer
        return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
          e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
          p.hold_changes, p.next_expiry, v_read_at);
      end if;
    else
      if d.problem is null and not d.replayed and v_operation in ('HOLD', 'RELEASE', 'EXTEND') then
        a.held := d.held;
        if v_operation = 'HOLD' then
          c := ledger.first_change(a, d.amount, post.expires_ins[i], post.idempotency_keys[i],
            post.metadatas[i]);
          a.held := a.held + d.amount; -- mutation: reserve
          a.next_expiry := least(a.next_expiry, nullif(c.expires_at, 'infinity'));
        else
          c := ledger.later_change(v_operation, a, t, d.amount, post.expires_ins[i],
            post.idempotency_keys[i], post.metadatas[i]);
        end if;
        v_changes := array_append(v_changes, c);
        v_unwritten := array_append(v_unwritten, a.user_id);
        a.hold_changes := a.hold_changes + 1;
        a.updated_at := greatest(c.at, a.updated_at, a.posted_at);
        v_accounts[v_a] := a;
      end if;
      return next ledger.outcome_of(i, d, a, a.user_id, c, v_read_at);
      if p.user_id is not null or p.problem is not null then
        return next ledger.outcome_of(i, d, p, a.user_id, null, v_read_at);
      end if;
      c := null;
    end if;
  end loop;
  perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
  perform ledger.copy_accounts(v_accounts);
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn''t captured stays held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
-- end function

-- function: post_change
create or replace function ledger.post_change(
  operation text, user_id bigint, amount numeric, ref bigint, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
declare
  a ledger.account;
  t ledger.target;
  d ledger.decision;
  v_problem text;
  v_seq bigint;
  v_balance numeric;
  v_at timestamptz;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_credit_limit numeric;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, u.credit_limit
    into v_hold_changes, v_is_frozen, v_credit_limit
    from public.users u where u.id = post_change.user_id for no key update; -- mutation: lock
  if not found then v_problem := 'LGUSR'; end if;
  select h.seq, h.balance, h.sealed_at, h.hash into v_seq, v_balance, v_at, v_hash
    from public.payment_history h where h.user_id = post_change.user_id
   order by h.seq desc limit 1; -- mutation: last
  a := ledger.open_account(row(post_change.user_id, v_problem, v_seq, v_balance,
    coalesce(-v_credit_limit, 0.00), v_at, v_hash, v_hold_changes, null, null, v_is_frozen
    )::ledger.account, null);
  t := ledger.load_target(post_change.operation, post_change.user_id, post_change.ref,
    post_change.amount, null);
  -- It was none when the caller looked.
  if t.peer_user_id is not null then a.problem := '55P03'; end if;
  d := ledger.decide(post_change.operation, post_change.amount, null,
    post_change.idempotency_key, post_change.metadata, t, a, null);
  v_problem := d.problem; v_seq := a.seq; v_balance := a.balance; v_at := a.posted_at;
  v_hash := a.hash;
  if d.replayed then return (ledger.replay_entry(array[a], d.earlier_seq))[1]; end if;
  if v_problem is null and d.hold is not null then
    a.held := d.held;
    perform ledger.write_change(
      ledger.later_change(post_change.operation, a, t, d.amount, null, null, null));
    v_hold_changes := v_hold_changes + 1;
  end if;
  if v_problem is not null then
    perform ledger.raise_status(v_problem, post_change.user_id,
      coalesce(post_change.amount, d.amount), v_balance - d.held);
  end if;
  v_seq := v_seq + 1;
  v_balance := v_balance + d.change;
  v_at := ledger.next_moment(v_at);
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, hash)
  values (post_change.user_id, d.action, d.amount, v_at, v_seq, v_balance, v_at,
    post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses,
    ledger.entry_hash(v_hash, post_change.user_id, v_seq, d.action, d.amount, v_at, v_balance,
      v_at, post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses, null,
      null));
  update public.users u
     set seq = v_seq, balance = v_balance, -- mutation: copy
         hold_changes = v_hold_changes, updated_at = v_at
   where u.id = post_change.user_id;
  return (post_change.user_id, v_seq, d.action, d.amount, v_balance, v_balance - d.held, v_at,
    false)::ledger.posted_entry;
end $$;

comment on function ledger.post_change is
  'One DEBIT, CREDIT, CAPTURE or CAPTURE PART (ref: the hold) or REVERSE (ref: the seq of an entry that is no transfer) for people: waits for the user, posts all that is pending, and returns the entry; raises what post returns as a status.';

revoke all on function ledger.post_change from public;
-- end function

-- function: post_hold
create or replace function ledger.post_hold(
  operation text, user_id bigint, amount numeric, ref bigint, expires_in numeric,
  idempotency_key text, metadata jsonb, out change public.hold_changes, out replayed boolean)
  language plpgsql volatile as $$
declare
  a ledger.account := ledger.lock_account(post_hold.user_id);
  t ledger.target := ledger.load_target(post_hold.operation, post_hold.user_id, post_hold.ref,
    null, post_hold.expires_in);
  d ledger.decision := ledger.decide(post_hold.operation, post_hold.amount, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata, t, a, null);
begin
  if d.problem is not null then
    perform ledger.raise_status(d.problem, post_hold.user_id, post_hold.amount, a.balance - d.held);
  end if;
  replayed := d.replayed;
  if replayed then
    select c.* into change from public.hold_changes c
     where c.user_id = post_hold.user_id and c.hold = d.hold and c.number = d.earlier_number;
    perform ledger.copy_accounts(array[a]);
    return;
  end if;
  a.held := d.held;
  if post_hold.operation = 'HOLD' then
    change := ledger.first_change(a, d.amount, post_hold.expires_in, post_hold.idempotency_key,
      post_hold.metadata);
  else
    change := ledger.later_change(post_hold.operation, a, t, d.amount, post_hold.expires_in,
      post_hold.idempotency_key, post_hold.metadata);
  end if;
  perform ledger.write_change(change);
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1,
         updated_at = greatest(change.at, a.updated_at, a.posted_at)
   where u.id = a.user_id;
end $$;

comment on function ledger.post_hold is
  'One HOLD, RELEASE or EXTEND (ref: the hold) for people: waits for the user, posts all that is pending, and returns the change of the hold, also of a replay; raises what post returns as a status.';

revoke all on function ledger.post_hold from public;
-- end function

-- function: write_change
create or replace function ledger.write_change(change public.hold_changes)
  returns void
  language plpgsql volatile as $$
declare
  c public.hold_changes := write_change.change;
begin
  if c.number = 1 then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    values (c.user_id, c.hold, c.amount, c.remaining, 0.00, 'active', c.expires_at, 1, c.hash);
  else
    update public.holds o
       set remaining = c.remaining,
           captured = o.captured + case c.action when 'captured' then c.amount else 0.00 end,
           status = case when c.remaining > 0 then 'active' else c.action end,
           expires_at = c.expires_at, changes = c.number, hash = c.hash
     where o.user_id = c.user_id and o.hold = c.hold;
  end if;
  insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at,
    at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (c.user_id, c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq,
    c.balance, c.available, c.idempotency_key, c.metadata, c.position, c.hash);
end $$;

comment on function ledger.write_change is
  'Writes one change of a hold, and what the hold is by then, in fewer steps than write_changes. Everything has been decided.';

revoke all on function ledger.write_change from public;
-- end function

-- function: write_changes
create or replace function ledger.write_changes(changes public.hold_changes[])
  returns void
  language plpgsql volatile as $$
declare
  c public.hold_changes;
  v_has_first boolean := false;
  v_has_later boolean := false;
begin
  foreach c in array write_changes.changes loop
    if c.number = 1 then v_has_first := true; else v_has_later := true; end if;
  end loop;
  if v_has_first then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    select x.user_id, x.hold, x.amount, x.remaining, 0.00, 'active', x.expires_at, 1, x.hash
      from unnest(write_changes.changes) x where x.number = 1;
  end if;
  if v_has_later then
    update public.holds o
       set remaining = x.remaining,
           captured = o.captured + case x.action when 'captured' then x.amount else 0.00 end,
           status = case when x.remaining > 0 then 'active' else x.action end,
           expires_at = x.expires_at, changes = x.number, hash = x.hash
      from unnest(write_changes.changes) x
     where x.number > 1 and o.user_id = x.user_id and o.hold = x.hold;
  end if;
  if v_has_first or v_has_later then
    insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at,
      at, seq, balance, available, idempotency_key, metadata, position, hash)
    select x.user_id, x.hold, x.number, x.action, x.amount, x.remaining, x.expires_at, x.at, x.seq,
           x.balance, x.available, x.idempotency_key, x.metadata, x.position, x.hash
      from unnest(write_changes.changes) x;
  end if;
end $$;

comment on function ledger.write_changes is
  'Writes changes of holds, at most one of each hold, and what the holds are by then. Everything has been decided.';

revoke all on function ledger.write_changes from public;
-- end function

drop function ledger.write_hold(action text, user_id bigint, hold bigint, number bigint, previous bytea, amount numeric, remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric, available numeric, idempotency_key text, metadata jsonb);

-- function: write_hold

-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: write_hold
create or replace function ledger.write_hold(
  action text, user_id bigint, hold bigint, number bigint, previous bytea, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea := ledger.hold_hash(previous, user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, v_position);
  v public.hold_changes;
begin
  if write_hold.number = 1 then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    values (write_hold.user_id, write_hold.hold, write_hold.amount, write_hold.remaining, 0.00,
      'active', write_hold.expires_at, 1, v_hash);
  else
    update public.holds o
       set remaining = write_hold.remaining,
           captured = case write_hold.action when 'captured' then o.captured + write_hold.amount
             else o.captured end,
           status = case when write_hold.remaining > 0 then 'active' else write_hold.action end,
           expires_at = write_hold.expires_at, changes = write_hold.number, hash = v_hash
     where o.user_id = write_hold.user_id and o.hold = write_hold.hold;
  end if;
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining, expires_at,
    at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (write_hold.user_id, write_hold.hold, write_hold.number, write_hold.action,
    write_hold.amount, write_hold.remaining, write_hold.expires_at, write_hold.at, write_hold.seq,
    write_hold.balance, write_hold.available, write_hold.idempotency_key, write_hold.metadata,
    v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.write_hold is
  'Writes a change of a hold after the one whose hash is previous (null: it is placed), and what the hold is by then. Everything has been decided.';

revoke all on function ledger.write_hold from public;
-- end function

drop function ledger.write_changes(changes public.hold_changes[]);

drop function ledger.write_change(change public.hold_changes);

-- function: post_hold
create or replace function ledger.post_hold(
  operation text, user_id bigint, amount numeric, ref bigint, expires_in numeric,
  idempotency_key text, metadata jsonb, out change public.hold_changes, out replayed boolean)
  language plpgsql volatile as $$
declare
  a ledger.account := ledger.lock_account(post_hold.user_id);
  t ledger.target := ledger.load_target(post_hold.operation, post_hold.user_id, post_hold.ref,
    null, post_hold.expires_in);
  d ledger.decision := ledger.decide(post_hold.operation, post_hold.amount, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata, t, a, null);
begin
  if d.problem is not null then
    perform ledger.raise_status(d.problem, post_hold.user_id, post_hold.amount, a.balance - d.held);
  end if;
  replayed := d.replayed;
  if replayed then
    select c.* into change from public.hold_changes c
     where c.user_id = post_hold.user_id and c.hold = d.hold and c.number = d.earlier_number;
    perform ledger.copy_accounts(array[a]);
    return;
  end if;
  a.held := d.held;
  if post_hold.operation = 'HOLD' then
    change := ledger.insert_hold(a, d.amount, post_hold.expires_in, post_hold.idempotency_key,
      post_hold.metadata);
  else
    change := ledger.change_hold(post_hold.operation, a, t, d.amount, post_hold.expires_in,
      post_hold.idempotency_key, post_hold.metadata);
  end if;
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1,
         updated_at = greatest(change.at, a.updated_at, a.posted_at)
   where u.id = a.user_id;
end $$;

comment on function ledger.post_hold is
  'One HOLD, RELEASE or EXTEND (ref: the hold) for people: waits for the user, posts all that is pending, and returns the change of the hold, also of a replay; raises what post returns as a status.';

revoke all on function ledger.post_hold from public;
-- end function

-- function: post_change
create or replace function ledger.post_change(
  operation text, user_id bigint, amount numeric, ref bigint, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
declare
  a ledger.account;
  t ledger.target;
  d ledger.decision;
  v_problem text;
  v_seq bigint;
  v_balance numeric;
  v_at timestamptz;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_credit_limit numeric;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, u.credit_limit
    into v_hold_changes, v_is_frozen, v_credit_limit
    from public.users u where u.id = post_change.user_id for no key update; -- mutation: lock
  if not found then v_problem := 'LGUSR'; end if;
  select h.seq, h.balance, h.sealed_at, h.hash into v_seq, v_balance, v_at, v_hash
    from public.payment_history h where h.user_id = post_change.user_id
   order by h.seq desc limit 1; -- mutation: last
  a := ledger.open_account(row(post_change.user_id, v_problem, v_seq, v_balance,
    coalesce(-v_credit_limit, 0.00), v_at, v_hash, v_hold_changes, null, null, v_is_frozen
    )::ledger.account, null);
  t := ledger.load_target(post_change.operation, post_change.user_id, post_change.ref,
    post_change.amount, null);
  -- It was none when the caller looked.
  if t.peer_user_id is not null then a.problem := '55P03'; end if;
  d := ledger.decide(post_change.operation, post_change.amount, null,
    post_change.idempotency_key, post_change.metadata, t, a, null);
  v_problem := d.problem; v_seq := a.seq; v_balance := a.balance; v_at := a.posted_at;
  v_hash := a.hash;
  if d.replayed then return (ledger.replay_entry(array[a], d.earlier_seq))[1]; end if;
  if v_problem is null and d.hold is not null then
    a.held := d.held;
    perform ledger.change_hold(post_change.operation, a, t, d.amount, null, null, null);
    v_hold_changes := v_hold_changes + 1;
  end if;
  if v_problem is not null then
    perform ledger.raise_status(v_problem, post_change.user_id,
      coalesce(post_change.amount, d.amount), v_balance - d.held);
  end if;
  v_seq := v_seq + 1;
  v_balance := v_balance + d.change;
  v_at := ledger.next_moment(v_at);
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, hash)
  values (post_change.user_id, d.action, d.amount, v_at, v_seq, v_balance, v_at,
    post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses,
    ledger.entry_hash(v_hash, post_change.user_id, v_seq, d.action, d.amount, v_at, v_balance,
      v_at, post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses, null,
      null));
  update public.users u
     set seq = v_seq, balance = v_balance, -- mutation: copy
         hold_changes = v_hold_changes, updated_at = v_at
   where u.id = post_change.user_id;
  return (post_change.user_id, v_seq, d.action, d.amount, v_balance, v_balance - d.held, v_at,
    false)::ledger.posted_entry;
end $$;

comment on function ledger.post_change is
  'One DEBIT, CREDIT, CAPTURE or CAPTURE PART (ref: the hold) or REVERSE (ref: the seq of an entry that is no transfer) for people: waits for the user, posts all that is pending, and returns the entry; raises what post returns as a status.';

revoke all on function ledger.post_change from public;
-- end function

-- function: post
create or replace function ledger.post(
  operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[] default null,
  refs bigint[] default null, expires_ins numeric[] default null,
  idempotency_keys text[] default null, metadatas jsonb[] default null,
  wait boolean default false, max_pending integer default 1000)
  returns setof ledger.outcome
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  -- No sequential scans: after a bulk load the statistics are wrong until the next analyze, and
  -- every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning the statements anew in each call took two thirds of its time.
  set plan_cache_mode = force_generic_plan as $$
declare
  v_accounts ledger.account[] := ledger.lock_accounts(ledger.users_of(post.operations,
    post.user_ids, post.peer_user_ids, post.refs), post.wait, post.max_pending);
  v_ids bigint[] := array(select x.user_id from unnest(v_accounts) x);
  v_has_repeated_keys boolean := ledger.has_repeated_keys(post.user_ids, post.idempotency_keys);
  v_read_at timestamptz := clock_timestamp();
  v_new ledger.entry[] := '{}';
  v_operation text;
  v_peer_id bigint;
  v_a integer;
  v_p integer;
  v_at timestamptz;
  a ledger.account;
  p ledger.account;
  t ledger.target;
  d ledger.decision;
  e ledger.entry;
  c public.hold_changes;
begin
  for i in 1 .. cardinality(post.operations) loop -- mutation: order
    v_operation := post.operations[i];
    v_peer_id := post.peer_user_ids[i];
    v_a := width_bucket(post.user_ids[i], v_ids);
    a := v_accounts[v_a];
    if (a.user_id = post.user_ids[i]) is not true then
      a := ledger.absent_account(post.user_ids[i]);
    end if;
    if v_operation in ('CAPTURE', 'CAPTURE PART', 'RELEASE', 'EXTEND', 'REVERSE')
      or v_has_repeated_keys then
      -- What this call has posted so far counts, too.
      perform ledger.insert_entries(v_new); v_new := '{}'; -- mutation: flush
      t := ledger.load_target(v_operation, a.user_id, post.refs[i], post.amounts[i],
        post.expires_ins[i]);
      v_peer_id := coalesce(v_peer_id, t.peer_user_id);
    else
      t := null;
    end if;
    if v_peer_id is not null or v_operation = 'TRANSFER' then
      v_p := width_bucket(v_peer_id, v_ids);
      p := v_accounts[v_p];
      if (p.user_id = v_peer_id) is not true then p := ledger.absent_account(v_peer_id); end if;
    elsif p.user_id is not null then
      p := null;
    end if;

    if v_operation in ('CREDIT', 'DEBIT', 'TRANSFER') and post.idempotency_keys[i] is null then
      d := ledger.plain_decision(v_operation, post.amounts[i], post.metadatas[i], a.user_id,
        a.problem, a.balance, a.held, a.is_frozen, p.user_id, p.problem, p.balance, p.held);
    else
      d := ledger.decide(v_operation, post.amounts[i], post.expires_ins[i],
        post.idempotency_keys[i], post.metadatas[i], t, a, p);
    end if;
    if d.problem is null and not d.replayed and d.action is not null and v_operation <> 'HOLD' then
      if d.hold is not null then
        a.held := d.held;
        perform ledger.change_hold(v_operation, a, t, d.amount, null, null, null);
        a.hold_changes := a.hold_changes + 1;
      end if;
      -- Before the call, which PostgreSQL replaces by its body only if no argument is volatile.
      v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
      e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
        a.balance + d.change, v_at, post.idempotency_keys[i], post.metadatas[i],
        d.held, d.hold, d.reverses, p.user_id, p.seq + 1);
      v_new := array_append(v_new, e);
      -- At once: to set its fields one by one costs five times as much.
      v_accounts[v_a] := row(a.user_id, null, e.seq, e.balance, a.held, v_at, e.hash,
        a.hold_changes, a.next_expiry, v_at, a.is_frozen)::ledger.account;
      return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
        e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
        a.hold_changes, a.next_expiry, v_read_at);
      if p.user_id is not null then
        e := ledger.next_entry(p.hash, p.user_id, p.seq + 1, ledger.opposite_of(d.action), d.amount,
          p.balance - d.change, v_at, null, post.metadatas[i], p.held, null,
          t.peer_reverses, e.user_id, e.seq);
        v_new := array_append(v_new, e);
        p := row(p.user_id, null, e.seq, e.balance, p.held, v_at, e.hash, p.hold_changes,
          p.next_expiry, v_at, p.is_frozen)::ledger.account;
        v_accounts[v_p] := p; -- mutation: peer
        return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
          e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
          p.hold_changes, p.next_expiry, v_read_at);
      end if;
    else
      if d.problem is null and not d.replayed and v_operation in ('HOLD', 'RELEASE', 'EXTEND') then
        a.held := d.held;
        if v_operation = 'HOLD' then
          c := ledger.insert_hold(a, d.amount, post.expires_ins[i], post.idempotency_keys[i],
            post.metadatas[i]);
          a.held := a.held + d.amount; -- mutation: reserve
          a.next_expiry := least(a.next_expiry, nullif(c.expires_at, 'infinity'));
        else
          c := ledger.change_hold(v_operation, a, t, d.amount, post.expires_ins[i],
            post.idempotency_keys[i], post.metadatas[i]);
        end if;
        a.hold_changes := a.hold_changes + 1;
        a.updated_at := greatest(c.at, a.updated_at, a.posted_at);
        v_accounts[v_a] := a;
      end if;
      return next ledger.outcome_of(i, d, a, a.user_id, c, v_read_at);
      if p.user_id is not null or p.problem is not null then
        return next ledger.outcome_of(i, d, p, a.user_id, null, v_read_at);
      end if;
      c := null;
    end if;
  end loop;
  perform ledger.insert_entries(v_new);
  perform ledger.copy_accounts(v_accounts);
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn''t captured stays held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
-- end function

drop function ledger.next_change(user_id bigint, hold bigint, number bigint, previous bytea, action text, amount numeric, remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric, available numeric, idempotency_key text, metadata jsonb);

drop function ledger.later_change(operation text, account ledger.account, target ledger.target, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: insert_hold
create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := insert_hold.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  return ledger.write_hold('placed', a.user_id, v_hold, 1, null, insert_hold.amount,
    insert_hold.amount, ledger.expires_after(v_at, insert_hold.expires_in), v_at, a.seq, a.balance,
    a.balance - a.held - insert_hold.amount, insert_hold.idempotency_key, insert_hold.metadata);
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
-- end function

drop function ledger.first_change(account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

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
    ('constraint webhooks_pkey on ledger.webhooks', 'c111be69896f9b78'),
    ('domain ledger.nothing', 'be4231534676bdaa'),
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '8468a2fb0d9c0e97'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '9a85be9f3f8ad47f'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '0937925795517686'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '069824caaad62427'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '739613a94dacff25'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '22fd396f4c30c1df'),
    ('function ledger.assert_replica(text,bigint,bigint)', '8a84d839089767a9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'ea0e677c660ddbd8'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '5f73d9e50562742b'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_cursor(text,bigint,text)', '6f565509f5c6f05d'),
    ('function ledger.check_entry()', '7f043639bd80336a'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '192b99124bcb1aef'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '43bd656c72455d2d'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_erasable(bigint)', 'b2f3c2770e93aaa6'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', '4bb8892b74509331'),
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
    ('function ledger.event_details(bigint[],bigint[],bigint[],bigint[],text[])', '637459b572320d18'),
    ('function ledger.event_digest(bigint)', '8bb6158351f606f7'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '5093f1960775f440'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '9f377034d1899b47'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'c50f689bc8afa4d1'),
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
    ('function ledger.has_most_holds(bigint)', '692f08b4b2b349c8'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '1477408d305a139d'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', 'b721cfc03d5c0aea'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', '36e0068db7f06dd5'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '0a4b69eb81c1e1ac'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '40d5971a6b654398'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '63f304569abbd92a'),
    ('function ledger.incarnation()', '98355c358e1ecbd7'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '8e97865204d12f2a'),
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
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '5ea4e34ed0cf3d65'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '6268504ecf16a95a'),
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
    ('function ledger.post_pending(bigint,integer)', '01f5b1b953d1d2de'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '2a7ec38fd210c7b1'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.scan_events(bigint,bigint,integer)', '02a4ae120e6e4deb'),
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
    ('function ledger.write_hold(text,bigint,bigint,bigint,bytea,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'be0ea9b684ba635e'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '655e0426bb5a7214'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '6240297e22ce359b'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'ee0d57c4bf009c3a'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', '368774522fb38298'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', '65ad09c535f26545'),
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
    ('rights on ledger.webhooks', 'e3b0c44298fc1c14'),
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
    ('table ledger.webhooks', '0d67a386b98f0820'),
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

-- function: close_hold
create or replace function ledger.close_hold(
  operation text, user_id bigint, hold bigint, amount numeric)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_is_capture boolean := close_hold.operation <> 'RELEASE';
  v_amount numeric := round(close_hold.amount, 2);
  v_now timestamptz; v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric; v_held numeric;
  v_entry_hash bytea;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_before numeric;
  v_remaining numeric := 0.00;
  v_number bigint;
  v_hash bytea;
  v public.hold_changes;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = close_hold.user_id for no key update; -- mutation: lock
  v_now := clock_timestamp();
  -- The last entry, or one that is pending, of which nulls come first in this order; and the hold.
  select h.seq, h.balance, greatest(ledger.next_moment(h.sealed_at), v_updated_at), h.hash,
         o.remaining, o.expires_at, o.changes + 1, o.hash, (
           select sum(a.remaining) from public.holds a
            where a.user_id = close_hold.user_id and a.status = 'active'
              and a.expires_at > v_now) - v_limit
    into v_seq, v_balance, v_at, v_entry_hash, v_before, v_expires_at, v_number, v_hash, v_held
    from (select e.seq, e.balance, e.sealed_at, e.hash from public.payment_history e
           where e.user_id = close_hold.user_id order by e.seq desc limit 1) h
    cross join public.holds o
   where o.user_id = close_hold.user_id and o.hold = close_hold.hold and h.seq is not null
     and ledger.is_valid_amount(coalesce(close_hold.amount, o.remaining))
     and ledger.hold_problem(o.status, o.expires_at, v_now, o.remaining, v_amount, null) is null;
  if not found then return null; end if;
  if v_is_capture then
    v_amount := coalesce(v_amount, v_before);
    if close_hold.operation = 'CAPTURE PART' then v_remaining := v_before - v_amount; end if;
    v_seq := v_seq + 1;
    v_balance := v_balance - v_amount;
    v_held := v_held - v_before + v_remaining;
    if ledger.funds_problem(-v_amount, v_balance, v_held, v_is_frozen) is not null then
      return null; -- mutation: funds
    end if;
  else
    v_amount := v_before;
    v_held := v_held - v_before;
  end if;
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1, updated_at = v_at
   where u.id = close_hold.user_id;
  -- The change comes before its entry, as it does in a batch.
  v := ledger.write_hold(case when v_is_capture then 'captured' else 'released' end,
    close_hold.user_id, close_hold.hold, v_number, v_hash, v_amount, v_remaining, v_expires_at,
    v_at, v_seq, v_balance, v_balance - v_held, null, null);
  if v_is_capture then
    insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held,
      hold, hash)
    values (close_hold.user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at, v_held,
      close_hold.hold, ledger.entry_hash(v_entry_hash, close_hold.user_id, v_seq, 'DEBIT', v_amount,
        v_at, v_balance, v_at, null, null, v_held, close_hold.hold, null, null, null));
  end if;
  return v;
end $$;

comment on function ledger.close_hold is
  'One CAPTURE, CAPTURE PART or RELEASE without a key and metadata for people, as post_change and post_hold do it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for these. The moment of the change is that of the entry, too.';

revoke all on function ledger.close_hold from public;
-- end function

-- function: change_hold
create or replace function ledger.change_hold(
  operation text, account ledger.account, target ledger.target, amount numeric,
  expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := change_hold.account;
  t ledger.target := change_hold.target;
  -- No earlier than updated_at of the user, which the answer shows.
  v_at timestamptz := greatest(clock_timestamp(), a.updated_at, a.posted_at);
  v_action text := 'captured';
begin
  case change_hold.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, change_hold.expires_in); -- mutation: extend
    else
      -- The user as it will be, like what is held.
      a.seq := a.seq + 1;
      a.balance := a.balance - change_hold.amount;
  end case;
  return ledger.write_hold(v_action, a.user_id, t.hold, t.changes + 1, t.hash, change_hold.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    change_hold.idempotency_key, change_hold.metadata);
end $$;

comment on function ledger.change_hold is
  'What a CAPTURE, CAPTURE PART, RELEASE or EXTEND does to a hold, for a user whose account is open, with what will be held afterwards. Everything has been decided.';

revoke all on function ledger.change_hold from public;
-- end function

-- function: add_hold
create or replace function ledger.add_hold(
  user_id bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_hold.amount, 2);
  v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_hold bigint;
begin
  if ledger.request_problem(ledger.is_valid_amount(add_hold.amount), null, add_hold.metadata,
    ledger.is_valid_expiry(add_hold.expires_in), false) is not null then return null; end if;
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = add_hold.user_id for no key update; -- mutation: lock
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at := clock_timestamp();
  v_expires_at := ledger.expires_after(v_at, add_hold.expires_in);
  -- The last entry, or one that is pending, of which nulls come first in this order. Without changes
  -- that are counted nobody looks for holds.
  select h.seq, h.balance, greatest(h.sealed_at, v_updated_at, v_at),
         case when v_hold_changes = 0 then 0.00 else coalesce((
           select sum(o.remaining) from public.holds o
            where o.user_id = add_hold.user_id and o.status = 'active'
              and o.expires_at > v_at), 0.00) end - v_limit,
         case when v_hold_changes = 0 then 1 else (
           select coalesce(max(o.hold), 0) + 1 from public.holds o
            where o.user_id = add_hold.user_id) end
    into v_seq, v_balance, v_updated_at, v_held, v_hold
    from public.payment_history h where h.user_id = add_hold.user_id
   order by h.seq desc limit 1;
  -- Who may have the most holds already is for decide.
  if v_seq is null or v_hold_changes >= 10000
    or ledger.funds_problem(-v_amount, v_balance - v_amount, v_held, v_is_frozen)
    is not null then return null; end if; -- mutation: funds
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1,
         updated_at = v_updated_at
   where u.id = add_hold.user_id;
  return ledger.write_hold('placed', add_hold.user_id, v_hold, 1, null, v_amount, v_amount,
    v_expires_at, v_at, v_seq, v_balance, v_balance - v_held - v_amount, null, add_hold.metadata);
end $$;

comment on function ledger.add_hold is
  'One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_hold.';

revoke all on function ledger.add_hold from public;
-- end function
