-- migrate:up

-- function: user_states
create or replace function user_states(user_ids bigint[], at timestamptz)
  returns table (id bigint, seq bigint, balance numeric, held numeric, sealed_at timestamptz,
    hash bytea, updated_at timestamptz, hold_changes bigint, expires_in_ms bigint)
  language sql stable as $$
  select u.id, coalesce(h.seq, 0), coalesce(h.balance, 0.00), coalesce(o.held, 0.00), h.sealed_at,
         h.hash, case u.seq when h.seq then u.updated_at else coalesce(h.sealed_at, u.updated_at) end,
         u.hold_changes,
         floor(extract(epoch from o.expires_at - user_states.at) * 1000)::bigint
    from users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.amount) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from holds a where a.user_id = u.id and a.status = 'active'
         and a.expires_at > user_states.at) o on true
   where u.id = any (user_states.user_ids)
$$;

comment on function user_states is
  'What the history and the holds say of users at a moment that is now: the last sealed row, which is the sum of everything before it (0, 0.00 and nulls without any), the sum of the active holds, and in how many milliseconds the first of them expires (null: none does). A few index probes each. Internal.';

revoke all on function user_states from public;
-- end function

-- function: copy_balances
create or replace function copy_balances(user_ids bigint[])
  returns void
  language sql volatile as $$
  -- From the history, never the other way round.
  update users u
     set balance = s.balance, seq = s.seq, updated_at = s.updated_at
    from user_states(copy_balances.user_ids, clock_timestamp()) s
   where u.id = s.id and (u.balance, u.seq) is distinct from (s.balance, s.seq)
$$;

comment on function copy_balances is
  'Sets balance and seq of users whom the caller has locked to what the history says. Internal.';

revoke all on function copy_balances from public;
-- end function

-- function: entry_items
create or replace function entry_items(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[],
  user_statuses jsonb, at timestamptz)
  returns table (n bigint, user_id bigint, action text, amount numeric, change numeric, key text,
    metadata jsonb, problem text, is_first boolean, is_repeated boolean, seq bigint,
    balance numeric, held numeric, sealed_at timestamptz, hash bytea, updated_at timestamptz,
    hold_changes bigint, expires_in_ms bigint, found payment_history, is_hold boolean)
  language sql stable as $$
  select i.n, i.user_id, i.action, i.amount,
         case i.action when 'CREDIT' then i.amount else -i.amount end, i.key, i.metadata,
         case when i.action is not null and i.amount is null then 'LGAMT'
           when not is_valid_note(i.key, i.metadata) then '22023'
           else nullif(coalesce(entry_items.user_statuses ->> i.user_id::text, 'LGUSR'), 'ok') end,
         i.is_first, i.is_repeated, s.seq, s.balance, s.held, s.sealed_at, s.hash, s.updated_at,
         s.hold_changes, s.expires_in_ms, f.found, f.is_hold
    from (
      -- With two decimals, as the column has them: the hash tells 1 from 1.00.
      select i.n, i.user_id, i.action, case when is_valid_entry(coalesce(i.action, 'DEBIT'), i.amount)
               then i.amount::numeric(12, 2) end as amount, i.key, i.metadata,
             row_number() over (partition by i.user_id order by i.n) = 1 as is_first,
             i.key is not null and count(*) over (partition by i.user_id, i.key) > 1 as is_repeated
        from unnest(entry_items.user_ids, entry_items.actions, entry_items.amounts,
               entry_items.idempotency_keys, entry_items.metadatas)
               with ordinality i (user_id, action, amount, key, metadata, n)) i
    -- Once for each user, however many items it has; a join would compare each with each.
    left join lateral user_states(
      case when i.is_first then array[i.user_id] end, entry_items.at) s on true
    left join lateral find_key(i.user_id, i.key) f on i.key is not null
   order by i.user_id, i.n
$$;

