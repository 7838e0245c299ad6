-- migrate:up

set local check_function_bodies = off;

-- function: add_entry
create or replace function ledger.add_entry(
  action text, user_id bigint, amount numeric, change numeric, idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_hold_changes bigint;
  v_entry ledger.posted_entry;
begin
  -- Where users are on several servers, post_change is shorter: its statements are planned once.
  if ledger.is_valid_amount(add_entry.amount) and not ledger.is_distributed()
    and ledger.is_valid_key_and_metadata(add_entry.idempotency_key, add_entry.metadata) then
    -- A repeat changes nothing, so the copy comes last.
    select u.hold_changes into v_hold_changes
      from public.users u where u.id = add_entry.user_id for no key update;
    -- Then nothing is held, the user isn't frozen, and there is no limit.
    if v_hold_changes = 0 then
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, idempotency_key, metadata, held, hash)
      select add_entry.user_id, add_entry.action, l.amount, l.at, l.seq, l.balance, l.at,
             add_entry.idempotency_key, add_entry.metadata, 0.00,
             ledger.entry_hash(l.hash, add_entry.user_id, l.seq, add_entry.action, l.amount, l.at,
               l.balance, l.at, add_entry.idempotency_key, add_entry.metadata, 0.00, null, null,
               null, null)
        from (select h.seq + 1 as seq, h.balance + add_entry.change as balance, h.hash,
                     ledger.next_moment(h.sealed_at) as at, abs(add_entry.change) as amount
                from public.payment_history h where h.user_id = add_entry.user_id
               order by h.seq desc limit 1) l
       where l.seq is not null
         and ledger.funds_problem(add_entry.change, l.balance, 0.00, false)
           is null -- mutation: funds
      on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance, e.ts, false
        into v_entry;
      if found then
        update public.users u
           set seq = v_entry.seq, balance = v_entry.balance, updated_at = v_entry.ts
         where u.id = v_entry.user_id;
        return v_entry;
      end if;
    end if;
  end if;
  return ledger.post_change(add_entry.action, add_entry.user_id, add_entry.amount, null,
    add_entry.idempotency_key, add_entry.metadata);
end $$;

comment on function ledger.add_entry is
  'One DEBIT or CREDIT for people (change: the amount with its sign and two decimals), as post_change does it, in the shortest way where nothing is pending, the user has never had a hold, a limit or a freeze, and the funds suffice. Everything else, refusals and repeats included, is for post_change.';

revoke all on function ledger.add_entry from public;
-- end function

-- function: add_plain_entry
create or replace function ledger.add_plain_entry(
  action text, user_id bigint, amount numeric, change numeric)
  returns ledger.posted_entry
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_seq bigint;
  v_balance numeric;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_entry ledger.posted_entry;
begin
  -- Where users are on several servers, post_change is shorter: its statements are planned once.
  if ledger.is_valid_amount(add_plain_entry.amount) and not ledger.is_distributed() then
    -- Locks the user, and writes what its copy will be if the copy is right and nothing is in the
    -- way. Otherwise post_change sets it from the history, or raises, which takes this back.
    update public.users u
       set seq = u.seq + 1, balance = u.balance + add_plain_entry.change,
           updated_at = clock_timestamp()
     where u.id = add_plain_entry.user_id and u.seq < 9007199254740991
    returning u.seq, u.balance, u.hold_changes, u.frozen_at is not null
      into v_seq, v_balance, v_hold_changes, v_is_frozen;
    -- In the next statement, which has a snapshot from after the lock: behind the last entry, but
    -- not if one is pending, of which nulls come first in this order.
    insert into public.payment_history as e (user_id, action, amount, ts, seq, balance, sealed_at,
      held, hash)
    select add_plain_entry.user_id, add_plain_entry.action, l.amount, l.at, l.seq, l.balance, l.at,
           l.held,
           ledger.entry_hash(l.hash, add_plain_entry.user_id, l.seq, add_plain_entry.action,
             l.amount, l.at, l.balance, l.at, null, null, l.held, null, null, null, null)
      from (select h.seq + 1 as seq, h.balance + add_plain_entry.change as balance, h.hash,
                   ledger.next_moment(h.sealed_at) as at, abs(add_plain_entry.change) as amount,
                   case when v_hold_changes = 0 then 0.00
                     else ledger.held_now(add_plain_entry.user_id) end as held
              from public.payment_history h where h.user_id = add_plain_entry.user_id
             order by h.seq desc limit 1) l -- mutation: last
     where l.seq = v_seq and l.balance = v_balance -- mutation: copied
       and ledger.funds_problem(add_plain_entry.change, l.balance, l.held, v_is_frozen)
         is null -- mutation: funds
    returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false
      into v_entry;
    if found then return v_entry; end if;
  end if;
  return ledger.post_change(add_plain_entry.action, add_plain_entry.user_id,
    add_plain_entry.amount, null, null, null);
