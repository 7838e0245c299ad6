-- migrate:up

-- by hand
-- Where users are on several servers, one position doesn't say up to where all was delivered.
alter table ledger.webhooks add cursor text;
-- end by hand

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

-- function: add_details_erasure
create or replace function ledger.add_details_erasure(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  d public.user_details;
  v_at timestamptz;
begin
  select u.created_at into v_at from public.users u where u.id = add_details_erasure.user_id;
  select x.* into d from public.user_details x
   where x.user_id = add_details_erasure.user_id and v_at < add_details_erasure.before
     and num_nonnulls(x.reference, x.metadata, x.idempotency_key) > 0;
  if not found then return; end if;
  if d.hash <> ledger.details_hash(d.user_id, v_at, d.reference, d.metadata, d.idempotency_key,
    d.asked_id) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('What user %s was made as is not what its hash says.', d.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_details_erasure.intervention, 'details', d.user_id, 0,
    ledger.erased_hash(ledger.details_hash(d.user_id, v_at, null, null, null, d.asked_id), d.hash));
end $$;

comment on function ledger.add_details_erasure is
  'Writes down what will be left of what a user from before a moment was made as, which an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_details_erasure from public;
-- end function

-- function: add_entry_erasure
create or replace function ledger.add_entry_erasure(
  intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  e public.payment_history := add_entry_erasure.entry;
  v_previous bytea;
begin
  select p.hash into v_previous from public.payment_history p
   where p.user_id = e.user_id and p.seq = e.seq - 1;
  if ledger.is_hash_of(v_previous, e) is not true then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Entry %s of user %s is not what its hash says.', e.seq, e.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  e.metadata := add_entry_erasure.mark;
  if add_entry_erasure.is_key_erased then e.idempotency_key := null; end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_entry_erasure.intervention, 'entry', e.user_id, e.seq,
    ledger.erased_entry_hash(v_previous, e));
  select x.* into m from public.manual_entries x where x.user_id = e.user_id and x.seq = e.seq;
  if found then
    perform ledger.add_manual_erasure(add_entry_erasure.intervention, m, add_entry_erasure.entry,
      e, 'entry', e.seq);
  end if;
end $$;

comment on function ledger.add_entry_erasure is
  'Writes down what will be left of an entry whose metadata becomes mark and which may lose its key. Raises LGIMM if it is not what its hash says.';

revoke all on function ledger.add_entry_erasure from public;
-- end function

-- function: add_hold_erasures
create or replace function ledger.add_hold_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_placed public.hold_changes;
  v_last public.hold_changes;
  v public.hold_changes;
  v_holds bigint[] := array(select o.hold from ledger.erasable_holds(add_hold_erasures.user_id,
    add_hold_erasures.before) o);
begin
  -- Every change of a hold: the hashes of earlier versions were over all of it.
  for v in
    select c.* from public.hold_changes c
     where c.user_id = add_hold_erasures.user_id and c.hold = any (v_holds)
     order by c.hold, c.number
  loop
    if v.number = 1 then
      v_placed := v;
      v_last := null;
    end if;
    if ledger.hold_change_problem(v_placed, v_last, v) is not null then
      raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
        detail = format('Change %s of hold %s is not what it has to be.', v.number, v.hold),
        hint = 'Find out why with verify_user first: nobody could tell afterwards.';
    end if;
    insert into public.erasures (intervention, kind, user_id, number, change, hash)
    values (add_hold_erasures.intervention, 'hold_change', v.user_id, v.hold, v.number,
           ledger.erased_hash(ledger.hold_hash(v_last.hash, v.user_id, v.hold, v.number, v.action,
             v.amount, v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, null,
             case when num_nonnulls(v.idempotency_key, v.metadata) > 0
               then jsonb_build_object('erased', add_hold_erasures.intervention) end,
             v.position), v.hash));
    v_last := v;
  end loop;
end $$;

comment on function ledger.add_hold_erasures is
  'Writes down what will be left of each change of the holds that an intervention is about to erase of a user. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_hold_erasures from public;
-- end function

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

-- function: apply_erasures
create or replace function ledger.apply_erasures(intervention bigint, user_id bigint)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', apply_erasures.intervention);
  v_ids bigint[];
begin
  update public.payment_history h
     set metadata = v_mark,
         idempotency_key = case when h.user_id <> apply_erasures.user_id then h.idempotency_key end
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'entry'
     and h.user_id = e.user_id and h.seq = e.number;
  update public.hold_changes c
     set metadata = v_mark, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'hold_change'
     and e.user_id = apply_erasures.user_id
     and c.user_id = e.user_id and c.hold = e.number and c.number = e.change
     and num_nonnulls(c.idempotency_key, c.metadata) > 0;
  -- No join: where users are on several servers, interventions are on one.
  v_ids := array(select e.number from public.erasures e
                  where e.intervention = apply_erasures.intervention and e.kind = 'intervention'
                    and e.user_id = apply_erasures.user_id);
  update public.interventions i
     set before = i.before - '{metadata,idempotency_key}'::text[]
   where i.id = any (v_ids);
  update public.user_controls k set reason = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'control'
     and e.user_id = apply_erasures.user_id and k.user_id = e.user_id and k.number = e.number;
  update public.user_details d
     set reference = null, metadata = null, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'details'
     and e.user_id = apply_erasures.user_id and d.user_id = e.user_id;
  if found then
    delete from public.user_references r where r.user_id = apply_erasures.user_id;
    delete from public.user_keys k where k.user_id = apply_erasures.user_id;
  end if;
end $$;

comment on function ledger.apply_erasures is
  'Takes out what an intervention erases of a user: what add_erasures wrote down, and what leads to the user by the reference and the key that are gone.';

revoke all on function ledger.apply_erasures from public;
-- end function

-- function: archive_entries
create or replace function ledger.archive_entries(
  user_ids bigint[], seqs bigint[], reason text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan as $$
declare
  v_id bigint;
  v_mark jsonb;
  v_before timestamptz := statement_timestamp() - interval '30 days';
  v_user_id bigint;
  v_seqs bigint[];
  v_entry public.payment_history;
  v_entries bigint := 0;
  v_manual_entries bigint;
begin
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  -- As erase_user.
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;
  v_mark := jsonb_build_object('archived', v_id);
  for v_user_id, v_seqs in
    select x.user_id, array_agg(x.seq)
      from unnest(archive_entries.user_ids, archive_entries.seqs) x (user_id, seq)
     group by x.user_id order by x.user_id
  loop
    for v_entry in
      select h.* from public.payment_history h
       where h.user_id = v_user_id and h.seq = any (v_seqs) and h.metadata is not null
         and h.sealed_at < v_before
       order by h.seq
    loop
      continue when ledger.has_mark(v_entry, 'archived') or ledger.has_mark(v_entry, 'erased');
      perform ledger.add_entry_erasure(v_id, v_entry, v_mark, false);
      v_entries := v_entries + 1;
    end loop;
  end loop;
  if v_entries = 0 then return 0; end if;
  select count(*) into v_manual_entries
    from public.erasures e where e.intervention = v_id and e.kind = 'manual_entry';
  insert into public.interventions (operation, reason, before)
  values ('ARCHIVE', archive_entries.reason,
    jsonb_build_object('entries', v_entries, 'manual_entries', v_manual_entries,
      'digest', ledger.erasures_digest(v_id)));
  update public.payment_history h set metadata = v_mark
    from public.erasures e
   where e.intervention = v_id and e.kind = 'entry' and h.user_id = e.user_id and h.seq = e.number;
  return v_entries;
end $$;

comment on function ledger.archive_entries is
  'Takes the metadata out of entries that are older than 30 days, after npm run archive has written it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves out those that are younger, or were archived or erased before. Only for the owner of the ledger. Raises LGIMM if an entry is not what its hash says.';

revoke all on function ledger.archive_entries from public;
-- end function

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
               -- Before write_half, lock_half has kept the shard.
               array_agg(format(case v.proname when 'write_half'
                   then E'return ledger_%s.%s(%s);\n'
                   else E'if ledger.keeps_shard(%s) then return ledger_%1$s.%s(%s); end if;\n' end,
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

-- function: count_erasable
create or replace function ledger.count_erasable(user_id bigint)
  returns bigint
  language plpgsql stable as $$
declare
  v_count bigint;
  v_all bigint;
begin
  -- A statement for each table: where users are on several servers, interventions are on one.
  select count(*) into v_all from ledger.erasable_entries(count_erasable.user_id, 'infinity');
  select count(*) + v_all into v_all
    from ledger.erasable_interventions(count_erasable.user_id, 'infinity');
  select count(*) into v_count from public.payment_history h
   where h.user_id = count_erasable.user_id and h.seq is null
     and num_nonnulls(h.idempotency_key, h.metadata) > 0;
  v_all := v_all + v_count;
  select count(distinct c.hold) into v_count from public.hold_changes c
   where c.user_id = count_erasable.user_id and num_nonnulls(c.idempotency_key, c.metadata) > 0
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = c.user_id and e.number = c.hold);
  v_all := v_all + v_count;
  select count(*) into v_count from public.user_controls k
   where k.user_id = count_erasable.user_id and k.reason is not null;
  v_all := v_all + v_count;
  select count(*) into v_count from public.user_details d
   where d.user_id = count_erasable.user_id
     and num_nonnulls(d.reference, d.metadata, d.idempotency_key) > 0;
  return v_all + v_count;
end $$;

comment on function ledger.count_erasable is
  'How much there is of a user that erase_user would erase, were it old enough, posted or ended.';

revoke all on function ledger.count_erasable from public;
-- end function

-- function: erasable_entries
create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language plpgsql stable as $$
declare
  h public.payment_history;
  v_peer_id bigint;
  v_seqs bigint[];
begin
  -- Users one after the other, and rows one by one: where users are on several servers, none has
  -- the other half of a transfer, nor functions that take rows.
  for h in
    select x.* from public.payment_history x
     where x.user_id = erasable_entries.user_id and x.sealed_at < erasable_entries.before
       and num_nonnulls(x.idempotency_key, x.metadata) > 0
     order by x.seq
  loop
    if h.idempotency_key is not null or not ledger.has_mark(h, 'erased') then
      return next h;
    end if;
  end loop;
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  for v_peer_id, v_seqs in
    select x.peer_user_id, array_agg(x.peer_seq) from public.payment_history x
     where x.user_id = erasable_entries.user_id and x.sealed_at < erasable_entries.before
       and x.peer_user_id is not null
     group by x.peer_user_id order by x.peer_user_id
  loop
    for h in
      select x.* from public.payment_history x
       where x.user_id = v_peer_id and x.seq = any (v_seqs) and x.metadata is not null
       order by x.seq
    loop
      if not ledger.has_mark(h, 'erased') then return next h; end if;
    end loop;
  end loop;
end $$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
-- end function

-- function: erasable_holds
create or replace function ledger.erasable_holds(user_id bigint, before timestamptz)
  returns setof public.holds
  language plpgsql stable as $$
begin
  return query
  select o.* from public.holds o
    join public.hold_changes l
      on l.user_id = o.user_id and l.hold = o.hold and l.number = o.changes
   where o.user_id = erasable_holds.user_id
     and case o.status when 'active' then o.expires_at else l.at end < erasable_holds.before
     and exists (select from public.hold_changes c where c.user_id = o.user_id
                    and c.hold = o.hold and num_nonnulls(c.idempotency_key, c.metadata) > 0)
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = o.user_id and e.number = o.hold);
end $$;

comment on function ledger.erasable_holds is
  'The holds of a user that ended before a moment and have something to erase.';

revoke all on function ledger.erasable_holds from public;
-- end function

-- function: erase_user
create or replace function public.erase_user(
  user_id bigint, reason text, keep interval default '30 days',
  out entries bigint, out holds bigint, out interventions bigint, out kept bigint)
  -- Of a distributed ledger, each statement is planned for the server of its user.
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan as $$
declare
  v_id bigint;
  v_manual_entries bigint;
  v_before timestamptz := statement_timestamp() - erase_user.keep;
begin
  if coalesce(length(erase_user.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed',
      hint = 'Say whose decision it is, without naming the person: it stays for ever.';
  elsif (erase_user.keep >= interval '1 day') is not true then
    raise exception using errcode = '22023', message = 'at least a day has to be kept',
      hint = 'A repeat of a request from less than a day ago must find what it did.';
  end if;
  -- Nobody posts, holds or releases for the user meanwhile.
  perform from public.users u where u.id = erase_user.user_id for no key update;
  if not found then perform ledger.raise_status('LGUSR', erase_user.user_id); end if;
  -- As chain_intervention does it, which then gives the next number to this one.
  if ledger.is_distributed() then perform ledger.commit_in_two_phases(); end if;
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;

  perform ledger.add_erasures(v_id, erase_user.user_id, v_before);
  select count(*) filter (where e.kind = 'entry'),
         count(*) filter (where e.kind = 'hold_change' and e.change = 1),
         count(*) filter (where e.kind = 'intervention'),
         count(*) filter (where e.kind = 'manual_entry')
    into entries, holds, interventions, v_manual_entries
    from public.erasures e where e.intervention = v_id;
  -- Before anything goes: the guards look for it.
  insert into public.interventions (operation, reason, user_id, before)
  values ('ERASE', erase_user.reason, erase_user.user_id, jsonb_build_object('entries', entries,
    'holds', holds, 'interventions', interventions, 'manual_entries', v_manual_entries,
    'digest', ledger.erasures_digest(v_id)));
  perform ledger.apply_erasures(v_id, erase_user.user_id);
  kept := ledger.count_erasable(erase_user.user_id);
end $$;

comment on function public.erase_user is
  'Takes out for ever what people said about a user and the user''s entries, holds and withdrawn entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does the proof: see the table erasures. Returns how many of each it erased, and how many are left: call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).';

revoke all on function public.erase_user from public;
-- end function

-- function: erasure_in_shard
create or replace function ledger.erasure_in_shard(table_name text, entry jsonb)
  returns bigint
  language plpgsql stable as $$
declare
  r jsonb := erasure_in_shard.entry;
  v_kind text;
  v_number text;
  v_change text := '0';
  v_id bigint;
begin
  case erasure_in_shard.table_name
    when 'payment_history' then v_kind := 'entry'; v_number := r ->> 'seq';
    when 'hold_changes' then
      v_kind := 'hold_change'; v_number := r ->> 'hold'; v_change := r ->> 'number';
    when 'user_controls' then v_kind := 'control'; v_number := r ->> 'number';
    when 'user_details' then v_kind := 'details'; v_number := '0';
    else return null;
  end case;
  -- The shard itself: within a change of one, Citus plans nothing about its tables.
  execute format(
      'select max(e.intervention) from public.erasures_%s e
        where e.kind = $1 and e.user_id = $2 and e.number = $3 and e.change = $4',
      get_shard_id_for_distribution_column('public.erasures', (r ->> 'user_id')::bigint))
    into v_id
    using v_kind, (r ->> 'user_id')::bigint, v_number::bigint, v_change::bigint;
  return v_id;
end $$;

comment on function ledger.erasure_in_shard is
  'The number of the last intervention that, by what is written down in erasures, takes something out of a row of a shard of this table; null: none. The row is on this server, and so are its erasures.';

revoke all on function ledger.erasure_in_shard from public;
-- end function

-- function: erasures_digest
create or replace function ledger.erasures_digest(intervention bigint)
  returns text
  language plpgsql stable as $$
declare
  v_hashes bytea;
begin
  select string_agg(e.hash, '' order by e.kind collate "C", e.user_id, e.number, e.change)
    into v_hashes from public.erasures e where e.intervention = erasures_digest.intervention;
  return encode(sha256(coalesce(v_hashes, '')), 'hex');
end $$;

comment on function ledger.erasures_digest is
  'One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.';

revoke all on function ledger.erasures_digest from public;
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

-- function: find_created_user
create or replace function ledger.find_created_user(
  user_id bigint, reference text, metadata jsonb, idempotency_key text)
  returns ledger.created_user
  language plpgsql volatile as $$
declare
  v ledger.created_user;
  v_asked_id bigint;
  v_is_same boolean;
begin
  select k.user_id into v.id from public.user_keys k
   where k.idempotency_key = find_created_user.idempotency_key;
  v.replayed := found;
  if v.id is null then
    select r.user_id into v.id from public.user_references r
     where r.reference = find_created_user.reference;
  end if;
  v.id := coalesce(v.id, find_created_user.user_id);
  v.created := false;
  select u.created_at, d.reference, d.metadata, d.asked_id
    into v.created_at, v.reference, v.metadata, v_asked_id
    from public.users u left join public.user_details d on d.user_id = u.id where u.id = v.id;
  if not found then return null; end if;
  -- Whoever made that user in between has written down the key with it.
  if not v.replayed and exists (select from public.user_keys k
      where k.idempotency_key = find_created_user.idempotency_key) then
    return ledger.find_created_user(find_created_user.user_id, find_created_user.reference,
      find_created_user.metadata, find_created_user.idempotency_key);
  end if;

  if v.replayed then
    v_is_same := (v_asked_id, v.reference, v.metadata) is not distinct from
      (find_created_user.user_id, find_created_user.reference, find_created_user.metadata);
  else
    -- A request with only an id asks for that user, whatever else is known about it.
    v_is_same := v.id = coalesce(find_created_user.user_id, v.id)
      and (num_nonnulls(find_created_user.reference, find_created_user.metadata) = 0
        or (v.reference, v.metadata) is not distinct from
          (find_created_user.reference, find_created_user.metadata));
  end if;
  if not v_is_same then perform ledger.raise_status('LGKEY', v.id); end if;
  return v;
end $$;

comment on function ledger.find_created_user is
  'The user whom a request to make one has made already: by its key (replayed), its reference, or its id; null: there is none. Raises LGKEY if the user was made as something else.';

revoke all on function ledger.find_created_user from public;
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

-- function: get_erasures
create or replace function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- No join: where users are on several servers, interventions are on one.
  for seq, intervention in
    select e.number, max(e.intervention) from public.erasures e
     where e.kind = 'entry' and e.user_id = get_erasures.user_id
       and e.number = any (get_erasures.seqs)
     group by e.number order by e.number
  loop
    select i.operation into operation from public.interventions i
     where i.id = get_erasures.intervention;
    if found then return next; end if;
  end loop;
end $$;

comment on function ledger.get_erasures is
  'Of these entries of a user those of which something was taken out, with the last intervention that did so: ERASE or ARCHIVE. Their hashes cover what is gone.';

revoke all on function ledger.get_erasures from public;
grant execute on function ledger.get_erasures to ledger_service, ledger_dba;
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

-- function: get_shard_journal
create or replace function ledger.get_shard_journal(
  befores bigint[], max_rows integer default 50, max_scanned integer default 10000)
  returns table (entry ledger.found_entry, newer bigint, through bigint, shards bigint[])
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_shards bigint[] := ledger.local_shards();
  -- Of the shards of payment_history.
  v_ids bigint[] := array(
    select h.shardid from pg_dist_shard u join pg_dist_shard h on h.shardminvalue = u.shardminvalue
     where u.shardid = any (v_shards) and h.logicalrelid = 'public.payment_history'::regclass);
  v_limit integer := greatest(100,
    get_shard_journal.max_scanned / greatest(1, cardinality(v_shards)));
  v_first bigint; v_through bigint; v_scanned integer; v_found integer; v_row record;
  -- What was found of a series, side by side: where, and in which shard.
  v_positions bigint[]; v_homes bigint[];
begin
  foreach v_first in array get_shard_journal.befores loop
    v_positions := '{}'; v_homes := '{}';
    through := (v_first - 1) >> 48 << 48;
    for i in 1 .. cardinality(v_ids) loop
      v_scanned := 0; v_found := 0;
      for v_row in
        execute format('select h.id, h.seq from public.payment_history_%s h
            where h.id < $1 and h.id >= $2 order by h.id desc limit $3', v_ids[i])
          using v_first, (v_first - 1) >> 48 << 48, v_limit
      loop
        v_scanned := v_scanned + 1;
        if v_row.seq is not null then
          v_found := v_found + 1;
          v_positions := array_append(v_positions, v_row.id);
          v_homes := array_append(v_homes, v_ids[i]);
        end if;
        if v_scanned = v_limit or v_found = get_shard_journal.max_rows then
          through := greatest(through, v_row.id);
          exit;
        end if;
      end loop;
    end loop;
    -- Where the first max_rows of the series end, which no shard has read beyond.
    v_through := (select p from unnest(v_positions) p order by p desc
                  offset get_shard_journal.max_rows - 1 limit 1);
    through := greatest(through, v_through);
    for v_row in
      select f.home, array_agg(f.p) as positions
        from unnest(v_positions, v_homes) f (p, home) where f.p >= through group by f.home
    loop
      return query execute format('select row(h.id, true, e.*)::ledger.found_entry,
          (select n.id from public.payment_history_%1$s n
            where n.user_id = h.user_id and n.seq = h.seq + 1), null::bigint, null::bigint[]
          from unnest($1) p (id) join public.payment_history_%1$s h on h.id = p.id
          cross join lateral (select * from (%2$s) x
            where x.user_id = h.user_id and x.seq = h.seq) e', v_row.home,
          -- The view, of the shard itself, where Citus has nothing to plan.
          replace(rtrim(pg_get_viewdef('public.entries'::regclass), ';'),
            'public.payment_history', 'public.payment_history_' || v_row.home))
        using v_row.positions;
    end loop;
    entry := null; newer := null; shards := v_shards;
    return next;
  end loop;
end $$;

comment on function ledger.get_shard_journal is
  'What the shards of this server have of the entries that list_journal lists where all users are on one server. Every server numbers what is written there, above its series × 2^48; befores has a position of each series that is wanted, and of each at most max_rows entries below it are answered, the highest, in no order, each with the position of the next entry of its user (newer). Behind those of a series, a row with its through: whatever is at this position or between it and before was looked at; and with the shards that are here. Where max_scanned rows were not enough, because many are pending, it is higher than where entries end.';

revoke all on function ledger.get_shard_journal from public;
grant execute on function ledger.get_shard_journal to ledger_service, ledger_dba;
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

-- function: has_mark
create or replace function ledger.has_mark(entry public.payment_history, mark text)
  returns boolean
  language plpgsql stable as $$
begin
  if ((entry).metadata ? has_mark.mark) is not true then return false; end if;
  -- Anybody may write such metadata, but only an erasure has a row in erasures.
  perform from public.erasures e
   where e.kind = 'entry' and e.user_id = (entry).user_id and e.number = (entry).seq;
  return found;
end $$;

comment on function ledger.has_mark is
  'Whether an entry''s metadata was taken out: erased or archived.';

revoke all on function ledger.has_mark from public;
grant execute on function ledger.has_mark to ledger_dba;
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

-- function: insert_half
create or replace function ledger.insert_half(entry ledger.entry)
  returns bigint
  language plpgsql volatile as $$
declare
  e ledger.entry := insert_half.entry;
begin
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, peer_user_id, peer_seq, hash)
  values (e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at, e.idempotency_key,
    e.metadata, e.held, e.peer_user_id, e.peer_seq, e.hash);
  update public.users u
     set seq = e.seq, balance = e.balance, updated_at = e.posted_at where u.id = e.user_id;
  return e.seq;
end $$;

comment on function ledger.insert_half is
  'Writes an entry that is half of a transfer, and what its user is by then; everything has been decided, and the user is locked. Returns its seq.';

revoke all on function ledger.insert_half from public;
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
  v_ids bigint[];
begin
  -- Which nobody can enter.
  if num_nonnulls(e.hold, e.reverses, e.peer_user_id, e.peer_seq) > 0 then return false; end if;
  if v_hash = m.hash
    or ledger.is_mark(e.metadata) and ledger.is_erased('manual_entry', m.user_id, m.id, 0,
      ledger.erased_hash(v_hash, m.hash)) then
    return true;
  end if;
  -- Erased when nothing was written down of manual entries. No join: where users are on several
  -- servers, interventions are on one.
  v_ids := array(select x.intervention from public.erasures x
                  where x.kind = is_as_entered.kind and x.user_id = m.user_id
                    and x.number = is_as_entered.number);
  return exists (select from public.interventions i
                  where i.id = any (v_ids) and not i.before ? 'manual_entries');
end $$;

comment on function ledger.is_as_entered is
  'Whether an entry, or what the erasure of its row (kind, number) left of it, is what the row of manual_entries says was entered. Internal.';

revoke all on function ledger.is_as_entered from public;
-- end function

-- function: is_erased
create or replace function ledger.is_erased(
  kind text, user_id bigint, number bigint, change bigint, hash bytea)
  returns boolean
  language plpgsql stable as $$
declare
  v_hash bytea;
begin
  select e.hash into v_hash from public.erasures e
   where e.kind = is_erased.kind and e.user_id = is_erased.user_id
     and e.number = is_erased.number and e.change = is_erased.change
   order by e.intervention desc limit 1;
  return coalesce(v_hash = is_erased.hash, false);
end $$;

comment on function ledger.is_erased is
  'Whether a row is what its last erasure left; hash: erased_hash of the row as it is.';

revoke all on function ledger.is_erased from public;
-- end function

-- function: is_erasure
create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_table text := regexp_replace(is_erasure.table_name, '_[0-9]+$', '');
  v_id bigint;
  v_mark text;
begin
  if v_table = is_erasure.table_name then
    select i.id, case i.operation when 'ERASE' then 'erased' else 'archived' end into v_id, v_mark
      from public.interventions i
     where i.transaction = pg_current_xact_id() and i.at >= now()
       and i.operation in ('ERASE', 'ARCHIVE')
     order by i.id desc limit 1;
  else
    v_id := ledger.erasure_in_shard(v_table, is_erasure.after);
    v_mark := case when is_erasure.after -> 'metadata' ? 'archived' then 'archived' else 'erased' end;
    -- Only once: afterwards the row is what the erasure left, and stays so.
    if is_erasure.before -> 'metadata' in (jsonb_build_object('erased', v_id),
      jsonb_build_object('archived', v_id)) then
      return false;
    end if;
  end if;
  if v_id is null then return false; end if;
  return case
    when v_table in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object(v_mark, v_id)
      and is_erasure.after -> 'idempotency_key'
        in (case v_mark when 'erased' then 'null'::jsonb end,
          is_erasure.before -> 'idempotency_key')
    when v_mark = 'archived' then false
    when v_table = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when v_table = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    when v_table = 'user_details' then
      is_erasure.after = is_erasure.before
        || '{"reference": null, "metadata": null, "idempotency_key": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out; of a row of a shard, what was written down in erasures to be taken out.';

revoke all on function ledger.is_erasure from public;
-- end function

-- function: keep_shards
create or replace function ledger.keep_shards(shard_ids bigint[], wait boolean)
  returns text[]
  language plpgsql volatile as $$
declare
  v_locked bigint[] := '{}';
  v_here bigint[];
begin
  -- As keeps_shard does for one shard.
  if current_setting('transaction_isolation') <> 'read committed' then
    return array_fill('LGMOV'::text, array[cardinality(keep_shards.shard_ids)]);
  elsif keep_shards.wait then
    perform lock_shard_metadata(5, keep_shards.shard_ids);
  else
    v_locked := ledger.locked_shards(keep_shards.shard_ids);
  end if;
  -- In the next statement.
  v_here := array(
    select p.shardid from pg_dist_placement p
     where p.shardid = any (keep_shards.shard_ids)
       and p.groupid = (select l.groupid from pg_dist_local_group l));
  if v_here @> keep_shards.shard_ids and v_locked = '{}' then
    return array_fill('ok'::text, array[cardinality(keep_shards.shard_ids)]);
  end if;
  return array(
    select case when s.id = any (v_locked) then '55P03'
             when s.id = any (v_here) then 'ok' else 'LGMOV' end
      from unnest(keep_shards.shard_ids) with ordinality s (id, n) order by s.n);
end $$;

comment on function ledger.keep_shards is
  'Keeps shards of users on this server until the end of the transaction, as keeps_shard does. Returns a status for each: ok, LGMOV if it isn''t here, or without wait 55P03 if somebody is about to move it.';

revoke all on function ledger.keep_shards from public;
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

-- function: lock_in_shard
create or replace function ledger.lock_in_shard(
  user_id bigint, user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_schema text := ledger.schema_of_shard(lock_in_shard.user_id);
  v_accounts ledger.account[];
begin
  perform ledger.leaves_shard(substr(v_schema, length('ledger_') + 1)::bigint,
    lock_in_shard.user_ids);
  execute format('select %s.lock_accounts($1, $2, $3)', v_schema)
    into v_accounts using lock_in_shard.user_ids, lock_in_shard.wait, lock_in_shard.max_pending;
  return v_accounts;
end $$;

comment on function ledger.lock_in_shard is
  'What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_in_shard from public;
-- end function

-- function: locked_shards
create or replace function ledger.locked_shards(shard_ids bigint[])
  returns bigint[]
  -- Far longer than a look at the lock takes, and far shorter than a move.
  language plpgsql volatile set lock_timeout = '10ms' as $$
declare
  v_locked bigint[] := '{}';
  v_id bigint;
begin
  begin
    perform lock_shard_metadata(5, locked_shards.shard_ids);
    return v_locked;
  exception when lock_not_available then
    -- One of them.
  end;
  foreach v_id in array locked_shards.shard_ids loop
    begin
      perform lock_shard_metadata(5, array[v_id]);
    exception when lock_not_available then
      v_locked := array_append(v_locked, v_id);
    end;
  end loop;
  return v_locked;
end $$;

comment on function ledger.locked_shards is
  'Locks shards as keeps_shard does, but waits for none: returns those that somebody else is moving.';

revoke all on function ledger.locked_shards from public;
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
  v_outcomes ledger.outcome[] := ledger.post_each(v_accounts, ledger.ids_of(v_accounts), 1,
    cardinality(post.operations), post.operations, post.user_ids, post.amounts, post.peer_user_ids,
    post.refs, post.expires_ins, post.idempotency_keys, post.metadatas, v_readers,
    v_has_repeated_keys, v_has_readers);
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

drop function ledger.post_each(accounts ledger.account[], ids bigint[], operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expiries numeric[], keys text[], metadatas jsonb[], readers text[], has_repeated_keys boolean, has_readers boolean, out outcomes ledger.outcome[]);

-- function: post_each
create or replace function ledger.post_each(
  accounts ledger.account[], ids bigint[], first integer, last integer, operations text[],
  user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expiries numeric[],
  keys text[], metadatas jsonb[], readers text[], has_repeated_keys boolean,
  has_readers boolean, out outcomes ledger.outcome[])
  language plpgsql volatile as $$
declare
  v_read_at timestamptz := clock_timestamp(); v_peer_seq bigint; c public.hold_changes;
  -- What this call has decided and not written yet, and all to whom it may belong.
  v_new ledger.entry[] := '{}'; v_changes public.hold_changes[] := '{}'; v_users bigint[] := '{}';
  v_operation text; v_peer_id bigint; v_a integer; v_p integer; v_key text; v_at timestamptz;
  a ledger.account; p ledger.account; t ledger.target; d ledger.decision; e ledger.entry;
begin
  for i in first .. last loop -- mutation: order
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
  'Does the operations of post from first to last one after the other, and writes once at the end what they have made: finds the accounts of each, decides, makes the change of a hold and entries, and answers. accounts: all that are locked, with their users in ids. readers: operations that read what stands in the tables of their user, and so need that written; has_readers: there are such, or repeated keys. Returns what post answers.';

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
  f ledger.earlier;
  -- The sender and the receiver.
  a ledger.account := post_half.peer::ledger.account;
  p ledger.account := a;
  v_problem text;
  v_at timestamptz;
  v_debit ledger.entry;
  v_credit ledger.entry;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  -- As lock_half does it.
  if not v_is_sender then
    p := ledger.lock_account(post_half.user_id);
  else
    a := ledger.lock_account(post_half.user_id);
    if post_half.idempotency_key is not null then
      f := ledger.find_key(a.user_id, post_half.idempotency_key, a.hold_changes > 0);
      if num_nonnulls(f.seq, f.number) > 0 then return null; end if;
    end if;
  end if;
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
  perform ledger.insert_half(case when v_is_sender then v_debit else v_credit end);
  return array[v_debit, v_credit];
end $$;

comment on function ledger.post_half is
  'Locks the second user of a transfer, and writes its half if the transfer may be done: peer is the account of the first one, which lock_half has locked. Returns the debit and the credit, an array as text; null, and nothing is written, if it may not. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.post_half from public;
-- end function

-- function: post_in_shards
create or replace function ledger.post_in_shards(
  shard_ids bigint[], counts integer[], operations text[], user_ids bigint[], amounts numeric[],
  peer_user_ids bigint[] default null, refs bigint[] default null,
  expires_ins numeric[] default null, idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns setof ledger.outcome
  -- As post.
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_statuses text[] := ledger.keep_shards(post_in_shards.shard_ids, post_in_shards.wait);
  v_readers text[] := '{HOLD,CAPTURE,CAPTURE PART,RELEASE,EXTEND,REVERSE}';
  v_has_repeated_keys boolean := post_in_shards.idempotency_keys is not null
    and ledger.has_repeated_keys(post_in_shards.user_ids, post_in_shards.idempotency_keys);
  v_has_readers boolean := v_has_repeated_keys or post_in_shards.operations && v_readers;
  v_first integer := 1;
  v_last integer := 0;
  v_part ledger.outcome[];
  v_outcomes ledger.outcome[] := '{}';
begin
  for s in 1 .. cardinality(post_in_shards.shard_ids) loop
    v_last := v_last + post_in_shards.counts[s];
    if v_statuses[s] = 'ok' then
      execute format('select ledger_%s.post_part($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '
          '$12, $13, $14, $15)', post_in_shards.shard_ids[s])
        into v_part
        using v_first, v_last, post_in_shards.operations, post_in_shards.user_ids,
          post_in_shards.amounts, post_in_shards.peer_user_ids, post_in_shards.refs,
          post_in_shards.expires_ins, post_in_shards.idempotency_keys, post_in_shards.metadatas,
          v_readers, v_has_repeated_keys, v_has_readers, post_in_shards.wait,
          post_in_shards.max_pending;
    else
      v_part := array(
        select jsonb_populate_record(null::ledger.outcome, jsonb_build_object('n', i, 'status',
                 v_statuses[s], 'replayed', false, 'user_id', post_in_shards.user_ids[i]))
          from generate_series(v_first, v_last) i);
    end if;
    v_outcomes := v_outcomes || v_part;
    v_first := v_last + 1;
  end loop;
  return query select o.* from unnest(v_outcomes) o;
end $$;

comment on function ledger.post_in_shards is
  'What post does, for users of several shards that are on this server, in one transaction: each operation touches users of one shard only, those of a shard follow one another, counts says how many there are of each of shard_ids, and these ascend, so that callers lock in the same order. Besides the status of post an operation may have LGMOV: its shard isn''t on this server; and without wait 55P03 means, too, that its shard is about to move. Neither stops others. Raises LGMOV if a user belongs to another shard.';

revoke all on function ledger.post_in_shards from public;
grant execute on function ledger.post_in_shards to ledger_service;
-- end function

-- function: post_part
create or replace function ledger.post_part(
  first integer, last integer, operations text[], user_ids bigint[], amounts numeric[],
  peer_user_ids bigint[], refs bigint[], expires_ins numeric[], idempotency_keys text[],
  metadatas jsonb[], readers text[], has_repeated_keys boolean, has_readers boolean, wait boolean,
  max_pending integer)
  returns ledger.outcome[]
  language plpgsql volatile as $$
declare
  v_accounts ledger.account[] := ledger.lock_accounts(ledger.users_of(
    post_part.operations[first:last], post_part.user_ids[first:last],
    post_part.peer_user_ids[first:last], post_part.refs[first:last]), post_part.wait,
    post_part.max_pending);
begin
  return ledger.post_each(v_accounts, ledger.ids_of(v_accounts), post_part.first, post_part.last,
    post_part.operations, post_part.user_ids, post_part.amounts, post_part.peer_user_ids,
    post_part.refs, post_part.expires_ins, post_part.idempotency_keys, post_part.metadatas,
    post_part.readers, post_part.has_repeated_keys, post_part.has_readers);
end $$;

comment on function ledger.post_part is
  'What post does, for the operations from first to last. post_in_shards calls it in the schema of a shard, for those that belong there.';

revoke all on function ledger.post_part from public;
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
    'add_plain_entry', 'change_of_hold', 'close_hold', 'copy_accounts', 'decide', 'event_details',
    'event_digest', 'events_at', 'events_before', 'find_key', 'first_change', 'get_shard_users',
    'get_users', 'has_most_holds', 'held_now', 'insert_entries', 'insert_half', 'is_same_part',
    'load_target', 'lock_account', 'lock_accounts', 'lock_half', 'open_account', 'outcome_of',
    'peer_at', 'post_change', 'post_each', 'post_half', 'post_hold', 'post_part', 'post_pending',
    'replay_entry', 'scan_events', 'scan_series', 'target_of', 'users_of', 'write_all',
    'write_change', 'write_changes', 'write_half'];
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

-- function: verify_archived
create or replace function ledger.verify_archived(lines jsonb[])
  returns table (place bigint, user_id bigint, seq bigint, is_archived boolean, finding text)
  language plpgsql stable as $$
declare
  v_ledger text := ledger.ledger_id();
  v_id text := '^[1-9][0-9]{0,15}$';
  v_line jsonb;
  v_previous bytea;
  h public.payment_history;
begin
  -- One entry a statement: each may be on another server.
  for place, v_line in
    select u.n, u.line from unnest(verify_archived.lines) with ordinality u (line, n)
  loop
    h := null;
    if v_line ->> 'ledger' = v_ledger and v_line ->> 'user_id' ~ v_id and v_line ->> 'seq' ~ v_id then
      select x.* into h from public.payment_history x
       where x.user_id = (v_line ->> 'user_id')::bigint and x.seq = (v_line ->> 'seq')::bigint;
    end if;
    user_id := h.user_id;
    seq := h.seq;
    is_archived := ledger.has_mark(h, 'archived');
    finding := case when h.seq is null then 'archive_invalid'
      when ledger.has_mark(h, 'erased') then 'archive_erased' end;
    if finding is null then
      select p.hash into v_previous from public.payment_history p
       where p.user_id = h.user_id and p.seq = h.seq - 1;
      h.metadata := v_line -> 'metadata';
      if h.hash not in (
        ledger.entry_hash(v_previous, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
          h.sealed_at, h.idempotency_key, h.metadata, h.held, h.hold, h.reverses, h.peer_user_id,
          h.peer_seq),
        ledger.entry_hash_1(v_previous, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
          h.sealed_at, h.idempotency_key, h.metadata, h.held, h.hold, h.reverses, h.peer_user_id,
          h.peer_seq)) then
        finding := 'archive_differs';
      end if;
    end if;
    return next;
  end loop;
end $$;

comment on function ledger.verify_archived is
  'For each line of an archive, in order, its entry, whether that is archived, and what is wrong: archive_invalid (no line of this ledger), archive_erased (the entry was erased afterwards), archive_differs (with the metadata of the line, the entry has another hash), or null.';

revoke all on function ledger.verify_archived from public;
grant execute on function ledger.verify_archived to ledger_dba;
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

-- function: verify_erasures
create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_id bigint;
  v_user_id bigint;
begin
  return query
  select 'erasure_invalid', i.user_id, null::bigint,
         format('What intervention %s took out is not written down as it was.', i.id)
    from public.interventions i
   where i.operation in ('ERASE', 'ARCHIVE')
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id);
  -- No join: where users are on several servers, interventions are on one.
  for v_id, v_user_id in
    select e.intervention, min(e.user_id) from public.erasures e group by e.intervention order by 1
  loop
    if not exists (select from public.interventions i
                    where i.id = v_id and i.operation in ('ERASE', 'ARCHIVE')) then
      return next row('erasure_invalid', v_user_id, null,
        format('No intervention %s took anything out.', v_id))::ledger.finding;
    end if;
  end loop;
end $$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
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
  select f from ledger.verify_servers() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger or other code that runs at a change, anything in schema ledger, or a function of the name of one of ours or PostgreSQL''s, that is somebody else''s; and those of verify_servers.';

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

-- function: verify_servers
create or replace function ledger.verify_servers()
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v_findings ledger.finding[] := array(
    select f from ledger.verify_interventions() f
    union all select f from ledger.verify_references() f
    union all select f from ledger.verify_shards() f);
begin
  if ledger.is_distributed() and cardinality(v_findings) > 0 then
    v_findings := ledger.verify_servers_again(v_findings);
  end if;
  return query select f.* from unnest(v_findings) f;
end $$;

comment on function ledger.verify_servers is
  'The findings of verify_interventions, verify_references and verify_shards, where users are on several servers those that a second look has, too. Internal.';

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
    select f from ledger.verify_interventions() f
    union all select f from ledger.verify_references() f
    union all select f from ledger.verify_shards() f);
  -- What is new may be on its way. And a server that didn't answer meanwhile isn't without guards.
  perform ledger.await_prepared();
  return array(select f from unnest(v_findings) f
                where f = any (verify_servers_again.findings));
end $$;

comment on function ledger.verify_servers_again is
  'Which findings of verify_servers a second look has, too, for where users are on several servers: a user who was on the way to its server in the first is there by now, and so is a shard, and what was erased. Raises 08006 if a server doesn''t answer. Internal.';

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
             '|.*\m(table|sequence|on) (interventions|interventions_id_seq|user_keys|user_references'
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

-- function: write_half
create or replace function ledger.write_half(user_id bigint, entry text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  return ledger.insert_half(write_half.entry::ledger.entry);
end $$;

comment on function ledger.write_half is
  'Has insert_half write an entry (as text) of a user whom lock_half has locked in the same transaction. Returns its seq. Whoever calls it where users are on several servers has the server of the user do it.';

revoke all on function ledger.write_half from public;
-- end function

-- migrate:down

set local check_function_bodies = off;

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

drop function ledger.verify_traces();

drop function ledger.verify_suspects(entries public.payment_history[]);

drop function ledger.verify_servers_again(findings ledger.finding[]);

drop function ledger.verify_servers();

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

-- function: verify_erasures
create or replace function ledger.verify_erasures()
  returns setof ledger.finding
  language sql stable as $$
  select row('erasure_invalid', i.user_id, null, format(
           'What intervention %s took out is not written down as it was.', i.id))::ledger.finding
    from public.interventions i
   where i.operation in ('ERASE', 'ARCHIVE')
     and i.before ->> 'digest' is distinct from ledger.erasures_digest(i.id)
  union all
  select row('erasure_invalid', min(e.user_id), null, format(
           'No intervention %s took anything out.', e.intervention))::ledger.finding
    from public.erasures e
   where not exists (select from public.interventions i
                      where i.id = e.intervention and i.operation in ('ERASE', 'ARCHIVE'))
   group by e.intervention
$$;

comment on function ledger.verify_erasures is
  'The findings about erasures: rows that are not those of their intervention, and of interventions that were none. Internal.';

revoke all on function ledger.verify_erasures from public;
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

drop function ledger.verify_archived(lines jsonb[]);

drop function ledger.trace_change(operation text, entry jsonb);

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

drop function ledger.scan_series(afters bigint[], untils bigint[], user_ids bigint[], types text[], max_rows integer, max_scanned integer);

drop function ledger.post_part(first integer, last integer, operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expires_ins numeric[], idempotency_keys text[], metadatas jsonb[], readers text[], has_repeated_keys boolean, has_readers boolean, wait boolean, max_pending integer);

drop function ledger.post_in_shards(shard_ids bigint[], counts integer[], operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expires_ins numeric[], idempotency_keys text[], metadatas jsonb[], wait boolean, max_pending integer);

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

drop function ledger.post_each(accounts ledger.account[], ids bigint[], first integer, last integer, operations text[], user_ids bigint[], amounts numeric[], peer_user_ids bigint[], refs bigint[], expiries numeric[], keys text[], metadatas jsonb[], readers text[], has_repeated_keys boolean, has_readers boolean, out outcomes ledger.outcome[]);

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

drop function ledger.open_glass(user_id bigint, intervention bigint);

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

drop function ledger.locked_shards(shard_ids bigint[]);

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

drop function ledger.local_shards();

drop function ledger.keep_shards(shard_ids bigint[], wait boolean);

-- function: is_erasure
create or replace function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable as $$
declare
  v_id bigint;
  v_mark text;
begin
  select i.id, case i.operation when 'ERASE' then 'erased' else 'archived' end into v_id, v_mark
    from public.interventions i
   where i.transaction = pg_current_xact_id() and i.at >= now()
     and i.operation in ('ERASE', 'ARCHIVE')
   order by i.id desc limit 1;
  if not found then return false; end if;
  return case
    when is_erasure.table_name in ('payment_history', 'hold_changes') then
      is_erasure.after - '{metadata,idempotency_key}'::text[]
        = is_erasure.before - '{metadata,idempotency_key}'::text[]
      and is_erasure.after -> 'metadata' = jsonb_build_object(v_mark, v_id)
      and is_erasure.after -> 'idempotency_key'
        in (case v_mark when 'erased' then 'null'::jsonb end,
          is_erasure.before -> 'idempotency_key')
    when v_mark = 'archived' then false
    when is_erasure.table_name = 'interventions' then
      is_erasure.after - 'before' = is_erasure.before - 'before'
      and is_erasure.after -> 'before'
        = (is_erasure.before -> 'before') - '{metadata,idempotency_key}'::text[]
    when is_erasure.table_name = 'user_controls' then
      is_erasure.after = is_erasure.before || '{"reason": null}'
    when is_erasure.table_name = 'user_details' then
      is_erasure.after = is_erasure.before
        || '{"reference": null, "metadata": null, "idempotency_key": null}'
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out.';

revoke all on function ledger.is_erasure from public;
-- end function

-- function: is_erased
create or replace function ledger.is_erased(
  kind text, user_id bigint, number bigint, change bigint, hash bytea)
  returns boolean
  language sql stable as $$
  select coalesce((
    select e.hash = is_erased.hash from public.erasures e
     where e.kind = is_erased.kind and e.user_id = is_erased.user_id
       and e.number = is_erased.number and e.change = is_erased.change
     order by e.intervention desc limit 1), false)
$$;

comment on function ledger.is_erased is
  'Whether a row is what its last erasure left; hash: erased_hash of the row as it is.';

revoke all on function ledger.is_erased from public;
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

drop function ledger.insert_half(entry ledger.entry);

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

-- function: has_mark
create or replace function ledger.has_mark(entry public.payment_history, mark text)
  returns boolean
  language sql stable as $$
  -- Anybody may write such metadata, but only an erasure has a row in erasures.
  select coalesce((entry).metadata ? has_mark.mark, false) and exists (
    select from public.erasures e
     where e.kind = 'entry' and e.user_id = (entry).user_id and e.number = (entry).seq)
$$;

comment on function ledger.has_mark is
  'Whether an entry''s metadata was taken out: erased or archived.';

revoke all on function ledger.has_mark from public;
grant execute on function ledger.has_mark to ledger_dba;
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

drop function ledger.get_shard_journal(befores bigint[], max_rows integer, max_scanned integer);

drop function ledger.get_shard_events(epoch text, afters bigint[], untils bigint[], read_positions bigint[], user_ids bigint[], types text[], max_rows integer, max_scanned integer);

drop function ledger.get_servers();

drop function ledger.get_series(out series integer, out last_position bigint, out epoch text, out incarnation text, out oldest_open xid8, out horizon xid8);

-- function: get_erasures
create or replace function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select distinct on (e.number) e.number, e.intervention, i.operation
    from public.erasures e
    join public.interventions i on i.id = e.intervention
   where e.kind = 'entry' and e.user_id = get_erasures.user_id
     and e.number = any (get_erasures.seqs)
   order by e.number, e.intervention desc
$$;

comment on function ledger.get_erasures is
  'Of these entries of a user those of which something was taken out, with the last intervention that did so: ERASE or ARCHIVE. Their hashes cover what is gone.';

revoke all on function ledger.get_erasures from public;
grant execute on function ledger.get_erasures to ledger_service, ledger_dba;
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
    oldest_open := coalesce(ledger.oldest_writer(), get_changes.awaited);
  end if;
  read_at := clock_timestamp();
end $$;

comment on function ledger.get_changes is
  'Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are not, after the last_id that the call before answered (after_id); at most some max_rows of them, and then is_complete is false. Ids are not in the order of commits: those below last_id that were not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They are there or never will be in the first call after one that answered an oldest_open no lower than that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was before, as epoch or after_id are from another time (null: none), or more than max_missing are missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the clock of the database, after all that. is_paused: pause_cache was called in the last three seconds.';

revoke all on function ledger.get_changes from public;
grant execute on function ledger.get_changes to ledger_service, ledger_dba;
-- end function

-- function: find_created_user
create or replace function ledger.find_created_user(
  user_id bigint, reference text, metadata jsonb, idempotency_key text)
  returns ledger.created_user
  language plpgsql volatile as $$
declare
  v ledger.created_user;
  v_asked_id bigint;
  v_is_same boolean;
begin
  select k.user_id into v.id from public.user_keys k
   where k.idempotency_key = find_created_user.idempotency_key;
  v.replayed := found;
  if v.id is null then
    select r.user_id into v.id from public.user_references r
     where r.reference = find_created_user.reference;
  end if;
  v.id := coalesce(v.id, find_created_user.user_id);
  v.created := false;
  select u.created_at, d.reference, d.metadata, d.asked_id
    into v.created_at, v.reference, v.metadata, v_asked_id
    from public.users u left join public.user_details d on d.user_id = u.id where u.id = v.id;
  if not found then return null; end if;

  if v.replayed then
    v_is_same := (v_asked_id, v.reference, v.metadata) is not distinct from
      (find_created_user.user_id, find_created_user.reference, find_created_user.metadata);
  else
    -- A request with only an id asks for that user, whatever else is known about it.
    v_is_same := v.id = coalesce(find_created_user.user_id, v.id)
      and (num_nonnulls(find_created_user.reference, find_created_user.metadata) = 0
        or (v.reference, v.metadata) is not distinct from
          (find_created_user.reference, find_created_user.metadata));
  end if;
  if not v_is_same then perform ledger.raise_status('LGKEY', v.id); end if;
  return v;
end $$;

comment on function ledger.find_created_user is
  'The user whom a request to make one has made already: by its key (replayed), its reference, or its id; null: there is none. Raises LGKEY if the user was made as something else.';

revoke all on function ledger.find_created_user from public;
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

-- function: erasures_digest
create or replace function ledger.erasures_digest(intervention bigint)
  returns text
  language sql stable as $$
  select encode(sha256(coalesce(string_agg(e.hash, '' order by e.kind collate "C", e.user_id,
           e.number, e.change), '')), 'hex')
    from public.erasures e where e.intervention = erasures_digest.intervention
$$;

comment on function ledger.erasures_digest is
  'One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.';

revoke all on function ledger.erasures_digest from public;
-- end function

drop function ledger.erasure_in_shard(table_name text, entry jsonb);

-- function: erase_user
create or replace function public.erase_user(
  user_id bigint, reason text, keep interval default '30 days',
  out entries bigint, out holds bigint, out interventions bigint, out kept bigint)
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
  v_before timestamptz := statement_timestamp() - erase_user.keep;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Erasing'); end if;
  if coalesce(length(erase_user.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed',
      hint = 'Say whose decision it is, without naming the person: it stays for ever.';
  elsif (erase_user.keep >= interval '1 day') is not true then
    raise exception using errcode = '22023', message = 'at least a day has to be kept',
      hint = 'A repeat of a request from less than a day ago must find what it did.';
  end if;
  -- Nobody posts, holds or releases for the user meanwhile.
  perform from public.users u where u.id = erase_user.user_id for no key update;
  if not found then perform ledger.raise_status('LGUSR', erase_user.user_id); end if;
  -- As chain_intervention does it, which then gives the next number to this one.
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;

  perform ledger.add_erasures(v_id, erase_user.user_id, v_before);
  select count(*) filter (where e.kind = 'entry'), count(distinct e.number) filter (where e.kind = 'hold_change'),
         count(*) filter (where e.kind = 'intervention')
    into entries, holds, interventions
    from public.erasures e where e.intervention = v_id;
  -- Before anything goes: the guards look for it.
  insert into public.interventions (operation, reason, user_id, before)
  values ('ERASE', erase_user.reason, erase_user.user_id, jsonb_build_object('entries', entries,
    'holds', holds, 'interventions', interventions, 'manual_entries', (
      select count(*) from public.erasures e
       where e.intervention = v_id and e.kind = 'manual_entry'),
    'digest', ledger.erasures_digest(v_id)));
  perform ledger.apply_erasures(v_id, erase_user.user_id);
  kept := ledger.count_erasable(erase_user.user_id);
end $$;

comment on function public.erase_user is
  'Takes out for ever what people said about a user and the user''s entries, holds and withdrawn entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does the proof: see the table erasures. Returns how many of each it erased, and how many are left: call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).';

revoke all on function public.erase_user from public;
-- end function

-- function: erasable_holds
create or replace function ledger.erasable_holds(user_id bigint, before timestamptz)
  returns setof public.holds
  language sql stable as $$
  select o.* from public.holds o
    join public.hold_changes l
      on l.user_id = o.user_id and l.hold = o.hold and l.number = o.changes
   where o.user_id = erasable_holds.user_id
     and case o.status when 'active' then o.expires_at else l.at end < erasable_holds.before
     and exists (select from public.hold_changes c where c.user_id = o.user_id
                    and c.hold = o.hold and num_nonnulls(c.idempotency_key, c.metadata) > 0)
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = o.user_id and e.number = o.hold)
$$;

comment on function ledger.erasable_holds is
  'The holds of a user that ended before a moment and have something to erase.';

revoke all on function ledger.erasable_holds from public;
-- end function

-- function: erasable_entries
create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language sql stable as $$
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  select h.* from public.payment_history h
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and (h.idempotency_key is not null
       or h.metadata is not null and not ledger.has_mark(h, 'erased'))
  union all
  select p.* from public.payment_history h
    join public.payment_history p on p.user_id = h.peer_user_id and p.seq = h.peer_seq
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and p.metadata is not null and not ledger.has_mark(p, 'erased')
$$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
-- end function

-- function: count_erasable
create or replace function ledger.count_erasable(user_id bigint)
  returns bigint
  language sql stable as $$
  select (select count(*) from ledger.erasable_entries(count_erasable.user_id, 'infinity'))
    + (select count(*) from ledger.erasable_interventions(count_erasable.user_id, 'infinity'))
    + (select count(*) from public.payment_history h
        where h.user_id = count_erasable.user_id and h.seq is null
          and num_nonnulls(h.idempotency_key, h.metadata) > 0)
    + (select count(distinct c.hold) from public.hold_changes c
        where c.user_id = count_erasable.user_id
          and num_nonnulls(c.idempotency_key, c.metadata) > 0
          and not exists (select from public.erasures e where e.kind = 'hold_change'
                             and e.user_id = c.user_id and e.number = c.hold))
    + (select count(*) from public.user_controls k
        where k.user_id = count_erasable.user_id and k.reason is not null)
    + (select count(*) from public.user_details d where d.user_id = count_erasable.user_id
          and num_nonnulls(d.reference, d.metadata, d.idempotency_key) > 0)
$$;

comment on function ledger.count_erasable is
  'How much there is of a user that erase_user would erase, were it old enough, posted or ended.';

revoke all on function ledger.count_erasable from public;
-- end function

drop function ledger.collect_traces(intervention bigint);

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

drop function ledger.await_prepared();

-- function: archive_entries
create or replace function ledger.archive_entries(
  user_ids bigint[], seqs bigint[], reason text)
  returns bigint
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
  v_mark jsonb;
  v_entry public.payment_history;
  v_entries bigint := 0;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Archiving'); end if;
  -- As erase_user.
  perform from ledger.identity i for no key update;
  select coalesce(max(i.id), 0) + 1 into v_id from public.interventions i;
  v_mark := jsonb_build_object('archived', v_id);
  for v_entry in
    select h.* from unnest(archive_entries.user_ids, archive_entries.seqs) x (user_id, seq)
      join public.payment_history h on h.user_id = x.user_id and h.seq = x.seq
     where h.metadata is not null and h.sealed_at < statement_timestamp() - interval '30 days'
       and not ledger.has_mark(h, 'archived') and not ledger.has_mark(h, 'erased')
     order by h.user_id, h.seq
  loop
    perform ledger.add_entry_erasure(v_id, v_entry, v_mark, false);
    v_entries := v_entries + 1;
  end loop;
  if v_entries = 0 then return 0; end if;
  insert into public.interventions (operation, reason, before)
  values ('ARCHIVE', archive_entries.reason,
    jsonb_build_object('entries', v_entries, 'manual_entries', (
      select count(*) from public.erasures e
       where e.intervention = v_id and e.kind = 'manual_entry'),
      'digest', ledger.erasures_digest(v_id)));
  update public.payment_history h set metadata = v_mark
    from public.erasures e
   where e.intervention = v_id and e.kind = 'entry' and h.user_id = e.user_id and h.seq = e.number;
  return v_entries;
end $$;

comment on function ledger.archive_entries is
  'Takes the metadata out of entries that are older than 30 days, after npm run archive has written it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves out those that are younger, or were archived or erased before. Only for the owner of the ledger. Raises LGIMM if an entry is not what its hash says.';

revoke all on function ledger.archive_entries from public;
-- end function

-- function: apply_erasures
create or replace function ledger.apply_erasures(intervention bigint, user_id bigint)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', apply_erasures.intervention);
begin
  update public.payment_history h
     set metadata = v_mark,
         idempotency_key = case when h.user_id <> apply_erasures.user_id then h.idempotency_key end
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'entry'
     and h.user_id = e.user_id and h.seq = e.number;
  update public.hold_changes c
     set metadata = v_mark, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'hold_change'
     and c.user_id = e.user_id and c.hold = e.number and c.number = e.change
     and num_nonnulls(c.idempotency_key, c.metadata) > 0;
  update public.interventions i
     set before = i.before - '{metadata,idempotency_key}'::text[]
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'intervention'
     and i.id = e.number;
  update public.user_controls k set reason = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'control'
     and k.user_id = e.user_id and k.number = e.number;
  update public.user_details d
     set reference = null, metadata = null, idempotency_key = null
    from public.erasures e
   where e.intervention = apply_erasures.intervention and e.kind = 'details'
     and d.user_id = e.user_id;
  if found then
    delete from public.user_references r where r.user_id = apply_erasures.user_id;
    delete from public.user_keys k where k.user_id = apply_erasures.user_id;
  end if;
end $$;

comment on function ledger.apply_erasures is
  'Takes out what an intervention erases of a user: what add_erasures wrote down, and what leads to the user by the reference and the key that are gone.';

revoke all on function ledger.apply_erasures from public;
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

-- function: add_hold_erasures
create or replace function ledger.add_hold_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_placed public.hold_changes;
  v_last public.hold_changes;
  v public.hold_changes;
begin
  -- Every change of a hold: the hashes of earlier versions were over all of it.
  for v in
    select c.* from ledger.erasable_holds(add_hold_erasures.user_id, add_hold_erasures.before) o
      join public.hold_changes c on c.user_id = o.user_id and c.hold = o.hold
     order by c.hold, c.number
  loop
    if v.number = 1 then
      v_placed := v;
      v_last := null;
    end if;
    if ledger.hold_change_problem(v_placed, v_last, v) is not null then
      raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
        detail = format('Change %s of hold %s is not what it has to be.', v.number, v.hold),
        hint = 'Find out why with verify_user first: nobody could tell afterwards.';
    end if;
    insert into public.erasures (intervention, kind, user_id, number, change, hash)
    select add_hold_erasures.intervention, 'hold_change', v.user_id, v.hold, v.number,
           ledger.erased_hash(ledger.hold_hash(v_last.hash, v.user_id, v.hold, v.number, v.action,
             v.amount, v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, null,
             case when num_nonnulls(v.idempotency_key, v.metadata) > 0
               then jsonb_build_object('erased', add_hold_erasures.intervention) end,
             v.position), v.hash);
    v_last := v;
  end loop;
end $$;

comment on function ledger.add_hold_erasures is
  'Writes down what will be left of each change of the holds that an intervention is about to erase of a user. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_hold_erasures from public;
-- end function

-- function: add_entry_erasure
create or replace function ledger.add_entry_erasure(
  intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  e public.payment_history := add_entry_erasure.entry;
  v_previous bytea := (select p.hash from public.payment_history p
                        where p.user_id = e.user_id and p.seq = e.seq - 1);
begin
  if ledger.is_hash_of(v_previous, e) is not true then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Entry %s of user %s is not what its hash says.', e.seq, e.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  e.metadata := add_entry_erasure.mark;
  if add_entry_erasure.is_key_erased then e.idempotency_key := null; end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_entry_erasure.intervention, 'entry', e.user_id, e.seq,
    ledger.erased_entry_hash(v_previous, e));
  select x.* into m from public.manual_entries x where x.user_id = e.user_id and x.seq = e.seq;
  if found then
    perform ledger.add_manual_erasure(add_entry_erasure.intervention, m, add_entry_erasure.entry,
      e, 'entry', e.seq);
  end if;
end $$;

comment on function ledger.add_entry_erasure is
  'Writes down what will be left of an entry whose metadata becomes mark and which may lose its key. Raises LGIMM if it is not what its hash says.';

revoke all on function ledger.add_entry_erasure from public;
-- end function

-- function: add_details_erasure
create or replace function ledger.add_details_erasure(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  d public.user_details;
  v_at timestamptz := (select u.created_at from public.users u
                        where u.id = add_details_erasure.user_id);
begin
  select x.* into d from public.user_details x
   where x.user_id = add_details_erasure.user_id and v_at < add_details_erasure.before
     and num_nonnulls(x.reference, x.metadata, x.idempotency_key) > 0;
  if not found then return; end if;
  if d.hash <> ledger.details_hash(d.user_id, v_at, d.reference, d.metadata, d.idempotency_key,
    d.asked_id) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('What user %s was made as is not what its hash says.', d.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_details_erasure.intervention, 'details', d.user_id, 0,
    ledger.erased_hash(ledger.details_hash(d.user_id, v_at, null, null, null, d.asked_id), d.hash));
end $$;

comment on function ledger.add_details_erasure is
  'Writes down what will be left of what a user from before a moment was made as, which an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_details_erasure from public;
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

-- by hand
do $$ begin
  if exists (select from ledger.webhooks w where w.cursor is not null) then
    raise exception using errcode = '55000',
      message = 'only cursor says up to where all was delivered to a receiver';
  end if;
end $$;
alter table ledger.webhooks drop cursor;
-- end by hand
