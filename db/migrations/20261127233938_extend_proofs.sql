-- migrate:up

-- by hand
-- By their bytes, whatever the collation of the database, so that those with a prefix are a range.
-- Of a ledger that is distributed; elsewhere nobody reads it.
set local citus.multi_shard_modify_mode = 'sequential';
-- In a block, since Citus sends the workers the whole text in which such a statement stands.
do $$
begin
  drop index public.payment_history_user_id_idempotency_key_key;
  create unique index payment_history_user_id_idempotency_key_key
    on public.payment_history (user_id, idempotency_key text_pattern_ops)
    where idempotency_key is not null;
  drop index public.hold_changes_user_id_idempotency_key_key;
  create unique index hold_changes_user_id_idempotency_key_key
    on public.hold_changes (user_id, idempotency_key text_pattern_ops)
    where idempotency_key is not null;
end $$;

create sequence ledger.cache_paused_at;
comment on sequence ledger.cache_paused_at is
  'When pause_cache was called last, in milliseconds since 1970.';
-- end by hand

set local check_function_bodies = off;

-- function: account_after
create or replace function ledger.account_after(
  account ledger.account, change public.hold_changes)
  returns ledger.account
  language sql stable as $$
  select row((account).user_id, (account).problem, (account).seq, (account).balance,
    (change).balance - (change).available, -- mutation: reserve
    (account).posted_at, (account).hash, (account).hold_changes + 1,
    least((account).next_expiry, nullif((change).expires_at, 'infinity')),
    greatest((change).at, (account).updated_at, (account).posted_at),
    (account).is_frozen)::ledger.account
$$;

comment on function ledger.account_after is
  'An account after a change of a hold, without the entry that this may make. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.account_after from public;
-- end function

-- function: account_at
create or replace function ledger.account_at(account ledger.account, user_id bigint)
  returns ledger.account
  language sql volatile as $$
  select case when (account).user_id = user_id then account
    else ledger.absent_account(user_id) end
$$;

comment on function ledger.account_at is
  'An account, if it is that of user_id; otherwise the user is none of those that are locked: see absent_account. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.account_at from public;
-- end function

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