end $$;

comment on function ledger.add_plain_entry is
  'One DEBIT or CREDIT without a key and metadata for people (change: the amount with its sign and two decimals), as post_change does it, in the shortest way where nothing is pending, the copy in users is right and the funds suffice. Everything else, refusals included, is for post_change.';

revoke all on function ledger.add_plain_entry from public;
-- end function

-- function: credit_user
create or replace function public.credit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if credit_user.idempotency_key is null and credit_user.metadata is null then
    return ledger.add_plain_entry('CREDIT', credit_user.user_id, credit_user.amount,
      round(credit_user.amount, 2));
  end if;
  return ledger.add_entry('CREDIT', credit_user.user_id, credit_user.amount,
    round(credit_user.amount, 2), credit_user.idempotency_key, credit_user.metadata);
end $$;

comment on function public.credit_user is
  'Adds amount to user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first. Raises LGUSR, LGAMT, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function public.credit_user from public;
grant execute on function public.credit_user to ledger_dba;
-- end function

-- function: debit_user
create or replace function public.debit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if debit_user.idempotency_key is null and debit_user.metadata is null then
    return ledger.add_plain_entry('DEBIT', debit_user.user_id, debit_user.amount,
      -round(debit_user.amount, 2));
  end if;
  return ledger.add_entry('DEBIT', debit_user.user_id, debit_user.amount,
    -round(debit_user.amount, 2), debit_user.idempotency_key, debit_user.metadata);
end $$;

comment on function public.debit_user is
  'Takes amount from user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first. Raises LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function public.debit_user from public;
grant execute on function public.debit_user to ledger_dba;
-- end function

-- function: decide
create or replace function ledger.decide(
  operation text, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb,
  target ledger.target, account ledger.account, peer ledger.account)
  returns ledger.decision
  language plpgsql volatile as $$
declare
  v ledger.decision;
  f ledger.earlier;
  v_is_amount_valid boolean := ledger.is_valid_amount(decide.amount);
begin
  case decide.operation
    when 'DEBIT', 'CREDIT' then v.action := decide.operation;
    when 'TRANSFER', 'HOLD' then v.action := 'DEBIT';
    when 'CAPTURE', 'CAPTURE PART', 'REVERSE' then
      v.action := target.action; v.amount := round(target.amount, 2); v.hold := target.hold;
      v.reverses := target.reverses;
      v_is_amount_valid := v_is_amount_valid or decide.amount is null;
    when 'RELEASE', 'EXTEND' then
      v.amount := target.amount; v.hold := target.hold;
      v_is_amount_valid := true;
    -- Null only posts what is pending. Any other unknown operation is refused as invalid.
    else v_is_amount_valid := decide.operation is null;
  end case;
  if v.amount is null and v_is_amount_valid then
    -- With two decimals, as the column stores them, because the hashes of 1 and 1.00 differ.
    v.amount := round(decide.amount, 2);
  end if;
  v.change := ledger.change_of(v.action, v.amount);
  -- What the hold reserves is available for its capture.
  v.held := account.held - case when target.problem is null then coalesce(target.held, 0) else 0 end;

  v.replayed := false;
  if decide.idempotency_key is not null then
    f := ledger.find_key(account.user_id, decide.idempotency_key, account.hold_changes > 0);
    v.earlier_seq := f.seq;
    if f.number is not null then
      v.replayed := ledger.is_hold_replay(f, decide.operation, v.hold, v.amount,
        decide.expires_in, decide.metadata);
      v.hold := f.hold;
      v.earlier_number := f.number;
    elsif f.seq is not null then
      v.replayed := decide.operation not in ('HOLD', 'RELEASE', 'EXTEND')
        and ledger.is_replay(f.action, f.amount, f.hold, f.reverses, f.peer_user_id, f.metadata,
          v.action, case when target.action is null then v.amount
            when ledger.is_same_part(decide.operation, account.user_id, decide.amount, f)
              then f.amount end,
          v.hold, v.reverses, peer.user_id, decide.metadata);
    end if;
  end if;
  v.problem := ledger.first_problem(
    request => ledger.request_problem(v_is_amount_valid, decide.idempotency_key, decide.metadata,
      ledger.is_valid_expiry(decide.expires_in),
      decide.operation = 'TRANSFER' and peer.user_id = account.user_id),
    users => ledger.users_problem(account.problem, peer.problem),
    key => case when not v.replayed and num_nonnulls(f.seq, f.number) > 0 then 'LGKEY' end,
    target => case when not v.replayed then target.problem end,
    funds => case when not v.replayed then coalesce( -- mutation: funds
      ledger.funds_problem(v.change, account.balance + v.change, v.held, account.is_frozen),
      ledger.funds_problem(-v.change, peer.balance - v.change, peer.held, peer.is_frozen),
      -- Who has had fewer changes of holds has fewer holds.
      case when decide.operation = 'HOLD' and account.hold_changes >= 10000
        and ledger.has_most_holds(account.user_id) then 'LGMAX' end) end);
  v.replayed := v.replayed and v.problem is null;
  return v;
