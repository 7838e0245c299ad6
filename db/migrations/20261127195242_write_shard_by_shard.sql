-- migrate:up

set local check_function_bodies = off;

-- function: by_shard
create or replace function ledger.by_shard(user_ids bigint[])
  returns table (first_id bigint, ids bigint[])
  language plpgsql volatile as $$
declare
  v_shard_ids bigint[] := array(
    select distinct get_shard_id_for_distribution_column('public.users', i)
      from unnest(by_shard.user_ids) i where i is not null);
begin
  if cardinality(v_shard_ids) = 0 then return; end if;
  -- None of them moves until the end of the transaction: see keeps_shard.
  perform lock_shard_metadata(5, array(select s from unnest(v_shard_ids) s order by s));
  return query
    select min(u.id), array_agg(u.id order by u.id)
      from (select distinct i as id, get_shard_id_for_distribution_column('public.users', i) as shard
              from unnest(by_shard.user_ids) i where i is not null) u
     group by u.shard order by u.shard;
end $$;

comment on function ledger.by_shard is
  'Users of a distributed ledger by the shard that they belong to, always in the same order, with one of each shard; keeps the shards where they are until the end of the transaction.';

revoke all on function ledger.by_shard from public;
-- end function

-- function: copy_accounts
create or replace function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language plpgsql volatile as $$
begin
  if ledger.is_distributed() then
    perform ledger.write_each('{}', '{}', copy_accounts.accounts);
    return;
  end if;
  -- users is copied from the history, never the other way round. The caller knows no updated_at of
  -- a user for whom nothing was posted.
  update public.users u
     set seq = x.seq, balance = x.balance, hold_changes = x.hold_changes,
         updated_at = greatest(u.updated_at, x.updated_at, x.posted_at)
    from unnest(copy_accounts.accounts) x
   where u.id = x.user_id
     and (x.seq, x.balance, x.hold_changes) is distinct from (u.seq, u.balance, u.hold_changes);
end $$;

comment on function ledger.copy_accounts is
  'Sets the copies in users of open accounts to what these are now, where they differ.';

