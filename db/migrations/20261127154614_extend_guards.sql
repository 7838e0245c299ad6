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
    ('domain ledger.nothing', '13906e57c06ddad7'),
    ('function ledger.absent_account(bigint)', '671940d020bab811'),
    ('function ledger.absent_ids(bigint,bigint)', '256912eeed601b08'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '6bf11ceff08de2de'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', 'a237df7944efa7cf'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '70fa7db0594d219e'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'bc2f60914553c0fb'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '8720b459ca677d6e'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', 'e1aad29f3f8fc678'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', '974be2e8d46eee87'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', 'd79fecc7b2ecfa70'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'a8ebb9b3debcb111'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.changes_between(timestamp with time zone[])', '716dd74a029058cb'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', '8c542b6978b2727e'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '69ed8281fd549459'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.copy_accounts(ledger.account[])', '5ffeef0d9681cdbd'),
    ('function ledger.count_erasable(bigint)', 'a6b686bb3d7113ac'),
    ('function ledger.count_pending(integer)', '3c78c438df4a3ca2'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'd31e7000eaf08029'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '99e90348f8eb8ed3'),
    ('function ledger.entry_change(public.payment_history)', 'f84200af95445e01'),
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
    ('function ledger.get_erasures(bigint,bigint[])', '83b21fa779d99f23'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', '8c4ac94f65fc3ea6'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '68f4fec291981c0a'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', 'fe964d045c1afbb9'),
    ('function ledger.guard_user()', '6d21683446c412e8'),
    ('function ledger.has_mark(public.payment_history,text)', '5e9c1e09ac860192'),
    ('function ledger.has_migration(text)', '70610966c2c34f65'),
    ('function ledger.has_most_holds(bigint)', '1939260edebe2cd5'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '0a4210c262be7333'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', 'd4f25d874353f041'),
    ('function ledger.held_now(bigint)', '30ab54a0e8d785f9'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '0de8a2b90051621c'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', '3298349943b9040d'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', 'bc84d22022810715'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '37fa36377a3f39d8'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '37eb1e5d0eb2c42c'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '927f995b51465557'),
    ('function ledger.hold_row_problem(public.hold_changes,public.hold_changes,numeric)', '16b7c23f3d8aee3e'),
    ('function ledger.incarnation()', '81d49b37cc8945d9'),
    ('function ledger.insert_entries(ledger.entry[])', 'd691b36955362f7b'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_distributed()', '96aeef238626dc3c'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '02817f8cc93843c7'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', 'e8f14d18fe39b669'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'f7da40afc2a5cd10'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', '26059ea1e4735bd8'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '1597b15daece3031'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', '19ea2bcf64d678f8'),
    ('function ledger.is_valid_amount(numeric)', '6cedcdb0f3e0fb95'),
    ('function ledger.is_valid_expiry(numeric)', '6233b947b7e85698'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '6e3c30b3fef582b4'),
    ('function ledger.is_valid_reference(text)', 'd2285207240980d4'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', 'ee1c14dc88f571a6'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '7712c24d35dfdd13'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '73fb3a1821274e77'),
    ('function ledger.list_journal(bigint,integer,integer)', 'f2c0e7fd6e57ec3d'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '7e61ae5021b97eec'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9a8c713a26ab697'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer()', 'edc8705d75b5a220'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', 'bba3d720a2e1481d'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', 'f1b907a6c6adee7d'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', 'd6ad60b7a3ffb5ba'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', 'fc876fbee0fd581a'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '0c98d7416899a988'),
    ('function ledger.post_pending(bigint,integer)', '1896a1964a4ae1c0'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', 'e17807a7fb652387'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '8a732f567ca3e22c'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '1001ed5772ea33f1'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', '86ff3d6298344e48'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', '7a29d736ce93e6b7'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', '9a7e2f422e30147f'),
    ('function ledger.verify_holds(bigint,bigint)', '5c7417d61bd45fd6'),
    ('function ledger.verify_interventions()', '96ff43a2014e4f1d'),
    ('function ledger.verify_manual_entries(bigint,bigint)', 'd50dd89bc3c3c6db'),
    ('function ledger.verify_shards()', '3e5b0d2711485a49'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', 'cd548e0ef9fa8cde'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', 'b9240c2d9f540b25'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', '1d9501b52c3941b8'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', '9bd2ff5ea992c08c'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'e28a1dd4c427de38'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', 'fc797d8903edfcfa'),
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
    ('table user_controls', 'fc77280722c00b67'),
    ('table user_details', 'ed8ce466c56cf48a'),
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
    ('trigger guard_truncate on erasures', '6a1d29f427167307'),
    ('trigger guard_truncate on hold_changes', '6e818f13d79ba681'),
    ('trigger guard_truncate on interventions', 'c9e16f218b862075'),
    ('trigger guard_truncate on ledger.anchors', '5ec4eee272b89643'),
    ('trigger guard_truncate on manual_entries', '303dc5ddac37a487'),
    ('trigger guard_truncate on payment_history', '80cb16e4408f8366'),
    ('trigger guard_truncate on user_controls', 'c693fb38a26b8ed6'),
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

-- function: get_code_guards
create or replace function ledger.get_code_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass)
  select 'function ' || p.oid::regprocedure, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig,
           p.provolatile, p.proisstrict, p.proparallel, p.proleakproof, l.lanname,
           pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.proowner = o.oid, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
               left join pg_roles r on r.oid = a.grantee
              where a.grantee <> p.proowner and (n.nspname = 'ledger' or a.grantee = 0
                or r.rolname in ('ledger_service', 'ledger_dba'))))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang cross join owner o
   where n.nspname in ('ledger', 'public') and p.proname <> 'expected_guards'
     and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                        and d.objid = p.oid and d.deptype = 'e')
  union all
  -- What could be taken for a function, an operator or a cast of PostgreSQL's in ours: PostgreSQL
  -- makes what it has itself with ids below 16384.
  select s.object, s.runs
    from (
      select 'pg_proc'::regclass as classid, p.oid,
             'function pg_catalog.' || p.oid::regprocedure as object, p.prosrc as runs
        from pg_proc p
       where p.pronamespace = 'pg_catalog'::regnamespace
         and exists (select from pg_proc b where b.proname = p.proname
                        and b.pronamespace = p.pronamespace and b.oid < 16384)
      union all
      select 'pg_operator'::regclass, p.oid, 'operator pg_catalog.' || p.oid::regoperator,
             p.oprcode::text
        from pg_operator p
       where p.oprnamespace = 'pg_catalog'::regnamespace
         and exists (select from pg_operator b where b.oprname = p.oprname
                        and b.oprnamespace = p.oprnamespace and b.oid < 16384)
      union all
      select 'pg_cast'::regclass, p.oid, format('cast pg_catalog.%s as %s', p.castsource::regtype,
               p.casttarget::regtype), p.castfunc::regprocedure::text
        from pg_cast p
       where not exists (
         select from pg_type t join pg_namespace n on n.oid = t.typnamespace
          where t.oid in (p.castsource, p.casttarget)
            and n.nspname not in ('pg_catalog', 'ledger'))) s
   where s.oid >= 16384
     and not exists (select from pg_depend d where d.classid = s.classid and d.objid = s.oid
                        and d.deptype = 'e')
  union all
  -- What else runs at a change, and is neither PostgreSQL's nor an extension's.
  select distinct format('code %s on %s%s', pg_describe_object(d.refclassid, d.refobjid, 0),
         case n.nspname when 'ledger' then 'ledger.' else '' end, r.relname), null
    from pg_class r join pg_namespace n on n.oid = r.relnamespace
    join (
      select c.conrelid, 'pg_constraint'::regclass, c.oid from pg_constraint c
      union all
      select a.adrelid, 'pg_attrdef'::regclass, a.oid from pg_attrdef a
      union all
      select i.indrelid, 'pg_class'::regclass, i.indexrelid from pg_index i
      ) x (relid, classid, objid) on x.relid = r.oid
    join pg_depend d on d.classid = x.classid and d.objid = x.objid
     and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)
   where n.nspname in ('public', 'ledger')
     and not exists (select from pg_depend e where e.classid = d.refclassid
                        and e.objid = d.refobjid and e.deptype = 'e')
