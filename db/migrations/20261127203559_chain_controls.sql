-- migrate:up

-- by hand
-- A hash of each control of a user, chained to the one before, and of what each user was made as.

-- Of a ledger that is distributed; elsewhere nobody reads it.
set local citus.enable_unsafe_triggers = on;
set local citus.multi_shard_modify_mode = 'sequential';

-- Not by its file: npm run distribute has changed what it says.
grant execute on function ledger.is_distributed to ledger_dba;

-- In blocks, since Citus sends the workers the whole text in which such a statement stands.
do $$
begin
  alter table public.user_controls add hash bytea;
  alter table public.user_details add hash bytea;
end $$;

comment on table public.user_controls is
  'Every freeze, thaw and credit limit of a user, numbered 1, 2, 3 … for each. Append-only, and a chain by hash.';
comment on column public.user_controls.hash is
  'sha256 over the hash of the user''s row before and this one; see ledger.control_hash.';
comment on table public.user_details is
  'What users were made as, by those who made them: a reference, metadata, the key of the request. Append-only.';
comment on column public.user_details.hash is
  'sha256 over this row and created_at of the user; see ledger.details_hash.';
comment on column public.erasures.number is
  'The seq of an entry, the number of a hold or a control, the id of an intervention or a manual entry, or 0.';

-- As ledger.control_hash and ledger.details_hash, which are made below.
do $$
begin
  alter table public.user_controls disable trigger guard_row;
end $$;
do $$
declare
  k public.user_controls;
  d record;
  v_user_id bigint;
  v_hash bytea;
begin
  for k in select x.* from public.user_controls x order by x.user_id, x.number loop
    v_hash := sha256(
      case when k.user_id = v_user_id then v_hash else decode(repeat('00', 32), 'hex') end
      || decode('01', 'hex') || record_send(row(k.user_id, k.number, k.at,
        k.transaction::text::bigint, convert_to(k.role, 'UTF8'), convert_to(k.actor, 'UTF8'),
        convert_to(k.operation, 'UTF8'), k.credit_limit, convert_to(k.reason, 'UTF8'),
        k.position)));
    update public.user_controls x set hash = v_hash
     where x.user_id = k.user_id and x.number = k.number;
    v_user_id := k.user_id;
  end loop;
  for d in
    select x.*, u.created_at from public.user_details x join public.users u on u.id = x.user_id
  loop
    v_hash := sha256(decode('01', 'hex') || record_send(row(d.user_id, d.created_at,
      convert_to(d.reference, 'UTF8'), convert_to(d.metadata::text, 'UTF8'),
      convert_to(d.idempotency_key, 'UTF8'), d.asked_id)));
    update public.user_details x set hash = v_hash where x.user_id = d.user_id;
  end loop;
end $$;
do $$
begin
  alter table public.user_controls enable always trigger guard_row;
  alter table public.user_controls alter hash set not null;
  alter table public.user_details alter hash set not null;
  create trigger guard_row before update or delete on public.user_details
    for each row execute function ledger.guard_history();
  create trigger guard_truncate before truncate on public.user_details
    for each statement execute function ledger.guard_history();
  alter table public.user_details enable always trigger guard_row;
  alter table public.user_details enable always trigger guard_truncate;
end $$;

alter table public.erasures drop constraint erasures_kind_check;
alter table public.erasures add constraint erasures_kind_check check (
  kind in ('entry', 'hold_change', 'intervention', 'control', 'details', 'manual_entry'));
-- end by hand

set local check_function_bodies = off;

-- function: add_control
create or replace function ledger.add_control(
  user_id bigint, at timestamptz, operation text, credit_limit numeric, reason text, actor text)
  returns void
  language plpgsql volatile as $$
declare
  v_number bigint;
  v_previous bytea;
  v_transaction xid8 := pg_current_xact_id();
  v_position bigint := nextval('public.payment_history_id_seq');
begin
  select k.number, k.hash into v_number, v_previous
    from public.user_controls k where k.user_id = add_control.user_id
   order by k.number desc limit 1;
  v_number := coalesce(v_number, 0) + 1;
  insert into public.user_controls (user_id, number, at, transaction, role, actor, operation,
    credit_limit, reason, position, hash)
  values (add_control.user_id, v_number, add_control.at, v_transaction, session_user,
    add_control.actor, add_control.operation, add_control.credit_limit, add_control.reason,
    v_position, ledger.control_hash(v_previous, add_control.user_id, v_number, add_control.at,
      v_transaction, session_user, add_control.actor, add_control.operation,
      add_control.credit_limit, add_control.reason, v_position));
end $$;

comment on function ledger.add_control is
  'Writes down a control of a user whom the caller has locked: numbered, and chained to the one before.';

revoke all on function ledger.add_control from public;
-- end function

-- function: add_control_erasures
create or replace function ledger.add_control_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  k public.user_controls;
  v_previous bytea;
begin
  for k in
    select x.* from public.user_controls x
     where x.user_id = add_control_erasures.user_id and x.at < add_control_erasures.before
     order by x.number
  loop
    if k.reason is not null then
      if k.hash <> ledger.control_hash(v_previous, k.user_id, k.number, k.at, k.transaction,
        k.role, k.actor, k.operation, k.credit_limit, k.reason, k.position) then
        raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
          detail = format('Control %s of user %s is not what its hash says.', k.number, k.user_id),
          hint = 'Find out why with verify_user first: nobody could tell afterwards.';
      end if;
      insert into public.erasures (intervention, kind, user_id, number, hash)
      values (add_control_erasures.intervention, 'control', k.user_id, k.number,
        ledger.erased_hash(ledger.control_hash(v_previous, k.user_id, k.number, k.at,
          k.transaction, k.role, k.actor, k.operation, k.credit_limit, null, k.position), k.hash));
    end if;
    v_previous := k.hash;
  end loop;
end $$;

comment on function ledger.add_control_erasures is
  'Writes down what will be left of each control of a user from before a moment whose reason an intervention is about to erase. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_control_erasures from public;
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

-- function: add_erasures
create or replace function ledger.add_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', add_erasures.intervention);
  v_entry public.payment_history;
  v_id bigint;
begin
  for v_entry in
    select h.* from ledger.erasable_entries(add_erasures.user_id, add_erasures.before) h
     order by h.user_id, h.seq
  loop
    perform ledger.add_entry_erasure(add_erasures.intervention, v_entry, v_mark,
      v_entry.user_id = add_erasures.user_id);
  end loop;
  perform ledger.add_hold_erasures(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);

  perform ledger.add_control_erasures(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);
  perform ledger.add_details_erasure(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);

  for v_id in
    select i.id from ledger.erasable_interventions(add_erasures.user_id, add_erasures.before) i
  loop
    perform ledger.add_intervention_erasure(add_erasures.intervention, v_id);
  end loop;
end $$;

comment on function ledger.add_erasures is
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if one of them is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
-- end function

-- function: add_hold
create or replace function ledger.add_hold(
  user_id bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_hold.amount, 2);
  v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_hold bigint;
  v public.hold_changes;
begin
  if ledger.request_problem(ledger.is_valid_amount(add_hold.amount), null, add_hold.metadata,
    ledger.is_valid_expiry(add_hold.expires_in), false) is not null then return null; end if;
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = add_hold.user_id for no key update; -- mutation: lock
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at := clock_timestamp();
  v_expires_at := ledger.expires_after(v_at, add_hold.expires_in);
  -- The last entry, or one that is pending, of which nulls come first in this order. While
  -- hold_changes is 0 there are no holds, so nobody looks for them.
  select h.seq, h.balance, greatest(h.sealed_at, v_updated_at, v_at),
         case when v_hold_changes = 0 then 0.00 else coalesce((
           select sum(o.remaining) from public.holds o
            where o.user_id = add_hold.user_id and o.status = 'active'
              and o.expires_at > v_at), 0.00) end - v_limit,
         case when v_hold_changes = 0 then 1 else (
           select coalesce(max(o.hold), 0) + 1 from public.holds o
            where o.user_id = add_hold.user_id) end
    into v_seq, v_balance, v_updated_at, v_held, v_hold
    from public.payment_history h where h.user_id = add_hold.user_id
   order by h.seq desc limit 1;
  -- Who may have the most holds already is for decide.
  if v_seq is null or v_hold_changes >= 10000
    or ledger.funds_problem(-v_amount, v_balance - v_amount, v_held, v_is_frozen)
    is not null then return null; end if; -- mutation: funds
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1,
         updated_at = v_updated_at
   where u.id = add_hold.user_id;
  v := ledger.next_change(add_hold.user_id, v_hold, 1, null, 'placed', v_amount, v_amount,
    v_expires_at, v_at, v_seq, v_balance, v_balance - v_held - v_amount, null, add_hold.metadata);
  perform ledger.write_change(v);
  return v;
end $$;

comment on function ledger.add_hold is
  'One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_hold.';

revoke all on function ledger.add_hold from public;
-- end function

-- function: add_intervention_erasure
create or replace function ledger.add_intervention_erasure(
  intervention bigint, erased bigint)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries;
  i public.interventions;
  v_last bytea := (select p.hash from public.interventions p
                    where p.id = add_intervention_erasure.erased - 1);
  v_entry public.payment_history;
begin
  select x.* into i from public.interventions x where x.id = add_intervention_erasure.erased;
  if i.hash <> ledger.intervention_hash(v_last, i) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Intervention %s is not what its hash says.', i.id),
      hint = 'Find out why with verify_ledger first: nobody could tell afterwards.';
  end if;
  v_entry := jsonb_populate_record(v_entry, i.before);
  i.before := i.before - '{metadata,idempotency_key}'::text[];
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_intervention_erasure.intervention, 'intervention', i.user_id, i.id,
    ledger.erased_hash(ledger.intervention_hash(v_last, i), i.hash));
  select x.* into m from public.manual_entries x
   where x.user_id = i.user_id and x.id = (i.before ->> 'id')::bigint and x.seq is null
     and i.operation = 'WITHDRAW';
  if found then
    perform ledger.add_manual_erasure(add_intervention_erasure.intervention, m, v_entry,
      jsonb_populate_record(null::public.payment_history, i.before), 'intervention', i.id);
  end if;
