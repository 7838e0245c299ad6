-- migrate:up

set local check_function_bodies = off;

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
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '5ccd3b26e6fad3b7'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '8468a2fb0d9c0e97'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '9a85be9f3f8ad47f'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '145af328260b2f87'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '069824caaad62427'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '739613a94dacff25'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '5dcb429d6adda2db'),
    ('function ledger.assert_replica(text,bigint,bigint)', '8a84d839089767a9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'ea0e677c660ddbd8'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'ca040c40f946dcba'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_cursor(text,bigint,text)', '6f565509f5c6f05d'),
    ('function ledger.check_entry()', 'cd159591b875d0ee'),
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
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', 'fc1240307555ceab'),
    ('function ledger.get_erasures(bigint,bigint[])', 'aefd9a3e9f46f946'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'c50f689bc8afa4d1'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '5133531f9c86655b'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c8f453424d0764e'),
    ('function ledger.get_relation_guards()', '9d06ebf776e848a2'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', '5a43fbe9c0b70b88'),
    ('function ledger.guard_user()', 'c03a553fdc7fa6cd'),
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
    ('function ledger.hold_row_problem(public.hold_changes,public.hold_changes,numeric)', '35896d9595b6a40b'),
    ('function ledger.incarnation()', '98355c358e1ecbd7'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_distributed()', '552904153d6eb122'),
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
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '6c1116e4155e25e6'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', '8427020a2f279725'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82b3703a1a2efd06'),
    ('function ledger.opposite_of(text)', 'ccbaf9666ba66c2d'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '74be060f0f57bf88'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '428b2ab8987be5d9'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '3881272a72a47fd6'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '7211d3a25126a4a2'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'e7376ec9cc4303bb'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '362fc526c3605eeb'),
    ('function ledger.post_pending(bigint,integer)', 'a5989f44c2976873'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', 'ad9e75791498bccd'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.refuse_distributed(text)', 'b12a5539f1f76e4c'),
    ('function ledger.replay_entry(ledger.account[],bigint)', '9e44aedce7ecb2b5'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.scan_events(bigint,bigint,integer)', '02a4ae120e6e4deb'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '10332e82133ec890'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'f2046e8fae0a7624'),
    ('function ledger.verify_entry(public.payment_history)', '455b38d4b821502c'),
    ('function ledger.verify_erasures()', 'f71b382ef3a3b9a6'),
    ('function ledger.verify_guards()', '6883ba5748741e16'),
    ('function ledger.verify_holds(bigint,bigint)', 'e417f55ba23e137c'),
    ('function ledger.verify_interventions()', '58813f1ceb3b8998'),
    ('function ledger.verify_manual_entries(bigint,bigint)', 'f836b5d34bd15544'),
    ('function ledger.verify_shards()', 'da0cf13df8fcd4cd'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'a4592f9a4ae8dcd0'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function ledger.write_change(public.hold_changes)', 'c4f41f0563894c52'),
    ('function ledger.write_changes(public.hold_changes[])', '8963ee029de721ed'),
    ('function public.balance_at(bigint,timestamp with time zone)', '7941aa72a6c4b494'),
    ('function public.break_glass(text)', '8c97a24665a66909'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', 'ceaea186a51fd061'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '092262344b5e8a7c'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b01342f1e0583b64'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'c7206f0cfb3b8db4'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', 'ab79fd8aaaa509e2'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '5d548a4ead4f0aa2'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '20bd5c25e6246b75'),
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
    ('trigger guard_truncate on erasures', '6a1d29f427167307'),
    ('trigger guard_truncate on hold_changes', '6e818f13d79ba681'),
    ('trigger guard_truncate on interventions', 'c9e16f218b862075'),
    ('trigger guard_truncate on ledger.anchors', '5ec4eee272b89643'),
    ('trigger guard_truncate on manual_entries', '303dc5ddac37a487'),
    ('trigger guard_truncate on payment_history', '80cb16e4408f8366'),
    ('trigger guard_truncate on user_controls', 'c693fb38a26b8ed6'),
    ('trigger guard_truncate on users', '7354bb8aba463187'),
    ('trigger guard_update on manual_entries', 'f367ba61d5e6ea50'),
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

-- function: hold_row_problem
create or replace function ledger.hold_row_problem(
  first public.hold_changes, last public.hold_changes, captured numeric)
  returns text
  language plpgsql stable as $$
declare
  f public.hold_changes := hold_row_problem.first;
  l public.hold_changes := hold_row_problem.last;
  o public.holds;
begin
  select x.* into o from public.holds x where x.user_id = l.user_id and x.hold = l.hold;
  if not found then return null; end if;
  if (o.amount, o.remaining, o.status, o.expires_at, o.captured, o.changes, 1)
      = (f.amount, l.remaining, case when l.remaining > 0 then 'active' else l.action end,
        l.expires_at, hold_row_problem.captured, l.number, f.number) then
    if o.hash = l.hash or o.hash = ledger.hold_hash_1(f, l) then return null; end if;
    -- The hash of version 1 can't be computed any more.
    if exists (select from public.erasures e where e.kind = 'hold_change'
        and e.user_id = o.user_id and e.number = o.hold and e.change = o.changes) then
      return null;
    end if;
  end if;
  return format('Hold %s is not what its changes come to.', o.hold);
end $$;

comment on function ledger.hold_row_problem is
  'What is wrong with a row of holds, if it isn''t what its first and its last change and what was captured in all come to; or null. Internal.';

revoke all on function ledger.hold_row_problem from public;
-- end function

drop function ledger.verify_hold(first public.hold_changes, last public.hold_changes, captured numeric);

-- function: verify_hold

-- end function

-- function: verify_holds
create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  f public.hold_changes;
  p public.hold_changes;
  c public.hold_changes;
  v_captured numeric;
  v_problem text;
begin
  for c in
    select x.* from public.hold_changes x
     where x.user_id > verify_holds.after_user_id and x.user_id <= verify_holds.upto_user_id
     order by x.user_id, x.hold, x.number
  loop
    if (c.user_id, c.hold) is distinct from (p.user_id, p.hold) then
      v_problem := ledger.hold_row_problem(f, p, v_captured);
      if v_problem is not null then
        return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
      end if;
      f := c;
      p := null;
      v_captured := 0;
    end if;
    v_problem := ledger.hold_change_problem(f, p, c);
    if v_problem is not null then
      return next row('hold_invalid', c.user_id, null,
        format('Change %s of hold %s %s.', c.number, c.hold, v_problem))::ledger.finding;
    end if;
    if c.action = 'captured' then v_captured := v_captured + c.amount; end if;
    p := c;
  end loop;
  v_problem := ledger.hold_row_problem(f, p, v_captured);
  if v_problem is not null then
    return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
  end if;

  return query
    select 'hold_invalid', o.user_id, null::bigint,
           format('Hold %s is not what its changes come to.', o.hold)
      from public.holds o
     where o.user_id > verify_holds.after_user_id and o.user_id <= verify_holds.upto_user_id
       and not exists (select from public.hold_changes x
             where x.user_id = o.user_id and x.hold = o.hold)
    union all
    -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
    select 'hold_invalid', coalesce(u.id, n.user_id), null, format(
             'users.hold_changes is %s; %s holds up to number %s, %s of them placed, and controls had %s changes.',
             u.hold_changes, n.holds, n.last_hold, n.placed, n.changes)
      from (select s.id, s.hold_changes from public.users s
             where s.hold_changes > 0 and s.id > verify_holds.after_user_id
               and s.id <= verify_holds.upto_user_id) u
      full join (
        select y.user_id, sum(y.holds)::bigint as holds, max(y.last_hold) as last_hold,
               sum(y.placed)::bigint as placed, sum(y.changes)::bigint as changes
          from (
            select o.user_id, count(*) as holds, max(o.hold) as last_hold, 0 as placed,
                   0 as changes
              from public.holds o
             where o.user_id > verify_holds.after_user_id
               and o.user_id <= verify_holds.upto_user_id
             group by o.user_id
            union all
            select x.user_id, 0, 0, count(*) filter (where x.number = 1), count(*)
              from public.hold_changes x
             where x.user_id > verify_holds.after_user_id
               and x.user_id <= verify_holds.upto_user_id
             group by x.user_id
            union all
            select k.user_id, 0, 0, 0, count(*) from public.user_controls k
             where k.user_id > verify_holds.after_user_id
               and k.user_id <= verify_holds.upto_user_id
             group by k.user_id) y
         group by y.user_id) n on n.user_id = u.id
     where (u.hold_changes, n.holds, n.placed) is distinct from (n.changes, n.last_hold, n.holds);
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and holds or changes that are missing or added behind the back of users. Internal.';

revoke all on function ledger.verify_holds from public;
-- end function

-- function: verify_manual_entries
create or replace function ledger.verify_manual_entries(
  after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  m public.manual_entries;
  e public.payment_history;
  v_kind text;
  v_number bigint;
begin
  -- One user a statement, and no row of a table as an argument in one: on a distributed ledger,
  -- shards have types of their own.
  for m in
    select x.* from public.manual_entries x
     where x.user_id > verify_manual_entries.after_user_id
       and x.user_id <= verify_manual_entries.upto_user_id
  loop
    v_kind := 'entry';
    v_number := m.seq;
    if m.seq is not null then
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.seq = m.seq;
    else
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.id = m.id and h.seq is null;
      if not found then
        -- Withdrawn: then this is what it was.
        v_kind := 'intervention';
        select (jsonb_populate_record(null::public.payment_history, i.before)).* into e
          from public.interventions i
         where i.user_id = m.user_id and i.operation = 'WITHDRAW'
           and i.before -> 'id' = to_jsonb(m.id) limit 1;
        select i.id into v_number from public.interventions i
         where i.user_id = m.user_id and i.operation = 'WITHDRAW'
           and i.before -> 'id' = to_jsonb(m.id) limit 1;
      end if;
    end if;
    continue when m.hash = ledger.manual_entry_hash(e, m.id, m.entered_at, m.entered_by);
    -- Of what was erased, the row in erasures takes the place of this hash.
    if not exists (select from public.erasures x where x.kind = v_kind
        and x.user_id = m.user_id and x.number = v_number) then
      return next row('manual_entry_invalid', m.user_id, m.seq,
        format('Manual entry %s, of %s by %s, %s.', m.id, m.entered_at, m.entered_by,
          case when e.user_id is null then 'is gone' else 'was edited' end))::ledger.finding;
    end if;
  end loop;

  return query
    select 'manual_entry_invalid', d.user_id, d.seq,
           format('Manual entries %s are the same entry.', string_agg(d.id::text, ', '))
      from public.manual_entries d
     where d.seq is not null and d.user_id > verify_manual_entries.after_user_id
       and d.user_id <= verify_manual_entries.upto_user_id
     group by d.user_id, d.seq having count(*) > 1
    union all
    select 'manual_entry_invalid', h.user_id, null,
           format('Nothing says who entered row %s.', h.id)
      from public.payment_history h
     where h.seq is null and h.user_id > verify_manual_entries.after_user_id
       and h.user_id <= verify_manual_entries.upto_user_id
       and not exists (select from public.manual_entries x
                        where x.user_id = h.user_id and x.id = h.id and x.seq is null);
end $$;

comment on function ledger.verify_manual_entries is
  'The findings about the manual entries of a range of users: those that are not pending, posted or withdrawn as they were entered, and pending rows that nobody has entered. Internal.';

revoke all on function ledger.verify_manual_entries from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: verify_manual_entries
create or replace function ledger.verify_manual_entries(
  after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  m public.manual_entries;
  e public.payment_history;
  v_kind text;
  v_number bigint;
begin
  -- One user a statement, and no row of a table as an argument in one: on a distributed ledger,
  -- shards have types of their own.
  for m in
    select x.* from public.manual_entries x
     where x.user_id > verify_manual_entries.after_user_id
       and x.user_id <= verify_manual_entries.upto_user_id
  loop
    v_kind := 'entry';
    v_number := m.seq;
    if m.seq is not null then
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.seq = m.seq;
    else
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.id = m.id and h.seq is null;
      if not found then
        -- Withdrawn: then this is what it was.
        v_kind := 'intervention';
        select (jsonb_populate_record(null::public.payment_history, i.before)).* into e
          from public.interventions i
         where i.user_id = m.user_id and i.operation = 'WITHDRAW'
           and i.before -> 'id' = to_jsonb(m.id) limit 1;
        select i.id into v_number from public.interventions i
         where i.user_id = m.user_id and i.operation = 'WITHDRAW'
           and i.before -> 'id' = to_jsonb(m.id) limit 1;
      end if;
    end if;
    if m.hash is distinct from
        ledger.manual_entry_hash(e, m.id, m.entered_at, m.entered_by)
      -- Of what was erased, the row in erasures takes the place of this hash.
      and not exists (select from public.erasures x where x.kind = v_kind
        and x.user_id = m.user_id and x.number = v_number) then
      return next row('manual_entry_invalid', m.user_id, m.seq,
        format('Manual entry %s, of %s by %s, %s.', m.id, m.entered_at, m.entered_by,
          case when e.user_id is null then 'is gone' else 'was edited' end))::ledger.finding;
    end if;
  end loop;

  return query
    select 'manual_entry_invalid', d.user_id, d.seq,
           format('Manual entries %s are the same entry.', string_agg(d.id::text, ', '))
      from public.manual_entries d
     where d.seq is not null and d.user_id > verify_manual_entries.after_user_id
       and d.user_id <= verify_manual_entries.upto_user_id
     group by d.user_id, d.seq having count(*) > 1
    union all
    select 'manual_entry_invalid', h.user_id, null,
           format('Nothing says who entered row %s.', h.id)
      from public.payment_history h
     where h.seq is null and h.user_id > verify_manual_entries.after_user_id
       and h.user_id <= verify_manual_entries.upto_user_id
       and not exists (select from public.manual_entries x
                        where x.user_id = h.user_id and x.id = h.id and x.seq is null);
end $$;

comment on function ledger.verify_manual_entries is
  'The findings about the manual entries of a range of users: those that are not pending, posted or withdrawn as they were entered, and pending rows that nobody has entered. Internal.';

revoke all on function ledger.verify_manual_entries from public;
-- end function

-- function: verify_holds
create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  f public.hold_changes;
  p public.hold_changes;
  c public.hold_changes;
  v_captured numeric;
  v_problem text;
begin
  for c in
    select x.* from public.hold_changes x
     where x.user_id > verify_holds.after_user_id and x.user_id <= verify_holds.upto_user_id
     order by x.user_id, x.hold, x.number
  loop
    if (c.user_id, c.hold) is distinct from (p.user_id, p.hold) then
      return query select h.* from ledger.verify_hold(f, p, v_captured) h;
      f := c;
      p := null;
      v_captured := 0;
    end if;
    v_problem := ledger.hold_change_problem(f, p, c);
    if v_problem is not null then
      return next row('hold_invalid', c.user_id, null,
        format('Change %s of hold %s %s.', c.number, c.hold, v_problem))::ledger.finding;
    end if;
    if c.action = 'captured' then v_captured := v_captured + c.amount; end if;
    p := c;
  end loop;
  return query select h.* from ledger.verify_hold(f, p, v_captured) h;

  return query
    select 'hold_invalid', o.user_id, null::bigint,
           format('Hold %s is not what its changes come to.', o.hold)
      from public.holds o
     where o.user_id > verify_holds.after_user_id and o.user_id <= verify_holds.upto_user_id
       and not exists (select from public.hold_changes x
             where x.user_id = o.user_id and x.hold = o.hold)
    union all
    -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
    select 'hold_invalid', coalesce(u.id, n.user_id), null, format(
             'users.hold_changes is %s; %s holds up to number %s, %s of them placed, and controls had %s changes.',
             u.hold_changes, n.holds, n.last_hold, n.placed, n.changes)
      from (select s.id, s.hold_changes from public.users s
             where s.hold_changes > 0 and s.id > verify_holds.after_user_id
               and s.id <= verify_holds.upto_user_id) u
      full join (
        select y.user_id, sum(y.holds)::bigint as holds, max(y.last_hold) as last_hold,
               sum(y.placed)::bigint as placed, sum(y.changes)::bigint as changes
          from (
            select o.user_id, count(*) as holds, max(o.hold) as last_hold, 0 as placed,
                   0 as changes
              from public.holds o
             where o.user_id > verify_holds.after_user_id
               and o.user_id <= verify_holds.upto_user_id
             group by o.user_id
            union all
            select x.user_id, 0, 0, count(*) filter (where x.number = 1), count(*)
              from public.hold_changes x
             where x.user_id > verify_holds.after_user_id
               and x.user_id <= verify_holds.upto_user_id
             group by x.user_id
            union all
            select k.user_id, 0, 0, 0, count(*) from public.user_controls k
             where k.user_id > verify_holds.after_user_id
               and k.user_id <= verify_holds.upto_user_id
             group by k.user_id) y
         group by y.user_id) n on n.user_id = u.id
     where (u.hold_changes, n.holds, n.placed) is distinct from (n.changes, n.last_hold, n.holds);
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and holds or changes that are missing or added behind the back of users. Internal.';

revoke all on function ledger.verify_holds from public;
-- end function

-- function: verify_hold
create or replace function ledger.verify_hold(
  first public.hold_changes, last public.hold_changes, captured numeric)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  f public.hold_changes := verify_hold.first;
  l public.hold_changes := verify_hold.last;
  o public.holds;
begin
  select x.* into o from public.holds x where x.user_id = l.user_id and x.hold = l.hold;
  if found and (
      (o.amount, o.remaining, o.status, o.expires_at, o.captured, o.changes, 1)
        = (f.amount, l.remaining, case when l.remaining > 0 then 'active' else l.action end,
          l.expires_at, verify_hold.captured, l.number, f.number)
      and (o.hash = l.hash or o.hash = ledger.hold_hash_1(f, l)
        -- The hash of version 1 can't be computed any more.
        or exists (select from public.erasures e where e.kind = 'hold_change'
             and e.user_id = o.user_id and e.number = o.hold and e.change = o.changes))) is not true
  then
    return next row('hold_invalid', o.user_id, null,
      format('Hold %s is not what its changes come to.', o.hold))::ledger.finding;
  end if;
end $$;

comment on function ledger.verify_hold is
  'The finding about a row of holds, if it isn''t what its first and its last change and what was captured in all come to. Internal.';

revoke all on function ledger.verify_hold from public;
-- end function

drop function ledger.hold_row_problem(first public.hold_changes, last public.hold_changes, captured numeric);

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
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '5ccd3b26e6fad3b7'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '8468a2fb0d9c0e97'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '9a85be9f3f8ad47f'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '145af328260b2f87'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '069824caaad62427'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '739613a94dacff25'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '5dcb429d6adda2db'),
    ('function ledger.assert_replica(text,bigint,bigint)', '8a84d839089767a9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'ea0e677c660ddbd8'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'ca040c40f946dcba'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_cursor(text,bigint,text)', '6f565509f5c6f05d'),
    ('function ledger.check_entry()', 'cd159591b875d0ee'),
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
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', 'fc1240307555ceab'),
    ('function ledger.get_erasures(bigint,bigint[])', 'aefd9a3e9f46f946'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'c50f689bc8afa4d1'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '5133531f9c86655b'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c8f453424d0764e'),
    ('function ledger.get_relation_guards()', '9d06ebf776e848a2'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', '5a43fbe9c0b70b88'),
    ('function ledger.guard_user()', 'c03a553fdc7fa6cd'),
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
    ('function ledger.is_distributed()', '552904153d6eb122'),
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
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '6c1116e4155e25e6'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', '8427020a2f279725'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82b3703a1a2efd06'),
    ('function ledger.opposite_of(text)', 'ccbaf9666ba66c2d'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '74be060f0f57bf88'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '428b2ab8987be5d9'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '3881272a72a47fd6'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '7211d3a25126a4a2'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'e7376ec9cc4303bb'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '362fc526c3605eeb'),
    ('function ledger.post_pending(bigint,integer)', 'a5989f44c2976873'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', 'ad9e75791498bccd'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.refuse_distributed(text)', 'b12a5539f1f76e4c'),
    ('function ledger.replay_entry(ledger.account[],bigint)', '9e44aedce7ecb2b5'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.scan_events(bigint,bigint,integer)', '02a4ae120e6e4deb'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '10332e82133ec890'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'f2046e8fae0a7624'),
    ('function ledger.verify_entry(public.payment_history)', '455b38d4b821502c'),
    ('function ledger.verify_erasures()', 'f71b382ef3a3b9a6'),
    ('function ledger.verify_guards()', '6883ba5748741e16'),
    ('function ledger.verify_hold(public.hold_changes,public.hold_changes,numeric)', '5565b5e561a3de9b'),
    ('function ledger.verify_holds(bigint,bigint)', '6f4b28d9f17d58ff'),
    ('function ledger.verify_interventions()', '58813f1ceb3b8998'),
    ('function ledger.verify_manual_entries(bigint,bigint)', 'c6e983279115097b'),
    ('function ledger.verify_shards()', 'da0cf13df8fcd4cd'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'a4592f9a4ae8dcd0'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function ledger.write_change(public.hold_changes)', 'c4f41f0563894c52'),
    ('function ledger.write_changes(public.hold_changes[])', '8963ee029de721ed'),
    ('function public.balance_at(bigint,timestamp with time zone)', '7941aa72a6c4b494'),
    ('function public.break_glass(text)', '8c97a24665a66909'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', 'ceaea186a51fd061'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '092262344b5e8a7c'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b01342f1e0583b64'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'c7206f0cfb3b8db4'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', 'ab79fd8aaaa509e2'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '5d548a4ead4f0aa2'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '20bd5c25e6246b75'),
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
    ('trigger guard_truncate on erasures', '6a1d29f427167307'),
    ('trigger guard_truncate on hold_changes', '6e818f13d79ba681'),
    ('trigger guard_truncate on interventions', 'c9e16f218b862075'),
    ('trigger guard_truncate on ledger.anchors', '5ec4eee272b89643'),
    ('trigger guard_truncate on manual_entries', '303dc5ddac37a487'),
    ('trigger guard_truncate on payment_history', '80cb16e4408f8366'),
    ('trigger guard_truncate on user_controls', 'c693fb38a26b8ed6'),
    ('trigger guard_truncate on users', '7354bb8aba463187'),
    ('trigger guard_update on manual_entries', 'f367ba61d5e6ea50'),
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