end $$;

comment on function ledger.decide is
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: earlier_seq is the entry, or hold and earlier_number the change of a hold). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action, amount and change of the entry of account, hold and reverses of that, and what will be held.';

revoke all on function ledger.decide from public;
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
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', '811cff0bfc83b05a'),
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
    ('function ledger.guard_history()', '25eb1d69d1ec3cc8'),
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
    ('function ledger.reversal_problem(public.payment_history,bigint)', '3e948cc753060f73'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.schema_of_shard(bigint)', '148a17fbf4f0de04'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', '10961a92208f6258'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', 'a5b90991d2702faf'),
    ('function ledger.verify_details(bigint,bigint)', '04564a2b548fb2a0'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', 'ebcfd978d46589bd'),
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

-- function: get_constraint_guards
create or replace function ledger.get_constraint_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set intervalstyle = 'postgres' set quote_all_identifiers = off as $$
  with guarded as (select g.oid, g.name as relname from ledger.guarded_relations() g)
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

comment on function ledger.get_constraint_guards is
  'What get_guards says of constraints, indexes and triggers.';

revoke all on function ledger.get_constraint_guards from public;
grant execute on function ledger.get_constraint_guards to ledger_dba;
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
  select c.object, c.definition from ledger.get_constraint_guards() c
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
    select g.oid, g.kind, g.name as relname, c.relpersistence, c.relrowsecurity, c.relkind,
           c.relacl, c.relowner, c.reloptions
      from ledger.guarded_relations() g join pg_class c on c.oid = g.oid)
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
  -- Who may do more than read, but for the owner and who may do everything anyway, and for the ids
  -- that Citus gives manual entries; and what the service, the DBAs and everybody may read.
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
               or r.rolname in ('ledger_service', 'ledger_dba'))
              and not (ledger.is_distributed() and (g.relname, x.privilege_type, x.attname,
                r.rolname) = ('payment_history', 'INSERT', 'id', 'ledger_dba')))
    from guarded g
$$;

comment on function ledger.get_relation_guards is
  'What get_guards says of tables, views and sequences, and of who may write to them.';

revoke all on function ledger.get_relation_guards from public;
grant execute on function ledger.get_relation_guards to ledger_dba;
-- end function

-- function: guarded_relations
create or replace function ledger.guarded_relations()
  returns table (oid oid, kind text, name text)
  language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.oid, case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' else 'table ' end,
         case n.nspname when 'ledger' then 'ledger.' else '' end || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('public', 'ledger') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     and c.relname <> 'schema_migrations'
     -- Not what belongs to an extension.
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                        and d.objid = c.oid and d.deptype = 'e')
$$;

comment on function ledger.guarded_relations is
  'The tables, views and sequences of the schemas public and ledger that get_guards is about: of what kind they are, and their name there.';

revoke all on function ledger.guarded_relations from public;
grant execute on function ledger.guarded_relations to ledger_dba;
-- end function

-- function: reversal_problem
create or replace function ledger.reversal_problem(
  entry public.payment_history, peer_reverses bigint)
  returns text
  language plpgsql stable as $$
declare
  v public.payment_history := reversal_problem.entry;
  v_reversed public.payment_history;