-- function: calls_in_shards
create or replace function ledger.calls_in_shards()
  returns table (object text, code text, definition text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_first text := E'  -- Calls in shards.\n';
  v_last text := E'  -- End of the calls in shards.\n';
  v record;
begin
  -- Whoever replaced is_distributed() is found by verify_shards.
  if not ledger.is_distributed() or to_regclass('pg_catalog.pg_dist_shard') is null then
    return;
  end if;
  for v in
    select p.oid, p.proname, (
             select string_agg(format('%s.%s', p.proname, a.name), ', ' order by a.n)
               from unnest(p.proargnames) with ordinality a (name, n)) as arguments
      from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.proname in (
             'capture_hold', 'credit_user', 'debit_user', 'place_hold', 'release_hold')
        or p.pronamespace = 'ledger'::regnamespace and p.proname in (
             'lock_half', 'post_half', 'write_half')
  loop
    object := 'function ' || v.oid::regprocedure;
    select v_first || E'  if starts_with(current_setting(''application_name''), '
             || E'''citus_internal'') then\n'
             || ledger.choose_by_hash(format('hashint8(%s.user_id)', v.proname),
               array_agg(s.shardmaxvalue::integer order by s.shardmaxvalue::integer),
               array_agg(format(
                 E'if ledger.keeps_shard(%s) then return ledger_%1$s.%s(%s); end if;\n',
                 s.shardid, v.proname, v.arguments) order by s.shardmaxvalue::integer))
             || E'  end if;\n' || v_last
      into code
      from pg_dist_shard s where s.logicalrelid = 'public.users'::regclass;
    definition := regexp_replace(
      regexp_replace(pg_get_functiondef(v.oid), v_first || '.*' || v_last, ''),
      E'\nbegin\n', format(E'\nbegin\n%s', code));
    return next;
  end loop;
end $$;

comment on function ledger.calls_in_shards is
  'Functions that the coordinator has the server of a user call, and which work there as on one server: with the functions of the user''s shard (see shard_functions). The code for that, which npm run distribute puts at the beginning of each, and its definition with it. None where all users are on one server.';

revoke all on function ledger.calls_in_shards from public;
-- end function

-- function: change_of_hold
create or replace function ledger.change_of_hold(
  operation text, account ledger.account, target ledger.target, amount numeric,
  expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language sql volatile as $$
  select case when operation = 'HOLD'
    then ledger.first_change(account, amount, expires_in, idempotency_key, metadata)
    else ledger.later_change(operation, account, target, amount, expires_in, idempotency_key,
      metadata) end
$$;

comment on function ledger.change_of_hold is
  'The change that an operation makes of the hold that it places or names: see first_change, later_change. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.change_of_hold from public;
-- end function

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

-- function: choose_by_hash
create or replace function ledger.choose_by_hash(
  hash text, last_hashes integer[], statements text[])
  returns text
  language plpgsql immutable as $$
declare
  v_half integer := cardinality(choose_by_hash.statements) / 2;
begin
  if v_half = 0 then return choose_by_hash.statements[1]; end if;
  return format(E'if %s <= %s then\n%selse\n%send if;\n', choose_by_hash.hash,
    choose_by_hash.last_hashes[v_half],
    ledger.choose_by_hash(choose_by_hash.hash, choose_by_hash.last_hashes[:v_half],
      choose_by_hash.statements[:v_half]),
    ledger.choose_by_hash(choose_by_hash.hash, choose_by_hash.last_hashes[v_half + 1:],
      choose_by_hash.statements[v_half + 1:]));
end $$;

comment on function ledger.choose_by_hash is
  'Code in PL/pgSQL that does one of the statements: the first whose last hash, in ascending order, is not less than hash (an expression), and the last of them otherwise. It halves them, because each comparison costs.';

revoke all on function ledger.choose_by_hash from public;
-- end function

-- function: commit_in_two_phases
create or replace function ledger.commit_in_two_phases()
  returns void
  language plpgsql volatile as $$
begin
  perform set_config('citus.multi_shard_modify_mode', 'sequential', true),
    -- It changes nothing, so nobody has to wait for it.
    set_config('citus.all_modifications_commutative', 'on', true);
  -- No user has such an id: this looks at the index of each shard.
  update public.users u set updated_at = u.updated_at where u.id < 1;
end $$;

comment on function ledger.commit_in_two_phases is
  'Makes the transaction one over all servers of a distributed ledger. Citus commits in two phases only what several servers had to do: with one, what the coordinator alone keeps could be lost in a crash, after the server has committed.';

revoke all on function ledger.commit_in_two_phases from public;
-- end function

-- function: create_user
create or replace function public.create_user(
  user_id bigint default null, reference text default null, metadata jsonb default null,
  idempotency_key text default null)
  returns ledger.created_user
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.created_user;
  v_at timestamptz;
begin
  if not ledger.is_valid_key_and_metadata(create_user.idempotency_key, create_user.metadata)
    or not ledger.is_valid_reference(create_user.reference) then
    perform ledger.raise_status('22023', null);
  end if;
  -- Another call that creates the same user at the same time is waited for; the next try finds its
  -- user.
  for v_try in 1 .. 3 loop
    v := ledger.find_created_user(create_user.user_id, create_user.reference,
      create_user.metadata, create_user.idempotency_key);
    if v.id is not null then return v; end if;
    -- In this order: an anchor waits for every transaction that had its number by then.
    perform pg_current_xact_id();
    v_at := clock_timestamp();
    begin
      -- References and keys are on the coordinator alone.
      if ledger.is_distributed()
        and num_nonnulls(create_user.reference, create_user.idempotency_key) > 0 then
        perform ledger.commit_in_two_phases();
      end if;
      v.id := ledger.insert_user(create_user.user_id, v_at);
      if num_nonnulls(create_user.reference, create_user.metadata,
          create_user.idempotency_key) > 0 then
        insert into public.user_details (user_id, reference, metadata, idempotency_key, asked_id,
          hash)
        values (v.id, create_user.reference, create_user.metadata, create_user.idempotency_key,
          create_user.user_id, ledger.details_hash(v.id, v_at, create_user.reference,
            create_user.metadata, create_user.idempotency_key, create_user.user_id));
      end if;
      if create_user.idempotency_key is not null then
        insert into public.user_keys (idempotency_key, user_id)
          values (create_user.idempotency_key, v.id);
      end if;
      if create_user.reference is not null then
        insert into public.user_references (reference, user_id)
          values (create_user.reference, v.id);
      end if;
      return (v.id, true, false, v_at, create_user.reference, create_user.metadata
        )::ledger.created_user;
    exception when unique_violation then null;
    end;
  end loop;
  raise exception using errcode = '40001', message = 'another transaction makes the same user',
    hint = 'Repeat it.';
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one; reference: the caller''s own name for it, of one user only. Once per idempotency_key (replayed), reference and id: what exists already is answered with created = false. Raises LGKEY if that was made as something else, 22023 for a malformed key, reference or metadata, 23514 for an id out of range, 40001.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
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
  if v.replayed or decide.operation = 'HOLD' then v.action := null; end if;
  return v;
end $$;

comment on function ledger.decide is
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: earlier_seq is the entry, or hold and earlier_number the change of a hold). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action (null: it makes no entry), amount and change of the entry of account, hold and reverses of that, and what will be held.';

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

-- function: find_keys
create or replace function ledger.find_keys(
  user_id bigint, prefix text, max_rows integer default 10000)
  returns setof text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- The first text, by its bytes, behind all that begin with the prefix.
  v_end text := left(find_keys.prefix, -1) || chr(ascii(right(find_keys.prefix, 1)) + 1);
begin
  return query
    select substr(x.key, length(find_keys.prefix) + 1)
      from (
        (select h.idempotency_key from public.payment_history h
          where h.user_id = find_keys.user_id
            and h.idempotency_key ~>=~ find_keys.prefix and h.idempotency_key ~<~ v_end
          order by h.idempotency_key using ~<~ limit find_keys.max_rows)
        union all
        (select c.idempotency_key from public.hold_changes c
          where c.user_id = find_keys.user_id
            and c.idempotency_key ~>=~ find_keys.prefix and c.idempotency_key ~<~ v_end
          order by c.idempotency_key using ~<~ limit find_keys.max_rows)) x (key)
     order by x.key using ~<~ limit find_keys.max_rows;
end $$;

comment on function ledger.find_keys is
  'The first max_rows idempotency keys of a user that begin with prefix (1 character or more), of entries and of changes of holds, in the order of their bytes; of each, what stands behind the prefix.';

revoke all on function ledger.find_keys from public;
grant execute on function ledger.find_keys to ledger_service, ledger_dba;
-- end function

drop function ledger.get_changes(epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer, max_missing integer, out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz, out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[], out newly_missing bigint[], out user_ids bigint[], out versions bigint[]);

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
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name !~ '_[0-9]+$'
    and has_table_privilege('public.interventions', 'insert') then
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

-- function: ids_of
create or replace function ledger.ids_of(accounts ledger.account[])
  returns bigint[]
  language plpgsql immutable as $$
begin
  -- Without a query, which would be dear for a single operation.
  if cardinality(ids_of.accounts) = 1 then return array[ids_of.accounts[1].user_id]; end if;
  return array(select a.user_id from unnest(ids_of.accounts) a);
end $$;

comment on function ledger.ids_of is 'The users of accounts, in the same order.';

revoke all on function ledger.ids_of from public;
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

-- function: keeps_shard
create or replace function ledger.keeps_shard(shard_id bigint)
  returns boolean
  language plpgsql volatile as $$
begin
  -- ShareLock, as Citus takes it for its own statements: whoever moves the shard waits for the end
  -- of this transaction, or this for the end of the move. In an expression, which costs a fifth of a
  -- statement.
  if to_regnamespace('ledger_' || keeps_shard.shard_id) is null
    or current_setting('transaction_isolation') <> 'read committed'
    or lock_shard_metadata(5, array[keeps_shard.shard_id]) is null then
    return false;
  end if;
  -- In the next statement, which sees where the shard is by now, unless it sees what the first
  -- statement of the transaction did.
  perform from pg_dist_placement p
    where p.shardid = keeps_shard.shard_id
      and p.groupid = (select l.groupid from pg_dist_local_group l);
  return found;
end $$;

comment on function ledger.keeps_shard is
  'Keeps a shard of users on this server until the end of the transaction, if it is here, with its functions; returns whether it is.';

revoke all on function ledger.keeps_shard from public;
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
      -- These are in its entry.
      later_change.idempotency_key := null; later_change.metadata := null;
  end case;
  return ledger.next_change(a.user_id, t.hold, t.changes + 1, t.hash, v_action, later_change.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    later_change.idempotency_key, later_change.metadata);
end $$;

comment on function ledger.later_change is
  'The change that a CAPTURE, CAPTURE PART, RELEASE or EXTEND makes of a hold, for a user whose account is open, with what will be held afterwards, to be written. Everything has been decided.';

revoke all on function ledger.later_change from public;
-- end function

-- function: lock_half
create or replace function ledger.lock_half(user_id bigint, idempotency_key text)
  returns text
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  a ledger.account;
  f ledger.earlier;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  a := ledger.lock_account(lock_half.user_id);
  if a.problem is not null then return null; end if;
  if lock_half.idempotency_key is not null then
    f := ledger.find_key(a.user_id, lock_half.idempotency_key, a.hold_changes > 0);
    if num_nonnulls(f.seq, f.number) > 0 then return null; end if;
  end if;
  return a;
end $$;

comment on function ledger.lock_half is
  'Locks one of the two users of a transfer, as lock_account does, and returns its account as text; null if it has a problem, or the user has used the key. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_half from public;
-- end function

-- function: lock_in_shard
create or replace function ledger.lock_in_shard(
  user_id bigint, user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_accounts ledger.account[];
begin
  execute format('select %s.lock_accounts($1, $2, $3)',
      ledger.schema_of_shard(lock_in_shard.user_id))
    into v_accounts using lock_in_shard.user_ids, lock_in_shard.wait, lock_in_shard.max_pending;
  return v_accounts;
end $$;

comment on function ledger.lock_in_shard is
  'What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_in_shard from public;
-- end function

-- function: outcome_of
create or replace function ledger.outcome_of(
  n integer, decision ledger.decision, account ledger.account, first_user_id bigint,
  hold_change public.hold_changes, read_at timestamptz)
  returns ledger.outcome
  language plpgsql volatile as $$
declare
  v ledger.outcome;
  c public.hold_changes := case when decision.problem is null then outcome_of.hold_change end;
  v_is_peer boolean := account.user_id is distinct from outcome_of.first_user_id;
  v_seq bigint := decision.earlier_seq;
  v_held numeric := case when v_is_peer then account.held else decision.held end;
begin
  v.n := outcome_of.n;
  v.status := coalesce(decision.problem, 'ok');
  v.replayed := decision.replayed;
  v.user_id := account.user_id;
  if decision.replayed and v_seq is not null then
    if v_is_peer then
      select f.peer_seq into v_seq from public.payment_history f
       where f.user_id = outcome_of.first_user_id and f.seq = v_seq;
    end if;
    select e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, e.sealed_at,
           e.metadata::text, e.hold, e.reverses, e.peer_user_id, e.peer_seq, encode(e.hash, 'hex')
      into v.seq, v.action, v.amount, v.balance, v.available, v.ts, v.posted_at, v.metadata,
           v.hold, v.reverses, v.peer_user_id, v.peer_seq, v.hash
      from public.payment_history e where e.user_id = account.user_id and e.seq = v_seq;
  elsif decision.replayed and not v_is_peer then
    select x.* into c from public.hold_changes x
     where x.user_id = account.user_id and x.hold = decision.hold
       and x.number = decision.earlier_number;
  elsif decision.problem = 'LGFND' and v_is_peer = (decision.change > 0) then
    v.balance := account.balance;
    -- What the hold reserves is available for its capture.
    v.available := account.balance - v_held;
    v.required := decision.amount;
    v.shortfall := v.required - v.available;
  end if;
  if c.hold is not null then
    v.hold := c.hold; v.amount := c.amount; v.expires_at := nullif(c.expires_at, 'infinity');
    v.available := c.available;
    v.hold_status := 'active';
    if c.action = 'released' then
      v.hold_status := 'released'; v.seq := c.seq; v.balance := c.balance; v.posted_at := c.at;
    end if;
  end if;
  if account.seq is not null and account.problem is distinct from 'LGUSR' then
    v.user_seq := account.seq; v.user_balance := account.balance;
    v.user_available := account.balance - account.held;
    v.updated_at := greatest(account.posted_at, account.updated_at);
    v.version := account.seq + account.hold_changes;
    v.read_at := outcome_of.read_at;
    v.expires_in_ms := floor(extract(epoch from account.next_expiry - outcome_of.read_at) * 1000);
  end if;
  return v;
end $$;

comment on function ledger.outcome_of is
  'What post answers of an operation that made no entry, for one of its users: refused (with what is missing), replayed, a hold placed, extended or released (hold_change), or only what was pending posted. With the user as it is now, at read_at by the clock of the database.';

revoke all on function ledger.outcome_of from public;
-- end function

-- function: pause_cache
create or replace function ledger.pause_cache()
  returns void
  -- A sequence has no row: nothing to lock, to vacuum, to replicate or to roll back. No argument: a
  -- call lasts as long as any other, so a later one never ends the pause earlier.
  language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select setval('ledger.cache_paused_at',
    floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
$$;

comment on function ledger.pause_cache is
  'Has every instance of the service believe no cached snapshot for three seconds from now, once its next get_changes tells it: the caller has changes that Redis does not take. Balances are read from the tables meanwhile.';

revoke all on function ledger.pause_cache from public;
grant execute on function ledger.pause_cache to ledger_service;
-- end function

-- function: peer_at
create or replace function ledger.peer_at(
  account ledger.account, peer_user_id bigint, operation text)
  returns ledger.account
  language sql volatile as $$
  select case when peer_user_id is not null or operation = 'TRANSFER'
    then ledger.account_at(account, peer_user_id) end
$$;

comment on function ledger.peer_at is
  'What account_at says of the other user of an operation; null: it has none. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.peer_at from public;
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
  -- Operations that read what stands in the tables of their user.
  v_readers text[] := '{HOLD,CAPTURE,CAPTURE PART,RELEASE,EXTEND,REVERSE}';
  v_has_repeated_keys boolean := post.idempotency_keys is not null
    and ledger.has_repeated_keys(post.user_ids, post.idempotency_keys);
  v_has_readers boolean := v_has_repeated_keys or post.operations && v_readers;
  v_outcomes ledger.outcome[] := ledger.post_each(v_accounts, ledger.ids_of(v_accounts),
    post.operations, post.user_ids, post.amounts, post.peer_user_ids, post.refs, post.expires_ins,
    post.idempotency_keys, post.metadatas, v_readers, v_has_repeated_keys, v_has_readers);
begin
  -- Without a query, which would be dear for a single operation.
  if cardinality(v_outcomes) = 1 then return next v_outcomes[1];
  else return query select o.* from unnest(v_outcomes) o;
  end if;
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn''t captured stays held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
-- end function

-- function: post_each
create or replace function ledger.post_each(
  accounts ledger.account[], ids bigint[], operations text[], user_ids bigint[], amounts numeric[],
  peer_user_ids bigint[], refs bigint[], expiries numeric[], keys text[], metadatas jsonb[],
  readers text[], has_repeated_keys boolean, has_readers boolean, out outcomes ledger.outcome[])
  language plpgsql volatile as $$
declare
  v_read_at timestamptz := clock_timestamp();
  -- What this call has decided and not written yet, and all to whom it may belong.
  v_new ledger.entry[] := '{}'; v_changes public.hold_changes[] := '{}'; v_users bigint[] := '{}';
  v_operation text; v_peer_id bigint; v_a integer; v_p integer; v_key text;
  a ledger.account; p ledger.account; t ledger.target; d ledger.decision;
  e ledger.entry; c public.hold_changes; v_at timestamptz; v_peer_seq bigint;
begin
  for i in 1 .. cardinality(operations) loop -- mutation: order
    v_operation := operations[i]; v_key := keys[i]; v_a := width_bucket(user_ids[i], ids);
    a := ledger.account_at(accounts[v_a], user_ids[i]);
    if has_readers then
      -- What this call has posted so far counts, too.
      if a.user_id = any (v_users)
        and (has_repeated_keys or v_operation = any (readers)) then -- mutation: flush
        perform ledger.write_changes(v_changes), ledger.insert_entries(v_new);
        v_changes := '{}'; v_new := '{}'; v_users := '{}';
      end if;
      t := ledger.target_of(v_operation, a.user_id, refs[i], amounts[i], expiries[i]);
    end if;
    v_peer_id := coalesce(peer_user_ids[i], t.peer_user_id);
    if v_operation = 'TRANSFER' or num_nonnulls(v_peer_id, p.user_id, p.problem) > 0 then
      v_p := width_bucket(v_peer_id, ids);
      p := ledger.peer_at(accounts[v_p], v_peer_id, v_operation);
    end if;
    if v_operation in ('CREDIT', 'DEBIT', 'TRANSFER') and v_key is null then
      d := ledger.plain_decision(v_operation, amounts[i], metadatas[i], a.user_id, a.problem,
        a.balance, a.held, a.is_frozen, p.user_id, p.problem, p.balance, p.held);
    else
      d := ledger.decide(v_operation, amounts[i], expiries[i], v_key, metadatas[i], t, a, p);
      if d.problem is null and not d.replayed and (d.hold is not null or v_operation = 'HOLD') then
        a.held := d.held;
        c := ledger.change_of_hold(v_operation, a, t, d.amount, expiries[i], v_key, metadatas[i]);
        v_changes := array_append(v_changes, c);
        a := ledger.account_after(a, c); accounts[v_a] := a;
      end if;
    end if;
    if d.problem is null and d.action is not null then
      v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at)); v_peer_seq := p.seq + 1;
      loop -- Twice for a transfer.
        e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
          a.balance + d.change, v_at, v_key, metadatas[i], d.held, d.hold, d.reverses, v_peer_id,
          v_peer_seq);
        v_new := array_append(v_new, e);
        accounts[v_a] := row(a.user_id, null, e.seq, e.balance, a.held, v_at, e.hash,
          a.hold_changes, a.next_expiry, v_at, a.is_frozen)::ledger.account;
        outcomes := array_append(outcomes, ledger.entry_outcome(i, e.user_id, e.seq, e.action,
          e.amount, e.balance, e.held, v_at, e.metadata, e.hold, e.reverses, e.peer_user_id,
          e.peer_seq, e.hash, a.hold_changes, a.next_expiry, v_read_at));
        exit when p.user_id is null or v_a = v_p;
        if has_readers then v_users := array_append(v_users, a.user_id); end if;
        d.action := ledger.opposite_of(d.action); d.change := -d.change; d.held := p.held;
        d.reverses := t.peer_reverses; v_peer_id := a.user_id; v_peer_seq := e.seq; v_key := null;
        a := p; v_a := v_p; -- mutation: peer
      end loop;
    else
      outcomes := array_append(outcomes, ledger.outcome_of(i, d, a, a.user_id, c, v_read_at));
      if p.user_id is not null or p.problem is not null then
        outcomes := array_append(outcomes, ledger.outcome_of(i, d, p, a.user_id, null, v_read_at));
      end if;
    end if;
    if has_readers then v_users := array_append(v_users, a.user_id); c := null; end if;
  end loop;
  perform ledger.write_all(v_changes, v_new, accounts);
end $$;

comment on function ledger.post_each is
  'Does the operations of post one after the other, and writes once at the end what they have made: finds the accounts of each, decides, makes the change of a hold and entries, and answers. accounts: all that are locked, with their users in ids. readers: operations that read what stands in the tables of their user, and so need that written; has_readers: there are such, or repeated keys. Returns what post answers.';

revoke all on function ledger.post_each from public;
-- end function

-- function: post_half
create or replace function ledger.post_half(
  user_id bigint, change numeric, idempotency_key text, metadata jsonb, peer text)
  returns text
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_is_sender boolean := post_half.change < 0;
  v_amount numeric := abs(post_half.change);
  v_account text;
  -- The sender and the receiver.
  a ledger.account := post_half.peer::ledger.account;
  p ledger.account := a;
  v_problem text;
  v_at timestamptz;
  v_debit ledger.entry;
  v_credit ledger.entry;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  v_account := ledger.lock_half(post_half.user_id,
    case when v_is_sender then post_half.idempotency_key end);
  if v_account is null then return null; end if;
  if v_is_sender then a := v_account::ledger.account; else p := v_account::ledger.account; end if;
  v_problem := (ledger.plain_decision('TRANSFER', v_amount, post_half.metadata,
    a.user_id, a.problem, a.balance, a.held, a.is_frozen,
    p.user_id, p.problem, p.balance, p.held)).problem;
  if v_problem is not null then return null; end if;
  v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
  v_debit := ledger.next_entry(a.hash, a.user_id, a.seq + 1, 'DEBIT', v_amount,
    a.balance - v_amount, v_at, post_half.idempotency_key, post_half.metadata, a.held, null, null,
    p.user_id, p.seq + 1);
  v_credit := ledger.next_entry(p.hash, p.user_id, p.seq + 1, 'CREDIT', v_amount,
    p.balance + v_amount, v_at, null, post_half.metadata, p.held, null, null, a.user_id, a.seq + 1);
  perform ledger.write_half(post_half.user_id,
    case when v_is_sender then v_debit::text else v_credit::text end);
  return array[v_debit, v_credit];
end $$;

comment on function ledger.post_half is
  'Locks the second user of a transfer, and writes its half if the transfer may be done: peer is the account of the first one, which lock_half has locked. Returns the debit and the credit, an array as text; null, and nothing is written, if it may not. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.post_half from public;
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
  change := ledger.change_of_hold(post_hold.operation, a, t, d.amount, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata);
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
    return coalesce(
      case post_pair.operation when 'TRANSFER' then ledger.transfer_across(post_pair.user_id,
        post_pair.peer_user_id, post_pair.amount, post_pair.idempotency_key, post_pair.metadata) end,
      ledger.post_pair_across(post_pair.operation, post_pair.user_id, post_pair.peer_user_id,
        post_pair.amount, post_pair.ref, post_pair.idempotency_key, post_pair.metadata));
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

-- function: refuse_moved
create or replace function ledger.refuse_moved()
  returns void
  language plpgsql volatile as $$
begin
  raise exception using errcode = 'LGMOV', message = 'not the server of this user',
    detail = 'Citus calls functions where the user is, but stops that for a session in which it has failed to plan a statement with subqueries.',
    hint = 'Repeat it in a new session.';
end $$;

comment on function ledger.refuse_moved is
  'Raises LGMOV: this server hasn''t the shard of a user, so Citus didn''t have the right one do it, and nothing was done.';

revoke all on function ledger.refuse_moved from public;
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

-- function: schema_of_shard
create or replace function ledger.schema_of_shard(user_id bigint)
  returns text
  language plpgsql stable as $$
declare
  v_name text := 'ledger_'
    || get_shard_id_for_distribution_column('public.users', schema_of_shard.user_id);
begin
  if to_regnamespace(v_name) is null then perform ledger.refuse_moved(); end if;
  return v_name;
end $$;

comment on function ledger.schema_of_shard is
  'The name of the schema with the functions of the shard of a user. Raises LGMOV if this server has none: see refuse_moved.';

revoke all on function ledger.schema_of_shard from public;
-- end function

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
    'outcome_of', 'peer_at', 'post', 'post_change', 'post_each', 'post_half', 'post_hold',
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

-- function: target_of
create or replace function ledger.target_of(
  operation text, user_id bigint, ref bigint, amount numeric, expires_in numeric)
  returns ledger.target
  language sql volatile as $$
  select case when operation in ('CAPTURE', 'CAPTURE PART', 'RELEASE', 'EXTEND', 'REVERSE')
    then ledger.load_target(operation, user_id, ref, amount, expires_in) end
$$;

comment on function ledger.target_of is
  'What load_target says of an operation that names a hold or an entry; null: it names none. PostgreSQL puts the body in the place of the call.';

revoke all on function ledger.target_of from public;
-- end function

-- function: transfer_across
create or replace function ledger.transfer_across(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  -- Accounts and entries pass from server to server as text.
  language plpgsql volatile set datestyle = 'ISO, YMD' as $$
declare
  v_first_id bigint := transfer_across.from_user_id;
  v_second_id bigint := transfer_across.to_user_id;
  v_first_key text := transfer_across.idempotency_key;
  -- Of the second.
  v_change numeric := round(transfer_across.amount, 2);
  v_first_shard bigint;
  v_second_shard bigint;
  v_text text;
  v_entries ledger.entry[];
begin
  if num_nulls(v_first_id, v_second_id) > 0 or not ledger.is_valid_amount(transfer_across.amount)
    or not ledger.is_valid_key_and_metadata(v_first_key, transfer_across.metadata) then
    return null;
  end if;
  v_first_shard := get_shard_id_for_distribution_column('public.users', v_first_id);
  v_second_shard := get_shard_id_for_distribution_column('public.users', v_second_id);
  -- Always in the same order, as by_shard says, so that two callers never wait for each other. No
  -- shard moves until the end of the transaction: see keeps_shard.
  perform lock_shard_metadata(5, array[least(v_first_shard, v_second_shard),
    greatest(v_first_shard, v_second_shard)]);
  if (v_first_shard, v_first_id) > (v_second_shard, v_second_id) then
    v_first_id := transfer_across.to_user_id;
    v_second_id := transfer_across.from_user_id;
    v_first_key := null;
    v_change := -v_change;
  end if;
  -- Citus sends on only what stands in FROM.
  select h.* into v_text from ledger.lock_half(v_first_id, v_first_key) h;
  if v_text is null then return null; end if;
  select h.* into v_text from ledger.post_half(v_second_id, v_change,
    transfer_across.idempotency_key, transfer_across.metadata, v_text) h;
  if v_text is null then return null; end if;
  v_entries := v_text::ledger.entry[];
  v_text := v_entries[case when v_change > 0 then 1 else 2 end];
  perform from ledger.write_half(v_first_id, v_text);
  return array(
    select row(e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false)
             ::ledger.posted_entry
      from unnest(v_entries) e);
end $$;

comment on function ledger.transfer_across is
  'A transfer for people where users are on several servers: asks the server of the first user to lock it, that of the second to lock, decide and write, and the first one to write. Returns null, and has written no entry, if it may not be done, a repeat included: that is for post_pair_across.';

revoke all on function ledger.transfer_across from public;
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
    -- Without a user it has no created_at.
    if d.created_at is null or d.hash <> v_hash and not (num_nonnulls(d.reference, d.metadata, d.idempotency_key) = 0
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
  v record;
begin
  -- One user a statement, and no row of a table as an argument in one: on a distributed ledger,
  -- shards have types of their own.
  for m in
    select x.* from public.manual_entries x
     where x.user_id > verify_manual_entries.after_user_id
       and x.user_id <= verify_manual_entries.upto_user_id
  loop
    v_kind := 'entry';
    e := null;
    if m.seq is null then
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.id = m.id and h.seq is null;
      if not found then
        -- Where users are on several servers, each statement sees a later moment: it may be posted.
        select x.* into m from public.manual_entries x where x.user_id = m.user_id and x.id = m.id;
      end if;
    end if;
    v_number := m.seq;
    if m.seq is not null then
      select h.* into e from public.payment_history h
       where h.user_id = m.user_id and h.seq = m.seq;
    elsif e.user_id is null then
      -- Withdrawn: then this is what it was.
      v_kind := 'intervention';
      v := ledger.withdrawal_of(m.user_id, m.id);
      v_number := v.intervention;
      e := jsonb_populate_record(null::public.payment_history, v.entry);
    end if;
    if not ledger.is_as_entered(m, e, v_kind, v_number) then
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

-- function: verify_references
create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- No join: where users are on several servers, references and keys are on one.
  return query
  select 'reference_differs', r.user_id, null::bigint,
         'user_references has a reference of the user that user_details doesn''t have.'
    from (select u.user_id, u.reference from public.user_references u
          except select d.user_id, d.reference from public.user_details d) r;
  return query
  select 'reference_differs', k.user_id, null::bigint,
         'user_keys has a key of the user that user_details doesn''t have.'
    from (select u.user_id, u.idempotency_key from public.user_keys u
          except select d.user_id, d.idempotency_key from public.user_details d) k;
end $$;

comment on function ledger.verify_references is
  'The findings about references and keys that lead to a user who wasn''t made with them; verify_details looks the other way. Internal.';

revoke all on function ledger.verify_references from public;
-- end function

-- function: verify_shards
create or replace function ledger.verify_shards()
  returns setof ledger.finding
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off
  set standard_conforming_strings = on as $$
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

  return query select * from ledger.verify_workers();
end $$;

comment on function ledger.verify_shards is
  'The findings about a ledger whose users are on several servers: a shard without a trigger, a constraint or a unique index that its table has, or with another one, and what verify_workers finds. None where all users are on one server.';

revoke all on function ledger.verify_shards from public;
-- end function

-- function: verify_workers
create or replace function ledger.verify_workers()
  returns setof ledger.finding
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off
  set standard_conforming_strings = on as $$
declare
  -- What every server has to have: not what belongs to the tables that only the coordinator has,
  -- nor who may read views, which Citus doesn't pass on.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(nullif(regexp_replace(g.definition,
             '(, )?SELECT (PUBLIC|ledger_service|ledger_dba)', '', 'g'), '')), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.erasable_interventions\W'
             '|function .*\m(public.)?interventions\)$'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|erasures|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks|cache_paused_at))$)')$query$;
  v_shard_query text := $query$
    select coalesce(string_agg(g.object || ': ' || g.definition, chr(10)), '')
      from ledger.get_shard_guards() g$query$;
  v_line_query text := $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$;
  v_expected text;
begin
  execute v_server_query into v_expected;
  return query execute v_line_query using v_server_query, v_expected;

  select coalesce(string_agg(x.line, chr(10)), '') into v_expected
    from ledger.get_shards() s
    cross join lateral (
      select format('functions of ledger_%s: %s', s.shard_id, md5(string_agg(concat_ws(' ', f.name,
               f.definition, true, f.caller), chr(10) order by f.name collate "C"))) as line
        from ledger.shard_functions(s.shard_id) f) x;
  return query execute v_line_query using v_shard_query, v_expected;
end $$;

comment on function ledger.verify_workers is
  'The findings about the servers of a distributed ledger: one without a guard that the coordinator has, such as a function that nobody else may execute, or on which the functions of a shard are missing or others.';

revoke all on function ledger.verify_workers from public;
-- end function

-- function: withdraw_entry
create or replace function public.withdraw_entry(
  user_id bigint, id bigint, reason text default null)
  returns ledger.withdrawn_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_entry public.payment_history;
  v_seq bigint;
begin
  -- Locked as the engine does it, so that nobody posts the entry meanwhile.
  perform from public.users u where u.id = withdraw_entry.user_id for no key update;
  if not found then perform ledger.raise_status('LGUSR', withdraw_entry.user_id); end if;
  select h.* into v_entry from public.payment_history h
   where h.user_id = withdraw_entry.user_id and h.id = withdraw_entry.id and h.seq is null;
  if not found then
    select m.seq into v_seq from public.manual_entries m
     where m.user_id = withdraw_entry.user_id and m.id = withdraw_entry.id;
    if v_seq is null then perform ledger.raise_status('LGENT', withdraw_entry.user_id); end if;
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('It was posted as entry %s.', v_seq),
      hint = format('Undo it: select * from reverse_entry(%s, %s)', withdraw_entry.user_id, v_seq);
  end if;
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  insert into public.interventions (operation, reason, user_id, before)
  values ('WITHDRAW', withdraw_entry.reason, v_entry.user_id, to_jsonb(v_entry));
  if ledger.is_distributed() then
    perform from ledger.withdraw_in_shard(withdraw_entry.user_id, withdraw_entry.id);
  else
    delete from public.payment_history h where h.user_id = v_entry.user_id and h.id = v_entry.id;
  end if;
  return (v_entry.user_id, v_entry.id, v_entry.action, v_entry.amount, v_entry.ts,
    v_entry.metadata)::ledger.withdrawn_entry;
end $$;

comment on function public.withdraw_entry is
  'Takes back a manual entry that is still pending, by the id of its row, and returns it. What it was, who took it back and why stays in interventions. Raises LGUSR, LGENT (no such manual entry), LGIMM (it is posted).';

revoke all on function public.withdraw_entry from public;
grant execute on function public.withdraw_entry to ledger_dba;
-- end function

-- function: withdraw_in_shard
create or replace function ledger.withdraw_in_shard(user_id bigint, id bigint)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- Or the guard of the shard, in another session, would not hear of it.
  perform ledger.schema_of_shard(withdraw_in_shard.user_id);
  perform set_config('ledger.withdrawn', withdraw_in_shard.id::text, true);
  delete from public.payment_history h
   where h.user_id = withdraw_in_shard.user_id and h.id = withdraw_in_shard.id and h.seq is null;
  perform set_config('ledger.withdrawn', '', true);
end $$;

comment on function ledger.withdraw_in_shard is
  'Removes a pending manual entry on the server of its user, where guard_history can''t see the intervention, which is on the coordinator. Without one verify_manual_entries finds that the entry is gone. Raises LGMOV if the user isn''t there.';

revoke all on function ledger.withdraw_in_shard from public;
-- end function

-- function: withdrawal_of
create or replace function ledger.withdrawal_of(
  user_id bigint, id bigint, out intervention bigint, out entry jsonb)
  -- Volatile, so that it sees what was committed since its caller began.
  language plpgsql volatile as $$
begin
  select i.id, i.before into intervention, entry
    from public.interventions i
   where i.user_id = withdrawal_of.user_id and i.operation = 'WITHDRAW'
     and i.before -> 'id' = to_jsonb(withdrawal_of.id) limit 1;
end $$;

comment on function ledger.withdrawal_of is
  'The number of the intervention that withdrew a manual entry, and what the entry was; nulls without one. Internal.';

revoke all on function ledger.withdrawal_of from public;
-- end function

-- function: write_all
create or replace function ledger.write_all(
  changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[])
  returns void
  language plpgsql volatile as $$
begin
  if ledger.is_distributed() then
    perform ledger.write_each(write_all.changes, write_all.entries, write_all.accounts);
  else
    perform ledger.write_changes(write_all.changes), ledger.insert_entries(write_all.entries);
    perform ledger.copy_accounts(write_all.accounts);
  end if;
end $$;

comment on function ledger.write_all is
  'Writes changes of holds and entries, and sets the copies in users of their accounts.';

revoke all on function ledger.write_all from public;
-- end function

-- function: write_each
create or replace function ledger.write_each(
  changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[])
  returns void
  -- Entries pass from server to server as text.
  language plpgsql volatile set datestyle = 'ISO, YMD' as $$
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

-- function: write_half
create or replace function ledger.write_half(user_id bigint, entry text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  e ledger.entry := write_half.entry::ledger.entry;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, peer_user_id, peer_seq, hash)
  values (e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at, e.idempotency_key,
    e.metadata, e.held, e.peer_user_id, e.peer_seq, e.hash);
  update public.users u
     set seq = e.seq, balance = e.balance, updated_at = e.posted_at where u.id = e.user_id;
  return e.seq;
end $$;

comment on function ledger.write_half is
  'Writes an entry (as text) that is half of a transfer, and what its user is by then, and returns its seq; everything has been decided. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.write_half from public;
-- end function

-- function: write_in_shard
create or replace function ledger.write_in_shard(
  user_id bigint, changes text, entries text, accounts text)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_schema text := ledger.schema_of_shard(write_in_shard.user_id);
begin
  if write_in_shard.changes <> '{}' then
    execute format('select %s.write_changes($1)', v_schema)
      using write_in_shard.changes::public.hold_changes[];
  end if;
  if write_in_shard.entries <> '{}' then
    execute format('select %s.insert_entries($1)', v_schema)
      using write_in_shard.entries::ledger.entry[];
  end if;
  if write_in_shard.accounts <> '{}' then
    execute format('select %s.copy_accounts($1)', v_schema)
      using write_in_shard.accounts::ledger.account[];
  end if;
end $$;

comment on function ledger.write_in_shard is
  'What write_changes, insert_entries and copy_accounts of the shard of user_id do, to which everything has to belong, and which lock_in_shard has kept; arrays as text. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.write_in_shard from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: write_in_shard
create or replace function ledger.write_in_shard(
  user_id bigint, changes text, entries text, accounts text)
  returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_schema text := ledger.schema_of_shard(write_in_shard.user_id);
begin
  if write_in_shard.changes <> '{}' then
    execute format('select %s.write_changes($1)', v_schema)
      using write_in_shard.changes::public.hold_changes[];
  end if;
  if write_in_shard.entries <> '{}' then
    execute format('select %s.insert_entries($1)', v_schema)
      using write_in_shard.entries::ledger.entry[];
  end if;
  if write_in_shard.accounts <> '{}' then
    execute format('select %s.copy_accounts($1)', v_schema)
      using write_in_shard.accounts::ledger.account[];
  end if;
end $$;

comment on function ledger.write_in_shard is
  'What write_changes, insert_entries and copy_accounts of the shard of user_id do, to which everything has to belong, and which lock_in_shard has kept; arrays as text. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.write_in_shard from public;
-- end function

drop function ledger.write_half(user_id bigint, entry text);

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

drop function ledger.write_all(changes public.hold_changes[], entries ledger.entry[], accounts ledger.account[]);

drop function ledger.withdrawal_of(user_id bigint, id bigint, out intervention bigint, out entry jsonb);

drop function ledger.withdraw_in_shard(user_id bigint, id bigint);

-- function: withdraw_entry
create or replace function public.withdraw_entry(
  user_id bigint, id bigint, reason text default null)
  returns ledger.withdrawn_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_entry public.payment_history;
  v_seq bigint;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Withdrawing'); end if;
  -- Locked as the engine does it, so that nobody posts the entry meanwhile.
  perform from public.users u where u.id = withdraw_entry.user_id for no key update;
  if not found then perform ledger.raise_status('LGUSR', withdraw_entry.user_id); end if;
  select h.* into v_entry from public.payment_history h
   where h.user_id = withdraw_entry.user_id and h.id = withdraw_entry.id and h.seq is null;
  if not found then
    select m.seq into v_seq from public.manual_entries m
     where m.user_id = withdraw_entry.user_id and m.id = withdraw_entry.id;
    if v_seq is null then perform ledger.raise_status('LGENT', withdraw_entry.user_id); end if;
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('It was posted as entry %s.', v_seq),
      hint = format('Undo it: select * from reverse_entry(%s, %s)', withdraw_entry.user_id, v_seq);
  end if;
  insert into public.interventions (operation, reason, user_id, before)
  values ('WITHDRAW', withdraw_entry.reason, v_entry.user_id, to_jsonb(v_entry));
  delete from public.payment_history h where h.user_id = v_entry.user_id and h.id = v_entry.id;
  return (v_entry.user_id, v_entry.id, v_entry.action, v_entry.amount, v_entry.ts,
    v_entry.metadata)::ledger.withdrawn_entry;
end $$;

comment on function public.withdraw_entry is
  'Takes back a manual entry that is still pending, by the id of its row, and returns it. What it was, who took it back and why stays in interventions. Raises LGUSR, LGENT (no such manual entry), LGIMM (it is posted).';

revoke all on function public.withdraw_entry from public;
grant execute on function public.withdraw_entry to ledger_dba;
-- end function

-- function: verify_workers
create or replace function ledger.verify_workers()
  returns setof ledger.finding
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO, YMD' set quote_all_identifiers = off as $$
declare
  -- What every server has to have: not what belongs to the tables that only the coordinator has,
  -- nor who may read views, which Citus doesn't pass on.
  v_server_query text := $query$
    select coalesce(string_agg(g.object || ': ' || coalesce(md5(nullif(regexp_replace(g.definition,
             '(, )?SELECT (PUBLIC|ledger_service|ledger_dba)', '', 'g'), '')), ''), chr(10)), '')
      from ledger.get_guards() g
     where g.object !~ concat('^(function ledger.erasable_interventions\W'
             '|function .*\m(public.)?interventions\)$'
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|erasures|user_keys|user_references'
             '|ledger.(identity|anchors|webhooks))$)')$query$;
  v_shard_query text := $query$
    select coalesce(string_agg(g.object || ': ' || g.definition, chr(10)), '')
      from ledger.get_shard_guards() g$query$;
  v_line_query text := $query$
    select 'guard_missing', null::bigint, null::bigint,
           format('On server %s:%s this is missing or another: %s', s.nodename, s.nodeport,
             case when s.success then regexp_replace(l.line, ': \w*$', '') else s.result end)
      from run_command_on_workers($1) s
      cross join lateral (
        select * from string_to_table($2, chr(10))
        except select * from string_to_table(case when s.success then s.result end, chr(10))
        ) l (line)$query$;
  v_expected text;
begin
  execute v_server_query into v_expected;
  return query execute v_line_query using v_server_query, v_expected;

  select coalesce(string_agg(x.line, chr(10)), '') into v_expected
    from ledger.get_shards() s
    cross join lateral (
      select format('functions of ledger_%s: %s', s.shard_id, md5(string_agg(concat_ws(' ', f.name,
               f.definition, true, f.caller), chr(10) order by f.name collate "C"))) as line
        from ledger.shard_functions(s.shard_id) f) x;
  return query execute v_line_query using v_shard_query, v_expected;
end $$;

comment on function ledger.verify_workers is
  'The findings about the servers of a distributed ledger: one without a guard that the coordinator has, such as a function that nobody else may execute, or on which the functions of a shard are missing or others.';

revoke all on function ledger.verify_workers from public;
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

  return query select * from ledger.verify_workers();
end $$;

comment on function ledger.verify_shards is
  'The findings about a ledger whose users are on several servers: a shard without a trigger, a constraint or a unique index that its table has, or with another one, and what verify_workers finds. None where all users are on one server.';

revoke all on function ledger.verify_shards from public;
-- end function

-- function: verify_references
create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_more bigint;
begin
  -- Users are on several servers then, and their references on one, so these are only counted:
  -- verify_details has seen that each of them that has to be there is.
  if ledger.is_distributed() then
    select count(d.reference) + count(d.idempotency_key) into v_more from public.user_details d;
    v_more := (select count(*) from public.user_references)
      + (select count(*) from public.user_keys) - v_more;
    if v_more > 0 then
      return next row('reference_differs', null, null, format(
        'user_references and user_keys have %s rows more than user_details.', v_more
        ))::ledger.finding;
    end if;
    return;
  end if;
  return query
  select 'reference_differs', r.user_id, null::bigint,
         'user_references has a reference of the user that user_details doesn''t have.'
    from public.user_references r
   where not exists (select from public.user_details d
                      where d.user_id = r.user_id and d.reference = r.reference)
  union all
  select 'reference_differs', k.user_id, null,
         'user_keys has a key of the user that user_details doesn''t have.'
    from public.user_keys k
   where not exists (select from public.user_details d
                      where d.user_id = k.user_id and d.idempotency_key = k.idempotency_key);
end $$;

comment on function ledger.verify_references is
  'The findings about references and keys that lead to a user who wasn''t made with them; verify_details looks the other way. Internal.';

revoke all on function ledger.verify_references from public;
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
    if not ledger.is_as_entered(m, e, v_kind, v_number) then
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

-- function: verify_guards
create or replace function ledger.verify_guards()
  returns setof ledger.finding
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
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

drop function ledger.transfer_across(from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb);

drop function ledger.target_of(operation text, user_id bigint, ref bigint, amount numeric, expires_in numeric);

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

-- function: schema_of_shard
create or replace function ledger.schema_of_shard(user_id bigint)
  returns text
  language plpgsql stable as $$
declare
  v_name text := 'ledger_'
    || get_shard_id_for_distribution_column('public.users', schema_of_shard.user_id);
begin
  if to_regnamespace(v_name) is not null then return v_name; end if;
  raise exception using errcode = 'LGMOV', message = 'not the server of this user',
    detail = 'Citus calls functions where the user is, but stops that for a session in which it has failed to plan a statement with subqueries.',
    hint = 'Repeat it in a new session.';
end $$;

comment on function ledger.schema_of_shard is
  'The name of the schema with the functions of the shard of a user. Raises LGMOV if this server has none: then Citus didn''t have the server of the user do it, and nothing was done.';

revoke all on function ledger.schema_of_shard from public;
-- end function

drop function ledger.reversal_problem(entry public.payment_history, peer_reverses bigint);

drop function ledger.refuse_moved();

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

drop function ledger.post_half(user_id bigint, change numeric, idempotency_key text, metadata jsonb, peer text);

drop function ledger.post_each(accounts ledger.account[], ids bigint[], operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expiries numeric[], keys text[], metadatas jsonb[], readers text[], has_repeated_keys boolean, has_readers boolean, out outcomes ledger.outcome[]);

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

drop function ledger.peer_at(account ledger.account, peer_user_id bigint, operation text);

drop function ledger.pause_cache();

-- function: outcome_of
create or replace function ledger.outcome_of(
  n integer, decision ledger.decision, account ledger.account, first_user_id bigint,
  hold_change public.hold_changes, read_at timestamptz)
  returns ledger.outcome
  language plpgsql volatile as $$
declare
  v ledger.outcome;
  c public.hold_changes := outcome_of.hold_change;
  v_is_peer boolean := account.user_id is distinct from outcome_of.first_user_id;
  v_seq bigint := decision.earlier_seq;
  v_held numeric := case when v_is_peer then account.held else decision.held end;
begin
  v.n := outcome_of.n;
  v.status := coalesce(decision.problem, 'ok');
  v.replayed := decision.replayed;
  v.user_id := account.user_id;
  if decision.replayed and v_seq is not null then
    if v_is_peer then
      select f.peer_seq into v_seq from public.payment_history f
       where f.user_id = outcome_of.first_user_id and f.seq = v_seq;
    end if;
    select e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, e.sealed_at,
           e.metadata::text, e.hold, e.reverses, e.peer_user_id, e.peer_seq, encode(e.hash, 'hex')
      into v.seq, v.action, v.amount, v.balance, v.available, v.ts, v.posted_at, v.metadata,
           v.hold, v.reverses, v.peer_user_id, v.peer_seq, v.hash
      from public.payment_history e where e.user_id = account.user_id and e.seq = v_seq;
  elsif decision.replayed and not v_is_peer then
    select x.* into c from public.hold_changes x
     where x.user_id = account.user_id and x.hold = decision.hold
       and x.number = decision.earlier_number;
  elsif decision.problem = 'LGFND' and v_is_peer = (decision.change > 0) then
    v.balance := account.balance;
    -- What the hold reserves is available for its capture.
    v.available := account.balance - v_held;
    v.required := decision.amount;
    v.shortfall := v.required - v.available;
  end if;
  if c.hold is not null then
    v.hold := c.hold; v.amount := c.amount; v.expires_at := nullif(c.expires_at, 'infinity');
    v.available := c.available;
    v.hold_status := 'active';
    if c.action = 'released' then
      v.hold_status := 'released'; v.seq := c.seq; v.balance := c.balance; v.posted_at := c.at;
    end if;
  end if;
  if account.seq is not null and account.problem is distinct from 'LGUSR' then
    v.user_seq := account.seq; v.user_balance := account.balance;
    v.user_available := account.balance - account.held;
    v.updated_at := greatest(account.posted_at, account.updated_at);
    v.version := account.seq + account.hold_changes;
    v.read_at := outcome_of.read_at;
    v.expires_in_ms := floor(extract(epoch from account.next_expiry - outcome_of.read_at) * 1000);
  end if;
  return v;
end $$;

comment on function ledger.outcome_of is
  'What post answers of an operation that made no entry, for one of its users: refused (with what is missing), replayed, a hold placed, extended or released (hold_change), or only what was pending posted. With the user as it is now, at read_at by the clock of the database.';

revoke all on function ledger.outcome_of from public;
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
  execute format('select %s.lock_accounts($1, $2, $3)',
      ledger.schema_of_shard(lock_in_shard.user_id))
    into v_accounts using lock_in_shard.user_ids, lock_in_shard.wait, lock_in_shard.max_pending;
  return v_accounts;
end $$;

comment on function ledger.lock_in_shard is
  'What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_in_shard from public;
-- end function

drop function ledger.lock_half(user_id bigint, idempotency_key text);

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

-- function: keeps_shard
create or replace function ledger.keeps_shard(shard_id bigint)
  returns boolean
  language plpgsql volatile as $$
begin
  -- ShareLock, as Citus takes it for its own statements: whoever moves the shard waits for the end
  -- of this transaction, or this for the end of the move.
  perform lock_shard_metadata(5, array[keeps_shard.shard_id]);
  -- In the next statement, which sees where the shard is by now, unless it sees what the first
  -- statement of the transaction did.
  perform from pg_dist_placement p join pg_dist_local_group l on l.groupid = p.groupid
    where p.shardid = keeps_shard.shard_id
      and to_regnamespace('ledger_' || keeps_shard.shard_id) is not null
      and current_setting('transaction_isolation') = 'read committed';
  return found;
end $$;

comment on function ledger.keeps_shard is
  'Keeps a shard of users on this server until the end of the transaction, if it is here, with its functions; returns whether it is.';

revoke all on function ledger.keeps_shard from public;
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

drop function ledger.ids_of(accounts ledger.account[]);

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

drop function ledger.guarded_relations();

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
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name !~ '_[0-9]+$'
    and has_table_privilege('public.interventions', 'insert') then
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

drop function ledger.get_changes(epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer, max_missing integer, out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz, out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[], out newly_missing bigint[], out user_ids bigint[], out versions bigint[], out is_paused boolean);

-- function: get_changes
create or replace function ledger.get_changes(
  epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer default 5000,
  max_missing integer default 10000,
  out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz,
  out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[],
  out newly_missing bigint[], out user_ids bigint[], out versions bigint[])
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
         ledger.epoch(i.last_value - (not i.is_called)::int)
    into v_last, epoch_now
    from public.payment_history_id_seq s, public.interventions_id_seq i;
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
  'Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are not, after the last_id that the call before answered (after_id); at most some max_rows of them, and then is_complete is false. Ids are not in the order of commits: those below last_id that were not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They are there or never will be in the first call after one that answered an oldest_open no lower than that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was before, as epoch or after_id are from another time (null: none), or more than max_missing are missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the clock of the database, after all that.';

revoke all on function ledger.get_changes from public;
grant execute on function ledger.get_changes to ledger_service, ledger_dba;
-- end function

drop function ledger.find_keys(user_id bigint, prefix text, max_rows integer);

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
    ('function ledger.calls_in_shards()', 'b0612306a2ba5745'),
    ('function ledger.chain_intervention()', 'a7c7a6df94299a69'),
    ('function ledger.change_of(text,numeric)', '5f670028f0a9715d'),
    ('function ledger.changes_between(timestamp with time zone[])', '7acf4176b501251e'),
    ('function ledger.check_cursor(text,bigint,text)', '4d5d6699288eeda3'),
    ('function ledger.check_entry()', 'b66b73f7df5f52e1'),
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
    ('function ledger.lock_each(bigint[],boolean,integer)', 'ae6e892d18eeaaf4'),
    ('function ledger.lock_in_shard(bigint,bigint[],boolean,integer)', '8027da952f30769b'),
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
    ('function ledger.write_in_shard(bigint,text,text,text)', 'b130750eb1963bde'),
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

-- function: create_user
create or replace function public.create_user(
  user_id bigint default null, reference text default null, metadata jsonb default null,
  idempotency_key text default null)
  returns ledger.created_user
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.created_user;
  v_at timestamptz;
begin
  if not ledger.is_valid_key_and_metadata(create_user.idempotency_key, create_user.metadata)
    or not ledger.is_valid_reference(create_user.reference) then
    perform ledger.raise_status('22023', null);
  end if;
  -- Another call that creates the same user at the same time is waited for; the next try finds its
  -- user.
  for v_try in 1 .. 3 loop
    v := ledger.find_created_user(create_user.user_id, create_user.reference,
      create_user.metadata, create_user.idempotency_key);
    if v.id is not null then return v; end if;
    -- In this order: an anchor waits for every transaction that had its number by then.
    perform pg_current_xact_id();
    v_at := clock_timestamp();
    begin
      v.id := ledger.insert_user(create_user.user_id, v_at);
      if num_nonnulls(create_user.reference, create_user.metadata,
          create_user.idempotency_key) > 0 then
        insert into public.user_details (user_id, reference, metadata, idempotency_key, asked_id,
          hash)
        values (v.id, create_user.reference, create_user.metadata, create_user.idempotency_key,
          create_user.user_id, ledger.details_hash(v.id, v_at, create_user.reference,
            create_user.metadata, create_user.idempotency_key, create_user.user_id));
      end if;
      if create_user.idempotency_key is not null then
        insert into public.user_keys (idempotency_key, user_id)
          values (create_user.idempotency_key, v.id);
      end if;
      if create_user.reference is not null then
        insert into public.user_references (reference, user_id)
          values (create_user.reference, v.id);
      end if;
      return (v.id, true, false, v_at, create_user.reference, create_user.metadata
        )::ledger.created_user;
    exception when unique_violation then null;
    end;
  end loop;
  raise exception using errcode = '40001', message = 'another transaction makes the same user',
    hint = 'Repeat it.';
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one; reference: the caller''s own name for it, of one user only. Once per idempotency_key (replayed), reference and id: what exists already is answered with created = false. Raises LGKEY if that was made as something else, 22023 for a malformed key, reference or metadata, 23514 for an id out of range, 40001.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
-- end function

drop function ledger.commit_in_two_phases();

drop function ledger.choose_by_hash(hash text, last_hashes integer[], statements text[]);

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

drop function ledger.change_of_hold(operation text, account ledger.account, target ledger.target, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: calls_in_shards
create or replace function ledger.calls_in_shards()
  returns table (object text, code text, definition text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_first text := E'  -- Calls in shards.\n';
  v_last text := E'  -- End of the calls in shards.\n';
  v record;
begin
  -- Whoever replaced is_distributed() is found by verify_shards.
  if not ledger.is_distributed() or to_regclass('pg_catalog.pg_dist_shard') is null then
    return;
  end if;
  for v in
    select p.oid, p.proname, (
             select string_agg(format('%s.%s', p.proname, a.name), ', ' order by a.n)
               from unnest(p.proargnames) with ordinality a (name, n)) as arguments
      from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.proname in (
       'capture_hold', 'credit_user', 'debit_user', 'place_hold', 'release_hold')
  loop
    object := 'function ' || v.oid::regprocedure;
    -- Each call of these is a transaction of its own: the coordinator sends on no others.
    select v_first || E'  if starts_with(current_setting(''application_name''), '
             || E'''citus_internal'') then\n    '
             || string_agg(format(E'if hashint8(%s.user_id) <= %s then\n'
                  '      if ledger.keeps_shard(%s) then return ledger_%3$s.%1$s(%4$s); end if;\n',
                  v.proname, s.shardmaxvalue, s.shardid, v.arguments),
                  '    els' order by s.shardmaxvalue::integer)
             || E'    end if;\n  end if;\n' || v_last
      into code
      from pg_dist_shard s where s.logicalrelid = 'public.users'::regclass;
    definition := regexp_replace(
      regexp_replace(pg_get_functiondef(v.oid), v_first || '.*' || v_last, ''),
      E'\nbegin\n', format(E'\nbegin\n%s', code));
    return next;
  end loop;