comment on function entry_items is
  'The items of post_entries by user and in order, each with what is wrong with it before anything is decided (LGAMT: no amount then; 22023; the code in user_statuses), whether its key comes twice, what the key was used for (see find_key) and, for the first item of each user, what user_states says. Internal.';

revoke all on function entry_items from public;
grant execute on function entry_items to ledger_dba;
-- end function

drop function decide_entries(user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[], user_statuses jsonb, at timestamptz);

-- function: decide_entries
create or replace function decide_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[],
  user_statuses jsonb, at timestamptz)
  returns table (n bigint, status text, is_new boolean, replayed boolean, user_id bigint, seq bigint,
    action text, amount numeric, balance numeric, held numeric, ts timestamptz,
    sealed_at timestamptz, key text, metadata jsonb, hash bytea, user_seq bigint,
    user_balance numeric, updated_at timestamptz, version bigint, expires_in_ms bigint)
  language plpgsql volatile as $$
declare
  i record;
  v_first record;
  v_found payment_history;
  v_new payment_history[];
  v_keys text[];
  v_last_at timestamptz;
  v_last_hash bytea;
begin
  for i in
    select e.* from entry_items(decide_entries.user_ids, decide_entries.actions,
      decide_entries.amounts, decide_entries.idempotency_keys, decide_entries.metadatas,
      decide_entries.user_statuses, decide_entries.at) e
  loop
    if i.is_first then
      v_first := i;
      user_seq := i.seq; user_balance := i.balance; updated_at := i.updated_at;
      v_last_at := i.sealed_at; v_last_hash := i.hash;
      v_new := '{}'; v_keys := '{}';
    end if;
    n := i.n; user_id := i.user_id; action := i.action; amount := i.amount; key := i.key;
    metadata := i.metadata; held := v_first.held; expires_in_ms := v_first.expires_in_ms;
    ts := null; sealed_at := null; hash := null;

    v_found := i.found;
    -- A key of this batch: its entry isn't in the table yet.
    if i.is_repeated and key = any (v_keys) then
      v_found := v_new[array_position(v_keys, key)];
    end if;
    replayed := v_found.seq is not null;
    status := case
      when i.problem is not null then i.problem
      when i.is_hold or replayed and (v_found.action, v_found.amount, v_found.hold,
          v_found.reverses, v_found.peer_user_id) is distinct from
        (action, amount, null::bigint, null::bigint, null::bigint) then 'LGKEY'
      when replayed or action is null then 'ok'
      when action = 'DEBIT' and amount > user_balance - held then 'LGFND'
      when action = 'CREDIT' and user_balance + amount > 999999999999999999.99 then 'LGRNG'
      else 'ok' end;
    replayed := replayed and status = 'ok';
    is_new := status = 'ok' and not replayed and action is not null;

    if is_new then
      -- The clock after the lock, and never behind the row before, whatever the clock did.
      v_last_at := greatest(clock_timestamp(), v_last_at);
      user_seq := user_seq + 1; user_balance := user_balance + i.change; updated_at := v_last_at;
      v_last_hash := entry_hash(v_last_hash, row(null, user_id, action, amount, v_last_at, user_seq,
        user_balance, v_last_at, key, metadata, held, null, null, null, null,
        null)::payment_history);
      ts := v_last_at; sealed_at := v_last_at; hash := v_last_hash;
      if i.is_repeated then
        v_new := array_append(v_new, row(null, user_id, action, amount, ts, user_seq, user_balance,
          ts, key, metadata, held, null, null, null, null, hash)::payment_history);
        v_keys := array_append(v_keys, key);
      end if;
    end if;
    seq := case when status = 'ok' then user_seq end;
    balance := user_balance;
    if replayed then
      select v_found.seq, v_found.balance, v_found.held, v_found.ts, v_found.sealed_at,
             v_found.metadata, v_found.hash
        into seq, balance, held, ts, sealed_at, metadata, hash;
    end if;
    version := user_seq + v_first.hold_changes;
    return next;
  end loop;
end $$;