begin
  if v.reverses is null then return null; end if;
  select p.* into v_reversed from public.payment_history p
   where p.user_id = v.user_id and p.seq = v.reverses;
  if v_reversed.seq is null then return 'missing'; end if;
  if v.reverses >= v.seq or (v_reversed.action <> v.action, v_reversed.peer_user_id,
      v_reversed.peer_seq, (
        select sum(r.amount) <= v_reversed.amount from public.payment_history r
         where r.user_id = v.user_id and r.reverses = v.reverses and r.seq <= v.seq))
    is distinct from (true, v.peer_user_id, reversal_problem.peer_reverses, true) then
    return 'not what it reverses';
  end if;
  return null;
end $$;

comment on function ledger.reversal_problem is
  'What is wrong with the entry that an entry reverses, in words, or null: it is missing, or is no opposite of it, or less was left of it, or the other half of its transfer is not what the other half of this one reverses (peer_reverses). Internal.';

revoke all on function ledger.reversal_problem from public;
-- end function

-- function: shard_functions
create or replace function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  -- Those that read or write tables of one user, or call such ones.
  v_names text[] := array['absent_account', 'add_entry', 'add_hold', 'add_plain_entry',
    'close_hold', 'copy_accounts', 'decide', 'find_key', 'first_change', 'get_shard_users',
    'get_users', 'has_most_holds', 'held_now', 'insert_entries', 'is_same_part', 'load_target',
    'lock_account', 'lock_accounts', 'open_account', 'outcome_of', 'post', 'post_change',
    'post_hold', 'post_pending', 'replay_entry', 'users_of', 'write_change', 'write_changes'];
  -- Those for people that calls_in_shards is about.
  v_public_names text[] := array['capture_hold', 'credit_user', 'debit_user', 'place_hold',
    'release_hold'];
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
    if name = any (v_public_names) then
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
    definition := replace(definition, 'ledger.is_distributed()',
      case when name in ('get_shard_users', 'lock_accounts')
        then format('ledger.leaves_shard(%s, %s.user_ids)', shard_functions.shard_id, name)
        else 'false' end);
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
    caller := case when name in ('get_shard_users', 'post') then 'ledger_service' end;
    return next;
  end loop;
end $$;

comment on function ledger.shard_functions is
  'The functions of a shard of users, of which the service calls some on the server of the shard (caller): the same as in the schema ledger, but in a schema of the shard, and on the tables of the shard themselves, where Citus has nothing to plan. Writes, in lock_accounts, and reads, in get_shard_users, refuse what isn''t of the shard: see leaves_shard.';

revoke all on function ledger.shard_functions from public;
-- end function

-- function: verify_entry
create or replace function ledger.verify_entry(entry payment_history)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.payment_history := verify_entry.entry;
  v_last public.payment_history;
  v_peer public.payment_history;
  v_problem text;
  v_signed numeric := ledger.change_of(v.action, v.amount);
begin
  select p.* into v_last from public.payment_history p
   where p.user_id = v.user_id and p.seq < v.seq order by p.seq desc limit 1;
  if v.seq <> coalesce(v_last.seq, 0) + 1 then
    return next row('gap', v.user_id, v.seq,
      format('The entry before it is %s.', coalesce(v_last.seq, 0)))::ledger.finding;
  end if;
  if exists (select from public.payment_history p where p.user_id = v.user_id and p.seq = v.seq
               and p.id <> v.id) then
    return next row('row_copied', v.user_id, v.seq, 'Another row has the same seq.')::ledger.finding;
  end if;
  if not coalesce(ledger.is_hash_of(v_last.hash, v), false) then
    return next row(ledger.entry_change(v), v.user_id, v.seq,
      'The hash is not that of this row after the one before.')::ledger.finding;
  -- A manual entry says itself when it happened; other entries happened when they were posted.
  elsif v.ts <> v.sealed_at and not exists (select from public.manual_entries m
      where m.user_id = v.user_id and m.seq = v.seq) then
    return next row('manual_entry_invalid', v.user_id, v.seq,
      'Nothing says who entered it.')::ledger.finding;
  end if;
  if not ledger.is_valid_amount(v.amount) or v_signed is null then
    return next row('entry_invalid', v.user_id, v.seq,
      format('%s %s is no entry.', v.action, v.amount))::ledger.finding;
  end if;
  if v.balance is distinct from coalesce(v_last.balance, 0) + v_signed then
    return next row('balance_wrong', v.user_id, v.seq, format('Balance is %s, should be %s.',
      v.balance, coalesce(v_last.balance, 0) + v_signed))::ledger.finding;
  end if;
  -- Version 1 of the encoding let two entries have the same moment.
  if v.sealed_at < v_last.sealed_at or v.sealed_at = v_last.sealed_at
    and v.hash <> ledger.entry_hash_1(v_last.hash, v.user_id, v.seq, v.action, v.amount, v.ts,
      v.balance, v.sealed_at, v.idempotency_key, v.metadata, v.held, v.hold, v.reverses,
      v.peer_user_id, v.peer_seq) then
    return next row('sealed_at_goes_back', v.user_id, v.seq,
      format('Not posted after entry %s.', v_last.seq))::ledger.finding;
  end if;
  select p.* into v_peer from public.payment_history p
   where p.user_id = v.peer_user_id and p.seq = v.peer_seq;
  if v.peer_user_id is not null and (v_peer.peer_user_id, v_peer.peer_seq, v_peer.amount,
      v_peer.action <> v.action, (v_peer.reverses is null) = (v.reverses is null))
    is distinct from (v.user_id, v.seq, v.amount, true, true) then
    return next row('transfer_unmatched', v.user_id, v.seq, format('Entry %s of user %s is %s.',
      v.peer_seq, v.peer_user_id,
      case when v_peer.seq is null then 'missing' else 'not its other half' end))::ledger.finding;
  end if;
  v_problem := ledger.reversal_problem(v, v_peer.reverses);
  if v_problem is not null then
    return next row('reversal_unmatched', v.user_id, v.seq,
      format('Entry %s is %s.', v.reverses, v_problem))::ledger.finding;
  end if;
  if v.hold is not null and (v.action <> 'DEBIT' or not exists (select from public.hold_changes c
      where c.user_id = v.user_id and c.hold = v.hold and c.action = 'captured'
        and c.seq = v.seq and c.amount = v.amount)) then
    return next row('hold_invalid', v.user_id, v.seq,
      format('Hold %s was not captured by it.', v.hold))::ledger.finding;
  end if;
