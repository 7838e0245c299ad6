-- migrate:up

-- by hand
-- What the servers of a distributed ledger write down after break_glass; empty on one server.
create table public.intervention_traces (
  -- Of the row that was changed; below 0: the glass was broken for a shard.
  user_id bigint not null,
  -- 1, 2, 3 … for each user, or the intervention.
  number bigint not null,
  -- The row of interventions that says who broke the glass, when and why.
  intervention bigint not null,
  operation text not null
    check (operation in ('BREAK GLASS', 'UPDATE', 'DELETE')),
  seq bigint,
  -- What the row was, until the commit chains it as an intervention.
  before jsonb,
  -- By the clock of the server, which also numbers the transaction.
  at timestamptz not null,
  transaction xid8 not null,
  primary key (user_id, number)
);
create trigger guard_row before update or delete on public.intervention_traces
  for each row execute function ledger.guard_history();
create trigger guard_truncate before truncate on public.intervention_traces
  for each statement execute function ledger.guard_history();
alter table public.intervention_traces enable always trigger guard_row;
alter table public.intervention_traces enable always trigger guard_truncate;
grant select on public.intervention_traces to ledger_dba;
comment on table public.intervention_traces is
  'What the servers of a distributed ledger write down after break_glass, until the commit chains it as interventions; empty on one server.';
comment on column public.intervention_traces.user_id is
  'Of the row that was changed; below 0: the glass was broken for a shard.';
comment on column public.intervention_traces.number is
  '1, 2, 3 … for each user, or the intervention.';
comment on column public.intervention_traces.intervention is
  'The row of interventions that says who broke the glass, when and why.';
comment on column public.intervention_traces.before is
  'What the row was, until the commit chains it as an intervention.';
comment on column public.intervention_traces.at is
  'By the clock of the server, which also numbers the transaction.';
create constraint trigger collect_traces after insert on public.interventions
  deferrable initially deferred for each row when (new.operation = 'BREAK GLASS' and ledger.is_distributed())
  execute function ledger.chain_intervention();
alter table public.interventions enable always trigger collect_traces;
-- end by hand

set local check_function_bodies = off;

-- function: break_glass
create or replace function public.break_glass(reason text)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint;
  v_user_id bigint;
