-- migrate:up

alter table holds add column hash bytea;
comment on column holds.hash is 'sha256 over this row as it is; see hold_hash.';

-- function: hold_hash
create or replace function hold_hash(hold holds)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash, but over this row alone.
  select sha256('\x01' || record_send(row(
    (hold).user_id, (hold).hold, (hold).amount, (hold).status, (hold).available, (hold).created_at,
    (hold).expires_at, (hold).closed_at, (hold).idempotency_key, (hold).metadata,
    (hold).release_key, (hold).release_metadata, (hold).release_seq, (hold).release_balance,
    (hold).release_available)))
$$;

comment on function hold_hash is
  'The hash of a hold as it is: sha256 over the version of the encoding (1) and every field. Internal.';

revoke all on function hold_hash from public;
grant execute on function hold_hash to ledger_dba;
-- end function

update holds h set hash = hold_hash(h);
alter table holds alter column hash set not null;

-- function: place_hold
create or replace function place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null, max_pending integer default null)
  returns posted_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_hold holds;
  v_state record;
begin
  perform check_request(place_hold.user_id, place_hold.amount, place_hold.idempotency_key,
    place_hold.metadata);
  -- To the microsecond, as times are kept, so that a repeat can be compared with the first.
  if place_hold.expires_in not between 0.001 and 3155760000
    or place_hold.expires_in <> round(place_hold.expires_in, 6) then
    perform raise_status('22023', place_hold.user_id);
  end if;
  perform open_users(array[place_hold.user_id], place_hold.max_pending);

  select * into v_key from find_key(place_hold.user_id, place_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    select o.* into v_hold from holds o where o.user_id = place_hold.user_id
       and o.idempotency_key = place_hold.idempotency_key;
    if v_hold.amount is distinct from place_hold.amount or place_hold.expires_in is distinct from
      extract(epoch from nullif(v_hold.expires_at, 'infinity') - v_hold.created_at) then
      perform raise_status('LGKEY', place_hold.user_id);
    end if;
    return row(v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
      nullif(v_hold.expires_at, 'infinity'), v_hold.available, true)::posted_hold;
  end if;

  perform touch_holds(place_hold.user_id);
  -- By the clock, whatever time was the last one: it is the clock that other holds expire by.
  v_hold.created_at := clock_timestamp();
  select * into strict v_state from user_states(array[place_hold.user_id], v_hold.created_at);
  if place_hold.amount > v_state.balance - v_state.held then
    perform raise_status('LGFND', place_hold.user_id, place_hold.amount,
      v_state.balance - v_state.held);
  end if;
  v_hold.user_id := place_hold.user_id;
  v_hold.hold := coalesce((select max(o.hold) from holds o where o.user_id = place_hold.user_id), 0)
    + 1;
  v_hold.amount := place_hold.amount;
  v_hold.status := 'active';
  v_hold.available := v_state.balance - v_state.held - place_hold.amount;
  v_hold.expires_at := coalesce(
    v_hold.created_at + make_interval(secs => place_hold.expires_in::double precision), 'infinity');
  v_hold.idempotency_key := place_hold.idempotency_key;
  v_hold.metadata := place_hold.metadata;
  v_hold.hash := hold_hash(v_hold);
  insert into holds select v_hold.*;
  return row(v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
    nullif(v_hold.expires_at, 'infinity'), v_hold.available, false)::posted_hold;
end $$;

comment on function place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function place_hold from public;
grant execute on function place_hold to ledger_service, ledger_dba;
-- end function

-- function: capture_hold
create or replace function capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, max_pending integer default null)
  returns posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_hold holds;