end $$;

comment on function ledger.verify_entry is
  'The findings about one posted row: against the row before it, who entered it, the other half of its transfer, the entry that it reverses, and its hold. Internal.';

revoke all on function ledger.verify_entry from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: verify_entry
create or replace function ledger.verify_entry(entry payment_history)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.payment_history := verify_entry.entry;
  v_last public.payment_history;
  v_peer public.payment_history;
  v_reversed public.payment_history;
  v_signed numeric := ledger.change_of(v.action, v.amount);
begin
  select p.* into v_last from public.payment_history p
   where p.user_id = v.user_id and p.seq < v.seq order by p.seq desc limit 1;
  if v.seq <> coalesce(v_last.seq, 0) + 1 then
    return next row('gap', v.user_id, v.seq,
      format('The entry before it is %s.', coalesce(v_last.seq, 0)))::ledger.finding;
  end if;
  if exists (select from public.payment_history p where p.user_id = v.user_id and p.seq = v.seq
               and p.id <> v.id) then
    return next row('row_copied', v.user_id, v.seq, 'Another row has the same seq.')::ledger.finding;
  end if;
  if not coalesce(ledger.is_hash_of(v_last.hash, v), false) then
    return next row(ledger.entry_change(v), v.user_id, v.seq,
      'The hash is not that of this row after the one before.')::ledger.finding;
  -- A manual entry says itself when it happened; other entries happened when they were posted.
  elsif v.ts <> v.sealed_at and not exists (select from public.manual_entries m
      where m.user_id = v.user_id and m.seq = v.seq) then
    return next row('manual_entry_invalid', v.user_id, v.seq,
      'Nothing says who entered it.')::ledger.finding;
  end if;
  if not ledger.is_valid_amount(v.amount) or v_signed is null then
    return next row('entry_invalid', v.user_id, v.seq,
      format('%s %s is no entry.', v.action, v.amount))::ledger.finding;
  end if;
  if v.balance is distinct from coalesce(v_last.balance, 0) + v_signed then
    return next row('balance_wrong', v.user_id, v.seq, format('Balance is %s, should be %s.',
      v.balance, coalesce(v_last.balance, 0) + v_signed))::ledger.finding;
  end if;
  -- Version 1 of the encoding let two entries have the same moment.
  if v.sealed_at < v_last.sealed_at or v.sealed_at = v_last.sealed_at
    and v.hash <> ledger.entry_hash_1(v_last.hash, v.user_id, v.seq, v.action, v.amount, v.ts,
      v.balance, v.sealed_at, v.idempotency_key, v.metadata, v.held, v.hold, v.reverses,
      v.peer_user_id, v.peer_seq) then
    return next row('sealed_at_goes_back', v.user_id, v.seq,
      format('Not posted after entry %s.', v_last.seq))::ledger.finding;
  end if;
  select p.* into v_peer from public.payment_history p
   where p.user_id = v.peer_user_id and p.seq = v.peer_seq;
  if v.peer_user_id is not null and (v_peer.peer_user_id, v_peer.peer_seq, v_peer.amount,
      v_peer.action <> v.action, (v_peer.reverses is null) = (v.reverses is null))
    is distinct from (v.user_id, v.seq, v.amount, true, true) then
    return next row('transfer_unmatched', v.user_id, v.seq, format('Entry %s of user %s is %s.',
      v.peer_seq, v.peer_user_id,
      case when v_peer.seq is null then 'missing' else 'not its other half' end))::ledger.finding;
  end if;
  if v.reverses is not null then
    select p.* into v_reversed from public.payment_history p
     where p.user_id = v.user_id and p.seq = v.reverses;
    if v.reverses >= v.seq or (v_reversed.action <> v.action, v_reversed.peer_user_id,
        v_reversed.peer_seq, (
          select sum(r.amount) <= v_reversed.amount from public.payment_history r
           where r.user_id = v.user_id and r.reverses = v.reverses and r.seq <= v.seq))
      is distinct from (true, v.peer_user_id, v_peer.reverses, true) then
      return next row('reversal_unmatched', v.user_id, v.seq, format('Entry %s is %s.', v.reverses,
        case when v_reversed.seq is null then 'missing' else 'not what it reverses' end))::ledger.finding;
    end if;
  end if;
  if v.hold is not null and (v.action <> 'DEBIT' or not exists (select from public.hold_changes c
      where c.user_id = v.user_id and c.hold = v.hold and c.action = 'captured'
        and c.seq = v.seq and c.amount = v.amount)) then
    return next row('hold_invalid', v.user_id, v.seq,
      format('Hold %s was not captured by it.', v.hold))::ledger.finding;
  end if;