$$;

comment on function ledger.get_code_guards is
  'What get_guards says of functions, of who may execute them, of other code that runs at a change of a table, and of what could be taken for a function, an operator or a cast of PostgreSQL.';

revoke all on function ledger.get_code_guards from public;
grant execute on function ledger.get_code_guards to ledger_dba;
-- end function

-- function: get_guards
create or replace function ledger.get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass)
  select r.object, r.definition from ledger.get_relation_guards() r
  union all
  select case t.typtype when 'd' then 'domain ' else 'type ' end || t.oid::regtype, concat_ws(' ',
           t.typowner = o.oid, format_type(nullif(t.typbasetype, 0), t.typtypmod), t.typnotnull,
           t.typdefault, (
             select string_agg(translate(pg_get_constraintdef(c.oid), '()', ''), ', '
                      order by c.conname)
               from pg_constraint c where c.contypid = t.oid), (
             select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                      order by a.attnum)
               from pg_attribute a
              where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped))
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    left join pg_class c on c.oid = t.typrelid
   cross join owner o
   where n.nspname = 'ledger' and (t.typtype in ('d', 'e', 'r') or c.relkind = 'c')
  union all
  -- In schema public, only those who could put something in the place of ours.
  select 'rights on schema ' || n.nspname, (
           select string_agg(distinct concat_ws(' ', x.privilege_type,
                    coalesce(r.rolname, 'PUBLIC')), ', ')
             from aclexplode(n.nspacl) x
             left join pg_roles r on r.oid = x.grantee
            where x.grantee <> n.nspowner and x.grantee <> o.oid
              and (r.rolname in ('ledger_service', 'ledger_dba')
                or n.nspname = 'ledger' and (x.grantee = 0 or x.privilege_type = 'CREATE')
                or x.grantee = 0 and x.privilege_type = 'CREATE'))
    from pg_namespace n, owner o where n.nspname in ('public', 'ledger')
  union all
  -- What a role may do without any of these rights.
  select 'role ' || r.rolname, concat_ws(', ', r.rolsuper, r.rolcreaterole, r.rolreplication,
           r.rolbypassrls, (
             select string_agg(x.what, ', ' order by x.what)
               from (
                 select 'the owner' as what where pg_has_role(r.oid, o.oid, 'MEMBER')
                 union all
                 select 'the owner of schema ' || n.nspname from pg_namespace n
                  where n.nspname in ('public', 'ledger')
                    and pg_has_role(r.oid, n.nspowner, 'MEMBER')
                 union all
                 select 'the owner of the database' from pg_database d
                  where d.datname = current_database() and pg_has_role(r.oid, d.datdba, 'MEMBER')
                 union all
                 select m.rolname from pg_roles m
                  where m.oid <> r.oid and pg_has_role(r.oid, m.oid, 'MEMBER')
                    and (m.rolname in ('pg_write_all_data', 'pg_read_server_files',
                        'pg_write_server_files', 'pg_execute_server_program', 'pg_maintain',
                        'ledger_service')
                      or r.rolname = 'ledger_service'
                        and m.rolname in ('ledger_dba', 'pg_read_all_data',
                          'pg_signal_backend'))) x))
    from pg_roles r, owner o where r.rolname in ('ledger_service', 'ledger_dba')
  union all
  select c.object, c.definition from ledger.get_code_guards() c