begin
  perform check_request(capture_hold.user_id, coalesce(capture_hold.amount, 1),
    capture_hold.idempotency_key, capture_hold.metadata);
  perform open_users(array[capture_hold.user_id], capture_hold.max_pending);

  select o.* into v_hold from holds o
   where o.user_id = capture_hold.user_id and o.hold = capture_hold.hold_id;
  select * into v_key from find_key(capture_hold.user_id, capture_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_key.is_hold or v_hold.hold is null or ((v_key.found).hold, (v_key.found).amount)
      is distinct from (v_hold.hold, coalesce(capture_hold.amount, v_hold.amount)) then
      perform raise_status('LGKEY', capture_hold.user_id);
    end if;
    return posted(v_key.found, true);
  end if;
  if v_hold.hold is null or v_hold.status <> 'active' or v_hold.expires_at <= clock_timestamp() then
    perform raise_status('LGHLD', capture_hold.user_id);
  elsif capture_hold.amount > v_hold.amount then
    perform raise_status('LGAMT', capture_hold.user_id, capture_hold.amount);
  end if;

  -- Closed first: what it held is what the entry may take.
  v_hold.status := 'captured';
  v_hold.closed_at := touch_holds(capture_hold.user_id);
  update holds o set status = v_hold.status, closed_at = v_hold.closed_at, hash = hold_hash(v_hold)
   where o.user_id = capture_hold.user_id and o.hold = capture_hold.hold_id;
  return posted(append_entry(row(null, capture_hold.user_id, 'DEBIT',
    coalesce(capture_hold.amount, v_hold.amount), null, null, null, null,
    capture_hold.idempotency_key, capture_hold.metadata, null, capture_hold.hold_id, null, null,
    null, null)::payment_history), false);
end $$;

comment on function capture_hold is
  'Takes the amount of a hold (null: all of it), or a part, which releases the rest; once per idempotency_key. Raises LGUSR, LGHLD (unknown, closed or expired), LGAMT (also: more than was held), LGFND, LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function capture_hold from public;
grant execute on function capture_hold to ledger_service, ledger_dba;
-- end function

-- function: release_hold
create or replace function release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null,
  max_pending integer default null)
  returns released_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_hold holds;