end $$;

comment on function ledger.verify_entry is
  'The findings about one posted row: against the row before it, who entered it, the other half of its transfer, the entry that it reverses, and its hold. Internal.';

revoke all on function ledger.verify_entry from public;
-- end function

-- function: shard_functions
create or replace function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  -- Those that read or write tables of one user, or call such ones.
  v_names text[] := array['absent_account', 'add_entry', 'add_hold', 'close_hold', 'copy_accounts',
    'decide', 'find_key', 'first_change', 'get_shard_users', 'get_users', 'has_most_holds',
    'held_now', 'insert_entries', 'is_same_part', 'load_target', 'lock_account', 'lock_accounts',
    'open_account', 'outcome_of', 'post', 'post_change', 'post_hold', 'post_pending',
    'replay_entry', 'users_of', 'write_change', 'write_changes'];
  -- Those for people that calls_in_shards is about.
  v_public_names text[] := array['capture_hold', 'credit_user', 'debit_user', 'place_hold',
    'release_hold'];
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
    if name = any (v_public_names) then
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
    definition := replace(definition, 'ledger.is_distributed()',
      case when name in ('get_shard_users', 'lock_accounts')
        then format('ledger.leaves_shard(%s, %s.user_ids)', shard_functions.shard_id, name)
        else 'false' end);
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
    caller := case when name in ('get_shard_users', 'post') then 'ledger_service' end;
    return next;
  end loop;
end $$;

comment on function ledger.shard_functions is
  'The functions of a shard of users, of which the service calls some on the server of the shard (caller): the same as in the schema ledger, but in a schema of the shard, and on the tables of the shard themselves, where Citus has nothing to plan. Writes, in lock_accounts, and reads, in get_shard_users, refuse what isn''t of the shard: see leaves_shard.';

revoke all on function ledger.shard_functions from public;
-- end function

drop function ledger.reversal_problem(entry public.payment_history, peer_reverses bigint);

drop function ledger.guarded_relations();

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
  -- Who may do more than read, but for the owner and who may do everything anyway, and for the ids
  -- that Citus gives manual entries; and what the service, the DBAs and everybody may read.
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
               or r.rolname in ('ledger_service', 'ledger_dba'))
              and not (ledger.is_distributed() and (g.relname, x.privilege_type, x.attname,
                r.rolname) = ('payment_history', 'INSERT', 'id', 'ledger_dba')))
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

drop function ledger.get_constraint_guards();

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