$$;

comment on function ledger.get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, views and sequences with their owner, constraints, types, indexes, triggers, every function, who may write, execute or create, what the roles may besides, and what could be taken for something of PostgreSQL''s own; each with its definition. Of what others have in public, too: verify_guards tells what is ours.';

revoke all on function ledger.get_guards from public;
grant execute on function ledger.get_guards to ledger_dba;
-- end function

-- function: get_relation_guards
create or replace function ledger.get_relation_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass),
  guarded as (
    select c.oid, case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' else 'table ' end
             as kind, case n.nspname when 'ledger' then 'ledger.' else '' end || c.relname as relname,
           c.relpersistence, c.relrowsecurity, c.relkind, c.relacl, c.relowner, c.reloptions
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'ledger') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
       and c.relname <> 'schema_migrations'
       -- Not what belongs to an extension.
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                          and d.objid = c.oid and d.deptype = 'e'))
  -- Its columns (others may add some, only ours), who owns it, that no rule stands before it, and
  -- that nothing is shown with its rows.
  select g.kind || g.relname, concat_ws(' ',
           case when g.relkind <> 'S' then g.relpersistence end, g.relrowsecurity,
           g.relowner = o.oid,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select count(*) from pg_inherits i where g.oid in (i.inhparent, i.inhrelid)),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull, a.attidentity, a.attgenerated, a.attcollation,
                     pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
              from pg_attribute a
              left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where g.kind = 'table ' and a.attrelid = g.oid and a.attnum > 0
               and not a.attisdropped
               and a.attname in ('id', 'user_id', 'balance', 'seq', 'hold_changes', 'action',
                 'amount', 'ts', 'sealed_at', 'idempotency_key', 'metadata', 'held', 'hold',
                 'reverses', 'peer_user_id', 'peer_seq', 'hash', 'position', 'status', 'available',
                 'created_at', 'expires_at', 'operation', 'transaction', 'at', 'role', 'reason',
                 'before', 'entered_at', 'entered_by', 'key', 'number', 'line', 'is_only',
                 'remaining', 'captured', 'changes', 'reference', 'asked_id', 'updated_at',
                 'frozen_at', 'credit_limit', 'actor', 'intervention', 'kind', 'change',
                 'receiver', 'holder', 'held_until', 'gone')),
           case g.kind when 'view ' then concat_ws(' ', g.reloptions,
             translate(pg_get_viewdef(g.oid), '() ' || chr(10), '')) end,
           (select concat_ws(' ', s.seqincrement, s.seqcache, s.seqcycle)
              from pg_sequence s where s.seqrelid = g.oid))
    from guarded g, owner o
  union all
  -- Who may do more than read, but for the owner and who may do everything anyway; and what the
  -- service, the DBAs and everybody may read.
  select 'rights on ' || g.relname, (
           select string_agg(distinct concat_ws(' ', x.privilege_type, x.attname,
                    coalesce(r.rolname, 'PUBLIC')), ', ')
             from (
               select a.*, null::name as attname from aclexplode(g.relacl) a
               union all
               select a.*, c.attname from pg_attribute c, aclexplode(c.attacl) a
                where c.attrelid = g.oid) x
             left join pg_roles r on r.oid = x.grantee
            where x.grantee <> g.relowner and (x.privilege_type <> 'SELECT' or x.grantee = 0
               or r.rolname in ('ledger_service', 'ledger_dba')))
    from guarded g
  union all
  -- Without brackets, which come and go when a dump is restored.
  select format('constraint %s on %s', c.conname, g.relname), concat_ws(' ',
           translate(pg_get_constraintdef(c.oid), '()', ''),
           (select string_agg(t.tgenabled::text, '') from pg_trigger t
             where t.tgconstraint = c.oid and t.tgenabled <> 'O'))
    from guarded g join pg_constraint c on c.conrelid = g.oid and c.contype in ('c', 'f', 'p', 'u')
  union all
  select format('index %s on %s', i.indexrelid::regclass, g.relname),
         concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
    from guarded g join pg_index i on i.indrelid = g.oid
   where not exists (
     select from pg_constraint c where c.conindid = i.indexrelid and c.contype <> 'f')
  union all
  select format('trigger %s on %s', t.tgname, g.relname),
         concat_ws(' ', translate(pg_get_triggerdef(t.oid), '()', ''), t.tgenabled)
    from guarded g join pg_trigger t on t.tgrelid = g.oid and not t.tgisinternal