begin
  if not is_valid_note(release_hold.idempotency_key, release_hold.metadata) then
    perform raise_status('22023', release_hold.user_id);
  end if;
  perform open_users(array[release_hold.user_id], release_hold.max_pending);

  select o.* into v_hold from holds o
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id;
  select * into v_key from find_key(release_hold.user_id, release_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_hold.release_key is distinct from release_hold.idempotency_key then
      perform raise_status('LGKEY', release_hold.user_id);
    end if;
    return row(v_hold.user_id, v_hold.release_balance, v_hold.release_available,
      v_hold.release_seq, v_hold.closed_at, true)::released_hold;
  end if;
  if v_hold.hold is null or v_hold.status <> 'active' or v_hold.expires_at <= clock_timestamp() then
    perform raise_status('LGHLD', release_hold.user_id);
  end if;

  update holds o set status = 'released', closed_at = touch_holds(release_hold.user_id),
         release_key = release_hold.idempotency_key, release_metadata = release_hold.metadata
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id
  returning o.* into v_hold;
  select s.seq, s.balance, s.balance - s.held
    into v_hold.release_seq, v_hold.release_balance, v_hold.release_available
    from user_states(array[release_hold.user_id], clock_timestamp()) s;
  update holds o set release_seq = v_hold.release_seq, release_balance = v_hold.release_balance,
         release_available = v_hold.release_available, hash = hold_hash(v_hold)
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id;
  return row(v_hold.user_id, v_hold.release_balance, v_hold.release_available, v_hold.release_seq,
    v_hold.closed_at, false)::released_hold;
end $$;

comment on function release_hold is
  'Gives back what a hold set aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLD (unknown, closed or expired), LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function release_hold from public;
grant execute on function release_hold to ledger_service, ledger_dba;
-- end function

-- function: get_capture_shortfall
create or replace function get_capture_shortfall(
  user_id bigint, hold_id bigint, amount numeric default null)
  returns table (balance numeric, available numeric, required numeric, shortfall numeric)
  language sql stable security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select f.balance, f.available, f.required, f.required - f.available
    from (
      -- What is held for the capture is there for it.
      select s.balance, s.balance - s.held + o.amount as available,
             coalesce(get_capture_shortfall.amount, o.amount)::numeric(12, 2) as required
        from holds o
        join user_states(array[get_capture_shortfall.user_id], statement_timestamp()) s
          on s.id = o.user_id
       where o.user_id = get_capture_shortfall.user_id
         and o.hold = get_capture_shortfall.hold_id
         and o.status = 'active' and o.expires_at > statement_timestamp()) f
   where f.required > f.available
$$;

comment on function get_capture_shortfall is
  'What is missing to capture a hold, all of it (amount null) or a part; available is what the capture may take, so the hold itself is in it. No row if nothing is missing, or the hold is not active.';

revoke all on function get_capture_shortfall from public;
grant execute on function get_capture_shortfall to ledger_service, ledger_dba;
-- end function

-- function: verify_holds
create or replace function verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger_finding
  language sql stable as $$
  select row('hold_invalid', o.user_id, null, format('Hold %s %s.', o.hold, w.wrong))::ledger_finding
    from holds o
    cross join lateral (values
      (o.status = 'captured' and not exists (select from payment_history h
         where h.user_id = o.user_id and h.hold = o.hold), 'is captured without its entry'),
      (o.available < 0, 'is more than was available'),
      (o.expires_at <= o.created_at, 'ended before it began'),
      (o.hash is distinct from hold_hash(o), 'was edited')
    ) w (is_wrong, wrong)
   where w.is_wrong and o.user_id > verify_holds.after_user_id
     and o.user_id <= verify_holds.upto_user_id
  union all
  -- Holds are numbered without gaps, and each of their changes is counted.
  select row('hold_invalid', coalesce(u.id, c.user_id), null, format(
           'users.hold_changes is %s, but %s holds up to number %s had %s changes.',
           u.hold_changes, c.holds, c.last_hold, c.changes))::ledger_finding
    from (select u.id, u.hold_changes from users u
           where u.hold_changes > 0 and u.id > verify_holds.after_user_id
             and u.id <= verify_holds.upto_user_id) u
    full join (select o.user_id, count(*) as holds, max(o.hold) as last_hold,
                      count(*) + count(o.closed_at) as changes
                 from holds o
                where o.user_id > verify_holds.after_user_id
                  and o.user_id <= verify_holds.upto_user_id
                group by o.user_id) c on c.user_id = u.id
   where (u.hold_changes, c.holds) is distinct from (c.changes, c.last_hold)
$$;

comment on function verify_holds is
  'The findings about the holds of a range of users: captured without an entry, more than was available, ended before they began, edited, missing, added or changed behind the back of users. Internal.';

revoke all on function verify_holds from public;
-- end function

-- function: verify_user_page
create or replace function verify_user_page(
  user_id bigint, after_seq bigint default 0, max_rows integer default 10000)
  returns table (findings ledger_finding[], rows_read bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  select e.findings, e.rows_read, e.next_seq into findings, rows_read, next_seq
    from verify_entries(verify_user_page.user_id, verify_user_page.after_seq,
           verify_user_page.max_rows, verify_user_page.user_id) e;
  if next_seq is null then
    findings := findings || array(
      select f from verify_users(verify_user_page.user_id - 1, 1, verify_user_page.user_id) p,
        unnest(p.findings) f
      union all
      select row('intervention', i.user_id, i.seq,
               format('%s by %s at %s.', i.operation, i.role, i.at))::ledger_finding
        from interventions i where i.user_id = verify_user_page.user_id);
  end if;
  return next;
end $$;

comment on function verify_user_page is
  'Verifies at most max_rows entries of a user after a seq, and with the last of them what else verify_user looks at: findings, how many entries it read, and the seq to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function verify_user_page from public;
grant execute on function verify_user_page to ledger_service, ledger_dba;
-- end function

-- function: verify_user
create or replace function verify_user(user_id bigint)
  returns setof ledger_finding
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  v_after_seq bigint := 0;
  v_page record;
begin
  if not exists (select from users u where u.id = verify_user.user_id)
    and not exists (select from payment_history h where h.user_id = verify_user.user_id) then
    perform raise_status('LGUSR', verify_user.user_id);
  end if;
  while v_after_seq is not null loop
    select * into v_page from verify_user_page(verify_user.user_id, v_after_seq);
    return query select f.* from unnest(v_page.findings) f;
    v_after_seq := v_page.next_seq;
  end loop;
end $$;

comment on function verify_user is
  'Proves the history of a user from its rows, its hashes and its holds, as of one moment and without waiting for anybody: a row for each finding; none is good. Raises LGUSR.';

revoke all on function verify_user from public;
grant execute on function verify_user to ledger_dba;
-- end function

-- function: get_guards
create or replace function get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set quote_all_identifiers = off as $$
  with guarded as (
    select c.oid, c.relname, c.relpersistence, c.relrowsecurity from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and c.relname in ('users', 'payment_history', 'holds', 'interventions'))
  -- Its columns (of users, where others may add some, only ours), and that no rule stands before it.
  select 'table ' || g.relname, concat_ws(' ', g.relpersistence, g.relrowsecurity,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull), ', ' order by a.attnum)
              from pg_attribute a where a.attrelid = g.oid and a.attnum > 0 and not a.attisdropped
               and (g.relname <> 'users' or a.attname in ('id', 'balance', 'seq', 'hold_changes'))))
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
         concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    from guarded g join pg_trigger t on t.tgrelid = g.oid and not t.tgisinternal
  union all
  select 'function ' || p.proname, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig)
    from pg_proc p where p.pronamespace = 'public'::regnamespace
     and p.proname in ('guard_history', 'break_glass', 'entry_hash', 'hold_hash')