end $$;

comment on function ledger.add_intervention_erasure is
  'Writes down what will be left of the intervention with the id erased, from which another one is about to erase metadata and the key, and of the manual entry that it withdrew. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_intervention_erasure from public;
-- end function

-- function: add_manual_erasure
create or replace function ledger.add_manual_erasure(
  intervention bigint, manual_entry public.manual_entries, entry public.payment_history,
  what_is_left public.payment_history, kind text, number bigint)
  returns void
  language plpgsql volatile as $$
declare
  m public.manual_entries := add_manual_erasure.manual_entry;
begin
  if not ledger.is_as_entered(m, add_manual_erasure.entry, add_manual_erasure.kind,
    add_manual_erasure.number) then
    raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
      detail = format('Manual entry %s of user %s is not what was entered.', m.id, m.user_id),
      hint = 'Find out why with verify_user first: nobody could tell afterwards.';
  end if;
  insert into public.erasures (intervention, kind, user_id, number, hash)
  values (add_manual_erasure.intervention, 'manual_entry', m.user_id, m.id,
    ledger.erased_hash(ledger.manual_entry_hash(add_manual_erasure.what_is_left, m.id,
      m.entered_at, m.entered_by), m.hash));
end $$;

comment on function ledger.add_manual_erasure is
  'Writes down what will be left of a manual entry whose row (kind, number) an intervention is about to erase, with who entered it and when. Raises LGIMM as add_erasures.';

revoke all on function ledger.add_manual_erasure from public;
-- end function

drop function ledger.apply_erasures(intervention bigint, user_id bigint, before timestamptz);

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

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- As the owner, since whoever inserts may not lock users; and without scans, as post.
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_at timestamptz;
  v_entry public.payment_history; v_hash bytea;
begin
  if new.user_id is null or new.action is null or new.amount is null or new.ts is null then
    raise exception using errcode = '23502', message = 'an entry needs user_id, action and amount',
      hint = 'insert into payment_history (user_id, action, amount) values (…, ''CREDIT'', …)';
  elsif new.action not in ('CREDIT', 'DEBIT') then
    raise exception using errcode = '23514', message = 'action is CREDIT or DEBIT',
      hint = 'In capitals: CREDIT adds to the balance, DEBIT takes from it.';
  elsif not ledger.is_valid_amount(new.amount) then
    raise exception using errcode = '23514',
      message = 'amount is from 0.01 to 9999999999.99 with at most two decimals',
      hint = 'Nothing is rounded: give the amount as it is to be.';
  elsif not (new.ts >= '0001-01-01 00:00:00+00' and new.ts < '10000-01-01 00:00:00+00') then
    raise exception using errcode = '23514', message = 'ts is of the years 1 to 9999',
      hint = 'Leave it out to have it happen now.';
  elsif num_nonnulls(new.seq, new.balance, new.sealed_at, new.held, new.hash, new.hold,
      new.reverses, new.peer_user_id, new.peer_seq) > 0 then
    raise exception using errcode = '23514',
      message = 'an entry has no seq, balance, hold, reversal or peer before it is posted',
      hint = 'Give user_id, action, amount and, if you like, ts and metadata alone.';
  elsif not ledger.is_valid_key_and_metadata(new.idempotency_key, new.metadata) then
    raise exception using errcode = '23514',
      message = 'a key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB',
      hint = 'Give it in this form, or leave it out.';
  end if;
  new.amount := round(new.amount, 2);
  -- Not for rows restored or replicated, which come in any order, and with who entered them.
  if current_setting('session_replication_role') = 'replica' then return new; end if;
  -- As a foreign key does it, so this doesn't wait for a debit in flight. With a key as the engine
  -- does it, so that nobody else uses the key meanwhile.
  if new.idempotency_key is null then
    perform from public.users u where u.id = new.user_id for key share;
  else
    perform from public.users u where u.id = new.user_id for no key update;
  end if;
  if not found then
    raise exception using errcode = '23503', message = format('there is no user %s', new.user_id),
      hint = 'Make the user first: select * from create_user(…).';
  end if;
  -- Of a row that is there already, ON CONFLICT may leave this out, and otherwise it fails.
  if ledger.is_distributed() then
    perform from public.payment_history h where h.id = new.id and h.user_id = new.user_id;
  else
    -- `+ 0`: without statistics an index by user may be taken, which leads through all its rows.
    perform from public.payment_history h where h.id = new.id and h.user_id + 0 = new.user_id;
  end if;
  if found then return new; end if;
  if new.idempotency_key is not null then
    perform from public.payment_history h
      where h.user_id = new.user_id and h.idempotency_key = new.idempotency_key;
    if found then return new; end if;
  end if;
  -- After the lock, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  -- A row of a shard is of another type.
  v_entry.user_id := new.user_id; v_entry.action := new.action; v_entry.amount := new.amount;
  v_entry.ts := new.ts; v_entry.idempotency_key := new.idempotency_key;
  v_entry.metadata := new.metadata;
  v_hash := ledger.manual_entry_hash(v_entry, new.id, v_at, session_user);
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user, v_hash);
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded. Records who entered it, and when.';

revoke all on function ledger.check_entry from public;
-- end function

-- function: control_hash
create or replace function ledger.control_hash(
  previous bytea, user_id bigint, number bigint, at timestamptz, transaction xid8, role text,
  actor text, operation text, credit_limit numeric, reason text, "position" bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('01', 'hex')
    || record_send(row(user_id, number, at, transaction::text::bigint, convert_to(role, 'UTF8'),
      convert_to(actor, 'UTF8'), convert_to(operation, 'UTF8'), credit_limit,
      convert_to(reason, 'UTF8'), "position")))
$$;

comment on function ledger.control_hash is
  'The hash of a row of user_controls: sha256 over the hash of the user''s row before (null: 32 zero bytes), the version of the encoding (1), and this row. It depends on nothing else.';

revoke all on function ledger.control_hash from public;
grant execute on function ledger.control_hash to ledger_dba;
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

-- function: details_hash
create or replace function ledger.details_hash(
  user_id bigint, created_at timestamptz, reference text, metadata jsonb, idempotency_key text,
  asked_id bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(decode('01', 'hex') || record_send(row(user_id, created_at,
    convert_to(reference, 'UTF8'), convert_to(metadata::text, 'UTF8'),
    convert_to(idempotency_key, 'UTF8'), asked_id)))
$$;

comment on function ledger.details_hash is
  'The hash of what a user was made as: sha256 over the version of the encoding (1), the row of user_details, and created_at of the user. It depends on nothing else.';

revoke all on function ledger.details_hash from public;
grant execute on function ledger.details_hash to ledger_dba;
-- end function

-- function: entry_change
create or replace function ledger.entry_change(entry payment_history)
  returns text
  language plpgsql stable as $$
declare
  v_moved public.payment_history := entry_change.entry;
  v_near bytea[];
  v_hash bytea;
begin
  -- Looks only near by: with a million bad rows, looking through all of them for each would never
  -- end.
  if exists (select from public.payment_history p
              where p.user_id = v_moved.user_id and p.seq between v_moved.seq - 1000
                and v_moved.seq + 1000 and p.seq <> v_moved.seq and p.hash = v_moved.hash) then
    return 'row_copied';
  end if;
  foreach v_moved.seq in array array[(entry_change.entry).seq - 1, (entry_change.entry).seq + 1] loop
    v_near := array(select p.hash from public.payment_history p
                     where p.user_id = v_moved.user_id
                       and p.seq between v_moved.seq - 2 and v_moved.seq + 2);
    if v_moved.seq = 1 then v_near := array_append(v_near, null); end if;
    -- One by one: is_hash_of reads a table that other servers don't have.
    foreach v_hash in array v_near loop
      if ledger.is_hash_of(v_hash, v_moved) then return 'order_changed'; end if;
    end loop;
  end loop;
  return 'hash_differs';
end $$;

comment on function ledger.entry_change is
  'What was done to a row whose hash is wrong: row_copied (an entry near by has the same hash), order_changed (it would be right one place before or after), or hash_differs. Internal.';

revoke all on function ledger.entry_change from public;
-- end function

-- function: epoch
create or replace function ledger.epoch(interventions bigint)
  returns text
  language sql stable set search_path = pg_catalog, pg_temp as $$
  select format('%s-%s-%s-%s',
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
    (select d.oid from pg_database d where d.datname = current_database()),
    'public.payment_history'::regclass::oid, epoch.interventions)
$$;

comment on function ledger.epoch is
  'Names the history as it grows in this database: on another server, in a copy, after a restore, or since an intervention (interventions: how many there have been, as their sequence counts them), what was there before may have been another one.';

revoke all on function ledger.epoch from public;
-- end function

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

-- function: get_balances
create or replace function ledger.get_balances(user_ids bigint[], at timestamptz default null)
  returns table (user_id bigint, as_of timestamptz, balance numeric, seq bigint)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_at timestamptz := coalesce(get_balances.at, clock_timestamp());
  v_id bigint;
begin
  foreach v_id in array get_balances.user_ids loop
    if not exists (select from public.users u where u.id = v_id) then
      perform ledger.raise_status('LGUSR', v_id);
    end if;
    perform ledger.await_final(v_id, v_at);
  end loop;
  return query
    select i.id, v_at, coalesce(h.balance, 0.00), e.seq
      from unnest(get_balances.user_ids) with ordinality i (id, n)
      cross join lateral (select ledger.entry_at(i.id, v_at) as seq) e
      left join public.payment_history h on h.user_id = i.id and h.seq = e.seq
     order by i.n;
end $$;

comment on function ledger.get_balances is
  'What the ledger held for several users as of one moment (null: now), in their order: both halves of a transfer count from the same moment, so a transfer between two of them never changes their sum. seq: of the entry that the balance stands on; 0: none. Raises LGUSR, 55P03 as balance_at does.';

revoke all on function ledger.get_balances from public;
grant execute on function ledger.get_balances to ledger_service, ledger_dba;
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

-- function: guard_user
create or replace function ledger.guard_user()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- JavaScript reads numbers exactly up to this bound.
    if new.id between 1 and 9007199254740991 then return null; end if;
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991',
      hint = 'create_user() without an id takes the next free one.';
  -- A user of a shard stays: what else there is of the user is on another server.
  elsif tg_op = 'DELETE' and tg_table_name = 'users' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.hold_changes c where c.user_id = old.id)
      and not exists (select from public.user_controls k where k.user_id = old.id)
      and not exists (select from public.user_details d where d.user_id = old.id) then
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    if new.hold_changes >= old.hold_changes then return null; end if;
    raise exception using errcode = '23514', message = 'hold_changes never goes down',
      hint = 'The engine keeps it: leave it out of the update.';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op),
    hint = 'Freeze a user who must not be used any more: see freeze_user.';
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes of whom there is anything else, such as a history or a reference, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
-- end function

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