comment on function decide_entries is
  'Decides what becomes of each item of post_entries, in order, without writing anything: its status; whether its entry is a new one, to be inserted, or the one that its key has already; and that entry; then the version, seq, balance and updated_at of the user, and when its first hold expires. Refused: no seq and ts, the balance as it is. No action: the last seq and balance. user_statuses: ok or a code by user id, none for an unknown user. The users must be locked. Internal.';

revoke all on function decide_entries from public;
grant execute on function decide_entries to ledger_dba;
-- end function

-- function: post_entries
create or replace function post_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns table (n bigint, status text, user_id bigint, seq bigint, action text, amount numeric,
    balance numeric, available numeric, ts timestamptz, replayed boolean, shortfall numeric,
    metadata jsonb, hash text, version bigint, user_seq bigint, updated_at timestamptz,
    read_at timestamptz, expires_in_ms bigint)
  language plpgsql volatile security definer set search_path = public, pg_temp
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_locked bigint[] := lock_users(post_entries.user_ids, post_entries.wait);
  v_statuses jsonb := seal_users(post_entries.user_ids, v_locked, post_entries.max_pending);
  v_now timestamptz := clock_timestamp();
begin
  return query
    with decided as materialized (
      select d.* from decide_entries(post_entries.user_ids, post_entries.actions,
        post_entries.amounts, post_entries.idempotency_keys, post_entries.metadatas, v_statuses,
        v_now) d
    ), inserted as (
      insert into payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hash)
      select d.user_id, d.action, d.amount, d.ts, d.seq, d.balance, d.sealed_at,
             d.key, d.metadata, d.held, d.hash
        from decided d where d.is_new
    ), copied as (
      update users u set balance = d.user_balance, seq = d.user_seq, updated_at = d.updated_at
        from (select distinct on (d.user_id) d.* from decided d order by d.user_id, d.n desc) d
       where u.id = d.user_id and u.id = any (v_locked)
         and (u.balance, u.seq) is distinct from (d.user_balance, d.user_seq)
    )
    select d.n, d.status, d.user_id, d.seq, d.action, d.amount, d.balance, d.balance - d.held, d.ts,
           d.replayed, case when d.amount > d.balance - d.held and not d.is_new and not d.replayed
             then d.amount - (d.balance - d.held) end, d.metadata, encode(d.hash, 'hex'),
           d.version, d.user_seq,
           case when d.replayed then d.sealed_at else d.updated_at end, v_now, d.expires_in_ms
      from decided d order by d.n;
end $$;

comment on function post_entries is
  'What every door to the ledger does, for up to some thousand items at once: locks the users, seals at most max_pending hand-made rows of each (null: all), applies the items in order (action CREDIT, DEBIT, or null: only recalculate), and answers a row for each, in order, with status ok or a SQLSTATE instead of raising it; with version, user_seq, balance, available and updated_at as they are for the user after the item, at read_at by the clock of the database. 55P03: somebody else holds the user (without wait), or hand-made rows are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function post_entries from public;
grant execute on function post_entries to ledger_service;
-- end function

-- migrate:down

-- function: post_entries
create or replace function post_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[] default null,
  metadatas jsonb[] default null, wait boolean default false, max_pending integer default 1000)
  returns table (n bigint, status text, user_id bigint, seq bigint, action text, amount numeric,
    balance numeric, available numeric, ts timestamptz, replayed boolean, shortfall numeric,
    metadata jsonb, hash text, version bigint, user_seq bigint, updated_at timestamptz,
    read_at timestamptz, expires_in_ms bigint)
  language plpgsql volatile security definer set search_path = public, pg_temp
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_locked bigint[] := lock_users(post_entries.user_ids, post_entries.wait);
  v_statuses jsonb := seal_users(post_entries.user_ids, v_locked, post_entries.max_pending);
  v_now timestamptz := clock_timestamp();