$$;

comment on function get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, constraints, unique indexes, triggers, and the functions that triggers and proofs rest on; each with its definition. Internal.';

revoke all on function get_guards from public;
grant execute on function get_guards to ledger_dba;
-- end function

-- function: verify_guards
create or replace function verify_guards()
  returns setof ledger_finding
  language sql stable security definer set search_path = public, pg_temp as $$
  -- What there has to be: the first 16 digits of the sha256 of each definition of get_guards.
  with expected (object, hash) as (values
    ('constraint holds_amount_check on holds', '7761b5ac5e9dad4e'),
    ('constraint holds_check on holds', '52c93ea04d96464f'),
    ('constraint holds_hold_check on holds', '4146bdbd0a0f45b3'),
    ('constraint holds_note_check on holds', '13b7c796e9249c28'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint holds_status_check on holds', '4fa7dc43e701946e'),
    ('constraint holds_user_id_fkey on holds', 'f33d67cc5d5de4ab'),
    ('constraint interventions_check on interventions', '8d0f603688a07d41'),
    ('constraint interventions_operation_check on interventions', '34e464bc027ff089'),
    ('constraint interventions_pkey on interventions', '0b061cb60c8123a7'),
    ('constraint payment_history_action_check on payment_history', 'fa11f3fd5dcc9081'),
    ('constraint payment_history_amount_check on payment_history', '7761b5ac5e9dad4e'),
    ('constraint payment_history_idempotency_key_check on payment_history', 'b06324fea82a0caa'),
    ('constraint payment_history_metadata_check on payment_history', 'c09ca4882e0d3b99'),
    ('constraint payment_history_peer_check on payment_history', '4986d5730510e494'),
    ('constraint payment_history_pkey on payment_history', '5c745ef35e4bcaea'),
    ('constraint payment_history_sealed_check on payment_history', 'dd9bc0dcdec6cb23'),
    ('constraint payment_history_seq_check on payment_history', '6b6a794b3fb7d4b5'),
    ('constraint payment_history_ts_check on payment_history', '8ca0cd5c06e9eaed'),
    ('constraint payment_history_user_id_fkey on payment_history', 'f33d67cc5d5de4ab'),
    ('constraint payment_history_user_id_seq_key on payment_history', 'be4ce7425d4183e6'),
    ('constraint users_id_check on users', 'd664459336aa83b9'),
    ('constraint users_pkey on users', '0b061cb60c8123a7'),
    ('function break_glass', 'ec244591c8ca14ba'),
    ('function entry_hash', '3a92c4698d08d982'),
    ('function guard_history', '22e01d2186250d21'),
    ('function hold_hash', '15240160e99b447d'),
    ('index holds_user_id_idempotency_key_key on holds', '3286e6a923f0df0f'),
    ('index holds_user_id_release_key_key on holds', 'bc3d2baf054dc03c'),
    ('index payment_history_user_id_hold_key on payment_history', 'cfefe428a90fdce6'),
    ('index payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('index payment_history_user_id_reverses_key on payment_history', '8c739e04c1f32703'),
    ('table holds', 'b0d888d677dd5c0a'),
    ('table interventions', '3df6167a4b8bf679'),
    ('table payment_history', '0f2e4e12c64a5ea5'),
    ('table users', '291a4634f234f873'),
    ('trigger guard_row on interventions', '84ed41d01c0ac199'),
    ('trigger guard_row on payment_history', 'cf98caf543c58ac2'),
    ('trigger guard_truncate on interventions', 'd18c01df698a71ec'),
    ('trigger guard_truncate on payment_history', 'fa39c8ed22d0f352')
  )
  select row('guard_missing', null, null, format('The %s is %s.', coalesce(e.object, g.object),
           case when g.object is null then 'missing' when e.object is null then 'not ours'
             else 'disabled or another' end))::ledger_finding
    from expected e
    full join get_guards() g on g.object = e.object
   where (e.hash is distinct from left(encode(sha256(convert_to(g.definition, 'UTF8')), 'hex'), 16))
     -- Others may have indexes and checks of their own; what runs at a change must be ours.
     and (e.object is not null or g.object like 'trigger %')
  union all
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at, coalesce(i.reason, i.before::text)))::ledger_finding
    from interventions i