-- function: decide
create or replace function ledger.decide(
  operation text, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb,
  target ledger.target, account ledger.account, peer ledger.account)
  returns ledger.decision
  language plpgsql volatile as $$
declare
  v ledger.decision;
  f ledger.earlier;
  v_key text;
  v_funds text;
  v_is_amount_valid boolean := ledger.is_valid_amount(decide.amount);
begin
  case decide.operation
    when 'DEBIT', 'CREDIT' then v.action := decide.operation;
    when 'TRANSFER', 'HOLD' then v.action := 'DEBIT';
    when 'CAPTURE', 'CAPTURE PART', 'REVERSE' then
      v.action := target.action; v.amount := round(target.amount, 2); v.hold := target.hold;
      v.reverses := target.reverses;
      v_is_amount_valid := v_is_amount_valid or decide.amount is null;
    when 'RELEASE', 'EXTEND' then
      v.amount := target.amount; v.hold := target.hold;
      v_is_amount_valid := true;
    -- Null only posts what is pending. Any other unknown operation is refused as invalid.
    else v_is_amount_valid := decide.operation is null;
  end case;
  if v.amount is null and v_is_amount_valid then
    -- With two decimals, as the column stores them, because the hashes of 1 and 1.00 differ.
    v.amount := round(decide.amount, 2);
  end if;
  v.change := ledger.change_of(v.action, v.amount);
  v.held := account.held;
  if target.held is not null and target.problem is null then
    -- What the hold reserves is available for its capture.
    v.held := account.held - target.held;
  end if;

  v.replayed := false;
  if decide.idempotency_key is not null then
    f := ledger.find_key(account.user_id, decide.idempotency_key, account.hold_changes > 0);
    v.earlier_seq := f.seq;
    if f.number is not null then
      v.replayed := ledger.is_hold_replay(f, decide.operation, v.hold, v.amount,
        decide.expires_in, decide.metadata);
      v.hold := f.hold;
      v.earlier_number := f.number;
    elsif f.seq is not null then
      v.replayed := decide.operation not in ('HOLD', 'RELEASE', 'EXTEND')
        and ledger.is_replay(f.action, f.amount, f.hold, f.reverses, f.peer_user_id, f.metadata,
          v.action, case when target.action is null then v.amount
            when ledger.is_same_part(decide.operation, account.user_id, decide.amount, f)
              then f.amount end,
          v.hold, v.reverses, peer.user_id, decide.metadata);
    end if;
    if not v.replayed and num_nonnulls(f.seq, f.number) > 0 then
      v_key := 'LGKEY';
    end if;
  end if;
  if not v.replayed then -- mutation: funds
    v_funds := coalesce(
      ledger.funds_problem(v.change, account.balance + v.change, v.held, account.is_frozen),
      ledger.funds_problem(-v.change, peer.balance - v.change, peer.held, peer.is_frozen),
      -- Who has had fewer changes of holds has fewer holds.
      case when decide.operation = 'HOLD' and account.hold_changes >= 10000
        and ledger.has_most_holds(account.user_id) then 'LGMAX' end);
  end if;

  v.problem := ledger.first_problem(
    request => ledger.request_problem(v_is_amount_valid, decide.idempotency_key, decide.metadata,
      ledger.is_valid_expiry(decide.expires_in),
      decide.operation = 'TRANSFER' and peer.user_id = account.user_id),
    users => ledger.users_problem(account.problem, peer.problem),
    key => v_key,
    target => case when not v.replayed then target.problem end,
    funds => v_funds);
  v.replayed := v.replayed and v.problem is null;
  return v;
end $$;

comment on function ledger.decide is
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: earlier_seq is the entry, or hold and earlier_number the change of a hold). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action, amount and change of the entry of account, hold and reverses of that, and what will be held.';

revoke all on function ledger.decide from public;
-- end function

-- function: debit_user
create or replace function public.debit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return ledger.add_entry('DEBIT', debit_user.user_id, debit_user.amount,
    -round(debit_user.amount, 2), debit_user.idempotency_key, debit_user.metadata);
end $$;

comment on function public.debit_user is
  'Takes amount from user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first. Raises LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function public.debit_user from public;
grant execute on function public.debit_user to ledger_dba;
-- end function

-- function: credit_user
create or replace function public.credit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return ledger.add_entry('CREDIT', credit_user.user_id, credit_user.amount,
    round(credit_user.amount, 2), credit_user.idempotency_key, credit_user.metadata);
end $$;