begin
  if coalesce(length(break_glass.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed',
      hint = 'Say who decided it and why: it stays for ever.';
  end if;
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  insert into public.interventions (operation, reason)
    values ('BREAK GLASS', break_glass.reason) returning id into v_id;
  if not ledger.is_distributed() then return v_id; end if;
  -- No user has such an id: one for each shard, where changes of its rows look for it.
  for v_user_id in
    select distinct on (get_shard_id_for_distribution_column('public.users', -i)) -i
      from generate_series(1, (select 64 * count(*) from pg_dist_shard s
                                where s.logicalrelid = 'public.users'::regclass)) i
  loop
    perform from ledger.open_glass(v_user_id, v_id);
  end loop;
  return v_id;
end $$;

comment on function public.break_glass is
  'Lets the rest of this transaction update and delete rows of payment_history, each with a trace of what it was. verify_ledger reports it for ever. Only for the owner of the ledger. Raises 22023 without a reason.';

revoke all on function public.break_glass from public;
-- end function

-- function: chain_intervention
create or replace function ledger.chain_intervention()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last public.interventions;
begin
  if tg_when = 'AFTER' then
    perform ledger.collect_traces(new.id);
    return null;
  end if;
  -- One after the other, until each commits. Under a stricter isolation level, where the next
  -- statement sees no newer row, the primary key refuses the second.
  perform from ledger.identity i for no key update;
  select i.* into v_last from public.interventions i order by i.id desc limit 1;
  new.id := coalesce(v_last.id, 0) + 1;
  new.at := greatest(clock_timestamp(), v_last.at + interval '1 us');
  new.hash := ledger.intervention_hash(v_last.hash, new);
  return new;
end $$;

comment on function ledger.chain_intervention is
  'Numbers an intervention, says when it was, and chains it to the one before; at the commit after break_glass on a distributed ledger it calls collect_traces.';

revoke all on function ledger.chain_intervention from public;
-- end function

-- function: collect_traces
create or replace function ledger.collect_traces(intervention bigint)
  returns void
  -- Each statement is planned for the servers as they are.
  language plpgsql set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan as $$
declare
  v_trace public.intervention_traces;
begin
  for v_trace in
    select t.* from public.intervention_traces t
     where t.intervention = collect_traces.intervention and t.before is not null
     order by t.at, t.user_id, t.number
  loop
    insert into public.interventions (operation, user_id, seq, before)
    values (v_trace.operation, v_trace.user_id, v_trace.seq, v_trace.before);
  end loop;
  -- From here on only the intervention has it, where erase_user finds it.
  update public.intervention_traces t set before = null
   where t.intervention = collect_traces.intervention and t.before is not null;
end $$;

comment on function ledger.collect_traces is
  'Of a distributed ledger, at the commit of a transaction that has broken the glass: chains what each row was, which the guards of the shards have written down, as interventions.';

revoke all on function ledger.collect_traces from public;
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
    ('constraint intervention_traces_operation_check on intervention_traces', '34e464bc027ff089'),
    ('constraint intervention_traces_pkey on intervention_traces', '54a744654ceab286'),
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
    ('function ledger.add_details_erasure(bigint,bigint,timestamp with time zone)', '7f98f04e6efc8d50'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '02f89e43049f5bd6'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '1ebe7a756a53d58e'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'f3b16351d79afec8'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '272e6188584e6517'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '3b392672e12f2f73'),
    ('function ledger.add_intervention_erasure(bigint,bigint)', '4a1753167d074599'),
    ('function ledger.add_manual_erasure(bigint,public.manual_entries,public.payment_history,public.payment_history,text,bigint)', '66aa5b2a8953301e'),
    ('function ledger.add_plain_entry(text,bigint,numeric,numeric)', '7293accf132bdc62'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text,text)', 'cae371ac49b837ad'),
    ('function ledger.apply_erasures(bigint,bigint)', 'ed8cb4458201d46f'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '8ea8fc762759499d'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.await_prepared()', '1bd8beb76b5b240c'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'c1221e8c0e9ba4c9'),
    ('function ledger.by_shard(bigint[])', '2aeae4beef817127'),
    ('function ledger.calls_in_shards()', '514acf461ae17183'),
    ('function ledger.chain_intervention()', 'bbfc05c96c8f2781'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.change_of_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '4ec33dbe1dfbccb7'),
    ('function ledger.changes_between(timestamp with time zone[])', 'e9c23d137ba2d6d7'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
    ('function ledger.choose_by_hash(text,integer[],text[])', '838f0a5fa2670a54'),
    ('function ledger.claim_webhook(text,text,integer,bigint,text)', '51b252da4238d3ad'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.collect_traces(bigint)', 'f25d6d763d36c599'),
    ('function ledger.commit_in_two_phases()', '359ac0e86464af99'),
    ('function ledger.control_hash(bytea,bigint,bigint,timestamp with time zone,xid8,text,text,text,numeric,text,bigint)', '7c73f9456755b131'),
    ('function ledger.copy_accounts(ledger.account[])', '1ec7eda90a6d7187'),
    ('function ledger.count_erasable(bigint)', '7cf1574666cdbb1f'),
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
    ('function ledger.erasable_entries(bigint,timestamp with time zone)', '5cf8bc8125fb6889'),
    ('function ledger.erasable_holds(bigint,timestamp with time zone)', 'd5b2c0a09806d11a'),
    ('function ledger.erasable_interventions(bigint,timestamp with time zone)', 'a8595e9f84ab7b40'),
    ('function ledger.erased_entry_hash(bytea,public.payment_history)', '967fd561a568cec5'),
    ('function ledger.erased_hash(bytea,bytea)', '32407d2c53eac2ee'),
    ('function ledger.erasure_in_shard(text,jsonb)', '08f9f3c983b14e85'),
    ('function ledger.erasures_digest(bigint)', 'e5b08f484ff575bc'),
    ('function ledger.event_details(bigint[],bigint[],bigint[],bigint[],text[])', '600823556fac6f48'),
    ('function ledger.event_digest(bigint)', '5e2a54ec56d95674'),
    ('function ledger.events_at(bigint[],boolean)', '72cbe1ecda83d933'),
    ('function ledger.events_before(bigint,bigint,bigint,text)', '7fc1d7ab64f5bd30'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'aa93b635027eecbe'),
    ('function ledger.field_1(oid,bytea)', 'f6c8c03115009b49'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', '85a6918c6d55cb72'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '29370ffebadb610d'),
    ('function ledger.find_key(bigint,text,boolean)', '097ac7d6eaded3a1'),
    ('function ledger.find_keys(bigint,text,integer)', '56ef35529f259710'),
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', 'c476716835de3c01'),
    ('function ledger.first_problem(text,text,text,text,text)', '83832731d93a37dc'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', 'e7ecc362e3790977'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', 'aad422bfeaff4bb9'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '795794f83b581aa2'),
    ('function ledger.get_code_guards()', 'a9d66580a0e67530'),
    ('function ledger.get_constraint_guards()', '6e7c110c8f3aa007'),
    ('function ledger.get_each_user(bigint[])', '8d57c33255799af2'),
    ('function ledger.get_erasures(bigint,bigint[])', '4c43563d0c0a7ad6'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', 'd9b5e8050269df72'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '968d3bcd72ba5825'),
    ('function ledger.get_series()', '5ef4a98c48472e0c'),
    ('function ledger.get_servers()', '5960c63e7c4b4d10'),
    ('function ledger.get_shard_events(text,bigint[],bigint[],bigint[],bigint[],text[],integer,integer)', '8f620e09ecb89882'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_journal(bigint[],integer,integer)', 'c3d80c55561404d7'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', 'a6b5904a247f057a'),
    ('function ledger.guard_user()', '405054e65228554f'),
    ('function ledger.guarded_relations()', '316b19b2730723da'),
    ('function ledger.has_mark(public.payment_history,text)', 'eac501c1c8a82cda'),
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
    ('function ledger.insert_half(ledger.entry)', '7fcea82ab52b52ea'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_as_entered(public.manual_entries,public.payment_history,text,bigint)', '59eed3f57b694662'),
    ('function ledger.is_distributed()', 'b827f2e205abf59e'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '6210f4a693e6a6df'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', '7f24ff337ceb0581'),
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
    ('function ledger.keep_shards(bigint[],boolean)', '2d751601408a92f4'),
    ('function ledger.keeps_shard(bigint)', 'c634e762f115a9fb'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', 'b2f58278cb70feec'),
    ('function ledger.leaves_shard(bigint,bigint[])', 'fcc4b554268f6100'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', '3f675588fad14dbb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '85fad7384da4176c'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.local_shards()', 'ee7a2545202f6b7f'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9aea5da49692125'),
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_half(bigint,text)', '392b3e56d9a5350a'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', '6218f3bfe94e65de'),
    ('function ledger.locked_shards(bigint[])', '66fd9875a8ce83bf'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer(oid[])', 'fa41793bed4dd72f'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.open_glass(bigint,bigint)', '866bde35e05314f8'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', 'aec5e4f733d640f4'),
    ('function ledger.pause_cache()', '6c12536b40e77f8a'),
    ('function ledger.peer_at(ledger.account,bigint,text)', '804f21bd01d26e54'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '148dd54b736bed6b'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_each(ledger.account[],bigint[],integer,integer,text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean)', 'ce220df5b4f903ff'),
    ('function ledger.post_half(bigint,numeric,text,jsonb,text)', 'b963da432badb6e9'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '49ee095bbe94f63f'),
    ('function ledger.post_in_shards(bigint[],integer[],text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '9bcf3c3438fa5943'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '9fa9641d75db5550'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_part(integer,integer,text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean,boolean,integer)', '807caf742ad9b3d1'),
    ('function ledger.post_pending(bigint,integer)', '3dd43acdabc9b5b1'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.refuse_moved()', '4d9f72ed4dd80c17'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.reversal_problem(public.payment_history,bigint)', '3e948cc753060f73'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.scan_series(bigint[],bigint[],bigint[],text[],integer,integer)', '411044f81300d709'),
    ('function ledger.schema_of_shard(bigint)', '9f9e53908b7e54d0'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', '8b76a8c0dd0c2a3c'),
    ('function ledger.target_of(text,bigint,bigint,numeric,numeric)', '0c964627658a99fb'),
    ('function ledger.trace_change(text,jsonb)', '9e69e51f05f54b03'),
    ('function ledger.transfer_across(bigint,bigint,numeric,text,jsonb)', 'ff6030e9427baa65'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_archived(jsonb[])', '4c2f4837ac46a8c8'),
    ('function ledger.verify_controls(bigint,bigint)', 'a5b90991d2702faf'),
    ('function ledger.verify_copies(bigint,bigint)', 'c23b6c5a8e7b3adc'),
    ('function ledger.verify_details(bigint,bigint)', 'd871c100b091f519'),
    ('function ledger.verify_each_user(bigint,bigint,interval)', '85750ab07225824d'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '5d26c09cecab1703'),
    ('function ledger.verify_entries_again(public.payment_history[])', '8e52553893f5edf6'),
    ('function ledger.verify_entry(public.payment_history)', 'ebcfd978d46589bd'),
    ('function ledger.verify_erasures()', '34cc1a3d7bc03652'),
    ('function ledger.verify_guards()', 'af3cc434dbb5dc63'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'b18c5224d3861691'),
    ('function ledger.verify_interventions()', '4e723a679e818b9c'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '4357771cb0cad11f'),
    ('function ledger.verify_references()', '98bbc1501ad64aa7'),
    ('function ledger.verify_servers()', '0301506b9062fa50'),
    ('function ledger.verify_servers_again(ledger.finding[])', '232ba8be91b34236'),
    ('function ledger.verify_shards()', '5f59a7f3f7d52353'),
    ('function ledger.verify_suspects(public.payment_history[])', '035d8dd2baf2bd79'),
    ('function ledger.verify_traces()', '0f5880ca6221e5de'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '37fbf891a80d26e4'),
    ('function ledger.verify_users_again(bigint[],interval)', 'f56d02d11b165c2f'),
    ('function ledger.verify_workers()', 'dd506ea8dc8229d1'),
    ('function ledger.withdraw_in_shard(bigint,bigint)', '1061c4d8bc653c61'),
    ('function ledger.withdrawal_of(bigint,bigint)', 'b3ae35ef30d141fe'),
    ('function ledger.write_all(public.hold_changes[],ledger.entry[],ledger.account[])', 'ca6909ca34930c98'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '97b54fa5bdb6c7f9'),
    ('function ledger.write_half(bigint,text)', '030dbd3ffdab3e52'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', '982b0b0b15fff88b'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'cbd4ae3d05d6580b'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'd296d71f55859ef6'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'fbc4e4537d885663'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', '4cc8f072c759c124'),
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
    ('rights on intervention_traces', 'd9e30e89dd780a8a'),
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
    ('table intervention_traces', 'd06afe5aaa652e0e'),
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
    ('trigger collect_traces on interventions', '159f75dd6ec03a5c'),
    ('trigger guard_delete on manual_entries', 'c7a66240205addcb'),
    ('trigger guard_delete on users', '234cbc1a7baf1087'),
    ('trigger guard_hold_changes on users', 'd1b6a1933ac2c5e7'),
    ('trigger guard_id on users', '9ee99fc0cfb1960e'),
    ('trigger guard_insert on users', 'a91011e4853f6c05'),
    ('trigger guard_row on erasures', '9820fba4903ddf07'),
    ('trigger guard_row on hold_changes', '564a4dd5bd6bfc75'),
    ('trigger guard_row on intervention_traces', '0b17ec74406609e0'),
    ('trigger guard_row on interventions', 'b40646b39a765eee'),
    ('trigger guard_row on ledger.anchors', '4a45b4e6499d56a2'),
    ('trigger guard_row on payment_history', '6f32e6c34df454e6'),
    ('trigger guard_row on user_controls', 'fd4bf7b681b9bc3a'),
    ('trigger guard_row on user_details', '1a7c5d43fa60b3dc'),
    ('trigger guard_truncate on erasures', '6a1d29f427167307'),
    ('trigger guard_truncate on hold_changes', '6e818f13d79ba681'),
    ('trigger guard_truncate on intervention_traces', '6e5683ea9215c2b5'),
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

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Its shards have the number of the shard behind the name.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history(_[0-9]+)?$' then
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
  if tg_op = 'DELETE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history_[0-9]+$' then
    -- On a shard, which doesn't see interventions.
    if old.seq is null and current_setting('ledger.withdrawn', true) = old.id::text then
      return old;
    end if;
  end if;
  if tg_table_name ~ '^payment_history_[0-9]+$' and tg_level = 'ROW'
    and has_table_privilege(to_regclass('public.intervention_traces'), 'insert') then
    if ledger.trace_change(tg_op, to_jsonb(old)) then
      return case tg_op when 'UPDATE' then new else old end;
    end if;
  elsif tg_op = 'UPDATE' and tg_level = 'ROW'
    and tg_table_name ~ '^intervention_traces(_[0-9]+)?$' then
    -- What the row was is in the chain by then: see collect_traces.
    if to_jsonb(new) = to_jsonb(old) || '{"before": null}' then return new; end if;
  end if;
  -- A shard doesn't see interventions, but erasures.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and has_table_privilege(case
      when tg_table_name ~ '_[0-9]+$' then 'public.erasures' else 'public.interventions' end,
      'insert') then
    -- Not in the condition before, which would need the right to call it.
    if ledger.is_erasure(tg_table_name, to_jsonb(old), to_jsonb(new)) then return new; end if;
  end if;
  -- A subscriber repeats what was a withdrawal, an erasure or an intervention on its publisher. No
  -- session can choose to be a process that applies a subscription.
  if tg_level = 'ROW' and exists (
      select from pg_stat_subscription s where s.pid = pg_backend_pid()) then
    return case tg_op when 'UPDATE' then new else old end;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, by withdraw_entry and erase_user, and where a subscription repeats one of these; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
-- end function

-- function: open_glass
create or replace function ledger.open_glass(user_id bigint, intervention bigint)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  -- Or it would be written by another session than the changes are.
  perform ledger.schema_of_shard(open_glass.user_id);
  insert into public.intervention_traces (user_id, number, intervention, operation, at, transaction)
  values (open_glass.user_id, open_glass.intervention, open_glass.intervention, 'BREAK GLASS',
    clock_timestamp(), pg_current_xact_id());
end $$;

comment on function ledger.open_glass is
  'Lets this transaction, on the server of a shard, change what is posted there, as an intervention of the coordinator says; user_id: a number of no user that belongs to the shard. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.open_glass from public;
-- end function

-- function: trace_change
create or replace function ledger.trace_change(operation text, entry jsonb)
  returns boolean
  language plpgsql volatile as $$
declare
  v_user_id bigint := trace_change.entry ->> 'user_id';
  -- The shard itself: within a change of one, Citus plans nothing about its tables.
  v_table text := 'public.intervention_traces_'
    || get_shard_id_for_distribution_column('public.intervention_traces', v_user_id);
  v_id bigint;
begin
  -- By the transaction's id and start, as on one server. Citus does whatever it does about a shard
  -- in one transaction of its server.
  execute format('select max(t.intervention) from %s t
      where t.user_id < 0 and t.transaction = pg_current_xact_id() and t.at >= now()', v_table)
    into v_id;
  if v_id is null then return false; end if;
  execute format('insert into %1$s (user_id, number, intervention, operation, seq, before, at,
        transaction)
      select $1, coalesce(max(t.number), 0) + 1, $2, $3, $4, $5, clock_timestamp(),
             pg_current_xact_id()
        from %1$s t where t.user_id = $1', v_table)
    using v_user_id, v_id, trace_change.operation, (trace_change.entry ->> 'seq')::bigint,
      trace_change.entry;
  return true;
end $$;

comment on function ledger.trace_change is
  'Writes down, on the server of a shard, what a row of payment_history was that is about to be changed after break_glass; false if this transaction may not.';

revoke all on function ledger.trace_change from public;
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
  union all
  select f from ledger.verify_traces() f
$$;

comment on function ledger.verify_interventions is
  'The findings about interventions: everything that was done with break_glass, for ever, and where their chain was edited, or one is missing; and those of verify_erasures and verify_traces. Internal.';

revoke all on function ledger.verify_interventions from public;
-- end function

-- function: verify_traces
create or replace function ledger.verify_traces()
  returns setof ledger.finding
  -- Volatile: an intervention is there as soon as its traces are, for a statement that comes later.
  language plpgsql volatile as $$
declare
  v_trace public.intervention_traces;
begin
  -- No join: where users are on several servers, interventions are on one.
  for v_trace in select t.* from public.intervention_traces t order by t.user_id, t.number loop
    if v_trace.before is not null or not exists (
        select from public.interventions i
         where i.id = v_trace.intervention and i.operation = 'BREAK GLASS')
      or v_trace.operation <> 'BREAK GLASS' and not exists (
        select from public.interventions i
         where i.id > v_trace.intervention and i.operation = v_trace.operation
           and i.user_id = v_trace.user_id and i.seq is not distinct from v_trace.seq) then
      return next row('intervention_invalid', nullif(greatest(v_trace.user_id, 0), 0), v_trace.seq,
        format('No intervention says what its server has written down: %s at %s.',
          v_trace.operation, v_trace.at at time zone 'UTC'))::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_traces is
  'The findings about intervention_traces: what was changed on a server of a distributed ledger without a trace in the chain of interventions. Internal.';

revoke all on function ledger.verify_traces from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

drop function ledger.verify_traces();

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

drop function ledger.trace_change(operation text, entry jsonb);

drop function ledger.open_glass(user_id bigint, intervention bigint);

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- A fixed search_path: the session must not choose which operators and functions these names
  -- mean.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  -- Its shards have the number of the shard behind the name.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history(_[0-9]+)?$' then
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
  if tg_op = 'DELETE' and tg_level = 'ROW' and tg_table_name ~ '^payment_history_[0-9]+$' then
    -- On a shard, which doesn't see interventions.
    if old.seq is null and current_setting('ledger.withdrawn', true) = old.id::text then
      return old;
    end if;
  end if;
  -- A shard doesn't see interventions, but erasures.
  if tg_op = 'UPDATE' and tg_level = 'ROW' and has_table_privilege(case
      when tg_table_name ~ '_[0-9]+$' then 'public.erasures' else 'public.interventions' end,
      'insert') then
    -- Not in the condition before, which would need the right to call it.
    if ledger.is_erasure(tg_table_name, to_jsonb(old), to_jsonb(new)) then return new; end if;
  end if;
  -- A subscriber repeats what was a withdrawal, an erasure or an intervention on its publisher. No
  -- session can choose to be a process that applies a subscription.
  if tg_level = 'ROW' and exists (
      select from pg_stat_subscription s where s.pid = pg_backend_pid()) then
    return case tg_op when 'UPDATE' then new else old end;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, by withdraw_entry and erase_user, and where a subscription repeats one of these; and every change of other tables that it guards. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
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
    ('function ledger.add_details_erasure(bigint,bigint,timestamp with time zone)', '7f98f04e6efc8d50'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '02f89e43049f5bd6'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '1ebe7a756a53d58e'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', 'f3b16351d79afec8'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '272e6188584e6517'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '3b392672e12f2f73'),
    ('function ledger.add_intervention_erasure(bigint,bigint)', '4a1753167d074599'),
    ('function ledger.add_manual_erasure(bigint,public.manual_entries,public.payment_history,public.payment_history,text,bigint)', '66aa5b2a8953301e'),
    ('function ledger.add_plain_entry(text,bigint,numeric,numeric)', '7293accf132bdc62'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text,text)', 'cae371ac49b837ad'),
    ('function ledger.apply_erasures(bigint,bigint)', 'ed8cb4458201d46f'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '8ea8fc762759499d'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.await_prepared()', '1bd8beb76b5b240c'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'c1221e8c0e9ba4c9'),
    ('function ledger.by_shard(bigint[])', '2aeae4beef817127'),
    ('function ledger.calls_in_shards()', '514acf461ae17183'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.change_of_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '4ec33dbe1dfbccb7'),
    ('function ledger.changes_between(timestamp with time zone[])', 'e9c23d137ba2d6d7'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
    ('function ledger.choose_by_hash(text,integer[],text[])', '838f0a5fa2670a54'),
    ('function ledger.claim_webhook(text,text,integer,bigint,text)', '51b252da4238d3ad'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '556cdceb99a9af48'),
    ('function ledger.commit_in_two_phases()', '359ac0e86464af99'),
    ('function ledger.control_hash(bytea,bigint,bigint,timestamp with time zone,xid8,text,text,text,numeric,text,bigint)', '7c73f9456755b131'),
    ('function ledger.copy_accounts(ledger.account[])', '1ec7eda90a6d7187'),
    ('function ledger.count_erasable(bigint)', '7cf1574666cdbb1f'),
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
    ('function ledger.erasable_entries(bigint,timestamp with time zone)', '5cf8bc8125fb6889'),
    ('function ledger.erasable_holds(bigint,timestamp with time zone)', 'd5b2c0a09806d11a'),
    ('function ledger.erasable_interventions(bigint,timestamp with time zone)', 'a8595e9f84ab7b40'),
    ('function ledger.erased_entry_hash(bytea,public.payment_history)', '967fd561a568cec5'),
    ('function ledger.erased_hash(bytea,bytea)', '32407d2c53eac2ee'),
    ('function ledger.erasure_in_shard(text,jsonb)', '08f9f3c983b14e85'),
    ('function ledger.erasures_digest(bigint)', 'e5b08f484ff575bc'),
    ('function ledger.event_details(bigint[],bigint[],bigint[],bigint[],text[])', '600823556fac6f48'),
    ('function ledger.event_digest(bigint)', '5e2a54ec56d95674'),
    ('function ledger.events_at(bigint[],boolean)', '72cbe1ecda83d933'),
    ('function ledger.events_before(bigint,bigint,bigint,text)', '7fc1d7ab64f5bd30'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'aa93b635027eecbe'),
    ('function ledger.field_1(oid,bytea)', 'f6c8c03115009b49'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', '85a6918c6d55cb72'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '29370ffebadb610d'),
    ('function ledger.find_key(bigint,text,boolean)', '097ac7d6eaded3a1'),
    ('function ledger.find_keys(bigint,text,integer)', '56ef35529f259710'),
    ('function ledger.first_change(ledger.account,numeric,numeric,text,jsonb)', 'c476716835de3c01'),
    ('function ledger.first_problem(text,text,text,text,text)', '83832731d93a37dc'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', 'e7ecc362e3790977'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', 'aad422bfeaff4bb9'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '795794f83b581aa2'),
    ('function ledger.get_code_guards()', 'a9d66580a0e67530'),
    ('function ledger.get_constraint_guards()', '6e7c110c8f3aa007'),
    ('function ledger.get_each_user(bigint[])', '8d57c33255799af2'),
    ('function ledger.get_erasures(bigint,bigint[])', '4c43563d0c0a7ad6'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'a4a330494d411b1e'),
    ('function ledger.get_guards()', 'd9b5e8050269df72'),
    ('function ledger.get_history(bigint,bigint,integer)', '571fb4ac2f575aeb'),
    ('function ledger.get_hold(bigint,bigint)', '8556c2e8b32641f3'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '1c27f318df629ed8'),
    ('function ledger.get_relation_guards()', '968d3bcd72ba5825'),
    ('function ledger.get_series()', '5ef4a98c48472e0c'),
    ('function ledger.get_servers()', '5960c63e7c4b4d10'),
    ('function ledger.get_shard_events(text,bigint[],bigint[],bigint[],bigint[],text[],integer,integer)', '8f620e09ecb89882'),
    ('function ledger.get_shard_guards()', '574363fb75db4417'),
    ('function ledger.get_shard_journal(bigint[],integer,integer)', 'c3d80c55561404d7'),
    ('function ledger.get_shard_users(bigint[])', '9243afd9e1c98ddc'),
    ('function ledger.get_shards()', 'c887b16030a6c123'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '9c320eacf56f5d87'),
    ('function ledger.get_user_state(bigint)', '68babda690556d37'),
    ('function ledger.get_users(bigint[])', '5db40b3f4db90b26'),
    ('function ledger.guard_history()', 'e795aee6af2d0433'),
    ('function ledger.guard_user()', '405054e65228554f'),
    ('function ledger.guarded_relations()', '316b19b2730723da'),
    ('function ledger.has_mark(public.payment_history,text)', 'eac501c1c8a82cda'),
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
    ('function ledger.insert_half(ledger.entry)', '7fcea82ab52b52ea'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '0ed7dc8c144a7120'),
    ('function ledger.intervention_hash(bytea,public.interventions)', '9831df28301f1840'),
    ('function ledger.is_as_entered(public.manual_entries,public.payment_history,text,bigint)', '59eed3f57b694662'),
    ('function ledger.is_distributed()', 'b827f2e205abf59e'),
    ('function ledger.is_erased(text,bigint,bigint,bigint,bytea)', '6210f4a693e6a6df'),
    ('function ledger.is_erasure(text,jsonb,jsonb)', '7f24ff337ceb0581'),
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
    ('function ledger.keep_shards(bigint[],boolean)', '2d751601408a92f4'),
    ('function ledger.keeps_shard(bigint)', 'c634e762f115a9fb'),
    ('function ledger.later_change(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', 'b2f58278cb70feec'),
    ('function ledger.leaves_shard(bigint,bigint[])', 'fcc4b554268f6100'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', '3f675588fad14dbb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '85fad7384da4176c'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '1cb3d0104bbf5ccd'),
    ('function ledger.local_shards()', 'ee7a2545202f6b7f'),
    ('function ledger.lock_account(bigint)', '19dffd83c3a60d35'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', 'd9aea5da49692125'),
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_half(bigint,text)', '392b3e56d9a5350a'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', '6218f3bfe94e65de'),
    ('function ledger.locked_shards(bigint[])', '66fd9875a8ce83bf'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '2039eaf449c3aa9a'),
    ('function ledger.next_change(bigint,bigint,bigint,bytea,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'f5bba81b867d3cb1'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '60c526015ab961c3'),
    ('function ledger.next_moment(timestamp with time zone)', '812f141718daee00'),
    ('function ledger.oldest_writer(oid[])', 'fa41793bed4dd72f'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', 'aec5e4f733d640f4'),
    ('function ledger.pause_cache()', '6c12536b40e77f8a'),
    ('function ledger.peer_at(ledger.account,bigint,text)', '804f21bd01d26e54'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '148dd54b736bed6b'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_each(ledger.account[],bigint[],integer,integer,text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean)', 'ce220df5b4f903ff'),
    ('function ledger.post_half(bigint,numeric,text,jsonb,text)', 'b963da432badb6e9'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '49ee095bbe94f63f'),
    ('function ledger.post_in_shards(bigint[],integer[],text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '9bcf3c3438fa5943'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '9fa9641d75db5550'),
    ('function ledger.post_pair_across(text,bigint,bigint,numeric,bigint,text,jsonb)', '157de02c2761d4b0'),
    ('function ledger.post_part(integer,integer,text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean,boolean,integer)', '807caf742ad9b3d1'),
    ('function ledger.post_pending(bigint,integer)', '3dd43acdabc9b5b1'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '1bf53216b25da89b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', 'cba5185bb2cbd8a6'),
    ('function ledger.refuse_distributed(text)', '3f2e6a5cf3c3c86d'),
    ('function ledger.refuse_moved()', '4d9f72ed4dd80c17'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.reversal_problem(public.payment_history,bigint)', '3e948cc753060f73'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.scan_series(bigint[],bigint[],bigint[],text[],integer,integer)', '411044f81300d709'),
    ('function ledger.schema_of_shard(bigint)', '9f9e53908b7e54d0'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', '8b76a8c0dd0c2a3c'),
    ('function ledger.target_of(text,bigint,bigint,numeric,numeric)', '0c964627658a99fb'),
    ('function ledger.transfer_across(bigint,bigint,numeric,text,jsonb)', 'ff6030e9427baa65'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_archived(jsonb[])', '4c2f4837ac46a8c8'),
    ('function ledger.verify_controls(bigint,bigint)', 'a5b90991d2702faf'),
    ('function ledger.verify_copies(bigint,bigint)', 'c23b6c5a8e7b3adc'),
    ('function ledger.verify_details(bigint,bigint)', 'd871c100b091f519'),
    ('function ledger.verify_each_user(bigint,bigint,interval)', '85750ab07225824d'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '5d26c09cecab1703'),
    ('function ledger.verify_entries_again(public.payment_history[])', '8e52553893f5edf6'),
    ('function ledger.verify_entry(public.payment_history)', 'ebcfd978d46589bd'),
    ('function ledger.verify_erasures()', '34cc1a3d7bc03652'),
    ('function ledger.verify_guards()', 'af3cc434dbb5dc63'),
    ('function ledger.verify_hold_counts(bigint,bigint)', 'f65d1db9c34434a5'),
    ('function ledger.verify_holds(bigint,bigint)', 'b18c5224d3861691'),
    ('function ledger.verify_interventions()', 'cfe28fe37e67f8f1'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '4357771cb0cad11f'),
    ('function ledger.verify_references()', '98bbc1501ad64aa7'),
    ('function ledger.verify_servers()', '0301506b9062fa50'),
    ('function ledger.verify_servers_again(ledger.finding[])', '232ba8be91b34236'),
    ('function ledger.verify_shards()', '5f59a7f3f7d52353'),
    ('function ledger.verify_suspects(public.payment_history[])', '035d8dd2baf2bd79'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '37fbf891a80d26e4'),
    ('function ledger.verify_users_again(bigint[],interval)', 'f56d02d11b165c2f'),
    ('function ledger.verify_workers()', 'dd506ea8dc8229d1'),
    ('function ledger.withdraw_in_shard(bigint,bigint)', '1061c4d8bc653c61'),
    ('function ledger.withdrawal_of(bigint,bigint)', 'b3ae35ef30d141fe'),
    ('function ledger.write_all(public.hold_changes[],ledger.entry[],ledger.account[])', 'ca6909ca34930c98'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', '67307daec0dab0f7'),
    ('function ledger.write_each(public.hold_changes[],ledger.entry[],ledger.account[])', '97b54fa5bdb6c7f9'),
    ('function ledger.write_half(bigint,text)', '030dbd3ffdab3e52'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'cbd4ae3d05d6580b'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'd296d71f55859ef6'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'fbc4e4537d885663'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', '4cc8f072c759c124'),
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

drop function ledger.collect_traces(intervention bigint);

-- function: chain_intervention
create or replace function ledger.chain_intervention()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last public.interventions;
begin
  -- One after the other, until each commits. Under a stricter isolation level, where the next
  -- statement sees no newer row, the primary key refuses the second.
  perform from ledger.identity i for no key update;
  select i.* into v_last from public.interventions i order by i.id desc limit 1;
  new.id := coalesce(v_last.id, 0) + 1;
  new.at := greatest(clock_timestamp(), v_last.at + interval '1 us');
  new.hash := ledger.intervention_hash(v_last.hash, new);
  return new;
end $$;

comment on function ledger.chain_intervention is
  'Numbers an intervention, says when it was, and chains it to the one before.';

revoke all on function ledger.chain_intervention from public;
-- end function

-- function: break_glass
create or replace function public.break_glass(reason text)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Breaking the glass'); end if;
  if coalesce(length(break_glass.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed',
      hint = 'Say who decided it and why: it stays for ever.';
  end if;
  insert into public.interventions (operation, reason)
    values ('BREAK GLASS', break_glass.reason) returning id into v_id;
  return v_id;
end $$;

comment on function public.break_glass is
  'Lets the rest of this transaction update and delete rows of payment_history, each with a trace of what it was. verify_ledger reports it for ever. Only for the owner of the ledger. Raises 22023 without a reason.';

revoke all on function public.break_glass from public;
-- end function

-- by hand
do $$ begin
  if exists (select from public.intervention_traces) then
    raise exception using errcode = '55000',
      message = 'only intervention_traces says which server has changed what';
  end if;
end $$;
drop table public.intervention_traces;
drop trigger collect_traces on public.interventions;
-- end by hand