$$;

comment on function verify_guards is
  'The findings that belong to the ledger as a whole: a guard (table, constraint, unique index, trigger or function of get_guards) that is missing, disabled or another than the migrations made, a trigger of somebody else''s, and everything that was done with break_glass, for ever.';

revoke all on function verify_guards from public;
grant execute on function verify_guards to ledger_dba;
-- end function

-- The service verifies by pages.
revoke execute on function verify_user from ledger_service;

-- ledger_dba may execute every function. Whoever calls one of these runs it as itself, so the inner
-- ones do no more than the tables let their caller do.
grant execute on function append_entry, break_glass, check_request, copy_balances, decide_entries,
  entry_at, entry_change, entry_hash, find_key, guard_history, is_valid_entry, is_valid_note,
  lock_users, notify_changed, open_users, post_entries, post_entry, posted, raise_status, reversal,
  seal_pending, seal_users, touch_holds, user_states, verify_entry, verify_holds
  to ledger_dba;

-- migrate:down

revoke execute on function append_entry, break_glass, check_request, copy_balances, decide_entries,
  entry_at, entry_change, entry_hash, find_key, guard_history, is_valid_entry, is_valid_note,
  lock_users, notify_changed, open_users, post_entries, post_entry, posted, raise_status, reversal,
  seal_pending, seal_users, touch_holds, user_states, verify_entry, verify_holds
  from ledger_dba;

