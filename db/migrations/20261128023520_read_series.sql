-- migrate:up

-- by hand
-- Where users are on several servers, one position doesn't say up to where all was delivered.
alter table ledger.webhooks add cursor text;
-- end by hand

set local check_function_bodies = off;

drop function ledger.advance_webhook(receiver text, holder text, hold_ms integer, delivered bigint, gone text);

-- function: advance_webhook
create or replace function ledger.advance_webhook(
  receiver text, holder text, hold_ms integer, delivered bigint, gone text default null,
  cursor text default null)
  returns boolean
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update ledger.webhooks w
     set "position" = greatest(w."position", advance_webhook.delivered),
         cursor = coalesce(advance_webhook.cursor, w.cursor),
         gone = advance_webhook.gone,
         held_until = clock_timestamp() + advance_webhook.hold_ms * interval '1 ms'
   where w.receiver = advance_webhook.receiver and w.holder = advance_webhook.holder;
  return found;
end $$;

comment on function ledger.advance_webhook is
  'Keeps up to which position all was delivered to a receiver of webhooks, and for hold_ms milliseconds more who delivers to it (0: somebody else may at once). cursor: the same where users are on several servers, as the service writes it. gone: names the address that is not to be used any more. False: somebody else has the receiver, and nothing was done.';

revoke all on function ledger.advance_webhook from public;
grant execute on function ledger.advance_webhook to ledger_service;
-- end function

-- function: balances_below
create or replace function ledger.balances_below(
  user_ids bigint[], seqs bigint[], thresholds numeric[])
  returns table (user_id bigint, seq bigint, threshold numeric, balance numeric)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_action text; v_amount numeric; v_balance numeric;
begin
  if ledger.is_distributed() then
    -- One by one, each on the server of its user.
    for i in 1 .. cardinality(balances_below.user_ids) loop
      select h.action, h.amount, h.balance into v_action, v_amount, v_balance
        from public.payment_history h
       where h.user_id = balances_below.user_ids[i] and h.seq = balances_below.seqs[i];
      return query
        select balances_below.user_ids[i], balances_below.seqs[i], round(t.threshold, 2), v_balance
          from unnest(balances_below.thresholds) t (threshold)
         where v_balance < t.threshold
           and v_balance - ledger.change_of(v_action, v_amount) >= t.threshold
         order by t.threshold desc;
    end loop;
    return;
  end if;
  return query
    select h.user_id, h.seq, round(t.threshold, 2), h.balance
      from unnest(balances_below.user_ids, balances_below.seqs) e (user_id, seq)
      join public.payment_history h on h.user_id = e.user_id and h.seq = e.seq
      join unnest(balances_below.thresholds) t (threshold)
        on h.balance < t.threshold
       and h.balance - ledger.change_of(h.action, h.amount) >= t.threshold
     order by h.user_id, h.seq, t.threshold desc;
end $$;

comment on function ledger.balances_below is
  'Of these entries those with which the balance of their user fell below a threshold, and below which.';

revoke all on function ledger.balances_below from public;
grant execute on function ledger.balances_below to ledger_service, ledger_dba;
-- end function

drop function ledger.claim_webhook(receiver text, holder text, hold_ms integer, start bigint, out is_held boolean, out "position" bigint, out gone text);