begin
  return query
    with decided as materialized (
      select d.n, d.status, d.is_new, d.replayed, d.version, d.user_seq,
             d.updated_at as user_updated_at, d.expires_in_ms, (d.entry).*
        from decide_entries(post_entries.user_ids, post_entries.actions, post_entries.amounts,
               post_entries.idempotency_keys, post_entries.metadatas, v_statuses, v_now) d
    ), inserted as (
      insert into payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hash)
      select d.user_id, d.action, d.amount, d.ts, d.seq, d.balance, d.sealed_at,
             d.idempotency_key, d.metadata, d.held, d.hash
        from decided d where d.is_new order by d.user_id, d.seq
    )
    select d.n, d.status, d.user_id, d.seq, d.action, d.amount, d.balance, d.balance - d.held, d.ts,
           d.replayed, case when d.amount > d.balance - d.held and not d.is_new and not d.replayed
             then d.amount - (d.balance - d.held) end, d.metadata, encode(d.hash, 'hex'),
           d.version, d.user_seq,
           case when d.replayed then d.sealed_at else d.user_updated_at end, v_now, d.expires_in_ms
      from decided d order by d.n;

  perform copy_balances(v_locked);
end $$;

comment on function post_entries is
  'What every door to the ledger does, for up to some thousand items at once: locks the users, seals at most max_pending hand-made rows of each (null: all), applies the items in order (action CREDIT, DEBIT, or null: only recalculate), and answers a row for each, in order, with status ok or a SQLSTATE instead of raising it; with version, user_seq, balance, available and updated_at as they are for the user after the item, at read_at by the clock of the database. 55P03: somebody else holds the user (without wait), or hand-made rows are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function post_entries from public;
grant execute on function post_entries to ledger_service;
-- end function

drop function decide_entries(user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[], user_statuses jsonb, at timestamptz);

-- function: decide_entries
create or replace function decide_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[],
  user_statuses jsonb, at timestamptz)
  returns table (n bigint, status text, is_new boolean, replayed boolean, version bigint,
    user_seq bigint, updated_at timestamptz, expires_in_ms bigint, entry payment_history)
  language plpgsql volatile as $$
declare
  v_user_id bigint;
  v_last payment_history;
  v_found payment_history;
  v_new payment_history[];
  v_keys text[];
  v_at timestamptz;
  v_item record;
begin
  for v_item in
    select i.*, coalesce(decide_entries.user_statuses ->> i.user_id::text, 'LGUSR') as user_status,
           s.seq, s.balance, s.held, s.sealed_at, s.hash, s.updated_at, s.hold_changes,
           s.expires_in_ms, f.found, f.is_hold
      from unnest(decide_entries.user_ids, decide_entries.actions, decide_entries.amounts,
             decide_entries.idempotency_keys, decide_entries.metadatas)
             with ordinality i (user_id, action, amount, key, metadata, n)
      left join user_states(decide_entries.user_ids, decide_entries.at) s on s.id = i.user_id
      left join lateral find_key(i.user_id, i.key) f on i.key is not null
     order by i.user_id, i.n
  loop
    if v_keys is null or v_item.user_id is distinct from v_user_id then
      v_user_id := v_item.user_id;
      v_last := row(null, v_user_id, null, null, null, v_item.seq, v_item.balance, v_item.sealed_at,
        null, null, v_item.held, null, null, null, null, v_item.hash)::payment_history;
      updated_at := v_item.updated_at;
      v_new := '{}';
      v_keys := '{}';
    end if;
    v_found := v_item.found;
    -- The same key twice in one batch: the first of them isn't in the table yet.
    if v_item.key = any (v_keys) then
      v_found := v_new[array_position(v_keys, v_item.key)];
    end if;

    n := v_item.n;
    replayed := v_found.seq is not null;
    status := case
      when v_item.action is not null and not is_valid_entry(v_item.action, v_item.amount) then 'LGAMT'
      when not is_valid_note(v_item.key, v_item.metadata) then '22023'
      when v_item.user_status <> 'ok' then v_item.user_status
      when v_item.is_hold or replayed and (v_found.action, v_found.amount, v_found.hold,
          v_found.reverses, v_found.peer_user_id) is distinct from
        (v_item.action, v_item.amount, null::bigint, null::bigint, null::bigint) then 'LGKEY'
      when replayed or v_item.action is null then 'ok'
      when v_item.action = 'DEBIT' and v_item.amount > v_last.balance - v_last.held then 'LGFND'
      when v_item.action = 'CREDIT' and v_last.balance + v_item.amount > 999999999999999999.99
        then 'LGRNG'
      else 'ok' end;
    replayed := replayed and status = 'ok';
    is_new := status = 'ok' and not replayed and v_item.action is not null;

    if replayed then
      entry := v_found;
    else
      -- The clock after the lock, and never behind the row before, whatever the clock did.
      v_at := case when is_new then greatest(clock_timestamp(), v_last.sealed_at) end;
      entry := row(null, v_user_id, v_item.action,
        case when status <> 'LGAMT' then v_item.amount end, v_at,
        case when status = 'ok' then v_last.seq + is_new::integer end,
        v_last.balance + case when not is_new then 0
          when v_item.action = 'CREDIT' then v_item.amount else -v_item.amount end,
        v_at, v_item.key, v_item.metadata, v_last.held, null, null, null, null,
        null)::payment_history;
    end if;
    if is_new then
      entry.hash := entry_hash(v_last.hash, entry);
      v_last := entry;
      v_new := array_append(v_new, entry);
      v_keys := array_append(v_keys, v_item.key);
      updated_at := v_at;
    end if;
    user_seq := v_last.seq;
    version := v_last.seq + v_item.hold_changes;
    expires_in_ms := v_item.expires_in_ms;
    return next;
  end loop;
