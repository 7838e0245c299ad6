-- migrate:up

-- by hand
-- A hash of each control of a user, chained to the one before, and of what each user was made as.

-- Of a ledger that is distributed; elsewhere nobody reads it.
set local citus.enable_unsafe_triggers = on;

alter table public.user_controls add hash bytea;
alter table public.user_details add hash bytea;

comment on table public.user_controls is
  'Every freeze, thaw and credit limit of a user, numbered 1, 2, 3 … for each. Append-only, and a chain by hash.';
comment on column public.user_controls.hash is
  'sha256 over the hash of the user''s row before and this one; see ledger.control_hash.';
comment on table public.user_details is
  'What users were made as, by those who made them: a reference, metadata, the key of the request. Append-only.';
comment on column public.user_details.hash is
  'sha256 over this row and created_at of the user; see ledger.details_hash.';
comment on column public.erasures.number is
  'The seq of an entry, the number of a hold or a control, the id of an intervention, or 0.';

-- As ledger.control_hash and ledger.details_hash, which are made below.
alter table public.user_controls disable trigger guard_row;
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
alter table public.user_controls enable always trigger guard_row;
alter table public.user_controls alter hash set not null;
alter table public.user_details alter hash set not null;

create trigger guard_row before update or delete on public.user_details
  for each row execute function ledger.guard_history();
create trigger guard_truncate before truncate on public.user_details
  for each statement execute function ledger.guard_history();
alter table public.user_details enable always trigger guard_row;
alter table public.user_details enable always trigger guard_truncate;

alter table public.erasures drop constraint erasures_kind_check;
alter table public.erasures add constraint erasures_kind_check
  check (kind in ('entry', 'hold_change', 'intervention', 'control', 'details'));
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

  perform ledger.add_control_erasures(add_erasures.intervention, add_erasures.user_id,
    add_erasures.before);
  perform ledger.add_details_erasure(add_erasures.intervention, add_erasures.user_id,
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
  'Writes down what will be left of everything that an intervention is about to erase of a user from before a moment. Raises LGIMM if one of them is not what its hash says. The caller has locked the user and ledger.identity.';

revoke all on function ledger.add_erasures from public;
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
    ('constraint erasures_kind_check on erasures', 'd42adc47a842eeb4'),
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
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '70fa7db0594d219e'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '0489091746925131'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '8720b459ca677d6e'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', 'e1aad29f3f8fc678'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '08a37db7552b512c'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '38d8947a8121af6c'),
    ('function ledger.apply_erasures(bigint,bigint)', '5e80a096a652bf87'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', 'd79fecc7b2ecfa70'),
    ('function ledger.assert_replica(text,bigint,bigint)', '1dcc9b31876c02e9'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '4e02944b605da59e'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'a8ebb9b3debcb111'),
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
    ('function ledger.guard_user()', '405054e65228554f'),
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
    ('function ledger.set_control(text,bigint,numeric,text,text)', '91e767855218e3a9'),
    ('function ledger.shard_functions(bigint)', 'eafdf8e365cd6fc6'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', '603a0b750e08be24'),
    ('function ledger.users_problem(text,text)', '2798202ada48aea5'),
    ('function ledger.verify_controls(bigint,bigint)', '5749be13698a607c'),
    ('function ledger.verify_details(bigint,bigint)', '181bd496abb37911'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '50ef07c338ac325c'),
    ('function ledger.verify_entry(public.payment_history)', '7a29d736ce93e6b7'),
    ('function ledger.verify_erasures()', '09fb012f58d1d65b'),
    ('function ledger.verify_guards()', '592b1b1fa6333658'),
    ('function ledger.verify_holds(bigint,bigint)', '5c7417d61bd45fd6'),
    ('function ledger.verify_interventions()', '96ff43a2014e4f1d'),
    ('function ledger.verify_manual_entries(bigint,bigint)', 'd50dd89bc3c3c6db'),
    ('function ledger.verify_references()', 'e65cd8ea5df37a15'),
    ('function ledger.verify_shards()', '62cf2a0dbd1ac3ea'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '2f1a1c08cf5f0048'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '614f7d0860195ea2'),
    ('function ledger.verify_workers()', 'c6ce3371cac7fd22'),
    ('function ledger.write_change(public.hold_changes)', '737682e7e1e55038'),
    ('function ledger.write_changes(public.hold_changes[])', 'a0ce5f0d344a334f'),
    ('function public.balance_at(bigint,timestamp with time zone)', 'e5d96935e6dfdae7'),
    ('function public.break_glass(text)', 'c4cf25186c575da0'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '643c4f4e22ded17c'),
    ('function public.create_user(bigint,text,jsonb,text)', 'ef0ecbbafe611a8c'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', '9bd2ff5ea992c08c'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'e28a1dd4c427de38'),
    ('function public.debit_users(bigint[],numeric[],text[])', '02ea86a09baea426'),
    ('function public.erase_user(bigint,text,interval)', 'abad318893d7569e'),
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

-- function: verify_references
create or replace function ledger.verify_references()
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- Users are on several servers then, and their references on one.
  if ledger.is_distributed() then return; end if;
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

-- migrate:down

set local check_function_bodies = off;

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

drop function ledger.control_hash(previous bytea, user_id bigint, number bigint, at timestamptz, transaction xid8, role text, actor text, operation text, credit_limit numeric, reason text, "position" bigint);

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

drop function ledger.add_details_erasure(intervention bigint, user_id bigint, before timestamptz);

drop function ledger.add_control_erasures(intervention bigint, user_id bigint, before timestamptz);

drop function ledger.add_control(user_id bigint, at timestamptz, operation text, credit_limit numeric, reason text, actor text);

-- by hand
do $$
begin
  if exists (select from public.erasures e where e.kind in ('control', 'details'))
    or exists (select from ledger.anchors a where a.line like '{"version":3,%') then
    raise exception 'there are rows that this would drop, so it is not done: restore a backup';
  end if;
end $$;

set local citus.enable_unsafe_triggers = on;
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