-- function: leaves_shard
create or replace function ledger.leaves_shard(shard_id bigint, user_ids bigint[])
  returns boolean
  language plpgsql volatile as $$
begin
  if ledger.keeps_shard(leaves_shard.shard_id) then
    perform from pg_dist_shard s, unnest(leaves_shard.user_ids) u (id)
      where s.shardid = leaves_shard.shard_id
        and not hashint8(u.id) between s.shardminvalue::integer and s.shardmaxvalue::integer;
    if not found then return false; end if;
  end if;
  raise exception using errcode = 'LGMOV', message = 'not the shard of these users',
    detail = format('Shard %s of users isn''t on this server, or others belong there.',
      leaves_shard.shard_id),
    hint = 'Call the function of the schema ledger, which finds every user.';
end $$;

comment on function ledger.leaves_shard is
  'Keeps a shard of users on this server until the end of the transaction; returns false. Raises LGMOV if keeps_shard can''t, or one of the users isn''t of the shard.';

revoke all on function ledger.leaves_shard from public;
-- end function

-- function: list_journal
create or replace function ledger.list_journal(
  before bigint default null, max_rows integer default 50, max_scanned integer default 10000)
  returns setof ledger.found_entry
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_before bigint := coalesce(list_journal.before, 9223372036854775807);
  v_found bigint;
begin
  -- Each server gives positions of its own.
  if ledger.is_distributed() then perform ledger.refuse_distributed('A list of all entries'); end if;
  return query
    select s.id, true, e.*
      from (
        select h.id, h.user_id, h.seq from public.payment_history h where h.id < v_before
         order by h.id desc limit list_journal.max_scanned) s
      cross join lateral (
        select x.* from public.entries x where x.user_id = s.user_id and x.seq = s.seq) e
     order by s.id desc limit list_journal.max_rows;
  get diagnostics v_found = row_count;
  if v_found < list_journal.max_rows then
    return query
      select h.id, false, null::bigint, null::bigint, null::text, null::numeric, null::numeric,
             null::numeric, null::timestamptz, null::timestamptz, null::text, null::jsonb,
             null::bigint, null::bigint, null::bigint, null::bigint, null::bigint, null::text,
             null::numeric, null::numeric
        from public.payment_history h where h.id < v_before
       order by h.id desc offset list_journal.max_scanned - 1 limit 1;
  end if;
end $$;

comment on function ledger.list_journal is
  'At most max_rows entries of everybody with a position below before (null: the last ones), in the order in which they were posted, newest first. Pending entries are passed over: where max_scanned rows were not enough, the last one comes last, with is_match false, and the rest is before its position. What commits late has a place among those that were there before it.';

revoke all on function ledger.list_journal from public;
grant execute on function ledger.list_journal to ledger_service, ledger_dba;
-- end function

-- function: list_users
create or replace function ledger.list_users(
  reference text default null, after bigint default 0, max_rows integer default 50,
  user_ids bigint[] default null)
  returns setof ledger.listed_user
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_ids bigint[];
  v_users ledger.user_snapshot[];
begin
  if list_users.reference is not null then
    select array_agg(r.user_id) into v_ids from public.user_references r
     where r.reference = list_users.reference and r.user_id > list_users.after
       and (list_users.user_ids is null or r.user_id = any (list_users.user_ids));
  elsif list_users.user_ids is not null then
    v_ids := array(select distinct i.id from unnest(list_users.user_ids) i (id)
                     join public.users u on u.id = i.id
                    where i.id > list_users.after order by i.id limit list_users.max_rows);
  else
    v_ids := array(select u.id from public.users u where u.id > list_users.after
                    order by u.id limit list_users.max_rows);
  end if;
  if ledger.is_distributed() then
    -- Citus joins neither a function that reads tables itself, nor one by one.
    v_users := array(select s from ledger.get_users(v_ids) s);
    return query
      select s.id, s.balance, s.available, s.seq, s.updated_at, d.reference, d.metadata,
             u.created_at
        from unnest(v_users) s
        join public.users u on u.id = s.id
        left join public.user_details d on d.user_id = u.id
       order by s.id;
    return;
  end if;
  return query
    select s.id, s.balance, s.available, s.seq, s.updated_at, d.reference, d.metadata, u.created_at
      from ledger.get_users(v_ids) s
      join public.users u on u.id = s.id
      -- One by one: a plan from when there were few may otherwise read all of them each time.
      left join lateral (
        select o.reference, o.metadata from public.user_details o where o.user_id = s.id
         offset 0) d on true
     order by s.id;
end $$;

comment on function ledger.list_users is
  'At most max_rows users with an id above after, in order of id, each with its snapshot and what it was made as; only the one with this reference (null: all), and only those among user_ids (null: all).';

revoke all on function ledger.list_users from public;
grant execute on function ledger.list_users to ledger_service, ledger_dba;
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
  -- post asks for generic plans, but Citus can't plan all of its statements before it knows the
  -- user. It lasts until the end of post.
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
  execute format('select %s.lock_accounts($1, $2, $3)',
      ledger.schema_of_shard(lock_in_shard.user_id))
    into v_accounts using lock_in_shard.user_ids, lock_in_shard.wait, lock_in_shard.max_pending;
  return v_accounts;
end $$;

comment on function ledger.lock_in_shard is
  'What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls it where users are on several servers has the server of the shard do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.lock_in_shard from public;
-- end function

-- function: plain_decision
create or replace function ledger.plain_decision(
  operation text, amount numeric, metadata jsonb, user_id bigint, problem text, balance numeric,
  held numeric, is_frozen boolean, peer_user_id bigint, peer_problem text, peer_balance numeric,
  peer_held numeric)
  returns ledger.decision
  language sql immutable parallel safe as $$
  select row(
    ledger.first_problem(
      request => ledger.request_problem(ledger.is_valid_amount(amount), null, metadata, true,
        operation = 'TRANSFER' and user_id = peer_user_id),
      users => ledger.users_problem(problem, peer_problem), key => null, target => null,
      funds => case operation
        when 'CREDIT' then ledger.funds_problem(amount, balance + amount, held, is_frozen)
        else coalesce(ledger.funds_problem(-amount, balance - amount, held, is_frozen),
          ledger.funds_problem(amount, peer_balance + amount, peer_held, false)) end),
    false, case operation when 'CREDIT' then 'CREDIT' else 'DEBIT' end, round(amount, 2),
    case operation when 'CREDIT' then round(amount, 2) else -round(amount, 2) end, held, null, null,
    null, null)::ledger.decision
$$;

comment on function ledger.plain_decision is
  'What decide says of a DEBIT, CREDIT or TRANSFER without a key, by the same rules: PostgreSQL puts the body in the place of the call, which costs a third of one.';

revoke all on function ledger.plain_decision from public;
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

-- function: post_change
create or replace function ledger.post_change(
  operation text, user_id bigint, amount numeric, ref bigint, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
declare
  a ledger.account;
  t ledger.target;
  d ledger.decision;
  v_problem text;
  v_seq bigint;
  v_balance numeric;
  v_at timestamptz;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_credit_limit numeric;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, u.credit_limit
    into v_hold_changes, v_is_frozen, v_credit_limit
    from public.users u where u.id = post_change.user_id for no key update; -- mutation: lock
  if not found then v_problem := 'LGUSR'; end if;
  select h.seq, h.balance, h.sealed_at, h.hash into v_seq, v_balance, v_at, v_hash
    from public.payment_history h where h.user_id = post_change.user_id
   order by h.seq desc limit 1; -- mutation: last
  a := ledger.open_account(row(post_change.user_id, v_problem, v_seq, v_balance,
    coalesce(-v_credit_limit, 0.00), v_at, v_hash, v_hold_changes, null, null, v_is_frozen
    )::ledger.account, null);
  t := ledger.load_target(post_change.operation, post_change.user_id, post_change.ref,
    post_change.amount, null);
  -- Half of a transfer is for post_pair, but when the caller looked, there was no such entry yet: a
  -- repeat goes there.
  if t.peer_user_id is not null then a.problem := '55P03'; end if;
  d := ledger.decide(post_change.operation, post_change.amount, null,
    post_change.idempotency_key, post_change.metadata, t, a, null);
  v_problem := d.problem; v_seq := a.seq; v_balance := a.balance; v_at := a.posted_at;
  v_hash := a.hash;
  if d.replayed then return (ledger.replay_entry(array[a], d.earlier_seq))[1]; end if;
  if v_problem is null and d.hold is not null then
    a.held := d.held;
    perform ledger.write_change(
      ledger.later_change(post_change.operation, a, t, d.amount, null, null, null));
    v_hold_changes := v_hold_changes + 1;
  end if;
  if v_problem is not null then
    perform ledger.raise_status(v_problem, post_change.user_id,
      coalesce(post_change.amount, d.amount), v_balance - d.held);
  end if;
  v_seq := v_seq + 1;
  v_balance := v_balance + d.change;
  v_at := ledger.next_moment(v_at);
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, hash)
  values (post_change.user_id, d.action, d.amount, v_at, v_seq, v_balance, v_at,
    post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses,
    ledger.entry_hash(v_hash, post_change.user_id, v_seq, d.action, d.amount, v_at, v_balance,
      v_at, post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses, null,
      null));
  update public.users u
     set seq = v_seq, balance = v_balance, -- mutation: copy
         hold_changes = v_hold_changes, updated_at = v_at
   where u.id = post_change.user_id;
  return (post_change.user_id, v_seq, d.action, d.amount, v_balance, v_balance - d.held, v_at,
    false)::ledger.posted_entry;
