-- migrate:up

set local check_function_bodies = off;

drop function ledger.changes_between(moments timestamptz[]);

-- function: changes_between
create or replace function ledger.changes_between(moments timestamptz[])
  returns table (
    kind text, span integer, user_id bigint, changes bigint, hash text, lasting_hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  -- All of it is read once.
  set jit = off as $$
  -- lasting: what no erasure takes out, as the hashes have it.
  with changes as (
    select 'holds' as kind, c.user_id, c.at, c.hold as id, c.number as step, c.hash,
           record_send(row(c.hold, c.number, convert_to(c.action, 'UTF8'), c.amount, c.remaining,
             c.expires_at, c.at, c.seq, c.balance, c.available, c.position)) as lasting
      from public.hold_changes c
     where c.at > moments[1] and c.at <= moments[cardinality(moments)]
    union all
    select 'manual_entries', m.user_id, m.entered_at, m.id, 0, m.hash,
           record_send(row(m.id, m.entered_at, convert_to(m.entered_by, 'UTF8')))
      from public.manual_entries m
     where m.entered_at > moments[1] and m.entered_at <= moments[cardinality(moments)]
    union all
    select 'user_controls', k.user_id, k.at, k.number, 0, k.hash,
           record_send(row(k.number, k.at, k.transaction::text::bigint, convert_to(k.role, 'UTF8'),
             convert_to(k.actor, 'UTF8'), convert_to(k.operation, 'UTF8'), k.credit_limit,
             k.position))
      from public.user_controls k
     where k.at > moments[1] and k.at <= moments[cardinality(moments)]
    union all
    select 'user_details', d.user_id, u.created_at, 0, 0, d.hash,
           record_send(row(u.created_at, d.asked_id))
      from public.user_details d join public.users u on u.id = d.user_id
     where u.created_at > moments[1] and u.created_at <= moments[cardinality(moments)]
    union all
    select 'interventions', 0, i.at, i.id, 0, i.hash,
           record_send(row(i.id, i.at, i.transaction::text::bigint, convert_to(i.role, 'UTF8'),
             convert_to(i.operation, 'UTF8'), convert_to(i.reason, 'UTF8'), i.user_id, i.seq,
             convert_to((i.before - '{metadata,idempotency_key}'::text[])::text, 'UTF8')))
      from public.interventions i
     where i.at > moments[1] and i.at <= moments[cardinality(moments)])
  select c.kind, s.span, c.user_id, count(*),
         encode(sha256(string_agg(c.hash, '' order by c.id, c.step)), 'hex'),
         encode(sha256(string_agg(c.lasting, '' order by c.id, c.step)), 'hex')
    from changes c
   cross join lateral (select width_bucket(c.at - interval '1 us', moments) as span) s
   group by c.kind, s.span, c.user_id
   order by c.kind, s.span, c.user_id
$$;

comment on function ledger.changes_between is
  'What was done besides posting entries, between each moment (span 1: later than the first, and no later than the second) and the next: of each user, how many changes holds had, manual entries entered, changes in user_controls, and whether it was made with details; and interventions (user_id 0). hash: sha256 over the hashes of these changes; lasting_hash: over what no erasure takes out of them. Anchors are made of it. Moments in order; the first may be -infinity.';

revoke all on function ledger.changes_between from public;
grant execute on function ledger.changes_between to ledger_dba;
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
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '272e6188584e6517'),
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
    ('function ledger.calls_in_shards()', '1f639b29ce634548'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.changes_between(timestamp with time zone[])', 'e9c23d137ba2d6d7'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
    ('function ledger.choose_by_hash(text,integer[],text[])', '838f0a5fa2670a54'),
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
    ('function ledger.find_keys(bigint,text,integer)', '56ef35529f259710'),
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
    ('function ledger.get_relation_guards()', 'f60035d91d8c7298'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', '25eb1d69d1ec3cc8'),
    ('function ledger.guard_user()', '405054e65228554f'),
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
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', 'ceedacc1f50749f3'),
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
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'fc876fbee0fd581a'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', 'cc96142e174f2909'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_pending(bigint,integer)', '3dd43acdabc9b5b1'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.schema_of_shard(bigint)', '148a17fbf4f0de04'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', '28f2936b998b3192'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', 'a5b90991d2702faf'),
    ('function ledger.verify_details(bigint,bigint)', '04564a2b548fb2a0'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', '7a29d736ce93e6b7'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', 'a04ea659678e9167'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'fd8f6fe38cc289ca'),
    ('function ledger.verify_interventions()', 'cfe28fe37e67f8f1'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '225a3eff7e9063d0'),
    ('function ledger.verify_references()', 'b89e86c279f24e40'),
    ('function ledger.verify_shards()', '62cf2a0dbd1ac3ea'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '614f7d0860195ea2'),
    ('function ledger.verify_workers()', 'a58d16e3066bfbd8'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '225251a23ff4849c'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
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

drop function ledger.heads_at(at timestamptz, after_user_id bigint, max_rows integer);

-- function: heads_at
create or replace function ledger.heads_at(
  at timestamptz, after_user_id bigint default 0, max_rows integer default 10000)
  returns table (user_id bigint, seq bigint, hash bytea, balance numeric)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  if ledger.is_distributed() then
    -- On all servers at once; each looks through what its users have had since.
    return query
      select u.id, coalesce(h.seq, 0), h.hash, h.balance
        from public.users u
        left join lateral (
          select p.seq, p.hash, p.balance from public.payment_history p
           where p.user_id = u.id and p.seq is not null and p.sealed_at <= heads_at.at
           order by p.seq desc limit 1) h on true
       where u.id > heads_at.after_user_id order by u.id limit heads_at.max_rows;
    return;
  end if;
  return query
    select u.id, coalesce(h.seq, 0), h.hash, h.balance
      from (select u.id from public.users u where u.id > heads_at.after_user_id
             order by u.id limit heads_at.max_rows) u
      left join lateral (
        select p.seq, p.sealed_at from public.payment_history p
         where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) l on true
      left join public.payment_history h on h.user_id = u.id and h.seq = case
        when l.sealed_at <= heads_at.at then l.seq else ledger.entry_at(u.id, heads_at.at) end
     order by u.id;
end $$;

comment on function ledger.heads_at is
  'The last entry of each of at most max_rows users after an id as of a moment, with its hash and balance; seq 0 and neither for who had none. An anchor is made of them.';

revoke all on function ledger.heads_at from public;
grant execute on function ledger.heads_at to ledger_dba;
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

-- function: is_hash_of
create or replace function ledger.is_hash_of(previous bytea, entry public.payment_history)
  returns boolean
  language sql stable parallel safe as $$
  select (entry).hash in (
    ledger.entry_hash(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq),
    ledger.entry_hash_1(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq))
    or ledger.is_mark((entry).metadata) and ledger.is_erased('entry', (entry).user_id,
      (entry).seq, 0, ledger.erased_entry_hash(previous, entry))
$$;

comment on function ledger.is_hash_of is
  'Whether an entry has the hash that it must have after the entry with hash previous, in any version of the encoding; or is what an erasure left of one that had it.';

revoke all on function ledger.is_hash_of from public;
-- end function

-- function: is_mark
create or replace function ledger.is_mark(metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(is_mark.metadata - '{erased,archived}'::text[] = '{}', true)
$$;

comment on function ledger.is_mark is
  'Whether metadata says no more than that there was some: what an erasure leaves of it.';

revoke all on function ledger.is_mark from public;
-- end function

-- function: verify_controls
create or replace function ledger.verify_controls(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.user_controls;
  v_user_id bigint;
  v_previous bytea;
  v_hash bytea;
begin
  for v in
    select x.* from public.user_controls x
     where x.user_id > verify_controls.after_user_id and x.user_id <= verify_controls.upto_user_id
     order by x.user_id, x.number
  loop
    if v.user_id is distinct from v_user_id then v_previous := null; end if;
    v_hash := ledger.control_hash(v_previous, v.user_id, v.number, v.at, v.transaction, v.role,
      v.actor, v.operation, v.credit_limit, v.reason, v.position);
    if v.hash <> v_hash and not (v.reason is null and ledger.is_erased('control', v.user_id,
      v.number, 0, ledger.erased_hash(v_hash, v.hash))) then
      return next row('control_differs', v.user_id, null, format(
        'Row %s of user_controls was edited, or isn''t what came after the one before.',
        v.number))::ledger.finding;
    end if;
    v_user_id := v.user_id;
    v_previous := v.hash;
  end loop;

  return query
  select 'control_differs', coalesce(u.id, c.user_id), null::bigint, format(
           'users says frozen_at %s, limit %s; user_controls %s, %s, %s changes up to %s.',
           u.frozen_at, u.credit_limit, c.frozen_at, c.credit_limit, c.changes, c.last_number)
    from (select u.id, u.frozen_at, u.credit_limit from public.users u
           where u.hold_changes > 0 and u.id > verify_controls.after_user_id
             and u.id <= verify_controls.upto_user_id
             and num_nonnulls(u.frozen_at, u.credit_limit) > 0) u
    full join (
      select k.user_id, count(*) as changes, max(k.number) as last_number,
             (array_agg(case k.operation when 'FREEZE' then k.at end order by k.number desc)
               filter (where k.operation in ('FREEZE', 'THAW')))[1] as frozen_at,
             nullif((array_agg(k.credit_limit order by k.number desc)
               filter (where k.operation = 'CREDIT LIMIT'))[1], 0) as credit_limit
        from public.user_controls k
       where k.user_id > verify_controls.after_user_id and k.user_id <= verify_controls.upto_user_id
       group by k.user_id) c on c.user_id = u.id
   where (u.frozen_at, u.credit_limit) is distinct from (c.frozen_at, c.credit_limit)
      or c.changes <> c.last_number
  union all
  -- The engine looks at neither while nothing has been counted.
  select 'control_differs', u.id, null, 'users.hold_changes is 0.'
    from public.users u
   where u.hold_changes = 0 and num_nonnulls(u.frozen_at, u.credit_limit) > 0
     and u.id > verify_controls.after_user_id and u.id <= verify_controls.upto_user_id;
end $$;

comment on function ledger.verify_controls is
  'The findings about who is frozen or has a credit limit in a range of users: a row of user_controls was edited or is missing, or users says something else than the last ones. Internal.';

revoke all on function ledger.verify_controls from public;
-- end function

-- function: verify_details
create or replace function ledger.verify_details(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  d record;
  v_hash bytea;
begin
  -- Where users are on several servers, references and keys are on one: so one table a statement.
  for d in
    select x.*, u.created_at
      from public.user_details x left join public.users u on u.id = x.user_id
     where x.user_id > verify_details.after_user_id and x.user_id <= verify_details.upto_user_id
  loop
    v_hash := ledger.details_hash(d.user_id, d.created_at, d.reference, d.metadata,
      d.idempotency_key, d.asked_id);
    if d.hash <> v_hash and not (num_nonnulls(d.reference, d.metadata, d.idempotency_key) = 0
      and ledger.is_erased('details', d.user_id, 0, 0, ledger.erased_hash(v_hash, d.hash))) then
      return next row('details_invalid', d.user_id, null,
        'What the user was made as, or created_at, was edited.')::ledger.finding;
    end if;
    -- Without the reference, which may be a person's name.
    if d.reference is not null and not exists (select from public.user_references r
        where r.reference = d.reference and r.user_id = d.user_id) then
      return next row('reference_differs', d.user_id, null,
        'user_references has another user for the reference, or none.')::ledger.finding;
    end if;
    if d.idempotency_key is not null and not exists (select from public.user_keys k
        where k.idempotency_key = d.idempotency_key and k.user_id = d.user_id) then
      return next row('reference_differs', d.user_id, null,
        'user_keys has another user for the key, or none.')::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_details is
  'The findings about what a range of users were made as: a row of user_details was edited or belongs to nobody, or its reference or key doesn''t lead to the user. Internal.';

revoke all on function ledger.verify_details from public;
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
      or i.hash <> i.right_hash and not (
           coalesce(i.before ->> 'metadata', i.before ->> 'idempotency_key') is null
           and ledger.is_erased('intervention', i.user_id, i.id, 0,
             ledger.erased_hash(i.right_hash, i.hash)))
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

-- function: verify_details
create or replace function ledger.verify_details(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  d record;
  v_hash bytea;
begin
  -- Where users are on several servers, references and keys are on one: so one table a statement.
  for d in
    select x.*, u.created_at
      from public.user_details x left join public.users u on u.id = x.user_id
     where x.user_id > verify_details.after_user_id and x.user_id <= verify_details.upto_user_id
  loop
    v_hash := ledger.details_hash(d.user_id, d.created_at, d.reference, d.metadata,
      d.idempotency_key, d.asked_id);
    if d.hash <> v_hash and not ledger.is_erased('details', d.user_id, 0, 0,
      ledger.erased_hash(v_hash, d.hash)) then
      return next row('details_invalid', d.user_id, null,
        'What the user was made as, or created_at, was edited.')::ledger.finding;
    end if;
    -- Without the reference, which may be a person's name.
    if d.reference is not null and not exists (select from public.user_references r
        where r.reference = d.reference and r.user_id = d.user_id) then
      return next row('reference_differs', d.user_id, null,
        'user_references has another user for the reference, or none.')::ledger.finding;
    end if;
    if d.idempotency_key is not null and not exists (select from public.user_keys k
        where k.idempotency_key = d.idempotency_key and k.user_id = d.user_id) then
      return next row('reference_differs', d.user_id, null,
        'user_keys has another user for the key, or none.')::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_details is
  'The findings about what a range of users were made as: a row of user_details was edited or belongs to nobody, or its reference or key doesn''t lead to the user. Internal.';

revoke all on function ledger.verify_details from public;
-- end function

-- function: verify_controls
create or replace function ledger.verify_controls(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.user_controls;
  v_user_id bigint;
  v_previous bytea;
  v_hash bytea;
begin
  for v in
    select x.* from public.user_controls x
     where x.user_id > verify_controls.after_user_id and x.user_id <= verify_controls.upto_user_id
     order by x.user_id, x.number
  loop
    if v.user_id is distinct from v_user_id then v_previous := null; end if;
    v_hash := ledger.control_hash(v_previous, v.user_id, v.number, v.at, v.transaction, v.role,
      v.actor, v.operation, v.credit_limit, v.reason, v.position);
    if v.hash <> v_hash and not ledger.is_erased('control', v.user_id, v.number, 0,
      ledger.erased_hash(v_hash, v.hash)) then
      return next row('control_differs', v.user_id, null, format(
        'Row %s of user_controls was edited, or isn''t what came after the one before.',
        v.number))::ledger.finding;
    end if;
    v_user_id := v.user_id;
    v_previous := v.hash;
  end loop;

  return query
  select 'control_differs', coalesce(u.id, c.user_id), null::bigint, format(
           'users says frozen_at %s, limit %s; user_controls %s, %s, %s changes up to %s.',
           u.frozen_at, u.credit_limit, c.frozen_at, c.credit_limit, c.changes, c.last_number)
    from (select u.id, u.frozen_at, u.credit_limit from public.users u
           where u.hold_changes > 0 and u.id > verify_controls.after_user_id
             and u.id <= verify_controls.upto_user_id
             and num_nonnulls(u.frozen_at, u.credit_limit) > 0) u
    full join (
      select k.user_id, count(*) as changes, max(k.number) as last_number,
             (array_agg(case k.operation when 'FREEZE' then k.at end order by k.number desc)
               filter (where k.operation in ('FREEZE', 'THAW')))[1] as frozen_at,
             nullif((array_agg(k.credit_limit order by k.number desc)
               filter (where k.operation = 'CREDIT LIMIT'))[1], 0) as credit_limit
        from public.user_controls k
       where k.user_id > verify_controls.after_user_id and k.user_id <= verify_controls.upto_user_id
       group by k.user_id) c on c.user_id = u.id
   where (u.frozen_at, u.credit_limit) is distinct from (c.frozen_at, c.credit_limit)
      or c.changes <> c.last_number
  union all
  -- The engine looks at neither while nothing has been counted.
  select 'control_differs', u.id, null, 'users.hold_changes is 0.'
    from public.users u
   where u.hold_changes = 0 and num_nonnulls(u.frozen_at, u.credit_limit) > 0
     and u.id > verify_controls.after_user_id and u.id <= verify_controls.upto_user_id;
end $$;

comment on function ledger.verify_controls is
  'The findings about who is frozen or has a credit limit in a range of users: a row of user_controls was edited or is missing, or users says something else than the last ones. Internal.';

revoke all on function ledger.verify_controls from public;
-- end function

drop function ledger.is_mark(metadata jsonb);

-- function: is_hash_of
create or replace function ledger.is_hash_of(previous bytea, entry public.payment_history)
  returns boolean
  language sql stable parallel safe as $$
  select (entry).hash in (
    ledger.entry_hash(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq),
    ledger.entry_hash_1(previous, (entry).user_id, (entry).seq, (entry).action, (entry).amount,
      (entry).ts, (entry).balance, (entry).sealed_at, (entry).idempotency_key, (entry).metadata,
      (entry).held, (entry).hold, (entry).reverses, (entry).peer_user_id, (entry).peer_seq))
    or ledger.is_erased('entry', (entry).user_id, (entry).seq, 0,
      ledger.erased_entry_hash(previous, entry))
$$;

comment on function ledger.is_hash_of is
  'Whether an entry has the hash that it must have after the entry with hash previous, in any version of the encoding; or is what an erasure left of one that had it.';

revoke all on function ledger.is_hash_of from public;
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
    or ledger.is_erased('manual_entry', m.user_id, m.id, 0, ledger.erased_hash(v_hash, m.hash))
    -- Erased when nothing was written down of manual entries.
    or exists (select from public.erasures x join public.interventions i on i.id = x.intervention
                where x.kind = is_as_entered.kind and x.user_id = m.user_id
                  and x.number = is_as_entered.number and not i.before ? 'manual_entries');
end $$;

comment on function ledger.is_as_entered is
  'Whether an entry, or what the erasure of its row (kind, number) left of it, is what the row of manual_entries says was entered. Internal.';

revoke all on function ledger.is_as_entered from public;
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
    and not ledger.is_erased('hold_change', c.user_id, c.hold, c.number,
      ledger.erased_hash(v_hash, c.hash))
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

drop function ledger.heads_at(at timestamptz, after_user_id bigint, max_rows integer);

-- function: heads_at
create or replace function ledger.heads_at(
  at timestamptz, after_user_id bigint default 0, max_rows integer default 10000)
  returns table (user_id bigint, seq bigint, hash bytea)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  if ledger.is_distributed() then
    -- On all servers at once; each looks through what its users have had since.
    return query
      select u.id, coalesce(h.seq, 0), h.hash
        from public.users u
        left join lateral (
          select p.seq, p.hash from public.payment_history p
           where p.user_id = u.id and p.seq is not null and p.sealed_at <= heads_at.at
           order by p.seq desc limit 1) h on true
       where u.id > heads_at.after_user_id order by u.id limit heads_at.max_rows;
    return;
  end if;
  return query
    select u.id, coalesce(h.seq, 0), h.hash
      from (select u.id from public.users u where u.id > heads_at.after_user_id
             order by u.id limit heads_at.max_rows) u
      left join lateral (
        select p.seq, p.sealed_at from public.payment_history p
         where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) l on true
      left join public.payment_history h on h.user_id = u.id and h.seq = case
        when l.sealed_at <= heads_at.at then l.seq else ledger.entry_at(u.id, heads_at.at) end
     order by u.id;
end $$;

comment on function ledger.heads_at is
  'The last entry of each of at most max_rows users after an id as of a moment, with its hash; seq 0 and no hash for who had none. An anchor is made of them.';

revoke all on function ledger.heads_at from public;
grant execute on function ledger.heads_at to ledger_dba;
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
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '272e6188584e6517'),
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
    ('function ledger.calls_in_shards()', '1f639b29ce634548'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.changes_between(timestamp with time zone[])', '7acf4176b501251e'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
    ('function ledger.choose_by_hash(text,integer[],text[])', '838f0a5fa2670a54'),
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
    ('function ledger.find_keys(bigint,text,integer)', '56ef35529f259710'),
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
    ('function ledger.get_relation_guards()', 'f60035d91d8c7298'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', '25eb1d69d1ec3cc8'),
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
    ('function ledger.is_distributed()', 'b827f2e205abf59e'),
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
    ('function ledger.keeps_shard(bigint)', 'c634e762f115a9fb'),
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
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', 'ceedacc1f50749f3'),
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
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'fc876fbee0fd581a'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', 'cc96142e174f2909'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_pending(bigint,integer)', '3dd43acdabc9b5b1'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.schema_of_shard(bigint)', '148a17fbf4f0de04'),
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
    ('function ledger.verify_workers()', 'a58d16e3066bfbd8'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '225251a23ff4849c'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
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

drop function ledger.changes_between(moments timestamptz[]);

-- function: changes_between
create or replace function ledger.changes_between(moments timestamptz[])
  returns table (kind text, span integer, user_id bigint, changes bigint, hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  -- All of it is read once.
  set jit = off as $$
  with changes as (
    select 'holds' as kind, c.user_id, c.at, c.hold as id, c.number as step, c.hash
      from public.hold_changes c
     where c.at > moments[1] and c.at <= moments[cardinality(moments)]
    union all
    select 'manual_entries', m.user_id, m.entered_at, m.id, 0, m.hash
      from public.manual_entries m
     where m.entered_at > moments[1] and m.entered_at <= moments[cardinality(moments)]
    union all
    select 'user_controls', k.user_id, k.at, k.number, 0, k.hash from public.user_controls k
     where k.at > moments[1] and k.at <= moments[cardinality(moments)]
    union all
    select 'user_details', d.user_id, u.created_at, 0, 0, d.hash
      from public.user_details d join public.users u on u.id = d.user_id
     where u.created_at > moments[1] and u.created_at <= moments[cardinality(moments)]
    union all
    select 'interventions', 0, i.at, i.id, 0, i.hash from public.interventions i
     where i.at > moments[1] and i.at <= moments[cardinality(moments)])
  select c.kind, s.span, c.user_id, count(*),
         encode(sha256(string_agg(c.hash, '' order by c.id, c.step)), 'hex')
    from changes c
   cross join lateral (select width_bucket(c.at - interval '1 us', moments) as span) s
   group by c.kind, s.span, c.user_id
   order by c.kind, s.span, c.user_id
$$;

comment on function ledger.changes_between is
  'What was done besides posting entries, between each moment (span 1: later than the first, and no later than the second) and the next: of each user, how many changes holds had, manual entries entered, changes in user_controls, and whether it was made with details; and interventions (user_id 0). hash: sha256 over the hashes of these changes. Anchors are made of it. Moments in order; the first may be -infinity.';

revoke all on function ledger.changes_between from public;
grant execute on function ledger.changes_between to ledger_dba;
-- end function

-- by hand
do $$
begin
  if exists (select from ledger.anchors a where a.line like '{"version":4,%') then
    raise exception 'there are rows that this would drop, so it is not done: restore a backup';
  end if;
end $$;
-- end by hand