comment on function public.credit_user is
  'Adds amount to user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first. Raises LGUSR, LGAMT, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function public.credit_user from public;
grant execute on function public.credit_user to ledger_dba;
-- end function

drop function ledger.add_plain_entry(action text, user_id bigint, amount numeric, change numeric);

-- function: add_entry
create or replace function ledger.add_entry(
  action text, user_id bigint, amount numeric, change numeric, idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_seq bigint;
  v_balance numeric;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_entry ledger.posted_entry;
begin
  -- Where users are on several servers, post_change is shorter: its statements are planned once.
  if not ledger.is_valid_amount(add_entry.amount) or ledger.is_distributed() then
    null;
  elsif add_entry.idempotency_key is null and add_entry.metadata is null then
    -- Locks the user, and writes what its copy will be if the copy is right and nothing is in the
    -- way. Otherwise post_change sets it from the history, or raises, which takes this back.
    update public.users u
       set seq = u.seq + 1, balance = u.balance + add_entry.change, updated_at = clock_timestamp()
     where u.id = add_entry.user_id and u.seq < 9007199254740991
    returning u.seq, u.balance, u.hold_changes, u.frozen_at is not null
      into v_seq, v_balance, v_hold_changes, v_is_frozen;
    -- In the next statement, which has a snapshot from after the lock: behind the last entry, but
    -- not if one is pending, of which nulls come first in this order.
    insert into public.payment_history as e (user_id, action, amount, ts, seq, balance, sealed_at,
      held, hash)
    select add_entry.user_id, add_entry.action, l.amount, l.at, l.seq, l.balance, l.at, l.held,
           ledger.entry_hash(l.hash, add_entry.user_id, l.seq, add_entry.action, l.amount, l.at,
             l.balance, l.at, null, null, l.held, null, null, null, null)
      from (select h.seq + 1 as seq, h.balance + add_entry.change as balance, h.hash,
                   ledger.next_moment(h.sealed_at) as at, abs(add_entry.change) as amount,
                   case when v_hold_changes = 0 then 0.00
                     else ledger.held_now(add_entry.user_id) end as held
              from public.payment_history h where h.user_id = add_entry.user_id
             order by h.seq desc limit 1) l -- mutation: last
     where l.seq = v_seq and l.balance = v_balance -- mutation: copied
       and ledger.funds_problem(add_entry.change, l.balance, l.held, v_is_frozen)
         is null -- mutation: funds
    returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false
      into v_entry;
    if found then return v_entry; end if;
  elsif ledger.is_valid_key_and_metadata(add_entry.idempotency_key, add_entry.metadata) then
    -- A repeat changes nothing, so the copy comes last.
    select u.hold_changes into v_hold_changes
      from public.users u where u.id = add_entry.user_id for no key update;
    -- Then nothing is held, the user isn't frozen, and there is no limit.
    if v_hold_changes = 0 then
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, idempotency_key, metadata, held, hash)
      select add_entry.user_id, add_entry.action, l.amount, l.at, l.seq, l.balance, l.at,
             add_entry.idempotency_key, add_entry.metadata, 0.00,
             ledger.entry_hash(l.hash, add_entry.user_id, l.seq, add_entry.action, l.amount, l.at,
               l.balance, l.at, add_entry.idempotency_key, add_entry.metadata, 0.00, null, null,
               null, null)
        from (select h.seq + 1 as seq, h.balance + add_entry.change as balance, h.hash,
                     ledger.next_moment(h.sealed_at) as at, abs(add_entry.change) as amount
                from public.payment_history h where h.user_id = add_entry.user_id
               order by h.seq desc limit 1) l
       where l.seq is not null
         and ledger.funds_problem(add_entry.change, l.balance, 0.00, false)
           is null -- mutation: key funds
      on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance, e.ts, false
        into v_entry;
      if found then
        update public.users u
           set seq = v_entry.seq, balance = v_entry.balance, updated_at = v_entry.ts
         where u.id = v_entry.user_id;
        return v_entry;
      end if;
    end if;
  end if;
  return ledger.post_change(add_entry.action, add_entry.user_id, add_entry.amount, null,
    add_entry.idempotency_key, add_entry.metadata);
end $$;

comment on function ledger.add_entry is
  'One DEBIT or CREDIT for people (change: the amount with its sign and two decimals), as post_change does it, in the shortest way where nothing is pending, the copy in users is right and the funds suffice. Everything else, refusals and repeats included, is for post_change.';

revoke all on function ledger.add_entry from public;
-- end function