end $$;

comment on function ledger.post_change is
  'One DEBIT, CREDIT, CAPTURE or CAPTURE PART (ref: the hold) or REVERSE (ref: the seq of an entry that is no transfer) for people: waits for the user, posts all that is pending, and returns the entry; raises what post returns as a status.';

revoke all on function ledger.post_change from public;
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

-- function: post_pending
create or replace function ledger.post_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile
  -- One probe by key for each: another join would be quadratic with statistics from before a bulk
  -- load.
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_last public.payment_history;
  v_row public.payment_history;
  v_posted public.payment_history[] := '{}';
  v_balance numeric;
  v_ids bigint[];
begin
  select h.seq, h.balance, h.sealed_at, h.hash
    into v_last.seq, v_last.balance, v_last.sealed_at, v_last.hash
    from public.payment_history h where h.user_id = post_pending.user_id and h.seq is not null
   order by h.seq desc limit 1;
  v_last.held := ledger.held_now(post_pending.user_id);

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  for v_row in
    select h.* from public.payment_history h
     where h.user_id = post_pending.user_id and h.seq is null -- mutation: pending
     order by h.id limit post_pending.max_rows -- mutation: order
  loop
    v_row.seq := coalesce(v_last.seq, 0) + 1;
    v_balance := coalesce(v_last.balance, 0.00) + ledger.change_of(v_row.action, v_row.amount);
    if abs(v_balance) > 999999999999999999.99 then return 'LGRNG'; end if; -- mutation: bound
    v_row.balance := v_balance;
    v_row.held := v_last.held;
    v_row.sealed_at := ledger.next_moment(v_last.sealed_at);
    v_row.hash := ledger.entry_hash(v_last.hash, v_row.user_id, v_row.seq, v_row.action,
      v_row.amount, v_row.ts, v_row.balance, v_row.sealed_at, v_row.idempotency_key,
      v_row.metadata, v_row.held, v_row.hold, v_row.reverses, v_row.peer_user_id, v_row.peer_seq);
    v_posted := array_append(v_posted, v_row);
    v_last := v_row;
  end loop;

  -- The next ids, which are the order in which entries were posted. Before the statement, which may
  -- be one for a distributed table and then takes no volatile function.
  v_ids := array(select nextval('public.payment_history_id_seq') from unnest(v_posted));
  if ledger.is_distributed() then
    update public.payment_history h
       set id = p.unnest, seq = p.seq, balance = p.balance, sealed_at = p.sealed_at,
           held = p.held, hash = p.hash
      from unnest(v_posted, v_ids) p where h.id = p.id and h.user_id = post_pending.user_id;
    update public.manual_entries m set seq = p.seq
      from unnest(v_posted) p
     where m.user_id = post_pending.user_id and m.id = p.id
       and case when m.seq is null then true end;
  else
    -- By the user of p: of one user alone the planner expects few rows where there are no
    -- statistics, and then compares each with every one of p. `+ 0`: as in check_entry.
    update public.payment_history h
       set id = p.unnest, seq = p.seq, balance = p.balance, sealed_at = p.sealed_at,
           held = p.held, hash = p.hash
      from unnest(v_posted, v_ids) p where h.id = p.id and h.user_id + 0 = p.user_id;
    -- `case`: statistics from when all was posted say that `m.seq is null` is true of no row, and
    -- the planner would then read the whole table and compare each such row with every one of p.
    update public.manual_entries m set seq = p.seq
      from unnest(v_posted) p where m.user_id = p.user_id and m.id = p.id
       and case when m.seq is null then true end;
  end if;

  -- Whether the limit left entries. An entry that commits meanwhile is posted by the next lock of
  -- the user.
  return case when cardinality(v_posted) = post_pending.max_rows
      and exists (select from public.payment_history h where h.user_id = post_pending.user_id
        and h.seq is null) then '55P03' else 'ok' end;
end $$;

comment on function ledger.post_pending is
  'Posts pending entries of a user whom the caller has locked, oldest id first, at most max_rows of them (null: all). Returns ok, 55P03 when max_rows were posted and some are left, or LGRNG when the balance would leave its range (then none is posted).';

revoke all on function ledger.post_pending from public;
-- end function

-- function: refuse_distributed
create or replace function ledger.refuse_distributed(what text)
  returns void
  language plpgsql volatile as $$
begin
  raise exception using errcode = 'LGDIS',
    message = format('%s is not possible while the ledger is distributed', refuse_distributed.what),
    hint = 'docs/how-to/distribute.md says what is.';
end $$;

comment on function ledger.refuse_distributed is
  'Raises LGDIS: what this is about doesn''t work on a ledger whose users are on several servers.';

revoke all on function ledger.refuse_distributed from public;
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

-- function: set_control
create or replace function ledger.set_control(
  operation text, user_id bigint, credit_limit numeric, reason text, actor text)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  a ledger.account;
  v ledger.user_state;
  v_at timestamptz;
begin
  if set_control.operation = 'CREDIT LIMIT' and set_control.credit_limit <> 0
    and not ledger.is_valid_amount(set_control.credit_limit) then
    perform ledger.raise_status('LGAMT', set_control.user_id, set_control.credit_limit);
  elsif length(set_control.reason) not between 1 and 1000 then
    perform ledger.raise_status('22023', set_control.user_id);
  end if;
  a := ledger.lock_account(set_control.user_id);
  if a.problem is not null then
    perform ledger.raise_status(a.problem, set_control.user_id);
  end if;
  v := ledger.get_user_state(set_control.user_id);
  v.changed := case set_control.operation when 'FREEZE' then v.frozen_at is null
    when 'THAW' then v.frozen_at is not null
    when 'CREDIT LIMIT' then v.credit_limit <> coalesce(set_control.credit_limit, 0.00) end;
  if not v.changed then
    perform ledger.copy_accounts(array[a]);
    return v;
  end if;

  v_at := ledger.next_moment(greatest(a.updated_at, a.posted_at));
  case set_control.operation
    when 'FREEZE' then v.frozen_at := v_at;
    when 'THAW' then v.frozen_at := null;
    when 'CREDIT LIMIT' then v.credit_limit := round(coalesce(set_control.credit_limit, 0), 2);
  end case;
  perform ledger.add_control(set_control.user_id, v_at, set_control.operation,
    case set_control.operation when 'CREDIT LIMIT' then v.credit_limit end, set_control.reason,
    set_control.actor);
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1, updated_at = v_at,
         frozen_at = v.frozen_at, credit_limit = nullif(v.credit_limit, 0)
   where u.id = set_control.user_id;
  return v;
end $$;

comment on function ledger.set_control is
  'FREEZE, THAW or CREDIT LIMIT (null: none) of a user, with who did it and why in user_controls; posts what is pending. What is so already is left as it is. Returns what holds from now on. Raises LGUSR, LGAMT, LGRNG, 22023 (a reason of more than 1000 characters), 55P03 (lock_timeout).';

revoke all on function ledger.set_control from public;
grant execute on function ledger.set_control to ledger_service;
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

-- function: verify_hold_counts
create or replace function ledger.verify_hold_counts(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
  return query
    select 'hold_invalid', coalesce(u.id, n.user_id), null::bigint, format(
             'users.hold_changes is %s; %s holds up to number %s, %s of them placed, and controls had %s changes.',
             u.hold_changes, n.holds, n.last_hold, n.placed, n.changes)
      from (select s.id, s.hold_changes from public.users s
             where s.hold_changes > 0 and s.id > verify_hold_counts.after_user_id
               and s.id <= verify_hold_counts.upto_user_id) u
      full join (
        select y.user_id, sum(y.holds)::bigint as holds, max(y.last_hold) as last_hold,
               sum(y.placed)::bigint as placed, sum(y.changes)::bigint as changes
          from (
            select o.user_id, count(*) as holds, max(o.hold) as last_hold, 0 as placed,
                   0 as changes
              from public.holds o
             where o.user_id > verify_hold_counts.after_user_id
               and o.user_id <= verify_hold_counts.upto_user_id
             group by o.user_id
            union all
            select x.user_id, 0, 0, count(*) filter (where x.number = 1), count(*)
              from public.hold_changes x
             where x.user_id > verify_hold_counts.after_user_id
               and x.user_id <= verify_hold_counts.upto_user_id
             group by x.user_id
            union all
            select k.user_id, 0, 0, 0, count(*) from public.user_controls k
             where k.user_id > verify_hold_counts.after_user_id
               and k.user_id <= verify_hold_counts.upto_user_id
             group by k.user_id) y
         group by y.user_id) n on n.user_id = u.id
     where (u.hold_changes, n.holds, n.placed) is distinct from (n.changes, n.last_hold, n.holds);
end $$;

comment on function ledger.verify_hold_counts is
  'The findings about holds and changes of a range of users that are missing, or were added behind the back of users: what users.hold_changes says is not how many there are. Internal.';

revoke all on function ledger.verify_hold_counts from public;
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
     where g.object !~ concat('^(function ledger.(intervention_hash|erasable_interventions)\W'
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
               f.definition, true, f.caller), chr(10) order by f.name))) as line
        from ledger.shard_functions(s.shard_id) f) x;
  return query execute v_line_query using v_shard_query, v_expected;
end $$;

comment on function ledger.verify_workers is
  'The findings about the servers of a distributed ledger: one without a guard that the coordinator has, such as a function that nobody else may execute, or on which the functions of a shard are missing or others.';

