-- migrate:up

set local check_function_bodies = off;

-- function: await_prepared
create or replace function ledger.await_prepared()
  returns void
  -- Volatile, so that whoever calls it may read, by a later statement, what it has waited for.
  language plpgsql volatile as $$
declare
  v_first text[];
  v_now text[];
  v record;
begin
  -- Whoever replaced is_distributed() is found by verify_shards.
  if to_regclass('pg_catalog.pg_dist_partition') is null then return; end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LGMOV', message = 'verification has to look again',
      detail = 'There is no snapshot of several servers.',
      hint = 'Verify at READ COMMITTED.';
  end if;
  loop
    v_now := '{}';
    for v in
      select w.* from run_command_on_workers($query$
        select array(select p.gid from pg_prepared_xacts p
                      where p.database = current_database() and starts_with(p.gid, 'citus_'))
        $query$) w
    loop
      if not v.success then
        raise exception using errcode = '08006', message = 'a server does not answer',
          detail = format('%s:%s: %s', v.nodename, v.nodeport, v.result),
          hint = 'Repeat it when the server is back.';
      end if;
      v_now := v_now || v.result::text[];
    end loop;
    v_first := coalesce(v_first, v_now);
    exit when not v_first && v_now;
    perform pg_sleep(0.01);
  end loop;
end $$;

comment on function ledger.await_prepared is
  'Waits until what was prepared on any server, of transactions over several servers, is committed or taken back: what one server shows, the others then show, too. Raises 08006 if a server doesn''t answer, LGMOV if the transaction would see nothing later. Only for where users are on several servers.';

revoke all on function ledger.await_prepared from public;
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

-- function: hold_change_problem
create or replace function ledger.hold_change_problem(
  placed public.hold_changes, previous public.hold_changes, change public.hold_changes)
  returns text
  language plpgsql stable as $$
declare
  p public.hold_changes := hold_change_problem.previous;
  c public.hold_changes := hold_change_problem.change;
  v_hash bytea := ledger.hold_hash(p.hash, c.user_id, c.hold, c.number, c.action, c.amount,
    c.remaining, c.expires_at, c.at, c.seq, c.balance, c.available, c.idempotency_key, c.metadata,
    c.position);
begin
  if c.number <> coalesce(p.number, 0) + 1 then return 'does not come after the one before'; end if;
  if c.hash is distinct from v_hash
    and not (c.idempotency_key is null and ledger.is_mark(c.metadata)
      and ledger.is_erased('hold_change', c.user_id, c.hold, c.number,
        ledger.erased_hash(v_hash, c.hash)))
    -- As it was written, or kept, before changes had rows of their own.
    and (c.hash = ledger.hold_hash_2(hold_change_problem.placed, c) and c.number <= 2
      and case c.action when 'placed' then num_nonnulls(c.seq, c.balance) = 0
        when 'captured' then c.remaining = 0
          and num_nonnulls(c.balance, c.available, c.idempotency_key, c.metadata) = 0
        else true end) is not true
    and (c.hash = ledger.hold_hash(ledger.hold_hash_1(hold_change_problem.placed, p), c.user_id,
      c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq, c.balance,
      c.available, c.idempotency_key, c.metadata, c.position)) is not true
  then
    return 'was edited';
  end if;
  if (ledger.is_valid_amount(c.amount) and c.hold > 0 and case c.action
        when 'placed' then c.number = 1 and c.remaining = c.amount and c.expires_at > c.at
        when 'captured' then c.amount <= p.remaining and c.expires_at = p.expires_at
          and c.remaining in (0, p.remaining - c.amount)
        when 'released' then (c.amount, c.remaining, c.expires_at) = (p.remaining, 0, p.expires_at)
        when 'extended' then p.remaining > 0 and c.expires_at > p.expires_at
          and (c.amount, c.remaining) = ((hold_change_problem.placed).amount, p.remaining)
      end) is not true then
    return 'can''t be';
  end if;
  if c.action = 'placed' and c.available < 0 then return 'is more than was available'; end if;
  return null;
end $$;

comment on function ledger.hold_change_problem is
  'What is wrong with a change of a hold by itself, in words, or null: placed is its first change, previous the one before. Internal.';

revoke all on function ledger.hold_change_problem from public;
-- end function

drop function ledger.hold_row_problem(first public.hold_changes, last public.hold_changes, captured numeric);

-- function: hold_row_problem
create or replace function ledger.hold_row_problem(
  hold public.holds, first public.hold_changes, last public.hold_changes, captured numeric)
  returns text
  language plpgsql stable as $$