$$;

comment on function ledger.get_relation_guards is
  'What get_guards says of tables, views and sequences, of who may write to them, and of constraints, indexes and triggers.';

revoke all on function ledger.get_relation_guards from public;
grant execute on function ledger.get_relation_guards to ledger_dba;
-- end function

-- function: verify_guards
create or replace function ledger.verify_guards()
  returns setof ledger.finding
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger.finding
    from ledger.expected_guards() e
    full join ledger.get_guards() g on g.object = e.object
   where e.hash is distinct from
           left(encode(sha256(convert_to(coalesce(g.definition, ''), 'UTF8')), 'hex'), 16)
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
  select f from ledger.verify_shards() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger or other code that runs at a change, anything in schema ledger, or a function of the name of one of ours or PostgreSQL''s, that is somebody else''s; and those of verify_interventions and verify_shards.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
-- end function

-- function: verify_shards
create or replace function ledger.verify_shards()
  returns setof ledger.finding
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off as $$
declare
  -- What each shard has to have, without brackets and the number that Citus puts behind each name.
  v_query text := $query$
    select coalesce(string_agg(x.line, chr(10)), '') from (
      select concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)
        from pg_trigger t
       where t.tgrelid = ':table'::regclass and not t.tgisinternal and t.tgtype & 32 = 0
      union all
      select concat_ws(' ', 'constraint', c.conname, pg_get_constraintdef(c.oid))
        from pg_constraint c
       where c.conrelid = ':table'::regclass and c.contype in ('c', 'p', 'u')
      union all
      select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid)
        from pg_index i where i.indrelid = ':table'::regclass and i.indisunique) r (raw),
      regexp_replace(translate(r.raw, '()', ''), coalesce(substring(':table' from '_\d+$'), '-'), '',
        'g') x (line)$query$;
  -- What every server has to have: not what belongs to the tables that only the coordinator has,
  -- nor who may read views, which Citus doesn't pass on.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(nullif(regexp_replace(g.definition,
             '(, )?SELECT (PUBLIC|ledger_service|ledger_dba)', '', 'g'), '')), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.(intervention_hash|erasable_interventions)\W'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|erasures|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks))$)')$query$;
  v_citus regclass := to_regclass('pg_catalog.pg_dist_partition');
  v_is_distributed boolean := false;
  v_table text;
  v_expected text;