revoke all on function ledger.verify_workers from public;
-- end function

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
    select f from ledger.verify_holds(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f);
  return next;
end $$;

comment on function ledger.verify_users is
  'Verifies at most max_rows users after an id, up to another: the copies in users, manual entries, also those that have been pending for longer than pending_limit by their ts, and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_users from public;
grant execute on function ledger.verify_users to ledger_dba;
-- end function

-- function: verify_references
create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- Users are on several servers then, and their references on one.
  if ledger.is_distributed() then return; end if;
  -- Without the reference, which may be a person's name.
  return query
  select 'reference_differs', coalesce(d.user_id, r.user_id), null::bigint,
         'user_references has another user for a reference than user_details.'
    from (select o.user_id, o.reference from public.user_details o where o.reference is not null) d
    full join public.user_references r on r.user_id = d.user_id and r.reference = d.reference
   where d.user_id is null or r.user_id is null
  union all
  select 'reference_differs', coalesce(d.user_id, k.user_id), null,
         'user_keys has another user for a key than user_details.'
    from (select o.user_id, o.idempotency_key from public.user_details o
           where o.idempotency_key is not null) d
    full join public.user_keys k
      on k.user_id = d.user_id and k.idempotency_key = d.idempotency_key
   where d.user_id is null or k.user_id is null;
end $$;

comment on function ledger.verify_references is
  'The findings about references and keys of users: user_references or user_keys leads to another user than user_details says, or to none. Internal.';

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

drop function ledger.verify_hold_counts(after_user_id bigint, upto_user_id bigint);

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
  select f from ledger.verify_references() f
  union all
  select f from ledger.verify_shards() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger or other code that runs at a change, anything in schema ledger, or a function of the name of one of ours or PostgreSQL''s, that is somebody else''s; and those of verify_interventions, verify_references and verify_shards.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
-- end function

drop function ledger.verify_details(after_user_id bigint, upto_user_id bigint);