-- function: verify_guards
create or replace function verify_guards()
  returns setof ledger_finding
  language sql stable security definer set search_path = public, pg_temp as $$
  -- Types are bits: 27 is BEFORE UPDATE OR DELETE for each row, 34 BEFORE TRUNCATE.
  select row('guard_missing', null, null, format('Trigger %s of %s is %s.', g.name, g.on_table,
           case when t.oid is null then 'missing' else 'disabled or another' end))::ledger_finding
    from (values ('payment_history', 'guard_row', 27), ('payment_history', 'guard_truncate', 34),
                 ('interventions', 'guard_row', 27), ('interventions', 'guard_truncate', 34)
         ) g (on_table, name, type)
    left join pg_trigger t on t.tgrelid = to_regclass('public.' || g.on_table) and t.tgname = g.name
   where (t.tgenabled, t.tgtype, t.tgfoid, t.tgqual is null)
      is distinct from ('A', g.type, 'guard_history'::regproc, true)
  union all
  select row('guard_missing', null, null, format('Foreign key %s of %s is %s.', k.name, k.on_table,
           case when c.oid is null then 'missing' else 'disabled' end))::ledger_finding
    from (values ('payment_history', 'payment_history_user_id_fkey'), ('holds', 'holds_user_id_fkey')
         ) k (on_table, name)
    left join pg_constraint c
      on c.conrelid = to_regclass('public.' || k.on_table) and c.conname = k.name
   where c.oid is null or not c.convalidated or exists (
     select from pg_trigger t where t.tgconstraint = c.oid and t.tgenabled = 'D')
  union all
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at, coalesce(i.reason, i.before::text)))::ledger_finding
    from interventions i
$$;

comment on function verify_guards is
  'The findings that belong to the ledger as a whole: a guard or a foreign key that is missing or disabled, and everything that was done with break_glass, for ever.';

revoke all on function verify_guards from public;
grant execute on function verify_guards to ledger_dba;
-- end function

drop function get_guards();

-- function: verify_user
create or replace function verify_user(user_id bigint)
  returns setof ledger_finding
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  v_after_seq bigint := 0;
  v_page record;
begin
  if not exists (select from users u where u.id = verify_user.user_id)
    and not exists (select from payment_history h where h.user_id = verify_user.user_id) then
    perform raise_status('LGUSR', verify_user.user_id);
  end if;
  while v_after_seq is not null loop
    select * into v_page
      from verify_entries(verify_user.user_id, v_after_seq, 10000, verify_user.user_id);
    return query select f.* from unnest(v_page.findings) f;
    v_after_seq := v_page.next_seq;
  end loop;
  return query select f.* from verify_users(verify_user.user_id - 1, 1, verify_user.user_id) p,
    unnest(p.findings) f;
  return query
    select 'intervention', i.user_id, i.seq, format('%s by %s at %s.', i.operation, i.role, i.at)
      from interventions i where i.user_id = verify_user.user_id;
end $$;

comment on function verify_user is
  'Proves the history of a user from its rows, its hashes and its holds, as of one moment and without waiting for anybody: a row for each finding; none is good. Raises LGUSR.';

revoke all on function verify_user from public;
grant execute on function verify_user to ledger_service, ledger_dba;
-- end function

drop function verify_user_page(user_id bigint, after_seq bigint, max_rows integer);