begin
  if v_citus is not null then
    execute $query$select exists (select from pg_dist_partition d
      where d.logicalrelid = 'public.users'::regclass)$query$ into v_is_distributed;
  end if;
  if v_is_distributed <> ledger.is_distributed() then
    return next row('guard_missing', null, null, format('ledger.is_distributed() says %s.',
      ledger.is_distributed()))::ledger.finding;
  end if;
  if not v_is_distributed then return; end if;

  for v_table in execute 'select d.logicalrelid::text from pg_dist_partition d order by 1' loop
    execute replace(v_query, ':table', v_table) into v_expected;
    return query execute $query$
      select 'guard_missing', null::bigint, null::bigint,
             format('On shard %s of %s this is missing or another: %s', s.shardid, $1,
               case when s.success then l.line else s.result end)
        from run_command_on_shards($1, $2) s
        cross join lateral (
          select * from string_to_table($3, chr(10))
          except select * from string_to_table(case when s.success then s.result end, chr(10))
          ) l (line)$query$
      using v_table, replace(v_query, ':table', '%1$s'), v_expected;
  end loop;

  execute v_server_query into v_expected;
  return query execute $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$
    using v_server_query, v_expected;
end $$;

comment on function ledger.verify_shards is
  'The findings about a ledger whose users are on several servers: a shard without a trigger, a constraint or a unique index that its table has, or with another one; a server without a guard that the coordinator has, such as a function that nobody else may execute. None where all users are on one server.';

revoke all on function ledger.verify_shards from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: verify_shards
create or replace function ledger.verify_shards()
  returns setof ledger.finding
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off as $$
declare
  -- What each shard has to have, without the number that Citus puts behind each name, and without
  -- brackets, which come and go.
  v_query text := $query$
    select coalesce(string_agg(x.line, chr(10)), '') from (
      select concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)
        from pg_trigger t
       where t.tgrelid = ':table'::regclass and not t.tgisinternal and t.tgtype & 32 = 0
      union all
      select concat_ws(' ', 'constraint', c.conname, pg_get_constraintdef(c.oid))
        from pg_constraint c
       where c.conrelid = ':table'::regclass and c.contype in ('c', 'p', 'u')
      union all
      select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid)
        from pg_index i where i.indrelid = ':table'::regclass and i.indisunique) r (raw),
      regexp_replace(translate(r.raw, '()', ''), coalesce(substring(':table' from '_\d+$'), '-'), '',
        'g') x (line)$query$;
  -- What every server has to have: not what belongs to the tables that only the coordinator has.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(g.definition), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.(intervention_hash|erasable_interventions)\W'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|erasures|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks))$)')$query$;
  v_citus regclass := to_regclass('pg_catalog.pg_dist_partition');
  v_is_distributed boolean := false;
  v_table text;
  v_expected text;
begin
  if v_citus is not null then
    execute $query$select exists (select from pg_dist_partition d
      where d.logicalrelid = 'public.users'::regclass)$query$ into v_is_distributed;
  end if;
  if v_is_distributed <> ledger.is_distributed() then
    return next row('guard_missing', null, null, format('ledger.is_distributed() says %s.',
      ledger.is_distributed()))::ledger.finding;
  end if;
  if not v_is_distributed then return; end if;

  for v_table in execute 'select d.logicalrelid::text from pg_dist_partition d order by 1' loop
    execute replace(v_query, ':table', v_table) into v_expected;
    return query execute $query$
      select 'guard_missing', null::bigint, null::bigint,
             format('On shard %s of %s this is missing or another: %s', s.shardid, $1,
               case when s.success then l.line else s.result end)
        from run_command_on_shards($1, $2) s
        cross join lateral (
          select * from string_to_table($3, chr(10))
          except select * from string_to_table(case when s.success then s.result end, chr(10))
          ) l (line)$query$
      using v_table, replace(v_query, ':table', '%1$s'), v_expected;
  end loop;

  execute v_server_query into v_expected;
  return query execute $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$
    using v_server_query, v_expected;