-- function: claim_webhook
create or replace function ledger.claim_webhook(
  receiver text, holder text, hold_ms integer, start bigint, start_cursor text default null,
  out is_held boolean, out "position" bigint, out gone text, out cursor text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
  v_until timestamptz := v_now + claim_webhook.hold_ms * interval '1 ms';
begin
  insert into ledger.webhooks (receiver, "position", cursor)
  values (claim_webhook.receiver, claim_webhook.start, claim_webhook.start_cursor)
  on conflict do nothing;
  -- A clock that was set back leaves a claim that ends later than it could: it counts as over.
  update ledger.webhooks w set holder = claim_webhook.holder, held_until = v_until
   where w.receiver = claim_webhook.receiver
     and (w.holder is null or w.holder = claim_webhook.holder
       or w.held_until <= v_now or w.held_until > v_until)
  returning true, w."position", w.gone, w.cursor
    into claim_webhook.is_held, claim_webhook."position", claim_webhook.gone, claim_webhook.cursor;
  is_held := coalesce(is_held, false);
end $$;

comment on function ledger.claim_webhook is
  'Gives a receiver of webhooks to holder, one of many that deliver, for hold_ms milliseconds, unless another one has it: is_held. position: up to which all was delivered; start for a receiver that is new. cursor, and start_cursor: the same where users are on several servers, as the service writes it. gone: what advance_webhook was told last.';

revoke all on function ledger.claim_webhook from public;
grant execute on function ledger.claim_webhook to ledger_service;
-- end function

-- function: event_details
create or replace function ledger.event_details(
  positions bigint[], user_ids bigint[], holds bigint[], numbers bigint[], types text[])
  returns setof ledger.event
  language sql stable as $$
  select f.position, coalesce(left(e.hex, 16), ledger.event_digest(f.position)), f.type,
         f.user_id, coalesce(e.sealed_at, c.at, k.at), null::bigint, coalesce(e.seq, c.seq),
         e.action, coalesce(e.amount, c.amount), coalesce(e.balance, c.balance),
         coalesce(e.available, c.available), e.ts, e.sealed_at,
         coalesce(e.idempotency_key, c.idempotency_key), coalesce(e.metadata, c.metadata),
         e.peer_user_id, e.peer_seq, e.reverses, null::bigint, coalesce(e.hold, c.hold), e.hex,
         e.held, coalesce(c.number, k.number), k.operation, k.credit_limit, k.reason, k.role,
         k.actor, c.remaining, nullif(c.expires_at, 'infinity')
    from unnest(event_details.positions, event_details.user_ids, event_details.holds,
           event_details.numbers, event_details.types)
           with ordinality f (position, user_id, hold, number, type, n)
    left join lateral (
      select x.*, x.balance - x.held as available, encode(x.hash, 'hex') as hex
        from public.payment_history x
       where f.type = 'entry.posted' and x.user_id = f.user_id and x.seq = f.number) e on true
    -- A limit keeps the probe by key, also where a small table would be read as a whole.
    left join lateral (
      select x.* from public.hold_changes x
       where x.user_id = f.user_id and x.hold = f.hold and x.number = f.number limit 1) c on true
    left join lateral (
      select x.* from public.user_controls x
       where f.type like 'user.%' and x.user_id = f.user_id and x.number = f.number
       limit 1) k on true
   order by f.n
$$;

comment on function ledger.event_details is
  'These events, each with the columns of what it is about.';

revoke all on function ledger.event_details from public;
-- end function

-- function: events_at
create or replace function ledger.events_at(positions bigint[], has_others boolean)
  returns table (event ledger.event, needs bigint[])
  language plpgsql stable as $$
declare
  v_positions bigint[]; v_users bigint[]; v_holds bigint[]; v_numbers bigint[]; v_types text[];
begin
  select array_agg(s.position), array_agg(s.user_id), array_agg(s.hold), array_agg(s.number),
         array_agg(s.type)
    into v_positions, v_users, v_holds, v_numbers, v_types
    from unnest(events_at.positions) p (id)
    cross join lateral ledger.scan_events(p.id - 1, p.id, 1) s;
  return query
    select x, case when events_at.has_others then
             ledger.events_before(x.user_id, x.hold, coalesce(x.number, x.seq), x.type) end
      from ledger.event_details(v_positions, v_users, v_holds, v_numbers, v_types) x;
end $$;

comment on function ledger.events_at is
  'The events at these positions; has_others: with those that come right before each (see events_before).';

revoke all on function ledger.events_at from public;
-- end function

-- function: events_before
create or replace function ledger.events_before(
  user_id bigint, hold bigint, number bigint, type text)
  returns bigint[]
  language sql stable as $$
  select array(
    select h.id from public.payment_history h
     where h.user_id = events_before.user_id and h.seq = case
       when events_before.type = 'entry.posted' then events_before.number - 1
       when events_before.type like 'hold.%' then (
         select c.seq - (c.action = 'captured')::integer from public.hold_changes c
          where c.user_id = events_before.user_id and c.hold = events_before.hold
            and c.number = events_before.number) end
    union all
    select c.position from public.hold_changes c
     where c.user_id = events_before.user_id and c.hold = events_before.hold
       and case when events_before.type = 'entry.posted'
         then c.action = 'captured' and c.seq = events_before.number
         else c.number = events_before.number - 1 end and c.position is not null
    union all
    select k.position from public.user_controls k
     where events_before.type like 'user.%' and k.user_id = events_before.user_id
       and k.number = events_before.number - 1)
$$;

comment on function ledger.events_before is
  'The positions of the events of a user that come right before this one: the entry before, of a capture''s entry the change of its hold, of a change of a hold the one before and the last entry, of a control the one before.';

revoke all on function ledger.events_before from public;
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
    ('function ledger.calls_in_shards()', 'b53492e0618a4b6b'),
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
    ('function ledger.find_created_user(bigint,text,jsonb,text)', '88d7b8b024538be5'),
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
    ('function ledger.post_half(bigint,numeric,text,jsonb,text)', '45d0c006f0295590'),
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
    ('function ledger.shard_functions(bigint)', 'c4055d47294546f8'),
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
    ('function ledger.write_half(bigint,text)', 'bda16dbef45b5374'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'cbd4ae3d05d6580b'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'd296d71f55859ef6'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'fbc4e4537d885663'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', 'c3ce8739cf22e107'),
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

-- function: get_changes
create or replace function ledger.get_changes(
  epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer default 5000,
  max_missing integer default 10000,
  out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz,
  out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[],
  out newly_missing bigint[], out user_ids bigint[], out versions bigint[],
  out is_paused boolean)
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_last bigint;
  v_gaps bigint;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Polling for changes'); end if;
  select s.last_value - (not s.is_called)::int,
         ledger.epoch(i.last_value - (not i.is_called)::int),
         -- now() is before the statement's snapshot, so that has all from before the pause's end.
         -- A moment that is still to come was written before the clock was set back.
         p.last_value between extract(epoch from now()) * 1000 - 3000
                          and extract(epoch from clock_timestamp()) * 1000
    into v_last, epoch_now, is_paused
    from public.payment_history_id_seq s, public.interventions_id_seq i, ledger.cache_paused_at p;
  is_new := (epoch_now = get_changes.epoch and v_last >= get_changes.after_id) is not true;

  if not is_new then
    select c.last_id, c.is_complete, c.gaps, c.still_missing, c.user_ids, c.versions
      into last_id, is_complete, v_gaps, still_missing, user_ids, versions
      from ledger.read_changes(get_changes.after_id, v_last, get_changes.missing,
        get_changes.max_rows) c;
    is_new := v_gaps + cardinality(still_missing) > get_changes.max_missing;
    if not is_new and v_gaps > 0 then
      newly_missing := ledger.absent_ids(get_changes.after_id, last_id);
    end if;
  end if;

  if is_new then
    last_id := v_last;
    is_complete := true;
    still_missing := null; user_ids := null; versions := null;
  end if;
  -- Transactions that have taken a number so far have lower ids than this one. The xmax of a
  -- snapshot wouldn't do: it follows the last transaction that has ended.
  if is_new or newly_missing is not null then horizon := pg_current_xact_id(); end if;

  -- Most long transactions don't write to the ledger. One that takes a number has locked a user
  -- before.
  oldest_open := pg_snapshot_xmin(pg_current_snapshot());
  if oldest_open < get_changes.awaited then
    oldest_open := coalesce(ledger.oldest_writer(array['public.users'::regclass::oid]),
      get_changes.awaited);
  end if;
  read_at := clock_timestamp();
end $$;

comment on function ledger.get_changes is
  'Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are not, after the last_id that the call before answered (after_id); at most some max_rows of them, and then is_complete is false. Ids are not in the order of commits: those below last_id that were not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They are there or never will be in the first call after one that answered an oldest_open no lower than that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was before, as epoch or after_id are from another time (null: none), or more than max_missing are missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the clock of the database, after all that. is_paused: pause_cache was called in the last three seconds.';

revoke all on function ledger.get_changes from public;
grant execute on function ledger.get_changes to ledger_service, ledger_dba;
-- end function

-- function: get_series
create or replace function ledger.get_series(
  out series integer, out last_position bigint, out epoch text, out incarnation text,
  out oldest_open xid8, out horizon xid8)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  series := (select l.groupid from pg_dist_local_group l);
  -- First of all: whoever has taken a position up to this one is found open below, or has ended.
  select s.last_value - (not s.is_called)::int into last_position
    from public.payment_history_id_seq s;
  epoch := ledger.epoch(0);
  incarnation := ledger.incarnation();
  -- Whoever takes a position has locked a user before.
  oldest_open := ledger.oldest_writer(array(
    select to_regclass(format('public.users_%s', s))::oid from unnest(ledger.local_shards()) s));
  if oldest_open is not null then horizon := pg_current_xact_id(); end if;
end $$;

comment on function ledger.get_series is
  'How far this server of a distributed ledger has given positions (last_position), and the oldest transaction that has locked a user here and has not ended (oldest_open; null: none). While there is one, whoever has taken a position up to last_position has ended once a later call answers an oldest_open no lower than horizon, or null. epoch and incarnation: as those of get_changes and incarnation.';

revoke all on function ledger.get_series from public;
grant execute on function ledger.get_series to ledger_service, ledger_dba;
-- end function

-- function: get_servers
create or replace function ledger.get_servers()
  returns table (series integer, host text, port integer)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not ledger.is_distributed() then return; end if;
  -- The sequence of groups knows of servers that are gone, too.
  return query
    select s.series, n.nodename, n.nodeport
      from generate_series(0, (select g.last_value::integer from pg_dist_groupid_seq g)) s (series)
      left join pg_dist_node n
        on n.groupid = s.series and n.groupid <> 0 and n.noderole = 'primary'
     order by s.series;
end $$;

comment on function ledger.get_servers is
  'On the coordinator of a distributed ledger: every server that has ever given positions, by the number that stands above the lower 48 bits of these (series); without host and port 0, which is the coordinator itself, and those that were removed. None where all users are on one server.';

revoke all on function ledger.get_servers from public;
grant execute on function ledger.get_servers to ledger_service, ledger_dba;
-- end function

-- function: get_shard_events
create or replace function ledger.get_shard_events(
  epoch text, afters bigint[], untils bigint[], read_positions bigint[],
  user_ids bigint[] default null, types text[] default null, max_rows integer default 100,
  max_scanned integer default 10000)
  returns table (series integer, event ledger.event, needs bigint[], shards bigint[])
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_shards bigint[] := ledger.local_shards();
  v_throughs bigint[] := get_shard_events.untils;
  v_digests text[] := array_fill(null::text, array[cardinality(get_shard_events.afters)]);
  v_shard bigint; v_row record; v_unread integer;
  -- What was found, side by side: where, and of which series.
  v_ns integer[] := '{}'; v_positions bigint[] := '{}'; v_homes bigint[] := '{}';
  v_mixed bigint[] := '{}';
begin
  if get_shard_events.epoch is distinct from ledger.epoch(0) then
    raise exception using errcode = '55P03', message = 'the history is another one',
      detail = format('It is not that of %s any more.', get_shard_events.epoch),
      hint = 'Ask get_series how far it is settled now.';
  end if;
  foreach v_shard in array v_shards loop
    v_unread := 0;
    for v_row in
      execute format('select x.*, coalesce($7[x.n], ledger_%1$s.event_digest($8[x.n])) as digest
          from ledger_%1$s.scan_series($1, $2, $3, $4, $5, $6) x', v_shard)
        using get_shard_events.afters, get_shard_events.untils, get_shard_events.user_ids,
          get_shard_events.types, get_shard_events.max_rows,
          greatest(100, get_shard_events.max_scanned / cardinality(v_shards)), v_digests,
          get_shard_events.read_positions
    loop
      v_unread := v_unread + v_row.has_unread::integer;
      v_digests[v_row.n] := v_row.digest;
      v_throughs[v_row.n] := least(v_throughs[v_row.n], v_row.through);
      v_ns := v_ns || array_fill(v_row.n, array[cardinality(v_row.positions)]);
      v_homes := v_homes || array_fill(v_shard, array[cardinality(v_row.positions)]);
      v_positions := v_positions || v_row.positions;
    end loop;
    if v_unread > 1 then v_mixed := array_append(v_mixed, v_shard); end if;
  end loop;

  for i in 1 .. cardinality(v_throughs) loop
    -- Where the first max_rows of a series end, which no shard has read beyond.
    v_throughs[i] := least(v_throughs[i], (
      select f.p from unnest(v_ns, v_positions) f (n, p) where f.n = i order by f.p
      offset get_shard_events.max_rows - 1 limit 1));
  end loop;
  for v_row in
    select f.home, array_agg(f.p) as positions
      from unnest(v_ns, v_positions, v_homes) f (n, p, home)
     where f.p <= v_throughs[f.n] group by f.home
  loop
    return query execute format('select (((x.event).position) >> 48)::integer, x.event, x.needs,
        null::bigint[] from ledger_%s.events_at($1, $2) x', v_row.home)
      using v_row.positions, v_row.home = any (v_mixed);
  end loop;
  shards := v_shards;
  for i in 1 .. cardinality(v_throughs) loop
    series := (get_shard_events.afters[i] >> 48)::integer;
    event := null;
    event.digest := v_digests[i]; event.through := v_throughs[i];
    return next;
  end loop;
end $$;

comment on function ledger.get_shard_events is
  'What the shards of this server have of the events that get_events answers where all users are on one server. Every server numbers what is written there, above its series × 2^48; of each series, afters has the position up to which the reader has read, untils up to which it is settled (see get_series), read_positions that of the last event that was read. Answers at most max_rows events of each series, in no order, each with the positions of those that come right before it for its user (needs; null: nothing of the user is elsewhere). Then, with shards, one row for each series: through, how far it looked, and the digest of the event at read_positions, if it is here. Raises 55P03 if the epoch is another one by now.';

revoke all on function ledger.get_shard_events from public;
grant execute on function ledger.get_shard_events to ledger_service, ledger_dba;
-- end function

-- function: local_shards
create or replace function ledger.local_shards()
  returns bigint[]
  language plpgsql stable as $$
begin
  return array(
    select s.shardid from pg_dist_shard s join pg_dist_placement p on p.shardid = s.shardid
     where s.logicalrelid = 'public.users'::regclass
       and p.groupid = (select l.groupid from pg_dist_local_group l)
     order by s.shardid);
end $$;

comment on function ledger.local_shards is
  'The shards of users that this server of a distributed ledger has.';

revoke all on function ledger.local_shards from public;
-- end function

drop function ledger.oldest_writer();

-- function: oldest_writer
create or replace function ledger.oldest_writer(users oid[])
  returns xid8
  language sql stable set search_path = pg_catalog, pg_temp as $$
  -- A lock has the lower half of a transaction id; the upper half follows from the snapshot's.
  select min((pg_snapshot_xmax(s.now)::text::bigint
           - age(x.transactionid) + age(pg_snapshot_xmax(s.now)::xid))::text::xid8)
    from (select pg_current_snapshot() as now) s,
         pg_locks u join pg_locks x on x.virtualtransaction = u.virtualtransaction
   where u.locktype = 'relation' and u.relation = any (oldest_writer.users)
     and u.database = (select d.oid from pg_database d where d.datname = current_database())
     and u.mode in ('RowShareLock', 'RowExclusiveLock')
     and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock' and x.granted
$$;

comment on function ledger.oldest_writer is
  'The oldest transaction that has locked a user in one of these tables, or written to it, and has not ended; null if there is none. Prepared ones have not ended. As of now, which is later than the snapshot of the statement that asks.';

revoke all on function ledger.oldest_writer from public;
-- end function

-- function: scan_series
create or replace function ledger.scan_series(
  afters bigint[], untils bigint[], user_ids bigint[], types text[], max_rows integer,
  max_scanned integer)
  returns table (n integer, positions bigint[], through bigint, has_unread boolean)
  language plpgsql stable as $$
declare
  v_limit integer := case when scan_series.user_ids is null and scan_series.types is null
    then scan_series.max_rows else scan_series.max_scanned end;
  v_row record;
  v_scanned integer;
begin
  for i in 1 .. cardinality(scan_series.afters) loop
    n := i;
    positions := '{}';
    through := greatest(scan_series.afters[i], scan_series.untils[i]);
    has_unread := exists (
      select from ledger.scan_events(scan_series.afters[i],
        (((scan_series.afters[i] >> 48) + 1) << 48) - 1, 1));
    v_scanned := 0;
    for v_row in
      select x.* from ledger.scan_events(scan_series.afters[i],
        case when has_unread then scan_series.untils[i] end, v_limit) x
    loop
      v_scanned := v_scanned + 1;
      if (v_row.type is null or v_row.type <> all (scan_series.types)
          or v_row.user_id <> all (scan_series.user_ids)) is not true then
        positions := array_append(positions, v_row.position);
      end if;
      if v_scanned = v_limit or cardinality(positions) = scan_series.max_rows then
        through := v_row.position;
        exit;
      end if;
    end loop;
    return next;
  end loop;
end $$;

comment on function ledger.scan_series is
  'For each series of a distributed ledger, of which a reader has read up to afters, and untils is settled: the positions of at most max_rows events of these users and types (null: all) between, how far it looked (through), at max_scanned rows at most with a condition, and whether there is anything behind afters, settled or not (has_unread).';

revoke all on function ledger.scan_series from public;
-- end function

-- function: shard_functions
create or replace function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  -- Those that read or write tables of one user, or call such ones.
  v_names text[] := array['absent_account', 'account_at', 'add_entry', 'add_hold',
    'add_plain_entry', 'change_of_hold', 'close_hold', 'copy_accounts', 'decide',
    'event_details', 'event_digest', 'events_at', 'events_before', 'find_key', 'first_change',
    'get_shard_users', 'get_users', 'has_most_holds', 'held_now', 'insert_entries',
    'is_same_part', 'load_target', 'lock_account', 'lock_accounts', 'lock_half', 'open_account',
    'outcome_of', 'peer_at', 'post_change', 'post_each', 'post_half', 'post_hold', 'post_part',
    'post_pending', 'replay_entry', 'scan_events', 'scan_series', 'target_of', 'users_of',
    'write_all', 'write_change', 'write_changes', 'write_half'];
  -- Those for people that calls_in_shards is about, and all that it is about.
  v_public_names text[] := array['capture_hold', 'credit_user', 'debit_user', 'place_hold',
    'release_hold'];
  v_called_names text[] := v_public_names || array['lock_half', 'post_half', 'write_half'];
  v_called text := format('\m(?:ledger\.(%s)|(?<=FUNCTION )public\.(%s))\(',
    array_to_string(v_names, '|'), array_to_string(v_public_names, '|'));
  v_table text;
  v_shard_id bigint;
begin
  for name, definition in
    select p.proname, pg_get_functiondef(p.oid) from pg_proc p
     where p.pronamespace = 'ledger'::regnamespace and p.proname = any (v_names)
        or p.pronamespace = 'public'::regnamespace and p.proname = any (v_public_names)
  loop
    if name = any (v_called_names) then
      -- Without what their caller has set already, and without the calls of these.
      definition := regexp_replace(regexp_replace(definition,
        '\n (SECURITY DEFINER|SET \w+ TO [^\n]+)', '', 'g'),
        '  -- Calls in shards\..*  -- End of the calls in shards\.\n', '');
    end if;
    definition := regexp_replace(definition, v_called,
      format('ledger_%s.\1\2(', shard_functions.shard_id), 'g');
    -- A shard has no default for ids.
    definition := regexp_replace(definition,
      '(insert into public\.payment_history(?: as \w+)? \()(user_id,[^)]*\)\s+(?:select |values \())',
      '\1id, \2nextval(''public.payment_history_id_seq''), ', 'g');
    definition := replace(definition, 'ledger.is_distributed()', case name
      when 'get_shard_users'
        then format('ledger.leaves_shard(%s, %s.user_ids)', shard_functions.shard_id, name)
      else 'false' end);
    -- Whoever isn't of the shard isn't in its table of users.
    if name = 'absent_account' then
      definition := replace(definition, 'then ''55P03''', format(
        'then ''55P03'' when ledger.leaves_shard(%s, array[%s.user_id]) then null',
        shard_functions.shard_id, name));
    end if;
    for v_table, v_shard_id in
      select c.relname, s.shardid
        from pg_dist_shard u
        join pg_dist_shard s on s.shardminvalue = u.shardminvalue
        join pg_class c on c.oid = s.logicalrelid and c.relnamespace = 'public'::regnamespace
       where u.shardid = shard_functions.shard_id
    loop
      definition := regexp_replace(definition,
        format('\m(from|join|into|update) public\.%s\M', v_table),
        format('\1 public.%s_%s', v_table, v_shard_id), 'g');
    end loop;
    caller := case when name = 'get_shard_users' then 'ledger_service' end;
    return next;
  end loop;
end $$;

comment on function ledger.shard_functions is
  'The functions of a shard of users, of which post_in_shards calls post_part, and the service get_shard_users (caller): the same as in the schema ledger, but in a schema of the shard, and on the tables of the shard themselves, where Citus has nothing to plan. get_shard_users and absent_account refuse who isn''t of the shard: see leaves_shard; whoever calls others has seen to it.';

revoke all on function ledger.shard_functions from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: shard_functions
create or replace function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  -- Those that read or write tables of one user, or call such ones.
  v_names text[] := array['absent_account', 'account_at', 'add_entry', 'add_hold',
    'add_plain_entry', 'change_of_hold', 'close_hold', 'copy_accounts', 'decide', 'find_key',
    'first_change', 'get_shard_users', 'get_users', 'has_most_holds', 'held_now', 'insert_entries',
    'is_same_part', 'load_target', 'lock_account', 'lock_accounts', 'lock_half', 'open_account',
    'outcome_of', 'peer_at', 'post_change', 'post_each', 'post_half', 'post_hold', 'post_part',
    'post_pending', 'replay_entry', 'target_of', 'users_of', 'write_all', 'write_change',
    'write_changes', 'write_half'];
  -- Those for people that calls_in_shards is about, and all that it is about.
  v_public_names text[] := array['capture_hold', 'credit_user', 'debit_user', 'place_hold',
    'release_hold'];
  v_called_names text[] := v_public_names || array['lock_half', 'post_half', 'write_half'];
  v_called text := format('\m(?:ledger\.(%s)|(?<=FUNCTION )public\.(%s))\(',
    array_to_string(v_names, '|'), array_to_string(v_public_names, '|'));
  v_table text;
  v_shard_id bigint;
begin
  for name, definition in
    select p.proname, pg_get_functiondef(p.oid) from pg_proc p
     where p.pronamespace = 'ledger'::regnamespace and p.proname = any (v_names)
        or p.pronamespace = 'public'::regnamespace and p.proname = any (v_public_names)
  loop
    if name = any (v_called_names) then
      -- Without what their caller has set already, and without the calls of these.
      definition := regexp_replace(regexp_replace(definition,
        '\n (SECURITY DEFINER|SET \w+ TO [^\n]+)', '', 'g'),
        '  -- Calls in shards\..*  -- End of the calls in shards\.\n', '');
    end if;
    definition := regexp_replace(definition, v_called,
      format('ledger_%s.\1\2(', shard_functions.shard_id), 'g');
    -- A shard has no default for ids.
    definition := regexp_replace(definition,
      '(insert into public\.payment_history(?: as \w+)? \()(user_id,[^)]*\)\s+(?:select |values \())',
      '\1id, \2nextval(''public.payment_history_id_seq''), ', 'g');
    definition := replace(definition, 'ledger.is_distributed()', case name
      when 'get_shard_users'
        then format('ledger.leaves_shard(%s, %s.user_ids)', shard_functions.shard_id, name)
      else 'false' end);
    -- Whoever isn't of the shard isn't in its table of users.
    if name = 'absent_account' then
      definition := replace(definition, 'then ''55P03''', format(
        'then ''55P03'' when ledger.leaves_shard(%s, array[%s.user_id]) then null',
        shard_functions.shard_id, name));
    end if;
    for v_table, v_shard_id in
      select c.relname, s.shardid
        from pg_dist_shard u
        join pg_dist_shard s on s.shardminvalue = u.shardminvalue
        join pg_class c on c.oid = s.logicalrelid and c.relnamespace = 'public'::regnamespace
       where u.shardid = shard_functions.shard_id
    loop
      definition := regexp_replace(definition,
        format('\m(from|join|into|update) public\.%s\M', v_table),
        format('\1 public.%s_%s', v_table, v_shard_id), 'g');
    end loop;
    caller := case when name = 'get_shard_users' then 'ledger_service' end;
    return next;
  end loop;
end $$;

comment on function ledger.shard_functions is
  'The functions of a shard of users, of which post_in_shards calls post_part, and the service get_shard_users (caller): the same as in the schema ledger, but in a schema of the shard, and on the tables of the shard themselves, where Citus has nothing to plan. get_shard_users and absent_account refuse who isn''t of the shard: see leaves_shard; whoever calls others has seen to it.';

revoke all on function ledger.shard_functions from public;
-- end function

drop function ledger.scan_series(afters bigint[], untils bigint[], user_ids bigint[], types text[], max_rows integer, max_scanned integer);

drop function ledger.oldest_writer(users oid[]);

-- function: oldest_writer
create or replace function ledger.oldest_writer()
  returns xid8
  language sql stable set search_path = pg_catalog, pg_temp as $$
  -- A lock has the lower half of a transaction id; the upper half follows from the snapshot's.
  select min((pg_snapshot_xmax(s.now)::text::bigint
           - age(x.transactionid) + age(pg_snapshot_xmax(s.now)::xid))::text::xid8)
    from (select pg_current_snapshot() as now) s,
         pg_locks u join pg_locks x on x.virtualtransaction = u.virtualtransaction
   where u.locktype = 'relation' and u.relation = 'public.users'::regclass
     and u.database = (select d.oid from pg_database d where d.datname = current_database())
     and u.mode in ('RowShareLock', 'RowExclusiveLock')
     and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock' and x.granted
$$;

comment on function ledger.oldest_writer is
  'The oldest transaction that has locked a user, or written to users, and has not ended; null if there is none. As of now, which is later than the snapshot of the statement that asks.';

revoke all on function ledger.oldest_writer from public;
-- end function

drop function ledger.local_shards();

drop function ledger.get_shard_events(epoch text, afters bigint[], untils bigint[], read_positions bigint[], user_ids bigint[], types text[], max_rows integer, max_scanned integer);

drop function ledger.get_servers();

drop function ledger.get_series(out series integer, out last_position bigint, out epoch text, out incarnation text, out oldest_open xid8, out horizon xid8);

-- function: get_changes
create or replace function ledger.get_changes(
  epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer default 5000,
  max_missing integer default 10000,
  out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz,
  out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[],
  out newly_missing bigint[], out user_ids bigint[], out versions bigint[],
  out is_paused boolean)
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_last bigint;
  v_gaps bigint;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Polling for changes'); end if;
  select s.last_value - (not s.is_called)::int,
         ledger.epoch(i.last_value - (not i.is_called)::int),
         -- now() is before the statement's snapshot, so that has all from before the pause's end.
         -- A moment that is still to come was written before the clock was set back.
         p.last_value between extract(epoch from now()) * 1000 - 3000
                          and extract(epoch from clock_timestamp()) * 1000
    into v_last, epoch_now, is_paused
    from public.payment_history_id_seq s, public.interventions_id_seq i, ledger.cache_paused_at p;
  is_new := (epoch_now = get_changes.epoch and v_last >= get_changes.after_id) is not true;

  if not is_new then
    select c.last_id, c.is_complete, c.gaps, c.still_missing, c.user_ids, c.versions
      into last_id, is_complete, v_gaps, still_missing, user_ids, versions
      from ledger.read_changes(get_changes.after_id, v_last, get_changes.missing,
        get_changes.max_rows) c;
    is_new := v_gaps + cardinality(still_missing) > get_changes.max_missing;
    if not is_new and v_gaps > 0 then
      newly_missing := ledger.absent_ids(get_changes.after_id, last_id);
    end if;
  end if;

  if is_new then
    last_id := v_last;
    is_complete := true;
    still_missing := null; user_ids := null; versions := null;
  end if;
  -- Transactions that have taken a number so far have lower ids than this one. The xmax of a
  -- snapshot wouldn't do: it follows the last transaction that has ended.
  if is_new or newly_missing is not null then horizon := pg_current_xact_id(); end if;

  -- Most long transactions don't write to the ledger. One that takes a number has locked a user
  -- before.
  oldest_open := pg_snapshot_xmin(pg_current_snapshot());
  if oldest_open < get_changes.awaited then
    oldest_open := coalesce(ledger.oldest_writer(), get_changes.awaited);
  end if;
  read_at := clock_timestamp();
end $$;

comment on function ledger.get_changes is
  'Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are not, after the last_id that the call before answered (after_id); at most some max_rows of them, and then is_complete is false. Ids are not in the order of commits: those below last_id that were not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They are there or never will be in the first call after one that answered an oldest_open no lower than that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was before, as epoch or after_id are from another time (null: none), or more than max_missing are missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the clock of the database, after all that. is_paused: pause_cache was called in the last three seconds.';

revoke all on function ledger.get_changes from public;
grant execute on function ledger.get_changes to ledger_service, ledger_dba;
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
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint)', 'ed8cb4458201d46f'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '8ea8fc762759499d'),
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
    ('function ledger.get_erasures(bigint,bigint[])', '4c43563d0c0a7ad6'),
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
    ('function ledger.oldest_writer()', 'edc8705d75b5a220'),
    ('function ledger.open_account(ledger.account,integer)', '11e2f032c82a161a'),
    ('function ledger.opposite_of(text)', '0f78c372c1e2f717'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', 'aec5e4f733d640f4'),
    ('function ledger.pause_cache()', '6c12536b40e77f8a'),
    ('function ledger.peer_at(ledger.account,bigint,text)', '804f21bd01d26e54'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '9ae35da586b3eeb5'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '148dd54b736bed6b'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '74439a4aa59b7fb1'),
    ('function ledger.post_each(ledger.account[],bigint[],integer,integer,text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],text[],boolean,boolean)', 'ce220df5b4f903ff'),
    ('function ledger.post_half(bigint,numeric,text,jsonb,text)', '45d0c006f0295590'),
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
    ('function ledger.schema_of_shard(bigint)', '9f9e53908b7e54d0'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', 'f1e7c0e23850f78f'),
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
    ('function ledger.write_half(bigint,text)', 'bda16dbef45b5374'),
    ('function ledger.write_in_shard(bigint,text,text,text)', '4958cd98f5a6975c'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'cbd4ae3d05d6580b'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'd296d71f55859ef6'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'fbc4e4537d885663'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', 'c3ce8739cf22e107'),
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

drop function ledger.events_before(user_id bigint, hold bigint, number bigint, type text);

drop function ledger.events_at(positions bigint[], has_others boolean);

-- function: event_details
create or replace function ledger.event_details(
  positions bigint[], user_ids bigint[], holds bigint[], numbers bigint[], types text[])
  returns setof ledger.event
  language sql stable as $$
  select f.position, coalesce(left(e.hash, 16), ledger.event_digest(f.position)), f.type,
         f.user_id, coalesce(e.sealed_at, c.at, k.at), null::bigint, coalesce(e.seq, c.seq),
         e.action, coalesce(e.amount, c.amount), coalesce(e.balance, c.balance),
         coalesce(e.available, c.available), e.ts, e.sealed_at,
         coalesce(e.idempotency_key, c.idempotency_key), coalesce(e.metadata, c.metadata),
         e.peer_user_id, e.peer_seq, e.reverses, null::bigint, coalesce(e.hold, c.hold), e.hash,
         e.held, coalesce(c.number, k.number), k.operation, k.credit_limit, k.reason, k.role,
         k.actor, c.remaining, nullif(c.expires_at, 'infinity')
    from unnest(event_details.positions, event_details.user_ids, event_details.holds,
           event_details.numbers, event_details.types)
           with ordinality f (position, user_id, hold, number, type, n)
    left join lateral (
      select x.* from public.entries x
       where f.type = 'entry.posted' and x.user_id = f.user_id and x.seq = f.number) e on true
    -- A limit keeps the probe by key, also where a small table would be read as a whole.
    left join lateral (
      select x.* from public.hold_changes x
       where x.user_id = f.user_id and x.hold = f.hold and x.number = f.number limit 1) c on true
    left join lateral (
      select x.* from public.user_controls x
       where f.type like 'user.%' and x.user_id = f.user_id and x.number = f.number
       limit 1) k on true
   order by f.n
$$;

comment on function ledger.event_details is
  'These events, each with the columns of what it is about.';

revoke all on function ledger.event_details from public;
-- end function

drop function ledger.claim_webhook(receiver text, holder text, hold_ms integer, start bigint, start_cursor text, out is_held boolean, out "position" bigint, out gone text, out cursor text);

-- function: claim_webhook
create or replace function ledger.claim_webhook(
  receiver text, holder text, hold_ms integer, start bigint,
  out is_held boolean, out "position" bigint, out gone text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := clock_timestamp();
  v_until timestamptz := v_now + claim_webhook.hold_ms * interval '1 ms';
begin
  insert into ledger.webhooks (receiver, "position")
  values (claim_webhook.receiver, claim_webhook.start) on conflict do nothing;
  -- A clock that was set back leaves a claim that ends later than it could: it counts as over.
  update ledger.webhooks w set holder = claim_webhook.holder, held_until = v_until
   where w.receiver = claim_webhook.receiver
     and (w.holder is null or w.holder = claim_webhook.holder
       or w.held_until <= v_now or w.held_until > v_until)
  returning true, w."position", w.gone
    into claim_webhook.is_held, claim_webhook."position", claim_webhook.gone;
  is_held := coalesce(is_held, false);
end $$;

comment on function ledger.claim_webhook is
  'Gives a receiver of webhooks to holder, one of many that deliver, for hold_ms milliseconds, unless another one has it: is_held. position: up to which all was delivered; start for a receiver that is new. gone: what advance_webhook was told last.';

revoke all on function ledger.claim_webhook from public;
grant execute on function ledger.claim_webhook to ledger_service;
-- end function

-- function: balances_below
create or replace function ledger.balances_below(
  user_ids bigint[], seqs bigint[], thresholds numeric[])
  returns table (user_id bigint, seq bigint, threshold numeric, balance numeric)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select h.user_id, h.seq, round(t.threshold, 2), h.balance
    from unnest(balances_below.user_ids, balances_below.seqs) e (user_id, seq)
    join public.payment_history h on h.user_id = e.user_id and h.seq = e.seq
    join unnest(balances_below.thresholds) t (threshold)
      on h.balance < t.threshold
     and h.balance - ledger.change_of(h.action, h.amount) >= t.threshold
   order by h.user_id, h.seq, t.threshold desc
$$;

comment on function ledger.balances_below is
  'Of these entries those with which the balance of their user fell below a threshold, and below which.';

revoke all on function ledger.balances_below from public;
grant execute on function ledger.balances_below to ledger_service, ledger_dba;
-- end function

drop function ledger.advance_webhook(receiver text, holder text, hold_ms integer, delivered bigint, gone text, cursor text);

-- function: advance_webhook
create or replace function ledger.advance_webhook(
  receiver text, holder text, hold_ms integer, delivered bigint, gone text default null)
  returns boolean
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update ledger.webhooks w
     set "position" = greatest(w."position", advance_webhook.delivered),
         gone = advance_webhook.gone,
         held_until = clock_timestamp() + advance_webhook.hold_ms * interval '1 ms'
   where w.receiver = advance_webhook.receiver and w.holder = advance_webhook.holder;
  return found;
end $$;

comment on function ledger.advance_webhook is
  'Keeps up to which position all was delivered to a receiver of webhooks, and for hold_ms milliseconds more who delivers to it (0: somebody else may at once). gone: names the address that is not to be used any more. False: somebody else has the receiver, and nothing was done.';

revoke all on function ledger.advance_webhook from public;
grant execute on function ledger.advance_webhook to ledger_service;
-- end function

-- by hand
do $$ begin
  if exists (select from ledger.webhooks w where w.cursor is not null) then
    raise exception using errcode = '55000',
      message = 'only cursor says up to where all was delivered to a receiver';
  end if;
end $$;
alter table ledger.webhooks drop cursor;
-- end by hand