end $$;

comment on function decide_entries is
  'Decides what becomes of each item of post_entries, in order, without writing anything: its status; whether its entry is a new one, to be inserted, or the one that its key has already; and that entry; then the version, seq and updated_at of the user, and when its first hold expires. Refused: no seq and ts, the balance as it is. No action: the last seq and balance. user_statuses: ok or a code by user id, none for an unknown user. The users must be locked. Internal.';

revoke all on function decide_entries from public;
-- end function

drop function entry_items(user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[], user_statuses jsonb, at timestamptz);

-- function: copy_balances
create or replace function copy_balances(user_ids bigint[])
  returns void
  language sql volatile as $$
  -- From the history, never the other way round.
  update users u
     set balance = s.balance, seq = s.seq, updated_at = coalesce(s.sealed_at, u.updated_at)
    from user_states(copy_balances.user_ids, clock_timestamp()) s
   where u.id = s.id and (u.balance, u.seq) is distinct from (s.balance, s.seq)
$$;

comment on function copy_balances is
  'Sets balance and seq of users whom the caller has locked to what the history says. Internal.';

revoke all on function copy_balances from public;
-- end function

-- function: user_states
create or replace function user_states(user_ids bigint[], at timestamptz)
  returns table (id bigint, seq bigint, balance numeric, held numeric, sealed_at timestamptz,
    hash bytea, updated_at timestamptz, hold_changes bigint, expires_in_ms bigint)
  language sql stable as $$
  select u.id, coalesce(h.seq, 0), coalesce(h.balance, 0.00), coalesce(o.held, 0.00), h.sealed_at,
         h.hash, u.updated_at, u.hold_changes,
         floor(extract(epoch from o.expires_at - user_states.at) * 1000)::bigint
    from users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.amount) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from holds a where a.user_id = u.id and a.status = 'active'
         and a.expires_at > user_states.at) o on true
   where u.id = any (user_states.user_ids)
$$;

comment on function user_states is
  'What the history and the holds say of users at a moment that is now: the last sealed row, which is the sum of everything before it (0, 0.00 and nulls without any), the sum of the active holds, and in how many milliseconds the first of them expires (null: none does). A few index probes each. Internal.';

revoke all on function user_states from public;
-- end function