end $$;

comment on function ledger.verify_shards is
  'The findings about a ledger whose users are on several servers: a shard without a trigger, a constraint or a unique index that its table has, or with another one; a server without a guard that the coordinator has, such as a function that nobody else may execute. None where all users are on one server.';

revoke all on function ledger.verify_shards from public;
-- end function

-- function: verify_guards
create or replace function ledger.verify_guards()
  returns setof ledger.finding
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger.finding
    from ledger.expected_guards() e
    full join ledger.get_guards() g on g.object = e.object
   where e.hash is distinct from
           left(encode(sha256(convert_to(coalesce(g.definition, ''), 'UTF8')), 'hex'), 16)
     -- Others may have objects of their own. But what runs at a change, or has the name of a
     -- function of the ledger, must be the ledger's.
     and (e.object is not null or g.object like '% ledger.%' and g.object not like 'rights on %'
       or substring(g.object from '^trigger .* on (.*)') in (
            select substring(t.object from '^table (.*)') from ledger.expected_guards() t)
       or substring(g.object from '^function public\.(\w+)\(') in (
            select substring(f.object from '^function public\.(\w+)\(') from ledger.expected_guards() f))
     -- npm run distribute puts another in its place, and verify_shards says whether it is right.
     and (not ledger.is_distributed() or e.object <> 'function ledger.is_distributed()')
  union all
  select f from ledger.verify_interventions() f
  union all
  select f from ledger.verify_shards() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger, anything in schema ledger, or a function of the name of one of ours, that is somebody else''s; and those of verify_interventions and verify_shards.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
-- end function

-- function: get_relation_guards
create or replace function ledger.get_relation_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass),
  guarded as (
    select c.oid, case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' else 'table ' end
             as kind, case n.nspname when 'ledger' then 'ledger.' else '' end || c.relname as relname,
           c.relpersistence, c.relrowsecurity, c.relkind, c.relacl, c.relowner
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'ledger') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
       and c.relname <> 'schema_migrations'
       -- Not what belongs to an extension.
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                          and d.objid = c.oid and d.deptype = 'e'))
  -- Its columns (others may add some, only ours), who owns it, that no rule stands before it, and
  -- that nothing is shown with its rows.
  select g.kind || g.relname, concat_ws(' ',
           case when g.relkind <> 'S' then g.relpersistence end, g.relrowsecurity,
           g.relowner = o.oid,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select count(*) from pg_inherits i where g.oid in (i.inhparent, i.inhrelid)),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull, a.attidentity, a.attgenerated,
                     pg_get_expr(d.adbin, d.adrelid)), ', ' order by a.attnum)
              from pg_attribute a
              left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where g.kind = 'table ' and a.attrelid = g.oid and a.attnum > 0
               and not a.attisdropped
               and a.attname in ('id', 'user_id', 'balance', 'seq', 'hold_changes', 'action',
                 'amount', 'ts', 'sealed_at', 'idempotency_key', 'metadata', 'held', 'hold',
                 'reverses', 'peer_user_id', 'peer_seq', 'hash', 'position', 'status', 'available',
                 'created_at', 'expires_at', 'closed_at', 'release_key', 'release_metadata',
                 'release_seq', 'release_balance', 'release_available', 'operation', 'transaction',
                 'at', 'role', 'reason', 'before', 'entered_at', 'entered_by', 'key', 'number',
                 'line', 'is_only', 'remaining', 'captured', 'changes', 'reference', 'asked_id', 'updated_at', 'frozen_at', 'credit_limit',
                 'actor', 'intervention', 'kind', 'change')),
           case g.kind when 'view ' then translate(pg_get_viewdef(g.oid), '() ' || chr(10), '') end)
    from guarded g, owner o
  union all
  -- Who may do more than read, but for the owner and who may do everything anyway.
  select 'rights on ' || g.relname, (
           select string_agg(distinct concat_ws(' ', x.privilege_type, x.attname,
                    coalesce(r.rolname, 'PUBLIC')), ', ')
             from (
               select a.*, null::name as attname from aclexplode(g.relacl) a
               union all
               select a.*, c.attname from pg_attribute c, aclexplode(c.attacl) a
                where c.attrelid = g.oid) x
             left join pg_roles r on r.oid = x.grantee
            where x.grantee <> g.relowner and x.privilege_type <> 'SELECT')
    from guarded g
  union all
  -- Without brackets, which come and go when a dump is restored.
  select format('constraint %s on %s', c.conname, g.relname), concat_ws(' ',
           translate(pg_get_constraintdef(c.oid), '()', ''),
           (select string_agg(t.tgenabled::text, '') from pg_trigger t
             where t.tgconstraint = c.oid and t.tgenabled <> 'O'))
    from guarded g join pg_constraint c on c.conrelid = g.oid and c.contype in ('c', 'f', 'p', 'u')
  union all
  select format('index %s on %s', i.indexrelid::regclass, g.relname),
         concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
    from guarded g join pg_index i on i.indrelid = g.oid
   where i.indisunique
     and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype <> 'f')
  union all
  select format('trigger %s on %s', t.tgname, g.relname),
         concat_ws(' ', translate(pg_get_triggerdef(t.oid), '()', ''), t.tgenabled)
    from guarded g join pg_trigger t on t.tgrelid = g.oid and not t.tgisinternal