-- function: verify_controls
create or replace function ledger.verify_controls(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
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
  'The findings about who is frozen or has a credit limit in a range of users: users says something else than the last rows of user_controls, or one of these is missing. Internal.';

revoke all on function ledger.verify_controls from public;
-- end function

-- function: shard_functions
create or replace function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  -- Those that read or write tables of one user, or call such ones.
  v_names text[] := array['absent_account', 'copy_accounts', 'decide', 'find_key',
    'first_change', 'get_shard_users', 'get_users', 'has_most_holds', 'held_now', 'insert_entries', 'is_same_part',
    'load_target', 'lock_accounts', 'open_account', 'outcome_of', 'post', 'post_pending',
    'users_of', 'write_changes'];
  v_called text := format('\mledger\.(%s)\(', array_to_string(v_names, '|'));
  v_table text;
  v_shard_id bigint;
begin
  foreach name in array v_names loop
    select regexp_replace(pg_get_functiondef(p.oid), v_called,
             format('ledger_%s.\1(', shard_functions.shard_id), 'g')
      into strict definition
      from pg_proc p where p.pronamespace = 'ledger'::regnamespace and p.proname = name;
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

-- function: set_control
create or replace function ledger.set_control(
  operation text, user_id bigint, credit_limit numeric, reason text, actor text)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  a ledger.account;
  v ledger.user_state;
  v_at timestamptz;
begin
  if set_control.operation = 'CREDIT LIMIT' and set_control.credit_limit <> 0
    and not ledger.is_valid_amount(set_control.credit_limit) then
    perform ledger.raise_status('LGAMT', set_control.user_id, set_control.credit_limit);
  elsif length(set_control.reason) not between 1 and 1000 then
    perform ledger.raise_status('22023', set_control.user_id);
  end if;
  a := ledger.lock_account(set_control.user_id);
  if a.problem is not null then
    perform ledger.raise_status(a.problem, set_control.user_id);
  end if;
  v := ledger.get_user_state(set_control.user_id);
  v.changed := case set_control.operation when 'FREEZE' then v.frozen_at is null
    when 'THAW' then v.frozen_at is not null
    when 'CREDIT LIMIT' then v.credit_limit <> coalesce(set_control.credit_limit, 0.00) end;
  if not v.changed then
    perform ledger.copy_accounts(array[a]);
    return v;
  end if;

  v_at := ledger.next_moment(greatest(a.updated_at, a.posted_at));
  case set_control.operation
    when 'FREEZE' then v.frozen_at := v_at;
    when 'THAW' then v.frozen_at := null;
    when 'CREDIT LIMIT' then v.credit_limit := round(coalesce(set_control.credit_limit, 0), 2);
  end case;
  insert into public.user_controls (user_id, number, at, role, actor, operation, credit_limit,
    reason, position)
  select set_control.user_id, coalesce(max(k.number), 0) + 1, v_at, session_user,
         set_control.actor, set_control.operation,
         case set_control.operation when 'CREDIT LIMIT' then v.credit_limit end,
         set_control.reason, nextval('public.payment_history_id_seq')
    from public.user_controls k where k.user_id = set_control.user_id;
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1, updated_at = v_at,
         frozen_at = v.frozen_at, credit_limit = nullif(v.credit_limit, 0)
   where u.id = set_control.user_id;
  return v;
end $$;

comment on function ledger.set_control is
  'FREEZE, THAW or CREDIT LIMIT (null: none) of a user, with who did it and why in user_controls; posts what is pending. What is so already is left as it is. Returns what holds from now on. Raises LGUSR, LGAMT, LGRNG, 22023 (a reason of more than 1000 characters), 55P03 (lock_timeout).';

revoke all on function ledger.set_control from public;
grant execute on function ledger.set_control to ledger_service;
-- end function

drop function ledger.schema_of_shard(user_id bigint);

-- function: refuse_distributed
create or replace function ledger.refuse_distributed(what text)
  returns void
  language plpgsql volatile as $$
begin
  raise exception using errcode = '0A000',
    message = format('%s is not possible while the ledger is distributed', refuse_distributed.what),
    hint = 'docs/how-to/distribute.md says what is.';
end $$;

comment on function ledger.refuse_distributed is
  'Raises 0A000: what this is about doesn''t work on a ledger whose users are on several servers.';

revoke all on function ledger.refuse_distributed from public;
-- end function

-- function: post_pending
create or replace function ledger.post_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile
  -- One probe by key for each: another join would be quadratic with statistics from before a bulk
  -- load.
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_last public.payment_history;
  v_row public.payment_history;
  v_posted public.payment_history[] := '{}';
  v_balance numeric;
  v_ids bigint[];
begin
  select h.seq, h.balance, h.sealed_at, h.hash
    into v_last.seq, v_last.balance, v_last.sealed_at, v_last.hash
    from public.payment_history h where h.user_id = post_pending.user_id and h.seq is not null
   order by h.seq desc limit 1;
  v_last.held := ledger.held_now(post_pending.user_id);

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  for v_row in
    select h.* from public.payment_history h
     where h.user_id = post_pending.user_id and h.seq is null -- mutation: pending
     order by h.id limit post_pending.max_rows -- mutation: order
  loop
    v_row.seq := coalesce(v_last.seq, 0) + 1;
    v_balance := coalesce(v_last.balance, 0.00) + ledger.change_of(v_row.action, v_row.amount);
    if abs(v_balance) > 999999999999999999.99 then return 'LGRNG'; end if; -- mutation: bound
    v_row.balance := v_balance;
    v_row.held := v_last.held;
    v_row.sealed_at := ledger.next_moment(v_last.sealed_at);
    v_row.hash := ledger.entry_hash(v_last.hash, v_row.user_id, v_row.seq, v_row.action,
      v_row.amount, v_row.ts, v_row.balance, v_row.sealed_at, v_row.idempotency_key,
      v_row.metadata, v_row.held, v_row.hold, v_row.reverses, v_row.peer_user_id, v_row.peer_seq);
    v_posted := array_append(v_posted, v_row);
    v_last := v_row;
  end loop;

  -- The next ids, which are the order in which entries were posted. Before the statement, which may
  -- be one for a distributed table and then takes no volatile function.
  v_ids := array(select nextval('public.payment_history_id_seq') from unnest(v_posted));
  if ledger.is_distributed() then
    update public.payment_history h
       set id = p.unnest, seq = p.seq, balance = p.balance, sealed_at = p.sealed_at,
           held = p.held, hash = p.hash
      from unnest(v_posted, v_ids) p where h.id = p.id and h.user_id = post_pending.user_id;
    update public.manual_entries m set seq = p.seq
      from unnest(v_posted) p
     where m.user_id = post_pending.user_id and m.id = p.id
       and case when m.seq is null then true end;
  else
    -- By the user of p: of one user alone the planner expects few rows where there are no
    -- statistics, and then compares each with every one of p.
    update public.payment_history h
       set id = p.unnest, seq = p.seq, balance = p.balance, sealed_at = p.sealed_at,
           held = p.held, hash = p.hash
      from unnest(v_posted, v_ids) p where h.id = p.id and h.user_id = p.user_id;
    -- `case`: statistics from when all was posted say that `m.seq is null` is true of no row, and
    -- the planner would then read the whole table and compare each such row with every one of p.
    update public.manual_entries m set seq = p.seq
      from unnest(v_posted) p where m.user_id = p.user_id and m.id = p.id
       and case when m.seq is null then true end;
  end if;

  -- Whether the limit left entries. An entry that commits meanwhile is posted by the next lock of
  -- the user.
  return case when cardinality(v_posted) = post_pending.max_rows
      and exists (select from public.payment_history h where h.user_id = post_pending.user_id
        and h.seq is null) then '55P03' else 'ok' end;
end $$;

comment on function ledger.post_pending is
  'Posts pending entries of a user whom the caller has locked, oldest id first, at most max_rows of them (null: all). Returns ok, 55P03 when max_rows were posted and some are left, or LGRNG when the balance would leave its range (then none is posted).';

revoke all on function ledger.post_pending from public;
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

-- function: post_change
create or replace function ledger.post_change(
  operation text, user_id bigint, amount numeric, ref bigint, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile as $$
declare
  a ledger.account;
  t ledger.target;
  d ledger.decision;
  v_problem text;
  v_seq bigint;
  v_balance numeric;
  v_at timestamptz;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_credit_limit numeric;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, u.credit_limit
    into v_hold_changes, v_is_frozen, v_credit_limit
    from public.users u where u.id = post_change.user_id for no key update; -- mutation: lock
  if not found then v_problem := 'LGUSR'; end if;
  select h.seq, h.balance, h.sealed_at, h.hash into v_seq, v_balance, v_at, v_hash
    from public.payment_history h where h.user_id = post_change.user_id
   order by h.seq desc limit 1; -- mutation: last
  a := ledger.open_account(row(post_change.user_id, v_problem, v_seq, v_balance,
    coalesce(-v_credit_limit, 0.00), v_at, v_hash, v_hold_changes, null, null, v_is_frozen
    )::ledger.account, null);
  t := ledger.load_target(post_change.operation, post_change.user_id, post_change.ref,
    post_change.amount, null);
  -- It was none when the caller looked.
  if t.peer_user_id is not null then a.problem := '55P03'; end if;
  d := ledger.decide(post_change.operation, post_change.amount, null,
    post_change.idempotency_key, post_change.metadata, t, a, null);
  v_problem := d.problem; v_seq := a.seq; v_balance := a.balance; v_at := a.posted_at;
  v_hash := a.hash;
  if d.replayed then return (ledger.replay_entry(array[a], d.earlier_seq))[1]; end if;
  if v_problem is null and d.hold is not null then
    a.held := d.held;
    perform ledger.write_change(
      ledger.later_change(post_change.operation, a, t, d.amount, null, null, null));
    v_hold_changes := v_hold_changes + 1;
  end if;
  if v_problem is not null then
    perform ledger.raise_status(v_problem, post_change.user_id,
      coalesce(post_change.amount, d.amount), v_balance - d.held);
  end if;
  v_seq := v_seq + 1;
  v_balance := v_balance + d.change;
  v_at := ledger.next_moment(v_at);
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, hash)
  values (post_change.user_id, d.action, d.amount, v_at, v_seq, v_balance, v_at,
    post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses,
    ledger.entry_hash(v_hash, post_change.user_id, v_seq, d.action, d.amount, v_at, v_balance,
      v_at, post_change.idempotency_key, post_change.metadata, d.held, d.hold, d.reverses, null,
      null));
  update public.users u
     set seq = v_seq, balance = v_balance, -- mutation: copy
         hold_changes = v_hold_changes, updated_at = v_at
   where u.id = post_change.user_id;
  return (post_change.user_id, v_seq, d.action, d.amount, v_balance, v_balance - d.held, v_at,
    false)::ledger.posted_entry;
end $$;

comment on function ledger.post_change is
  'One DEBIT, CREDIT, CAPTURE or CAPTURE PART (ref: the hold) or REVERSE (ref: the seq of an entry that is no transfer) for people: waits for the user, posts all that is pending, and returns the entry; raises what post returns as a status.';

revoke all on function ledger.post_change from public;
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

-- function: plain_decision
create or replace function ledger.plain_decision(
  operation text, amount numeric, metadata jsonb, user_id bigint, problem text, balance numeric,
  held numeric, is_frozen boolean, peer_user_id bigint, peer_problem text, peer_balance numeric, peer_held numeric)
  returns ledger.decision
  language sql immutable parallel safe as $$
  select row(
    ledger.first_problem(
      request => ledger.request_problem(ledger.is_valid_amount(amount), null, metadata, true,
        operation = 'TRANSFER' and user_id = peer_user_id),
      users => ledger.users_problem(problem, peer_problem), key => null, target => null,
      funds => case operation
        when 'CREDIT' then ledger.funds_problem(amount, balance + amount, held, is_frozen)
        else coalesce(ledger.funds_problem(-amount, balance - amount, held, is_frozen),
          ledger.funds_problem(amount, peer_balance + amount, peer_held, false)) end),
    false, case operation when 'CREDIT' then 'CREDIT' else 'DEBIT' end, round(amount, 2),
    case operation when 'CREDIT' then round(amount, 2) else -round(amount, 2) end, held, null, null,
    null, null)::ledger.decision
$$;

comment on function ledger.plain_decision is
  'What decide says of a DEBIT, CREDIT or TRANSFER without a key, by the same rules: PostgreSQL puts the body in the place of the call, which costs a third of one.';

revoke all on function ledger.plain_decision from public;
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

-- function: list_users
create or replace function ledger.list_users(
  reference text default null, after bigint default 0, max_rows integer default 50,
  user_ids bigint[] default null)
  returns setof ledger.listed_user
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_ids bigint[];
begin
  if list_users.reference is not null then
    select array_agg(r.user_id) into v_ids from public.user_references r
     where r.reference = list_users.reference and r.user_id > list_users.after
       and (list_users.user_ids is null or r.user_id = any (list_users.user_ids));
  elsif list_users.user_ids is not null then
    v_ids := array(select distinct i.id from unnest(list_users.user_ids) i (id)
                     join public.users u on u.id = i.id
                    where i.id > list_users.after order by i.id limit list_users.max_rows);
  else
    v_ids := array(select u.id from public.users u where u.id > list_users.after
                    order by u.id limit list_users.max_rows);
  end if;
  return query
    select s.id, s.balance, s.available, s.seq, s.updated_at, d.reference, d.metadata, u.created_at
      from ledger.get_users(v_ids) s
      join public.users u on u.id = s.id
      -- One by one: a plan from when there were few may otherwise read all of them each time.
      left join lateral (
        select o.reference, o.metadata from public.user_details o where o.user_id = s.id
         offset 0) d on true
     order by s.id;
end $$;

comment on function ledger.list_users is
  'At most max_rows users with an id above after, in order of id, each with its snapshot and what it was made as; only the one with this reference (null: all), and only those among user_ids (null: all).';

revoke all on function ledger.list_users from public;
grant execute on function ledger.list_users to ledger_service, ledger_dba;
-- end function

-- function: list_journal
create or replace function ledger.list_journal(
  before bigint default null, max_rows integer default 50, max_scanned integer default 10000)
  returns setof ledger.found_entry
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_before bigint := coalesce(list_journal.before, 9223372036854775807);
  v_found bigint;
begin
  return query
    select s.id, true, e.*
      from (
        select h.id, h.user_id, h.seq from public.payment_history h where h.id < v_before
         order by h.id desc limit list_journal.max_scanned) s
      cross join lateral (
        select x.* from public.entries x where x.user_id = s.user_id and x.seq = s.seq) e
     order by s.id desc limit list_journal.max_rows;
  get diagnostics v_found = row_count;
  if v_found < list_journal.max_rows then
    return query
      select h.id, false, null::bigint, null::bigint, null::text, null::numeric, null::numeric,
             null::numeric, null::timestamptz, null::timestamptz, null::text, null::jsonb,
             null::bigint, null::bigint, null::bigint, null::bigint, null::bigint, null::text,
             null::numeric, null::numeric
        from public.payment_history h where h.id < v_before
       order by h.id desc offset list_journal.max_scanned - 1 limit 1;
  end if;
end $$;

comment on function ledger.list_journal is
  'At most max_rows entries of everybody with a position below before (null: the last ones), in the order in which they were posted, newest first. Pending entries are passed over: where max_scanned rows were not enough, the last one comes last, with is_match false, and the rest is before its position. What commits late has a place among those that were there before it.';

revoke all on function ledger.list_journal from public;
grant execute on function ledger.list_journal to ledger_service, ledger_dba;
-- end function

-- function: leaves_shard
create or replace function ledger.leaves_shard(shard_id bigint, user_ids bigint[])
  returns boolean
  language plpgsql volatile as $$
begin
  -- ShareLock, as Citus takes it for its own statements: whoever moves the shard waits for the end
  -- of this transaction, or this for the end of the move.
  perform lock_shard_metadata(5, array[leaves_shard.shard_id]);
  -- In the next statement, which sees where the shard is by now.
  perform from pg_dist_placement p join pg_dist_local_group l on l.groupid = p.groupid
    where p.shardid = leaves_shard.shard_id;
  if found then
    perform from pg_dist_shard s, unnest(leaves_shard.user_ids) u (id)
      where s.shardid = leaves_shard.shard_id
        and not hashint8(u.id) between s.shardminvalue::integer and s.shardmaxvalue::integer;
    if not found then return false; end if;
  end if;
  raise exception using errcode = 'LGMOV', message = 'not the shard of these users',
    detail = format('Shard %s of users isn''t on this server, or others belong there.',
      leaves_shard.shard_id),
    hint = 'Call the function of the schema ledger, which finds every user.';
end $$;

comment on function ledger.leaves_shard is
  'Keeps a shard of users on this server until the end of the transaction; returns false. Raises LGMOV if it isn''t here, or one of the users isn''t of it.';

revoke all on function ledger.leaves_shard from public;
-- end function

drop function ledger.keeps_shard(shard_id bigint);

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
    else false end;
end $$;

comment on function ledger.is_erasure is
  'Whether a change of a row does no more than take out what the intervention of this transaction that erases or archives takes out.';

revoke all on function ledger.is_erasure from public;
-- end function

drop function ledger.is_as_entered(manual_entry public.manual_entries, entry public.payment_history, kind text, number bigint);

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
  -- With an id, which a shard has no default for.
  insert into public.payment_history (id, user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
  select nextval('public.payment_history_id_seq'), x.user_id, x.action, x.amount, x.ts, x.seq,
         x.balance, x.posted_at, x.idempotency_key, x.metadata, x.held, x.hold, x.reverses,
         x.peer_user_id, x.peer_seq, x.hash
    from unnest(insert_entries.entries) x;
end $$;

comment on function ledger.insert_entries is 'Writes entries; everything has been decided.';

revoke all on function ledger.insert_entries from public;
-- end function

-- function: heads_at
create or replace function ledger.heads_at(
  at timestamptz, after_user_id bigint default 0, max_rows integer default 10000)
  returns table (user_id bigint, seq bigint, hash bytea)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select u.id, coalesce(h.seq, 0), h.hash
    from (select u.id from public.users u where u.id > heads_at.after_user_id
           order by u.id limit heads_at.max_rows) u
    left join lateral (
      select p.seq, p.sealed_at from public.payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) l on true
    left join public.payment_history h on h.user_id = u.id and h.seq = case
      when l.sealed_at <= heads_at.at then l.seq else ledger.entry_at(u.id, heads_at.at) end
   order by u.id
$$;

comment on function ledger.heads_at is
  'The last entry of each of at most max_rows users after an id as of a moment, with its hash; seq 0 and no hash for who had none. An anchor is made of them.';

revoke all on function ledger.heads_at from public;
grant execute on function ledger.heads_at to ledger_dba;
-- end function

-- function: guard_user
create or replace function ledger.guard_user()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- JavaScript reads numbers exactly up to this bound.
    if new.id between 1 and 9007199254740991 then return null; end if;
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991',
      hint = 'create_user() without an id takes the next free one.';
  -- A user of a shard stays: references and keys are on another server.
  elsif tg_op = 'DELETE' and tg_table_name = 'users' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.hold_changes c where c.user_id = old.id) then
      delete from public.user_references r
       where r.reference = (select d.reference from public.user_details d where d.user_id = old.id);
      delete from public.user_keys k where k.idempotency_key = (
        select d.idempotency_key from public.user_details d where d.user_id = old.id);
      delete from public.user_details d where d.user_id = old.id;
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    if new.hold_changes >= old.hold_changes then return null; end if;
    raise exception using errcode = '23514', message = 'hold_changes never goes down',
      hint = 'The engine keeps it: leave it out of the update.';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op),
    hint = 'Freeze a user who must not be used any more: see freeze_user.';
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes who has a history, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
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
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name !~ '_[0-9]+$'
    and has_table_privilege('public.interventions', 'insert') then
    -- Not in the condition before, which would need the right to call it.
    if ledger.is_erasure(tg_table_name, to_jsonb(old), to_jsonb(new)) then return new; end if;
  end if;
  -- A subscriber repeats what was a withdrawal, an erasure or an intervention on its publisher. Which process
  -- applies a subscription, no session can choose.
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