-- function: verify_holds
create or replace function verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger_finding
  language sql stable as $$
  select row('hold_invalid', o.user_id, null, format('Hold %s %s.', o.hold, w.wrong))::ledger_finding
    from holds o
    cross join lateral (values
      (o.status = 'captured' and not exists (select from payment_history h
         where h.user_id = o.user_id and h.hold = o.hold), 'is captured without its entry'),
      (o.available < 0, 'is more than was available'),
      (o.expires_at <= o.created_at, 'ended before it began')
    ) w (is_wrong, wrong)
   where w.is_wrong and o.user_id > verify_holds.after_user_id
     and o.user_id <= verify_holds.upto_user_id
  union all
  -- Holds are numbered without gaps, and each of their changes is counted.
  select row('hold_invalid', coalesce(u.id, c.user_id), null, format(
           'users.hold_changes is %s, but %s holds up to number %s had %s changes.',
           u.hold_changes, c.holds, c.last_hold, c.changes))::ledger_finding
    from (select u.id, u.hold_changes from users u
           where u.hold_changes > 0 and u.id > verify_holds.after_user_id
             and u.id <= verify_holds.upto_user_id) u
    full join (select o.user_id, count(*) as holds, max(o.hold) as last_hold,
                      count(*) + count(o.closed_at) as changes
                 from holds o
                where o.user_id > verify_holds.after_user_id
                  and o.user_id <= verify_holds.upto_user_id
                group by o.user_id) c on c.user_id = u.id
   where (u.hold_changes, c.holds) is distinct from (c.changes, c.last_hold)
$$;

comment on function verify_holds is
  'The findings about the holds of a range of users: captured without an entry, more than was available, ended before they began, missing, added or changed behind the back of users. Internal.';

revoke all on function verify_holds from public;
-- end function

drop function get_capture_shortfall(user_id bigint, hold_id bigint, amount numeric);

-- function: release_hold
create or replace function release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null,
  max_pending integer default null)
  returns released_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_hold holds;
begin
  if not is_valid_note(release_hold.idempotency_key, release_hold.metadata) then
    perform raise_status('22023', release_hold.user_id);
  end if;
  perform open_users(array[release_hold.user_id], release_hold.max_pending);

  select o.* into v_hold from holds o
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id;
  select * into v_key from find_key(release_hold.user_id, release_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_hold.release_key is distinct from release_hold.idempotency_key then
      perform raise_status('LGKEY', release_hold.user_id);
    end if;
    return row(v_hold.user_id, v_hold.release_balance, v_hold.release_available,
      v_hold.release_seq, v_hold.closed_at, true)::released_hold;
  end if;
  if v_hold.hold is null or v_hold.status <> 'active' or v_hold.expires_at <= clock_timestamp() then
    perform raise_status('LGHLD', release_hold.user_id);
  end if;

  update holds o set status = 'released', closed_at = touch_holds(release_hold.user_id)
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id;
  update holds o
     set release_key = release_hold.idempotency_key, release_metadata = release_hold.metadata,
         release_seq = s.seq, release_balance = s.balance, release_available = s.balance - s.held
    from user_states(array[release_hold.user_id], clock_timestamp()) s
   where o.user_id = release_hold.user_id and o.hold = release_hold.hold_id
  returning o.* into v_hold;
  return row(v_hold.user_id, v_hold.release_balance, v_hold.release_available, v_hold.release_seq,
    v_hold.closed_at, false)::released_hold;
end $$;

comment on function release_hold is
  'Gives back what a hold set aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLD (unknown, closed or expired), LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function release_hold from public;
grant execute on function release_hold to ledger_service, ledger_dba;
-- end function

-- function: capture_hold
create or replace function capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, max_pending integer default null)
  returns posted_entry
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_hold holds;
begin
  perform check_request(capture_hold.user_id, coalesce(capture_hold.amount, 1),
    capture_hold.idempotency_key, capture_hold.metadata);
  perform open_users(array[capture_hold.user_id], capture_hold.max_pending);

  select o.* into v_hold from holds o
   where o.user_id = capture_hold.user_id and o.hold = capture_hold.hold_id;
  select * into v_key from find_key(capture_hold.user_id, capture_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    if v_key.is_hold or v_hold.hold is null or ((v_key.found).hold, (v_key.found).amount)
      is distinct from (v_hold.hold, coalesce(capture_hold.amount, v_hold.amount)) then
      perform raise_status('LGKEY', capture_hold.user_id);
    end if;
    return posted(v_key.found, true);
  end if;
  if v_hold.hold is null or v_hold.status <> 'active' or v_hold.expires_at <= clock_timestamp() then
    perform raise_status('LGHLD', capture_hold.user_id);
  elsif capture_hold.amount > v_hold.amount then
    perform raise_status('LGAMT', capture_hold.user_id, capture_hold.amount);
  end if;

  -- Closed first: what it held is what the entry may take.
  update holds o set status = 'captured', closed_at = touch_holds(capture_hold.user_id)
   where o.user_id = capture_hold.user_id and o.hold = capture_hold.hold_id;
  return posted(append_entry(row(null, capture_hold.user_id, 'DEBIT',
    coalesce(capture_hold.amount, v_hold.amount), null, null, null, null,
    capture_hold.idempotency_key, capture_hold.metadata, null, capture_hold.hold_id, null, null,
    null, null)::payment_history), false);
end $$;

comment on function capture_hold is
  'Takes the amount of a hold (null: all of it), or a part, which releases the rest; once per idempotency_key. Raises LGUSR, LGHLD (unknown, closed or expired), LGAMT (also: more than was held), LGFND, LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function capture_hold from public;
grant execute on function capture_hold to ledger_service, ledger_dba;
-- end function

-- function: place_hold
create or replace function place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null, max_pending integer default null)
  returns posted_hold
  language plpgsql volatile security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_key record;
  v_hold holds;
  v_state record;