$$;

comment on function ledger.get_relation_guards is
  'What get_guards says of tables, views and sequences, of who may write to them, and of constraints, unique indexes and triggers.';

revoke all on function ledger.get_relation_guards from public;
grant execute on function ledger.get_relation_guards to ledger_dba;
-- end function

-- function: get_guards
create or replace function ledger.get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set quote_all_identifiers = off as $$
  with owner as (
    select c.relowner as oid from pg_class c where c.oid = 'public.payment_history'::regclass)
  select r.object, r.definition from ledger.get_relation_guards() r
  union all
  select 'domain ' || t.oid::regtype, (
           select string_agg(translate(pg_get_constraintdef(c.oid), '()', ''), ', ' order by c.conname)
             from pg_constraint c where c.contypid = t.oid)
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
   where n.nspname = 'ledger' and t.typtype = 'd'
  union all
  -- In schema public, only those who could put something in the place of ours.
  select 'rights on schema ' || n.nspname, (
           select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
             from aclexplode(n.nspacl) x
             left join pg_roles r on r.oid = x.grantee
            where x.privilege_type = 'CREATE' and x.grantee <> n.nspowner and x.grantee <> o.oid
              and (n.nspname = 'ledger' or x.grantee = 0
                or r.rolname in ('ledger_service', 'ledger_dba')))
    from pg_namespace n, owner o where n.nspname in ('public', 'ledger')
  union all
  -- What a role may do without any of these rights.
  select 'role ' || r.rolname, concat_ws(', ', r.rolsuper, r.rolcreaterole, r.rolreplication,
           r.rolbypassrls, (
             select string_agg(case m.oid when o.oid then 'the owner' else m.rolname end, ', '
                      order by m.rolname)
               from pg_roles m
              where m.oid <> r.oid and pg_has_role(r.oid, m.oid, 'MEMBER')
                and (m.oid = o.oid or m.rolname in ('pg_write_all_data', 'pg_write_server_files',
                  'pg_execute_server_program', 'pg_maintain', 'ledger_service'))))
    from pg_roles r, owner o where r.rolname in ('ledger_service', 'ledger_dba')
  union all
  select 'function ' || p.oid::regprocedure, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig,
           p.provolatile, l.lanname, p.proowner = o.oid, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
               left join pg_roles r on r.oid = a.grantee
              where a.grantee <> p.proowner and (n.nspname = 'ledger' or a.grantee = 0)))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang cross join owner o
   where n.nspname in ('ledger', 'public') and p.proname <> 'expected_guards'
     and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                        and d.objid = p.oid and d.deptype = 'e')
$$;

comment on function ledger.get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, views and sequences with their owner, constraints, domains, unique indexes, triggers, every function, who may write, execute or create, and what the roles may besides; each with its definition. Of what others have in public, too: verify_guards tells what is ours.';

revoke all on function ledger.get_guards from public;
grant execute on function ledger.get_guards to ledger_dba;
-- end function

drop function ledger.get_code_guards();

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