-- function: get_balances
create or replace function ledger.get_balances(user_ids bigint[], at timestamptz default null)
  returns table (user_id bigint, as_of timestamptz, balance numeric, seq bigint)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_at timestamptz := coalesce(get_balances.at, clock_timestamp());
  v_id bigint;
begin
  foreach v_id in array get_balances.user_ids loop
    if not exists (select from public.users u where u.id = v_id) then
      perform ledger.raise_status('LGUSR', v_id);
    end if;
    perform ledger.await_final(v_id, v_at);
  end loop;
  return query
    select i.id, v_at, coalesce(h.balance, 0.00), e.seq
      from unnest(get_balances.user_ids) with ordinality i (id, n)
      cross join lateral (select ledger.entry_at(i.id, v_at) as seq) e
      left join public.payment_history h on h.user_id = i.id and h.seq = e.seq
     order by i.n;
end $$;

comment on function ledger.get_balances is
  'What the ledger held for several users as of one moment (null: now), in their order: both halves of a transfer count from the same moment, so their sum is what it is. seq: of the entry that the balance stands on; 0: none. Raises LGUSR, 55P03 as balance_at does.';

revoke all on function ledger.get_balances from public;
grant execute on function ledger.get_balances to ledger_service, ledger_dba;
-- end function

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
    ('function ledger.copy_accounts(ledger.account[])', 'd151361f9e70c52b'),
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
    ('function ledger.insert_entries(ledger.entry[])', '78897a98274200ea'),
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
    ('function ledger.leaves_shard(bigint,bigint[])', '6f5bdd828521b0f1'),
    ('function ledger.ledger_id()', '4c79bc65c6cab4a5'),
    ('function ledger.list_controls(bigint,bigint,integer)', 'fb7d884fd9f77dd0'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', '11ad4265cb88079c'),
    ('function ledger.list_journal(bigint,integer,integer)', 'f2c0e7fd6e57ec3d'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '7e61ae5021b97eec'),
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
    ('function ledger.refuse_distributed(text)', 'e17807a7fb652387'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'fb9b28bc9d25c657'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '186d2addfc68003a'),
    ('function ledger.scan_events(bigint,bigint,integer)', '66e03db6019c9072'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', '8a732f567ca3e22c'),
    ('function ledger.shard_functions(bigint)', 'eafdf8e365cd6fc6'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', '86ff3d6298344e48'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', '7a29d736ce93e6b7'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', '592b1b1fa6333658'),
    ('function ledger.verify_holds(bigint,bigint)', '5c7417d61bd45fd6'),
    ('function ledger.verify_interventions()', '96ff43a2014e4f1d'),
    ('function ledger.verify_manual_entries(bigint,bigint)', 'd50dd89bc3c3c6db'),
    ('function ledger.verify_references()', 'c761c82bfe41516a'),
    ('function ledger.verify_shards()', '62cf2a0dbd1ac3ea'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', 'cd548e0ef9fa8cde'),
    ('function ledger.verify_workers()', 'c6ce3371cac7fd22'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', 'a0ce5f0d344a334f'),
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
    'holds', holds, 'interventions', interventions, 'digest', ledger.erasures_digest(v_id)));
  perform ledger.apply_erasures(v_id, erase_user.user_id, v_before);
  kept := ledger.count_erasable(erase_user.user_id);
end $$;

comment on function public.erase_user is
  'Takes out for ever what people said about a user and the user''s entries, holds and withdrawn entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does the proof: see the table erasures. Returns how many of each it erased, and how many are left: call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).';

revoke all on function public.erase_user from public;
-- end function

-- function: epoch
create or replace function ledger.epoch(interventions bigint)
  returns text
  language sql stable set search_path = pg_catalog, pg_temp as $$
  select format('%s-%s-%s-%s',
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
    (select d.oid from pg_database d where d.datname = current_database()),
    'public.payment_history'::regclass::oid, epoch.interventions)
$$;

comment on function ledger.epoch is
  'Names the history as it grows in this database: on another server, in a copy, after a restore, or since a glass was broken (interventions: how often), what was there before may have been another one.';

revoke all on function ledger.epoch from public;
-- end function

-- function: entry_change
create or replace function ledger.entry_change(entry payment_history)
  returns text
  language plpgsql stable as $$
declare
  v_moved public.payment_history := entry_change.entry;
begin
  -- Looks only near by: with a million bad rows, looking through all of them for each would never
  -- end.
  if exists (select from public.payment_history p
              where p.user_id = v_moved.user_id and p.seq between v_moved.seq - 1000
                and v_moved.seq + 1000 and p.seq <> v_moved.seq and p.hash = v_moved.hash) then
    return 'row_copied';
  end if;
  foreach v_moved.seq in array array[(entry_change.entry).seq - 1, (entry_change.entry).seq + 1] loop
    if v_moved.seq = 1 and ledger.is_hash_of(null, v_moved)
      or exists (select from public.payment_history p where p.user_id = v_moved.user_id
                   and p.seq between v_moved.seq - 2 and v_moved.seq + 2
                   and ledger.is_hash_of(p.hash, v_moved)) then
      return 'order_changed';
    end if;
  end loop;
  return 'hash_differs';
end $$;

comment on function ledger.entry_change is
  'What was done to a row whose hash is wrong: row_copied (an entry near by has the same hash), order_changed (it would be right one place before or after), or hash_differs. Internal.';

revoke all on function ledger.entry_change from public;
-- end function

drop function ledger.details_hash(user_id bigint, created_at timestamptz, reference text, metadata jsonb, idempotency_key text, asked_id bigint);

-- function: create_user
create or replace function public.create_user(
  user_id bigint default null, reference text default null, metadata jsonb default null,
  idempotency_key text default null)
  returns ledger.created_user
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.created_user;
  v_at timestamptz := clock_timestamp();
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
    begin
      v.id := ledger.insert_user(create_user.user_id, v_at);
      if num_nonnulls(create_user.reference, create_user.metadata,
          create_user.idempotency_key) > 0 then
        insert into public.user_details (user_id, reference, metadata, idempotency_key, asked_id)
        values (v.id, create_user.reference, create_user.metadata, create_user.idempotency_key,
          create_user.user_id);
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
    + (select count(*) from public.user_details d where d.user_id = count_erasable.user_id)
$$;

comment on function ledger.count_erasable is
  'How much there is of a user that erase_user would erase, were it old enough, posted or ended.';

revoke all on function ledger.count_erasable from public;
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

drop function ledger.control_hash(previous bytea, user_id bigint, number bigint, at timestamptz, transaction xid8, role text, actor text, operation text, credit_limit numeric, reason text, "position" bigint);

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- Whoever inserts may not lock users, so this function does it as the owner.
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz;
  v_entry public.payment_history; v_hash bytea;
begin
  if new.user_id is null or new.action is null or new.amount is null or new.ts is null then
    raise exception using errcode = '23502', message = 'an entry needs user_id, action and amount',
      hint = 'insert into payment_history (user_id, action, amount) values (…, ''CREDIT'', …)';
  elsif new.action not in ('CREDIT', 'DEBIT') then
    raise exception using errcode = '23514', message = 'action is CREDIT or DEBIT',
      hint = 'In capitals: CREDIT adds to the balance, DEBIT takes from it.';
  elsif not ledger.is_valid_amount(new.amount) then
    raise exception using errcode = '23514',
      message = 'amount is from 0.01 to 9999999999.99 with at most two decimals',
      hint = 'Nothing is rounded: give the amount as it is to be.';
  elsif not (new.ts >= '0001-01-01 00:00:00+00' and new.ts < '10000-01-01 00:00:00+00') then
    raise exception using errcode = '23514', message = 'ts is of the years 1 to 9999',
      hint = 'Leave it out to have it happen now.';
  elsif num_nonnulls(new.seq, new.balance, new.sealed_at, new.held, new.hash, new.hold,
      new.reverses, new.peer_user_id, new.peer_seq) > 0 then
    raise exception using errcode = '23514',
      message = 'an entry has no seq, balance, hold, reversal or peer before it is posted',
      hint = 'Give user_id, action, amount and, if you like, ts and metadata alone.';
  elsif not ledger.is_valid_key_and_metadata(new.idempotency_key, new.metadata) then
    raise exception using errcode = '23514',
      message = 'a key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB',
      hint = 'Give it in this form, or leave it out.';
  end if;
  new.amount := round(new.amount, 2);
  -- As a foreign key: not for rows that are restored or replicated, which come in any order. Who
  -- entered them comes with them.
  if current_setting('session_replication_role') = 'replica' then return new; end if;
  -- As a foreign key does it, so this doesn't wait for a debit in flight. With a key as the engine
  -- does it, so that nobody else uses the key meanwhile.
  if new.idempotency_key is null then
    perform from public.users u where u.id = new.user_id for key share;
  else
    perform from public.users u where u.id = new.user_id for no key update;
  end if;
  if not found then
    raise exception using errcode = '23503', message = format('there is no user %s', new.user_id),
      hint = 'Make the user first: select * from create_user(…).';
  end if;
  -- Of a row that is there already, ON CONFLICT may leave this out, and otherwise it fails.
  if ledger.is_distributed() then
    perform from public.payment_history h where h.id = new.id and h.user_id = new.user_id;
  else
    -- `+ 0`: without statistics an index by user may be taken, which leads through all its rows.
    perform from public.payment_history h where h.id = new.id and h.user_id + 0 = new.user_id;
  end if;
  if found then return new; end if;
  if new.idempotency_key is not null then
    perform from public.payment_history h
      where h.user_id = new.user_id and h.idempotency_key = new.idempotency_key;
    if found then return new; end if;
  end if;
  -- After the lock, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  -- A row of a shard is of another type.
  v_entry.user_id := new.user_id; v_entry.action := new.action; v_entry.amount := new.amount;
  v_entry.ts := new.ts; v_entry.idempotency_key := new.idempotency_key;
  v_entry.metadata := new.metadata;
  v_hash := ledger.manual_entry_hash(v_entry, new.id, v_at, session_user);
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user, v_hash);
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded. Records who entered it, and when.';

revoke all on function ledger.check_entry from public;
-- end function

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
  'What was done besides posting entries, between each moment (span 1: later than the first, and no later than the second) and the next: of each user, how many changes holds had, and manual entries entered; and interventions (user_id 0). hash: sha256 over the hashes of these changes. Anchors are made of it. Moments in order; the first may be -infinity.';

revoke all on function ledger.changes_between from public;
grant execute on function ledger.changes_between to ledger_dba;
-- end function

drop function ledger.calls_in_shards();

drop function ledger.by_shard(user_ids bigint[]);

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
    jsonb_build_object('entries', v_entries, 'digest', ledger.erasures_digest(v_id)));
  update public.payment_history h set metadata = v_mark
    from public.erasures e
   where e.intervention = v_id and e.kind = 'entry' and h.user_id = e.user_id and h.seq = e.number;
  return v_entries;
end $$;

comment on function ledger.archive_entries is
  'Takes the metadata out of entries that are older than 30 days, after npm run archive has written it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves out those that are younger, or were archived or erased before. Only for the owner of the ledger. Raises LGIMM if an entry is not what its hash says.';

revoke all on function ledger.archive_entries from public;
-- end function

drop function ledger.apply_erasures(intervention bigint, user_id bigint);

-- function: apply_erasures
create or replace function ledger.apply_erasures(
  intervention bigint, user_id bigint, before timestamptz)
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
   where k.user_id = apply_erasures.user_id and k.at < apply_erasures.before
     and k.reason is not null;
  -- The key of whoever made the user is kept as long as any other.
  if exists (select from public.users u where u.id = apply_erasures.user_id
               and u.created_at < apply_erasures.before) then
    delete from public.user_references r where r.user_id = apply_erasures.user_id;
    delete from public.user_keys k where k.user_id = apply_erasures.user_id;
    delete from public.user_details d where d.user_id = apply_erasures.user_id;
  end if;
end $$;

comment on function ledger.apply_erasures is
  'Takes out what an intervention erases of a user from before a moment: what add_erasures wrote down, reasons of controls, and what the user was made as.';

revoke all on function ledger.apply_erasures from public;
-- end function

drop function ledger.add_manual_erasure(intervention bigint, manual_entry public.manual_entries, entry public.payment_history, what_is_left public.payment_history, kind text, number bigint);

drop function ledger.add_intervention_erasure(intervention bigint, erased bigint);

-- function: add_hold
create or replace function ledger.add_hold(
  user_id bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_hold.amount, 2);
  v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_hold bigint;
  v public.hold_changes;
begin
  if ledger.request_problem(ledger.is_valid_amount(add_hold.amount), null, add_hold.metadata,
    ledger.is_valid_expiry(add_hold.expires_in), false) is not null then return null; end if;
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = add_hold.user_id for no key update; -- mutation: lock
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at := clock_timestamp();
  v_expires_at := ledger.expires_after(v_at, add_hold.expires_in);
  -- The last entry, or one that is pending, of which nulls come first in this order. Without changes
  -- that are counted nobody looks for holds.
  select h.seq, h.balance, greatest(h.sealed_at, v_updated_at, v_at),
         case when v_hold_changes = 0 then 0.00 else coalesce((
           select sum(o.remaining) from public.holds o
            where o.user_id = add_hold.user_id and o.status = 'active'
              and o.expires_at > v_at), 0.00) end - v_limit,
         case when v_hold_changes = 0 then 1 else (
           select coalesce(max(o.hold), 0) + 1 from public.holds o
            where o.user_id = add_hold.user_id) end
    into v_seq, v_balance, v_updated_at, v_held, v_hold
    from public.payment_history h where h.user_id = add_hold.user_id
   order by h.seq desc limit 1;
  -- Who may have the most holds already is for decide.
  if v_seq is null or v_hold_changes >= 10000
    or ledger.funds_problem(-v_amount, v_balance - v_amount, v_held, v_is_frozen)
    is not null then return null; end if; -- mutation: funds
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1,
         updated_at = v_updated_at
   where u.id = add_hold.user_id;
  v := ledger.next_change(add_hold.user_id, v_hold, 1, null, 'placed', v_amount, v_amount,
    v_expires_at, v_at, v_seq, v_balance, v_balance - v_held - v_amount, null, add_hold.metadata);
  perform ledger.write_change(v);
  return v;
end $$;

comment on function ledger.add_hold is
  'One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_hold.';

revoke all on function ledger.add_hold from public;
-- end function

-- function: add_erasures
create or replace function ledger.add_erasures(
  intervention bigint, user_id bigint, before timestamptz)
  returns void
  language plpgsql volatile as $$
declare
  v_mark jsonb := jsonb_build_object('erased', add_erasures.intervention);
  v_entry public.payment_history;
  v_row public.interventions;
  v_last bytea;
begin
  for v_entry in
    select h.* from ledger.erasable_entries(add_erasures.user_id, add_erasures.before) h
     order by h.user_id, h.seq
  loop
    perform ledger.add_entry_erasure(add_erasures.intervention, v_entry, v_mark,
      v_entry.user_id = add_erasures.user_id);
  end loop;
  perform ledger.add_hold_erasures(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);

  for v_row in
    select i.* from ledger.erasable_interventions(add_erasures.user_id, add_erasures.before) i
  loop
    v_row.before := v_row.before - '{metadata,idempotency_key}'::text[];
    v_last := (select i.hash from public.interventions i where i.id = v_row.id - 1);
    insert into public.erasures (intervention, kind, user_id, number, hash)
    values (add_erasures.intervention, 'intervention', v_row.user_id, v_row.id,
      ledger.erased_hash(ledger.intervention_hash(v_last, v_row), v_row.hash));
  end loop;
end $$;

comment on function ledger.add_erasures is
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if an entry or a hold is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
-- end function

-- function: add_entry_erasure
create or replace function ledger.add_entry_erasure(
  intervention bigint, entry public.payment_history, mark jsonb, is_key_erased boolean)
  returns void
  language plpgsql volatile as $$
declare
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
end $$;

comment on function ledger.add_entry_erasure is
  'Writes down what will be left of an entry whose metadata becomes mark and which may lose its key. Raises LGIMM if it is not what its hash says.';

revoke all on function ledger.add_entry_erasure from public;
-- end function

drop function ledger.add_details_erasure(intervention bigint, user_id bigint, before timestamptz);

drop function ledger.add_control_erasures(intervention bigint, user_id bigint, before timestamptz);

drop function ledger.add_control(user_id bigint, at timestamptz, operation text, credit_limit numeric, reason text, actor text);

-- by hand
do $$
begin
  if exists (select from public.erasures e where e.kind in ('control', 'details', 'manual_entry'))
    or exists (select from ledger.anchors a where a.line like '{"version":3,%') then
    raise exception 'there are rows that this would drop, so it is not done: restore a backup';
  end if;
end $$;

set local citus.enable_unsafe_triggers = on;
revoke execute on function ledger.is_distributed() from ledger_dba;
drop trigger guard_row on public.user_details;
drop trigger guard_truncate on public.user_details;
alter table public.user_controls drop hash;
alter table public.user_details drop hash;
alter table public.erasures drop constraint erasures_kind_check;
alter table public.erasures add constraint erasures_kind_check
  check (kind in ('entry', 'hold_change', 'intervention'));
comment on table public.user_controls is
  'Every freeze, thaw and credit limit of a user, numbered 1, 2, 3 … for each. Append-only.';
comment on table public.user_details is
  'What users were made as, by those who made them: a reference, metadata, the key of the request.';
comment on column public.erasures.number is
  'The seq of an entry, the number of a hold, or the id of an intervention.';
-- end by hand