revoke all on function ledger.copy_accounts from public;
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
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '6bf11ceff08de2de'),
    ('function ledger.add_control(bigint,timestamp with time zone,text,numeric,text,text)', '7a376917bf863fc6'),
    ('function ledger.add_control_erasures(bigint,bigint,timestamp with time zone)', 'a7f9a5269e7f5690'),
    ('function ledger.add_details_erasure(bigint,bigint,timestamp with time zone)', '1c2cc3a6e506c10d'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', 'a237df7944efa7cf'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '6d49d48dc0ac95f5'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'f3b16351d79afec8'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '8720b459ca677d6e'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', 'e1aad29f3f8fc678'),
    ('function ledger.add_intervention_erasure(bigint,bigint)', '4a1753167d074599'),
    ('function ledger.add_manual_erasure(bigint,public.manual_entries,public.payment_history,public.payment_history,text,bigint)', '66aa5b2a8953301e'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint)', '5e80a096a652bf87'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '815a1cf5780b0765'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'a8ebb9b3debcb111'),
    ('function ledger.by_shard(bigint[])', '2aeae4beef817127'),
    ('function ledger.calls_in_shards()', '46d0598360d55a5d'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.changes_between(timestamp with time zone[])', '7acf4176b501251e'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', '8c542b6978b2727e'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '69ed8281fd549459'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.control_hash(bytea,bigint,bigint,timestamp with time zone,xid8,text,text,text,numeric,text,bigint)', '7c73f9456755b131'),
    ('function ledger.copy_accounts(ledger.account[])', '1ec7eda90a6d7187'),
    ('function ledger.count_erasable(bigint)', '113ad498b2cad302'),
    ('function ledger.count_pending(integer)', '3c78c438df4a3ca2'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'd31e7000eaf08029'),
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
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', 'c476716835de3c01'),
    ('function ledger.first_problem(text,text,text,text,text)', '83832731d93a37dc'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', 'e7ecc362e3790977'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', 'aad422bfeaff4bb9'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '8989e87bd35f8698'),
    ('function ledger.get_code_guards()', 'a9d66580a0e67530'),
    ('function ledger.get_each_user(bigint[])', '8d57c33255799af2'),
    ('function ledger.get_erasures(bigint,bigint[])', '83b21fa779d99f23'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', '8c4ac94f65fc3ea6'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '68f4fec291981c0a'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', 'fe964d045c1afbb9'),
    ('function ledger.guard_user()', '405054e65228554f'),
    ('function ledger.has_mark(public.payment_history,text)', '5e9c1e09ac860192'),
    ('function ledger.has_migration(text)', '70610966c2c34f65'),
    ('function ledger.has_most_holds(bigint)', '1939260edebe2cd5'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '0a4210c262be7333'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '9cd6e6a69a0e8a24'),
    ('function ledger.held_now(bigint)', '30ab54a0e8d785f9'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '0de8a2b90051621c'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', '3298349943b9040d'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', 'bc84d22022810715'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '37fa36377a3f39d8'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '37eb1e5d0eb2c42c'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '927f995b51465557'),
    ('function ledger.hold_row_problem(public.hold_changes,public.hold_changes,numeric)', '16b7c23f3d8aee3e'),
    ('function ledger.incarnation()', '81d49b37cc8945d9'),
    ('function ledger.insert_entries(ledger.entry[])', '30b7a03b10611bae'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_as_entered(public.manual_entries,public.payment_history,text,bigint)', '48547d8b5b060ab6'),
    ('function ledger.is_distributed()', '96aeef238626dc3c'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '02817f8cc93843c7'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', 'd1ddacd119828337'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'f7da40afc2a5cd10'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', '26059ea1e4735bd8'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '1597b15daece3031'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', '19ea2bcf64d678f8'),
    ('function ledger.is_valid_amount(numeric)', '6cedcdb0f3e0fb95'),
    ('function ledger.is_valid_expiry(numeric)', '6233b947b7e85698'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '6e3c30b3fef582b4'),
    ('function ledger.is_valid_reference(text)', 'd2285207240980d4'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', 'ee1c14dc88f571a6'),
    ('function ledger.keeps_shard(bigint)', '72d7974e5df4d0b4'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '7712c24d35dfdd13'),
    ('function ledger.leaves_shard(bigint,bigint[])', 'fcc4b554268f6100'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', '3f675588fad14dbb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '85fad7384da4176c'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9aea5da49692125'),
    ('function ledger.lock_each(bigint[],boolean,integer)', 'dac1150910c39e04'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', '93f680304fa25dcc'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer()', 'edc8705d75b5a220'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '9c92ad2310313530'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '5a653109d2093cdc'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', 'd6ad60b7a3ffb5ba'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'fc876fbee0fd581a'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', 'cc96142e174f2909'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_pending(bigint,integer)', '1896a1964a4ae1c0'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', '28f2936b998b3192'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', '5749be13698a607c'),
    ('function ledger.verify_details(bigint,bigint)', '181bd496abb37911'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', '7a29d736ce93e6b7'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', 'a04ea659678e9167'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'fd8f6fe38cc289ca'),
    ('function ledger.verify_interventions()', '96ff43a2014e4f1d'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '225a3eff7e9063d0'),
    ('function ledger.verify_references()', 'b89e86c279f24e40'),
    ('function ledger.verify_shards()', '62cf2a0dbd1ac3ea'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '614f7d0860195ea2'),
    ('function ledger.verify_workers()', '13fd3b7590414fcd'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '225251a23ff4849c'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '37a61ee490c94c12'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'ef0ecbbafe611a8c'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', '9bd2ff5ea992c08c'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'e28a1dd4c427de38'),
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
    ('function public.withdraw_entry(bigint,bigint,text)', '242e7824f7704b94'),
    ('index public.erasures_intervention_idx on erasures', '7da639a755092ae5'),
    ('index public.hold_changes_position_idx on hold_changes', 'd6d319d22a0f5ff4'),
    ('index public.hold_changes_user_id_idempotency_key_key on hold_changes', 'b32b30dd92d59630'),
    ('index public.holds_active_idx on holds', 'e9ed7809ecf6b72b'),
    ('index public.interventions_transaction_idx on interventions', '59c87b9c6d4a63ea'),
    ('index public.interventions_user_id_idx on interventions', 'bfded952c2a19e49'),
    ('index public.manual_entries_user_id_seq_idx on manual_entries', '70bb937ef0b54d7d'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_reverses_idx on payment_history', '124294cf45552e6e'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
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

-- function: insert_entries
create or replace function ledger.insert_entries(entries ledger.entry[])
  returns void
  language plpgsql volatile as $$
begin
  if ledger.is_distributed() then
    perform ledger.write_each('{}', insert_entries.entries, '{}');
    return;
  end if;
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
  select x.user_id, x.action, x.amount, x.ts, x.seq, x.balance, x.posted_at, x.idempotency_key,
         x.metadata, x.held, x.hold, x.reverses, x.peer_user_id, x.peer_seq, x.hash
    from unnest(insert_entries.entries) x;
end $$;

comment on function ledger.insert_entries is 'Writes entries; everything has been decided.';

revoke all on function ledger.insert_entries from public;
-- end function

-- function: lock_each
create or replace function ledger.lock_each(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_accounts ledger.account[] := '{}';
  v_part ledger.account[];
  v_first_id bigint;
  v_ids bigint[];
begin
  -- Citus can't plan all statements of post before it knows the user, as post asks for. Until the
  -- end of post.
  perform set_config('plan_cache_mode', 'auto', true);
  -- All before it looks at one, and always in the same order, as lock_accounts does.
  for v_first_id, v_ids in select s.first_id, s.ids from ledger.by_shard(lock_each.user_ids) s loop
    select l.accounts into v_part
      from ledger.lock_in_shard(v_first_id, v_ids, lock_each.wait, lock_each.max_pending)
        l (accounts);
    v_accounts := v_accounts || v_part;
  end loop;
  return array(select a from unnest(v_accounts) a order by a.user_id);
end $$;

comment on function ledger.lock_each is
  'What lock_accounts does, where users are on several servers: shard by shard, each on its server.';

revoke all on function ledger.lock_each from public;
-- end function

-- function: lock_in_shard
create or replace function ledger.lock_in_shard(
  user_id bigint, user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_accounts ledger.account[];
begin
  execute format('select ledger_%s.lock_accounts($1, $2, $3)',
      get_shard_id_for_distribution_column('public.users', lock_in_shard.user_id))
    into v_accounts using lock_in_shard.user_ids, lock_in_shard.wait, lock_in_shard.max_pending;
  return v_accounts;
end $$;

comment on function ledger.lock_in_shard is
  'What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_in_shard from public;
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
  if ledger.is_distributed() then perform ledger.write_each(v_changes, v_new, v_accounts);
  else perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
    perform ledger.copy_accounts(v_accounts);
  end if;
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn''t captured stays held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
-- end function

-- function: post_pair
create or replace function ledger.post_pair(
  operation text, user_id bigint, peer_user_id bigint, amount numeric, ref bigint,
  idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  a ledger.account;
  p ledger.account;
  t ledger.target;
  d ledger.decision;
  v_at timestamptz;
begin
  if ledger.is_distributed() then
    return ledger.post_pair_across(post_pair.operation, post_pair.user_id, post_pair.peer_user_id,
      post_pair.amount, post_pair.ref, post_pair.idempotency_key, post_pair.metadata);
  end if;
  -- Locks in the order of ids, so that two callers never wait for each other. Locks both before it
  -- reads either: what commits while this waits for the second lock counts for the first user.
  perform from public.users u
    where u.id = least(post_pair.user_id, post_pair.peer_user_id) -- mutation: first
      for no key update; -- mutation: lock
  if post_pair.user_id > post_pair.peer_user_id then
    a := ledger.lock_account(post_pair.user_id);
    p := ledger.lock_account(post_pair.peer_user_id);
  else
    p := ledger.lock_account(post_pair.peer_user_id);
    a := ledger.lock_account(post_pair.user_id);
  end if;
  t := ledger.load_target(post_pair.operation, post_pair.user_id, post_pair.ref,
    post_pair.amount, null);
  d := ledger.decide(post_pair.operation, post_pair.amount, null, post_pair.idempotency_key,
    post_pair.metadata, t, a, p);
  if d.replayed then return ledger.replay_entry(array[a, p], d.earlier_seq); end if;
  if d.problem is not null then
    perform ledger.raise_status(d.problem,
      case when p.problem = 'LGUSR' and a.problem is distinct from 'LGUSR'
          or d.problem = 'LGFRZ' and d.change > 0 then p.user_id else a.user_id end,
      coalesce(post_pair.amount, d.amount),
      case when d.change > 0 then p.balance - p.held else a.balance - a.held end);
  end if;
  a.seq := a.seq + 1; a.balance := a.balance + d.change;
  p.seq := p.seq + 1; p.balance := p.balance - d.change;
  v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at)); -- mutation: moment
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, reverses, peer_user_id, peer_seq, hash)
  values (a.user_id, d.action, d.amount, v_at, a.seq, a.balance, v_at, post_pair.idempotency_key,
      post_pair.metadata, a.held, d.reverses, p.user_id, p.seq,
      ledger.entry_hash(a.hash, a.user_id, a.seq, d.action, d.amount, v_at, a.balance, v_at,
        post_pair.idempotency_key, post_pair.metadata, a.held, null, d.reverses, p.user_id,
        p.seq)),
    (p.user_id, ledger.opposite_of(d.action), d.amount, v_at, p.seq, p.balance, v_at, null,
      post_pair.metadata, p.held, t.peer_reverses, a.user_id, a.seq,
      ledger.entry_hash(p.hash, p.user_id, p.seq, ledger.opposite_of(d.action), d.amount, v_at,
        p.balance, v_at, null, post_pair.metadata, p.held, null, t.peer_reverses, a.user_id,
        a.seq));
  update public.users u
     set seq = a.seq, balance = a.balance, updated_at = v_at where u.id = a.user_id;
  update public.users u
     set seq = p.seq, balance = p.balance, updated_at = v_at where u.id = p.user_id;
  return array[row(a.user_id, a.seq, d.action, d.amount, a.balance, a.balance - a.held, v_at, false),
    row(p.user_id, p.seq, ledger.opposite_of(d.action), d.amount, p.balance, p.balance - p.held,
      v_at, false)]::ledger.posted_entry[];
end $$;

comment on function ledger.post_pair is
  'One TRANSFER, or REVERSE (ref: the seq) of one half of a transfer, for people: waits for both users, posts all that is pending of them, and returns the entry of user_id and that of peer_user_id; raises what post returns as a status.';

revoke all on function ledger.post_pair from public;
-- end function

-- function: post_pair_across
create or replace function ledger.post_pair_across(
  operation text, user_id bigint, peer_user_id bigint, amount numeric, ref bigint,
  idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  o ledger.outcome;
  v_entries ledger.posted_entry[] := '{}';
begin
  for o in
    select p.* from ledger.post(
      operations => array[post_pair_across.operation], user_ids => array[post_pair_across.user_id],
      amounts => array[post_pair_across.amount],
      peer_user_ids => case post_pair_across.operation
        when 'TRANSFER' then array[post_pair_across.peer_user_id] end,
      refs => array[post_pair_across.ref],
      idempotency_keys => array[post_pair_across.idempotency_key],
      metadatas => array[post_pair_across.metadata], wait => true, max_pending => null) p
  loop
    -- What is wrong may be said of the other user.
    continue when o.status = 'LGUSR' and o.user_seq is not null
      or o.status = 'LGFND' and o.required is null;
    perform ledger.raise_status(o.status, o.user_id,
      coalesce(o.required, post_pair_across.amount), o.available);
    v_entries := array_append(v_entries, row(o.user_id, o.seq, o.action, o.amount, o.balance,
      o.available, o.ts, o.replayed)::ledger.posted_entry);
  end loop;
  return v_entries;
end $$;

comment on function ledger.post_pair_across is
  'What post_pair does, where users are on several servers: by post, which asks each shard twice.';

revoke all on function ledger.post_pair_across from public;
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
  if ledger.is_distributed() then
    perform ledger.write_each(write_changes.changes, '{}', '{}');
    return;
  end if;
  foreach c in array write_changes.changes loop
    if c.number = 1 then
      v_has_first := true;
    else
      v_has_later := true;
    end if;
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

-- function: write_each
create or replace function ledger.write_each(
  changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[])
  returns void
  language plpgsql volatile as $$
declare
  v_changes text;
  v_entries text;
  v_accounts text;
  v_first_id bigint;
  v_ids bigint[];
begin
  for v_first_id, v_ids in
    select s.first_id, s.ids
      from ledger.by_shard(array(
        select c.user_id from unnest(write_each.changes) c
        union select e.user_id from unnest(write_each.entries) e
        union select a.user_id from unnest(write_each.accounts) a)) s
  loop
    -- Before the statement, which Citus sends on only without subqueries, and as text, because it
    -- knows no types of the ledger.
    v_changes := array(select c from unnest(write_each.changes) c where c.user_id = any (v_ids));
    v_entries := array(select e from unnest(write_each.entries) e where e.user_id = any (v_ids));
    v_accounts := array(select a from unnest(write_each.accounts) a where a.user_id = any (v_ids));
    perform from ledger.write_in_shard(v_first_id, v_changes, v_entries, v_accounts);
  end loop;
end $$;

comment on function ledger.write_each is
  'What write_changes, insert_entries and copy_accounts do, where users are on several servers: shard by shard, each on its server.';

revoke all on function ledger.write_each from public;
-- end function

-- function: write_in_shard
create or replace function ledger.write_in_shard(
  user_id bigint, changes text, entries text, accounts text)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_shard_id bigint := get_shard_id_for_distribution_column('public.users', write_in_shard.user_id);
begin
  if write_in_shard.changes <> '{}' then
    execute format('select ledger_%s.write_changes($1)', v_shard_id)
      using write_in_shard.changes::public.hold_changes[];
  end if;
  if write_in_shard.entries <> '{}' then
    execute format('select ledger_%s.insert_entries($1)', v_shard_id)
      using write_in_shard.entries::ledger.entry[];
  end if;
  if write_in_shard.accounts <> '{}' then
    execute format('select ledger_%s.copy_accounts($1)', v_shard_id)
      using write_in_shard.accounts::ledger.account[];
  end if;
end $$;

comment on function ledger.write_in_shard is
  'What write_changes, insert_entries and copy_accounts of the shard of user_id do, to which everything has to belong, and which lock_in_shard has kept; arrays as text. Whoever calls it where users are on several servers has the server of the shard do it.';

revoke all on function ledger.write_in_shard from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

drop function ledger.write_in_shard(user_id bigint, changes text, entries text, accounts text);

drop function ledger.write_each(changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[]);

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
    if ledger.is_distributed() then
      perform ledger.write_change(c);
    elsif c.number = 1 then
      v_has_first := true;
    else
      v_has_later := true;
    end if;
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

drop function ledger.post_pair_across(operation text, user_id bigint, peer_user_id bigint, amount numeric, ref bigint, idempotency_key text, metadata jsonb);

-- function: post_pair
create or replace function ledger.post_pair(
  operation text, user_id bigint, peer_user_id bigint, amount numeric, ref bigint,
  idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  a ledger.account;
  p ledger.account;
  t ledger.target;
  d ledger.decision;
  v_at timestamptz;
begin
  -- Locks in the order of ids, so that two callers never wait for each other. Locks both before it
  -- reads either: what commits while this waits for the second lock counts for the first user.
  perform from public.users u
    where u.id = least(post_pair.user_id, post_pair.peer_user_id) -- mutation: first
      for no key update; -- mutation: lock
  if post_pair.user_id > post_pair.peer_user_id then
    a := ledger.lock_account(post_pair.user_id);
    p := ledger.lock_account(post_pair.peer_user_id);
  else
    p := ledger.lock_account(post_pair.peer_user_id);
    a := ledger.lock_account(post_pair.user_id);
  end if;
  t := ledger.load_target(post_pair.operation, post_pair.user_id, post_pair.ref,
    post_pair.amount, null);
  d := ledger.decide(post_pair.operation, post_pair.amount, null, post_pair.idempotency_key,
    post_pair.metadata, t, a, p);
  if d.replayed then return ledger.replay_entry(array[a, p], d.earlier_seq); end if;
  if d.problem is not null then
    perform ledger.raise_status(d.problem,
      case when p.problem = 'LGUSR' and a.problem is distinct from 'LGUSR'
          or d.problem = 'LGFRZ' and d.change > 0 then p.user_id else a.user_id end,
      coalesce(post_pair.amount, d.amount),
      case when d.change > 0 then p.balance - p.held else a.balance - a.held end);
  end if;
  a.seq := a.seq + 1; a.balance := a.balance + d.change;
  p.seq := p.seq + 1; p.balance := p.balance - d.change;
  v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at)); -- mutation: moment
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, reverses, peer_user_id, peer_seq, hash)
  values (a.user_id, d.action, d.amount, v_at, a.seq, a.balance, v_at, post_pair.idempotency_key,
      post_pair.metadata, a.held, d.reverses, p.user_id, p.seq,
      ledger.entry_hash(a.hash, a.user_id, a.seq, d.action, d.amount, v_at, a.balance, v_at,
        post_pair.idempotency_key, post_pair.metadata, a.held, null, d.reverses, p.user_id,
        p.seq)),
    (p.user_id, ledger.opposite_of(d.action), d.amount, v_at, p.seq, p.balance, v_at, null,
      post_pair.metadata, p.held, t.peer_reverses, a.user_id, a.seq,
      ledger.entry_hash(p.hash, p.user_id, p.seq, ledger.opposite_of(d.action), d.amount, v_at,
        p.balance, v_at, null, post_pair.metadata, p.held, null, t.peer_reverses, a.user_id,
        a.seq));
  update public.users u
     set seq = a.seq, balance = a.balance, updated_at = v_at where u.id = a.user_id;
  update public.users u
     set seq = p.seq, balance = p.balance, updated_at = v_at where u.id = p.user_id;
  return array[row(a.user_id, a.seq, d.action, d.amount, a.balance, a.balance - a.held, v_at, false),
    row(p.user_id, p.seq, ledger.opposite_of(d.action), d.amount, p.balance, p.balance - p.held,
      v_at, false)]::ledger.posted_entry[];
end $$;

comment on function ledger.post_pair is
  'One TRANSFER, or REVERSE (ref: the seq) of one half of a transfer, for people: waits for both users, posts all that is pending of them, and returns the entry of user_id and that of peer_user_id; raises what post returns as a status.';

revoke all on function ledger.post_pair from public;
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

drop function ledger.lock_in_shard(user_id bigint, user_ids bigint[], wait boolean, max_pending integer);

-- function: lock_each
create or replace function ledger.lock_each(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_accounts ledger.account[] := '{}';
  v_id bigint;
  v ledger.account;
begin
  -- Citus can't plan all statements of post before it knows the user, as post asks for. Until the
  -- end of post.
  perform set_config('plan_cache_mode', 'auto', true);
  -- In id order, as lock_accounts does, and all before it looks at one.
  for v_id in select distinct i from unnest(lock_each.user_ids) i where i is not null order by i loop
    v := null;
    if lock_each.wait then
      select u.id, coalesce(-u.credit_limit, 0.00), u.hold_changes, u.updated_at,
             u.frozen_at is not null
        into v.user_id, v.held, v.hold_changes, v.updated_at, v.is_frozen
        from public.users u where u.id = v_id for no key update;
    else
      select u.id, coalesce(-u.credit_limit, 0.00), u.hold_changes, u.updated_at,
             u.frozen_at is not null
        into v.user_id, v.held, v.hold_changes, v.updated_at, v.is_frozen
        from public.users u where u.id = v_id for no key update skip locked;
    end if;
    if found then v_accounts := array_append(v_accounts, v); end if;
  end loop;
  for i in 1 .. cardinality(v_accounts) loop
    v := v_accounts[i];
    select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
      from public.payment_history h where h.user_id = v.user_id order by h.seq desc limit 1;
    if v.seq is null or v.hold_changes > 0 then
      v := ledger.open_account(v, lock_each.max_pending);
    end if;
    v_accounts[i] := v;
  end loop;
  return v_accounts;
end $$;

comment on function ledger.lock_each is
  'What lock_accounts does, where users are on several servers: user by user, in statements of which each has one server.';

revoke all on function ledger.lock_each from public;
-- end function

-- function: insert_entries
create or replace function ledger.insert_entries(entries ledger.entry[])
  returns void
  language plpgsql volatile as $$
declare
  e ledger.entry;
begin
  if ledger.is_distributed() then
    -- Row by row, as each statement has one server.
    foreach e in array insert_entries.entries loop
      insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
      values (e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at,
        e.idempotency_key, e.metadata, e.held, e.hold, e.reverses, e.peer_user_id, e.peer_seq,
        e.hash);
    end loop;
    return;
  end if;
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
  select x.user_id, x.action, x.amount, x.ts, x.seq, x.balance, x.posted_at, x.idempotency_key,
         x.metadata, x.held, x.hold, x.reverses, x.peer_user_id, x.peer_seq, x.hash
    from unnest(insert_entries.entries) x;
end $$;

comment on function ledger.insert_entries is 'Writes entries; everything has been decided.';

revoke all on function ledger.insert_entries from public;
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
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '6bf11ceff08de2de'),
    ('function ledger.add_control(bigint,timestamp with time zone,text,numeric,text,text)', '7a376917bf863fc6'),
    ('function ledger.add_control_erasures(bigint,bigint,timestamp with time zone)', 'a7f9a5269e7f5690'),
    ('function ledger.add_details_erasure(bigint,bigint,timestamp with time zone)', '1c2cc3a6e506c10d'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', 'a237df7944efa7cf'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '6d49d48dc0ac95f5'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'f3b16351d79afec8'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '8720b459ca677d6e'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', 'e1aad29f3f8fc678'),
    ('function ledger.add_intervention_erasure(bigint,bigint)', '4a1753167d074599'),
    ('function ledger.add_manual_erasure(bigint,public.manual_entries,public.payment_history,public.payment_history,text,bigint)', '66aa5b2a8953301e'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint)', '5e80a096a652bf87'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '815a1cf5780b0765'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'a8ebb9b3debcb111'),
    ('function ledger.calls_in_shards()', '46d0598360d55a5d'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.changes_between(timestamp with time zone[])', '7acf4176b501251e'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', '8c542b6978b2727e'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '69ed8281fd549459'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.control_hash(bytea,bigint,bigint,timestamp with time zone,xid8,text,text,text,numeric,text,bigint)', '7c73f9456755b131'),
    ('function ledger.copy_accounts(ledger.account[])', 'd151361f9e70c52b'),
    ('function ledger.count_erasable(bigint)', '113ad498b2cad302'),
    ('function ledger.count_pending(integer)', '3c78c438df4a3ca2'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'd31e7000eaf08029'),
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
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', 'c476716835de3c01'),
    ('function ledger.first_problem(text,text,text,text,text)', '83832731d93a37dc'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', 'e7ecc362e3790977'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', 'aad422bfeaff4bb9'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '8989e87bd35f8698'),
    ('function ledger.get_code_guards()', 'a9d66580a0e67530'),
    ('function ledger.get_each_user(bigint[])', '8d57c33255799af2'),
    ('function ledger.get_erasures(bigint,bigint[])', '83b21fa779d99f23'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', '8c4ac94f65fc3ea6'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '68f4fec291981c0a'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', 'fe964d045c1afbb9'),
    ('function ledger.guard_user()', '405054e65228554f'),
    ('function ledger.has_mark(public.payment_history,text)', '5e9c1e09ac860192'),
    ('function ledger.has_migration(text)', '70610966c2c34f65'),
    ('function ledger.has_most_holds(bigint)', '1939260edebe2cd5'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '0a4210c262be7333'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '9cd6e6a69a0e8a24'),
    ('function ledger.held_now(bigint)', '30ab54a0e8d785f9'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '0de8a2b90051621c'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', '3298349943b9040d'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', 'bc84d22022810715'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '37fa36377a3f39d8'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '37eb1e5d0eb2c42c'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '927f995b51465557'),
    ('function ledger.hold_row_problem(public.hold_changes,public.hold_changes,numeric)', '16b7c23f3d8aee3e'),
    ('function ledger.incarnation()', '81d49b37cc8945d9'),
    ('function ledger.insert_entries(ledger.entry[])', 'a4e5912a89b595ef'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_as_entered(public.manual_entries,public.payment_history,text,bigint)', '48547d8b5b060ab6'),
    ('function ledger.is_distributed()', '96aeef238626dc3c'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '02817f8cc93843c7'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', 'd1ddacd119828337'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'f7da40afc2a5cd10'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', '26059ea1e4735bd8'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '1597b15daece3031'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', '19ea2bcf64d678f8'),
    ('function ledger.is_valid_amount(numeric)', '6cedcdb0f3e0fb95'),
    ('function ledger.is_valid_expiry(numeric)', '6233b947b7e85698'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '6e3c30b3fef582b4'),
    ('function ledger.is_valid_reference(text)', 'd2285207240980d4'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', 'ee1c14dc88f571a6'),
    ('function ledger.keeps_shard(bigint)', '72d7974e5df4d0b4'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '7712c24d35dfdd13'),
    ('function ledger.leaves_shard(bigint,bigint[])', 'fcc4b554268f6100'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', '3f675588fad14dbb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '85fad7384da4176c'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9aea5da49692125'),
    ('function ledger.lock_each(bigint[],boolean,integer)', '0dda2159dd8b3144'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer()', 'edc8705d75b5a220'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '9c92ad2310313530'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', 'f1b907a6c6adee7d'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', 'd6ad60b7a3ffb5ba'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'fc876fbee0fd581a'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '0c98d7416899a988'),
    ('function ledger.post_pending(bigint,integer)', '1896a1964a4ae1c0'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', '28f2936b998b3192'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', '5749be13698a607c'),
    ('function ledger.verify_details(bigint,bigint)', '181bd496abb37911'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', '7a29d736ce93e6b7'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', 'a04ea659678e9167'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'fd8f6fe38cc289ca'),
    ('function ledger.verify_interventions()', '96ff43a2014e4f1d'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '225a3eff7e9063d0'),
    ('function ledger.verify_references()', 'b89e86c279f24e40'),
    ('function ledger.verify_shards()', '62cf2a0dbd1ac3ea'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '614f7d0860195ea2'),
    ('function ledger.verify_workers()', '13fd3b7590414fcd'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', 'a0ce5f0d344a334f'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'ef0ecbbafe611a8c'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', '9bd2ff5ea992c08c'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'e28a1dd4c427de38'),
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
    ('function public.withdraw_entry(bigint,bigint,text)', '242e7824f7704b94'),
    ('index public.erasures_intervention_idx on erasures', '7da639a755092ae5'),
    ('index public.hold_changes_position_idx on hold_changes', 'd6d319d22a0f5ff4'),
    ('index public.hold_changes_user_id_idempotency_key_key on hold_changes', 'b32b30dd92d59630'),
    ('index public.holds_active_idx on holds', 'e9ed7809ecf6b72b'),
    ('index public.interventions_transaction_idx on interventions', '59c87b9c6d4a63ea'),
    ('index public.interventions_user_id_idx on interventions', 'bfded952c2a19e49'),
    ('index public.manual_entries_user_id_seq_idx on manual_entries', '70bb937ef0b54d7d'),
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
    ('index public.payment_history_reverses_idx on payment_history', '124294cf45552e6e'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
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

-- function: copy_accounts
create or replace function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language plpgsql volatile as $$
declare
  a ledger.account;
begin
  -- users is copied from the history, never the other way round. The caller knows no updated_at of
  -- a user for whom nothing was posted.
  if ledger.is_distributed() then
    -- User by user, as each statement has one server.
    foreach a in array copy_accounts.accounts loop
      update public.users u
         set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes,
             updated_at = greatest(u.updated_at, a.updated_at, a.posted_at)
       where u.id = a.user_id
         and (a.seq, a.balance, a.hold_changes) is distinct from (u.seq, u.balance, u.hold_changes);
    end loop;
    return;
  end if;
  update public.users u
     set seq = x.seq, balance = x.balance, hold_changes = x.hold_changes,
         updated_at = greatest(u.updated_at, x.updated_at, x.posted_at)
    from unnest(copy_accounts.accounts) x
   where u.id = x.user_id
     and (x.seq, x.balance, x.hold_changes) is distinct from (u.seq, u.balance, u.hold_changes);
end $$;

comment on function ledger.copy_accounts is
  'Sets the copies in users of open accounts to what these are now, where they differ.';

revoke all on function ledger.copy_accounts from public;
-- end function

drop function ledger.by_shard(user_ids bigint[]);