declare
  o public.holds := hold_row_problem.hold;
  f public.hold_changes := hold_row_problem.first;
  l public.hold_changes := hold_row_problem.last;
begin
  if o.user_id is null then return null; end if;
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
  'What is wrong with a row of holds, if it isn''t what its first and its last change and what was captured in all come to; or null, also without a row. Internal.';

revoke all on function ledger.hold_row_problem from public;
-- end function

-- function: verify_copies
create or replace function ledger.verify_copies(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  return query
    select case when c.seq > c.last_seq then 'tail_missing' else 'copy_differs' end, c.id,
           case when c.seq > c.last_seq then c.seq else c.last_seq end,
           case when c.seq > c.last_seq
             then format('users.seq is %s, the last entry %s.', c.seq, c.last_seq)
             else format('users has balance %s at %s, the history %s at %s.', c.balance, c.seq,
               c.last_balance, c.last_seq) end
      from (
        select u.id, u.seq, u.balance, coalesce(h.seq, 0) as last_seq,
               coalesce(h.balance, 0) as last_balance
          from public.users u
          left join lateral (
            select p.seq, p.balance from public.payment_history p
             where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
         where u.id > verify_copies.after_user_id and u.id <= verify_copies.upto_user_id) c
     where (c.seq, c.balance) is distinct from (c.last_seq, c.last_balance);
end $$;

comment on function ledger.verify_copies is
  'The findings about the copies in users of a range of users: users.seq and users.balance are not those of the last entry. Internal.';

revoke all on function ledger.verify_copies from public;
-- end function

-- function: verify_each_user
create or replace function ledger.verify_each_user(
  after_user_id bigint, upto_user_id bigint, pending_limit interval)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  return query select f.* from ledger.verify_copies(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query
    select 'pending_too_long', h.user_id, null::bigint,
           format('Row %s has been pending since %s.', h.id, h.ts)
      from public.payment_history h
     where h.seq is null and h.user_id > verify_each_user.after_user_id
       and h.user_id <= verify_each_user.upto_user_id
       and h.ts < statement_timestamp() - verify_each_user.pending_limit;
  return query select f.* from ledger.verify_manual_entries(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query select f.* from ledger.verify_controls(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query select f.* from ledger.verify_details(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
  return query select f.* from ledger.verify_holds(verify_each_user.after_user_id,
    verify_each_user.upto_user_id) f;
end $$;

comment on function ledger.verify_each_user is
  'The findings of verify_users about a range of users. Internal.';

revoke all on function ledger.verify_each_user from public;
-- end function

-- function: verify_entries
create or replace function ledger.verify_entries(
  after_user_id bigint default 0, after_seq bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807)
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- Always by the index on seq: sorting would read a whole user for each page.
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
  set enable_incremental_sort = off set enable_hashjoin = off set enable_mergejoin = off
  set jit = off as $$
declare
  v_entry public.payment_history;
  v_last public.payment_history;
  v_suspects public.payment_history[];
  v_users bigint[];
  v_known bigint[];
begin
  -- The first row of the page is checked against the row before it.
  select p.* into v_last from public.payment_history p
   where p.user_id = verify_entries.after_user_id and p.seq = verify_entries.after_seq;
  rows_read := 0;
  -- A loop that remembers the row before costs a third less than a window function.
  for v_entry in
    select p.* from public.payment_history p
     where p.seq is not null and p.user_id <= verify_entries.upto_user_id
       and (p.user_id, p.seq) > (verify_entries.after_user_id, verify_entries.after_seq)
     order by p.user_id, p.seq limit verify_entries.max_rows
  loop
    rows_read := rows_read + 1;
    if v_entry.user_id is distinct from v_last.user_id then
      v_last := null;
      v_users := array_append(v_users, v_entry.user_id);
    end if;
    -- Hashes of earlier versions are checked by verify_entry.
    if (v_entry.seq = coalesce(v_last.seq, 0) + 1
        and v_entry.sealed_at > coalesce(v_last.sealed_at, '-infinity')
        and v_entry.balance = coalesce(v_last.balance, 0)
          + ledger.change_of(v_entry.action, v_entry.amount)
        and v_entry.ts = v_entry.sealed_at
        and v_entry.peer_user_id is null and v_entry.reverses is null and v_entry.hold is null
        and ledger.is_valid_amount(v_entry.amount)
        and v_entry.hash = ledger.entry_hash(v_last.hash, v_entry.user_id, v_entry.seq,
          v_entry.action, v_entry.amount, v_entry.ts, v_entry.balance, v_entry.sealed_at,
          v_entry.idempotency_key, v_entry.metadata, v_entry.held, v_entry.hold, v_entry.reverses,
          v_entry.peer_user_id, v_entry.peer_seq)) is not true then
      v_suspects := array_append(v_suspects, v_entry);
    end if;
    v_last := v_entry;
  end loop;
  if rows_read = verify_entries.max_rows then
    next_user_id := v_last.user_id;
    next_seq := v_last.seq;
  end if;

  findings := ledger.verify_suspects(coalesce(v_suspects, '{}'));
  v_known := array(select u.id from public.users u where u.id = any (v_users));
  findings := findings || array(
    select row('user_missing', m.user_id, null, 'There are entries, but no such user.')::ledger.finding
      from unnest(v_users) m (user_id) where m.user_id <> all (v_known));
  return next;
end $$;

comment on function ledger.verify_entries is
  'Verifies at most max_rows posted rows after (after_user_id, after_seq), in order of user and seq, up to a user: findings, how many rows it read, and the place to go on after (null: that was all). The first row is checked against the one before the range. Sees one moment and waits for nobody.';

revoke all on function ledger.verify_entries from public;
grant execute on function ledger.verify_entries to ledger_dba;
-- end function

-- function: verify_entries_again
create or replace function ledger.verify_entries_again(entries public.payment_history[])
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_entry public.payment_history;
  v_findings ledger.finding[] := '{}';
begin
  perform ledger.await_prepared();
  foreach v_entry in array verify_entries_again.entries loop
    select p.* into v_entry from public.payment_history p
     where p.user_id = v_entry.user_id and p.id = v_entry.id;
    if found then
      v_findings := v_findings || array(select f from ledger.verify_entry(v_entry) f);
    end if;
  end loop;
  return v_findings;
end $$;

comment on function ledger.verify_entries_again is
  'The findings of verify_entry about some posted rows, in a second look, for where users are on several servers: the other half of a transfer that was on its way in the first is there by now. Internal.';

revoke all on function ledger.verify_entries_again from public;
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

-- function: verify_holds
create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v record;
  o public.holds;
  f public.hold_changes;
  p public.hold_changes;
  c public.hold_changes;
  v_captured numeric;
  v_problem text;
begin
  -- Changes, holds and entries in one statement: on a distributed ledger, a later one sees more.
  for v in
    select x.*, y.hold_row, e.captured
      from public.hold_changes x
      left join lateral (
        select to_jsonb(z) as hold_row from public.holds z
         where z.user_id = x.user_id and z.hold = x.hold limit 1) y on true
      left join lateral (
        select h.amount as captured from public.payment_history h
         where h.user_id = x.user_id and h.seq = x.seq and h.hold = x.hold
           and h.amount = x.amount and x.action = 'captured' limit 1) e on true
     where x.user_id > verify_holds.after_user_id and x.user_id <= verify_holds.upto_user_id
     order by x.user_id, x.hold, x.number
  loop
    c := v;
    if (c.user_id, c.hold) is distinct from (p.user_id, p.hold) then
      v_problem := ledger.hold_row_problem(o, f, p, v_captured);
      if v_problem is not null then
        return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
      end if;
      o := jsonb_populate_record(null::public.holds, v.hold_row);
      f := c;
      p := null;
      v_captured := 0;
    end if;
    v_problem := coalesce(ledger.hold_change_problem(f, p, c), case
      when c.action = 'captured' and v.captured is null then 'is captured without its entry' end);
    if v_problem is not null then
      return next row('hold_invalid', c.user_id, null,
        format('Change %s of hold %s %s.', c.number, c.hold, v_problem))::ledger.finding;
    end if;
    if c.action = 'captured' then v_captured := v_captured + c.amount; end if;
    p := c;
  end loop;
  v_problem := ledger.hold_row_problem(o, f, p, v_captured);
  if v_problem is not null then
    return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
  end if;

  return query
    select 'hold_invalid', y.user_id, null::bigint,
           format('Hold %s is not what its changes come to.', y.hold)
      from public.holds y
     where y.user_id > verify_holds.after_user_id and y.user_id <= verify_holds.upto_user_id
       and not exists (select from public.hold_changes x
             where x.user_id = y.user_id and x.hold = y.hold)
    union all
    select x.* from ledger.verify_hold_counts(verify_holds.after_user_id,
      verify_holds.upto_user_id) x;
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and what verify_hold_counts finds. Internal.';

revoke all on function ledger.verify_holds from public;
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

-- function: verify_suspects
create or replace function ledger.verify_suspects(entries public.payment_history[])
  returns ledger.finding[]
  language plpgsql stable as $$
declare
  v_entry public.payment_history;
  v_bad public.payment_history[] := '{}';
  v_found ledger.finding[];
  v_findings ledger.finding[] := '{}';
begin
  -- One by one: what verify_entry reads may be on other servers.
  foreach v_entry in array verify_suspects.entries loop
    v_found := array(select f from ledger.verify_entry(v_entry) f);
    if cardinality(v_found) > 0 then
      v_findings := v_findings || v_found;
      v_bad := array_append(v_bad, v_entry);
    end if;
  end loop;
  if ledger.is_distributed() and cardinality(v_bad) > 0 then
    return ledger.verify_entries_again(v_bad);
  end if;
  return v_findings;
end $$;

comment on function ledger.verify_suspects is
  'The findings about posted rows that verify_entries alone can''t tell to be right. Internal.';

revoke all on function ledger.verify_suspects from public;
-- end function

-- function: verify_users
create or replace function ledger.verify_users(
  after_user_id bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807, pending_limit interval default '1 day')
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_upto bigint;
begin
  select count(*), max(c.id) into rows_read, v_upto
    from (
      select u.id from public.users u
       where u.id > verify_users.after_user_id and u.id <= verify_users.upto_user_id
       order by u.id limit verify_users.max_rows) c;
  if rows_read = verify_users.max_rows then
    next_user_id := v_upto;
  else
    v_upto := verify_users.upto_user_id;
  end if;
  findings := array(select f from ledger.verify_each_user(verify_users.after_user_id, v_upto,
    verify_users.pending_limit) f);
  if ledger.is_distributed() and cardinality(findings) > 0 then
    findings := ledger.verify_users_again(
      array(select distinct f.user_id from unnest(findings) f order by 1),
      verify_users.pending_limit);
  end if;
  return next;
end $$;

comment on function ledger.verify_users is
  'Verifies at most max_rows users after an id, up to another: the copies in users, manual entries, also those that have been pending for longer than pending_limit by their ts, controls, details, and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_users from public;
grant execute on function ledger.verify_users to ledger_dba;
-- end function

-- function: verify_users_again
create or replace function ledger.verify_users_again(
  user_ids bigint[], pending_limit interval)
  returns ledger.finding[]
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
declare
  v_user_id bigint;
  v_findings ledger.finding[] := '{}';
begin
  perform ledger.await_prepared();
  foreach v_user_id in array verify_users_again.user_ids loop
    v_findings := v_findings || array(select f from ledger.verify_each_user(v_user_id - 1,
      v_user_id, verify_users_again.pending_limit) f);
  end loop;
  return v_findings;
end $$;

comment on function ledger.verify_users_again is
  'The findings of verify_users about some users, in a second look, for where users are on several servers: what was on its way in the first is everywhere by now. Internal.';

revoke all on function ledger.verify_users_again from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

drop function ledger.verify_users_again(user_ids bigint[], pending_limit interval);

-- function: verify_users
create or replace function ledger.verify_users(
  after_user_id bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807, pending_limit interval default '1 day')
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_last_id bigint;
  v_copies ledger.finding[];
begin
  select count(*), max(c.id), array_agg(case
           when c.seq > c.last_seq then row('tail_missing', c.id, c.seq,
             format('users.seq is %s, the last entry %s.', c.seq, c.last_seq))::ledger.finding
           else row('copy_differs', c.id, c.last_seq,
             format('users has balance %s at %s, the history %s at %s.', c.balance, c.seq,
               c.last_balance, c.last_seq))::ledger.finding end)
           filter (where (c.seq, c.balance) is distinct from (c.last_seq, c.last_balance))
    into rows_read, v_last_id, v_copies
    from (
      select u.id, u.seq, u.balance, coalesce(h.seq, 0) as last_seq,
             coalesce(h.balance, 0) as last_balance
        from public.users u
        left join lateral (
          select p.seq, p.balance from public.payment_history p
           where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
       where u.id > verify_users.after_user_id and u.id <= verify_users.upto_user_id
       order by u.id limit verify_users.max_rows) c;
  next_user_id := case when rows_read = verify_users.max_rows then v_last_id end;

  findings := coalesce(v_copies, '{}') || array(
    select row('pending_too_long', h.user_id, null,
             format('Row %s has been pending since %s.', h.id, h.ts))::ledger.finding
      from public.payment_history h
     where h.seq is null and h.user_id > verify_users.after_user_id
       and h.user_id <= coalesce(next_user_id, verify_users.upto_user_id)
       and h.ts < statement_timestamp() - verify_users.pending_limit
    union all
    select f from ledger.verify_manual_entries(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f
    union all
    select f from ledger.verify_controls(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f
    union all
    select f from ledger.verify_details(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f
    union all
    select f from ledger.verify_holds(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f);
  return next;
end $$;

comment on function ledger.verify_users is
  'Verifies at most max_rows users after an id, up to another: the copies in users, manual entries, also those that have been pending for longer than pending_limit by their ts, controls, details, and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_users from public;
grant execute on function ledger.verify_users to ledger_dba;
-- end function

drop function ledger.verify_suspects(entries public.payment_history[]);

drop function ledger.verify_servers_again(findings ledger.finding[]);

drop function ledger.verify_servers();

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
    select x.* from ledger.verify_hold_counts(verify_holds.after_user_id,
      verify_holds.upto_user_id) x;
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and what verify_hold_counts finds. Internal.';

revoke all on function ledger.verify_holds from public;
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
  select f from ledger.verify_references() f
  union all
  select f from ledger.verify_shards() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger or other code that runs at a change, anything in schema ledger, or a function of the name of one of ours or PostgreSQL''s, that is somebody else''s; and those of verify_interventions, verify_references and verify_shards.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
-- end function

drop function ledger.verify_entries_again(entries public.payment_history[]);

-- function: verify_entries
create or replace function ledger.verify_entries(
  after_user_id bigint default 0, after_seq bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807)
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- Always by the index on seq: sorting would read a whole user for each page.
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
  set enable_incremental_sort = off set enable_hashjoin = off set enable_mergejoin = off
  set jit = off as $$
declare
  v_entry public.payment_history;
  v_last public.payment_history;
  v_suspects public.payment_history[];
  v_users bigint[];
  v_known bigint[];
begin
  -- The first row of the page is checked against the row before it.
  select p.* into v_last from public.payment_history p
   where p.user_id = verify_entries.after_user_id and p.seq = verify_entries.after_seq;
  rows_read := 0;
  -- A loop that remembers the row before costs a third less than a window function.
  for v_entry in
    select p.* from public.payment_history p
     where p.seq is not null and p.user_id <= verify_entries.upto_user_id
       and (p.user_id, p.seq) > (verify_entries.after_user_id, verify_entries.after_seq)
     order by p.user_id, p.seq limit verify_entries.max_rows
  loop
    rows_read := rows_read + 1;
    if v_entry.user_id is distinct from v_last.user_id then
      v_last := null;
      v_users := array_append(v_users, v_entry.user_id);
    end if;
    -- Hashes of earlier versions are checked by verify_entry.
    if (v_entry.seq = coalesce(v_last.seq, 0) + 1
        and v_entry.sealed_at > coalesce(v_last.sealed_at, '-infinity')
        and v_entry.balance = coalesce(v_last.balance, 0)
          + ledger.change_of(v_entry.action, v_entry.amount)
        and v_entry.ts = v_entry.sealed_at
        and v_entry.peer_user_id is null and v_entry.reverses is null and v_entry.hold is null
        and ledger.is_valid_amount(v_entry.amount)
        and v_entry.hash = ledger.entry_hash(v_last.hash, v_entry.user_id, v_entry.seq,
          v_entry.action, v_entry.amount, v_entry.ts, v_entry.balance, v_entry.sealed_at,
          v_entry.idempotency_key, v_entry.metadata, v_entry.held, v_entry.hold, v_entry.reverses,
          v_entry.peer_user_id, v_entry.peer_seq)) is not true then
      v_suspects := array_append(v_suspects, v_entry);
    end if;
    v_last := v_entry;
  end loop;
  if rows_read = verify_entries.max_rows then
    next_user_id := v_last.user_id;
    next_seq := v_last.seq;
  end if;

  -- One by one: what verify_entry reads may be on other servers.
  findings := '{}';
  foreach v_entry in array coalesce(v_suspects, '{}') loop
    findings := findings || array(select f from ledger.verify_entry(v_entry) f);
  end loop;
  v_known := array(select u.id from public.users u where u.id = any (v_users));
  findings := findings || array(
    select row('user_missing', m.user_id, null, 'There are entries, but no such user.')::ledger.finding
      from unnest(v_users) m (user_id) where m.user_id <> all (v_known));
  return next;
end $$;

comment on function ledger.verify_entries is
  'Verifies at most max_rows posted rows after (after_user_id, after_seq), in order of user and seq, up to a user: findings, how many rows it read, and the place to go on after (null: that was all). The first row is checked against the one before the range. Sees one moment and waits for nobody.';

revoke all on function ledger.verify_entries from public;
grant execute on function ledger.verify_entries to ledger_dba;
-- end function

drop function ledger.verify_each_user(after_user_id bigint, upto_user_id bigint, pending_limit interval);

drop function ledger.verify_copies(after_user_id bigint, upto_user_id bigint);

drop function ledger.hold_row_problem(hold public.holds, first public.hold_changes, last public.hold_changes, captured numeric);

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

-- function: hold_change_problem
create or replace function ledger.hold_change_problem(
  placed public.hold_changes, previous public.hold_changes, change public.hold_changes)
  returns text
  language plpgsql stable as $$
declare
  p public.hold_changes := hold_change_problem.previous;
  c public.hold_changes := hold_change_problem.change;
  v_hash bytea := ledger.hold_hash(p.hash, c.user_id, c.hold, c.number, c.action, c.amount,
    c.remaining, c.expires_at, c.at, c.seq, c.balance, c.available, c.idempotency_key, c.metadata,
    c.position);
begin
  if c.number <> coalesce(p.number, 0) + 1 then return 'does not come after the one before'; end if;
  if c.hash is distinct from v_hash
    and not (c.idempotency_key is null and ledger.is_mark(c.metadata)
      and ledger.is_erased('hold_change', c.user_id, c.hold, c.number,
        ledger.erased_hash(v_hash, c.hash)))
    -- As it was written, or kept, before changes had rows of their own.
    and (c.hash = ledger.hold_hash_2(hold_change_problem.placed, c) and c.number <= 2
      and case c.action when 'placed' then num_nonnulls(c.seq, c.balance) = 0
        when 'captured' then c.remaining = 0
          and num_nonnulls(c.balance, c.available, c.idempotency_key, c.metadata) = 0
        else true end) is not true
    and (c.hash = ledger.hold_hash(ledger.hold_hash_1(hold_change_problem.placed, p), c.user_id,
      c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq, c.balance,
      c.available, c.idempotency_key, c.metadata, c.position)) is not true
  then
    return 'was edited';
  end if;
  if (ledger.is_valid_amount(c.amount) and c.hold > 0 and case c.action
        when 'placed' then c.number = 1 and c.remaining = c.amount and c.expires_at > c.at
        when 'captured' then c.amount <= p.remaining and c.expires_at = p.expires_at
          and c.remaining in (0, p.remaining - c.amount)
        when 'released' then (c.amount, c.remaining, c.expires_at) = (p.remaining, 0, p.expires_at)
        when 'extended' then p.remaining > 0 and c.expires_at > p.expires_at
          and (c.amount, c.remaining) = ((hold_change_problem.placed).amount, p.remaining)
      end) is not true then
    return 'can''t be';
  end if;
  if c.action = 'placed' and c.available < 0 then return 'is more than was available'; end if;
  if c.action = 'captured' and not exists (select from public.payment_history h
      where h.user_id = c.user_id and h.seq = c.seq and h.hold = c.hold and h.amount = c.amount)
  then
    return 'is captured without its entry';
  end if;
  return null;
end $$;

comment on function ledger.hold_change_problem is
  'What is wrong with a change of a hold, in words, or null: placed is its first change, previous the one before. Internal.';

revoke all on function ledger.hold_change_problem from public;
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
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', 'ad373375acdd0f43'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', '3298349943b9040d'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', 'bc84d22022810715'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '37fa36377a3f39d8'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '37eb1e5d0eb2c42c'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '927f995b51465557'),
    ('function ledger.hold_row_problem(public.hold_changes,public.hold_changes,numeric)', '16b7c23f3d8aee3e'),
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
    ('function ledger.verify_details(bigint,bigint)', 'd871c100b091f519'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', 'ebcfd978d46589bd'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', '5aa3e7a214d7b04f'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'fd8f6fe38cc289ca'),
    ('function ledger.verify_interventions()', 'cfe28fe37e67f8f1'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '4357771cb0cad11f'),
    ('function ledger.verify_references()', '98bbc1501ad64aa7'),
    ('function ledger.verify_shards()', '5f59a7f3f7d52353'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '614f7d0860195ea2'),
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

drop function ledger.await_prepared();