begin
  perform check_request(place_hold.user_id, place_hold.amount, place_hold.idempotency_key,
    place_hold.metadata);
  -- To the microsecond, as times are kept, so that a repeat can be compared with the first.
  if place_hold.expires_in not between 0.001 and 3155760000
    or place_hold.expires_in <> round(place_hold.expires_in, 6) then
    perform raise_status('22023', place_hold.user_id);
  end if;
  perform open_users(array[place_hold.user_id], place_hold.max_pending);

  select * into v_key from find_key(place_hold.user_id, place_hold.idempotency_key);
  if v_key.is_hold or (v_key.found).seq is not null then
    select o.* into v_hold from holds o where o.user_id = place_hold.user_id
       and o.idempotency_key = place_hold.idempotency_key;
    if v_hold.amount is distinct from place_hold.amount or place_hold.expires_in is distinct from
      extract(epoch from nullif(v_hold.expires_at, 'infinity') - v_hold.created_at) then
      perform raise_status('LGKEY', place_hold.user_id);
    end if;
    return row(v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
      nullif(v_hold.expires_at, 'infinity'), v_hold.available, true)::posted_hold;
  end if;

  perform touch_holds(place_hold.user_id);
  -- By the clock, whatever time was the last one: it is the clock that other holds expire by.
  v_hold.created_at := clock_timestamp();
  select * into strict v_state from user_states(array[place_hold.user_id], v_hold.created_at);
  if place_hold.amount > v_state.balance - v_state.held then
    perform raise_status('LGFND', place_hold.user_id, place_hold.amount,
      v_state.balance - v_state.held);
  end if;
  insert into holds as o (user_id, hold, amount, available, created_at, expires_at,
    idempotency_key, metadata)
  values (place_hold.user_id,
    coalesce((select max(p.hold) from holds p where p.user_id = place_hold.user_id), 0) + 1,
    place_hold.amount, v_state.balance - v_state.held - place_hold.amount, v_hold.created_at,
    coalesce(v_hold.created_at + make_interval(secs => place_hold.expires_in::double precision),
      'infinity'),
    place_hold.idempotency_key, place_hold.metadata)
  returning o.* into v_hold;
  return row(v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
    nullif(v_hold.expires_at, 'infinity'), v_hold.available, false)::posted_hold;
end $$;

comment on function place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGKEY, 22023, 55P03 (lock_timeout, or more than max_pending hand-made rows).';

revoke all on function place_hold from public;
grant execute on function place_hold to ledger_service, ledger_dba;
-- end function

drop function hold_hash(hold holds);

alter table holds drop column hash;