end $$;

comment on function ledger.calls_in_shards is
  'Functions for people whom the coordinator has the server of a user call, and which work there as on one server: with the functions of the user''s shard (see shard_functions). The code for that, which npm run distribute puts at the beginning of each, and its definition with it. None where all users are on one server.';

revoke all on function ledger.calls_in_shards from public;
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

drop function ledger.account_at(account ledger.account, user_id bigint);

drop function ledger.account_after(account ledger.account, change public.hold_changes);

-- by hand
do $$
begin
  if exists (select from ledger.anchors a where a.line like '{"version":4,%') then
    raise exception 'there are rows that this would drop, so it is not done: restore a backup';
  end if;
end $$;

drop sequence ledger.cache_paused_at;

-- Of a ledger that is distributed; elsewhere nobody reads it.
set local citus.multi_shard_modify_mode = 'sequential';
-- In a block, since Citus sends the workers the whole text in which such a statement stands.
do $$
begin
  drop index public.hold_changes_user_id_idempotency_key_key;
  create unique index hold_changes_user_id_idempotency_key_key
    on public.hold_changes (user_id, idempotency_key) where idempotency_key is not null;
  drop index public.payment_history_user_id_idempotency_key_key;
  create unique index payment_history_user_id_idempotency_key_key
    on public.payment_history (user_id, idempotency_key) where idempotency_key is not null;
end $$;
-- end by hand
