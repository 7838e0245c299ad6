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

-- function: assert_replica
create or replace function ledger.assert_replica(incarnation text, user_id bigint, min_seq bigint)
  returns boolean
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  -- Sessions go on when a standby is promoted, so every statement asks.
  if not pg_is_in_recovery() or ledger.incarnation() <> assert_replica.incarnation then
    raise exception using errcode = '55000', message = 'not a standby of that database',
      hint = 'Ask the primary, or a standby that follows it.';
  elsif assert_replica.min_seq > 0 and not exists (
      select from public.payment_history h where h.user_id = assert_replica.user_id
         and h.seq = assert_replica.min_seq) then
    raise exception using errcode = 'P0002', message = 'not replayed yet',
      hint = 'Ask again in a moment, or the primary.';
  end if;
  return true;
end $$;

comment on function ledger.assert_replica is
  'Condition of a statement that reads from a standby: true. Raises 55000 unless this server is a standby of the database with that incarnation, P0002 unless the user''s entry with that seq (0: none is needed) has been replayed.';

revoke all on function ledger.assert_replica from public;
grant execute on function ledger.assert_replica to ledger_service, ledger_dba;
-- end function

-- function: balance_at
create or replace function public.balance_at(user_id bigint, at timestamptz)
  returns numeric
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_seq bigint;
begin
  if not exists (select from public.users u where u.id = balance_at.user_id) then
    perform ledger.raise_status('LGUSR', balance_at.user_id);
  elsif balance_at.at is null then
    return null;
  end if;
  perform ledger.await_final(balance_at.user_id, balance_at.at);
  v_seq := ledger.entry_at(balance_at.user_id, balance_at.at);
  return coalesce((
    select h.balance from public.payment_history h
     where h.user_id = balance_at.user_id and h.seq = v_seq), 0.00);
end $$;

comment on function public.balance_at is
  'What the ledger held for a user at a moment, the same for ever: the balance after the last entry that had been posted by then (sealed_at, not ts: a manual entry counts from when it was posted). From an index, in logarithmic time. Waits for who has locked the user meanwhile. Raises LGUSR, 55P03 (lock_timeout, or a moment that has not come yet).';

revoke all on function public.balance_at from public;
grant execute on function public.balance_at to ledger_service, ledger_dba;
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

-- function: capture_hold
create or replace function public.capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, final boolean default true)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_operation text := case when capture_hold.final is false then 'CAPTURE PART' else 'CAPTURE' end;
  c public.hold_changes;
begin
  if capture_hold.idempotency_key is null and capture_hold.metadata is null
    and not ledger.is_distributed() then
    c := ledger.close_hold(v_operation, capture_hold.user_id, capture_hold.hold_id,
      capture_hold.amount);
    if c.hold is not null then
      return (c.user_id, c.seq, 'DEBIT', c.amount, c.balance, c.available, c.at, false
        )::ledger.posted_entry;
    end if;
  end if;
  return ledger.post_change(v_operation, capture_hold.user_id, capture_hold.amount,
    capture_hold.hold_id, capture_hold.idempotency_key, capture_hold.metadata);
end $$;

comment on function public.capture_hold is
  'Takes what a hold holds (amount null: all that is left), or a part; what is left is released, unless final is false: then it stays held, and can be captured, too. Once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than is held), LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.capture_hold from public;
grant execute on function public.capture_hold to ledger_dba;
-- end function

drop function ledger.change_hold(operation text, account ledger.account, target ledger.target, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: change_hold

-- end function

-- function: change_of
create or replace function ledger.change_of(action text, amount numeric)
  returns numeric
  language sql immutable parallel safe as $$
  select case when action = 'CREDIT' then amount when action = 'DEBIT' then -amount end
$$;

comment on function ledger.change_of is 'By how much an entry changes the balance.';

revoke all on function ledger.change_of from public;
-- end function

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

-- function: close_hold
create or replace function ledger.close_hold(
  operation text, user_id bigint, hold bigint, amount numeric)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_is_capture boolean := close_hold.operation <> 'RELEASE';
  v_amount numeric := round(close_hold.amount, 2);
  v_now timestamptz; v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric; v_held numeric;
  v_entry_hash bytea;
  v_updated_at timestamptz;
  v_hold_changes bigint; v_is_frozen boolean;
  v_limit numeric;
  v_before numeric;
  v_remaining numeric := 0.00;
  v_number bigint;
  v_hash bytea;
  v public.hold_changes;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = close_hold.user_id for no key update; -- mutation: lock
  v_now := clock_timestamp();
  -- The last entry, or one that is pending, of which nulls come first in this order; and the hold.
  select h.seq, h.balance, greatest(ledger.next_moment(h.sealed_at), v_updated_at), h.hash,
         o.remaining, o.expires_at, o.changes + 1, o.hash, (
           select sum(a.remaining) from public.holds a
            where a.user_id = close_hold.user_id and a.status = 'active'
              and a.expires_at > v_now) - v_limit
    into v_seq, v_balance, v_at, v_entry_hash, v_before, v_expires_at, v_number, v_hash, v_held
    from (select e.seq, e.balance, e.sealed_at, e.hash from public.payment_history e
           where e.user_id = close_hold.user_id order by e.seq desc limit 1) h
    cross join public.holds o
   where o.user_id = close_hold.user_id and o.hold = close_hold.hold and h.seq is not null
     and ledger.is_valid_amount(coalesce(close_hold.amount, o.remaining))
     and ledger.hold_problem(o.status, o.expires_at, v_now, o.remaining, v_amount, null) is null;
  if not found then return null; end if;
  if v_is_capture then
    v_amount := coalesce(v_amount, v_before);
    if close_hold.operation = 'CAPTURE PART' then v_remaining := v_before - v_amount; end if;
    v_seq := v_seq + 1;
    v_balance := v_balance - v_amount;
    v_held := v_held - v_before + v_remaining;
    if ledger.funds_problem(-v_amount, v_balance, v_held, v_is_frozen) is not null then
      return null; -- mutation: funds
    end if;
  else
    v_amount := v_before;
    v_held := v_held - v_before;
  end if;
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1, updated_at = v_at
   where u.id = close_hold.user_id;
  -- The change comes before its entry, as it does in a batch.
  v := ledger.next_change(close_hold.user_id, close_hold.hold, v_number, v_hash,
    case when v_is_capture then 'captured' else 'released' end, v_amount, v_remaining, v_expires_at,
    v_at, v_seq, v_balance, v_balance - v_held, null, null);
  perform ledger.write_change(v);
  if v_is_capture then
    insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held,
      hold, hash)
    values (close_hold.user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at, v_held,
      close_hold.hold, ledger.entry_hash(v_entry_hash, close_hold.user_id, v_seq, 'DEBIT', v_amount,
        v_at, v_balance, v_at, null, null, v_held, close_hold.hold, null, null, null));
  end if;
  return v;
end $$;

comment on function ledger.close_hold is
  'One CAPTURE, CAPTURE PART or RELEASE without a key and metadata for people, as post_change and post_hold do it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for these. The moment of the change is that of the entry, too.';

revoke all on function ledger.close_hold from public;
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

-- function: first_change
create or replace function ledger.first_change(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := first_change.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  return ledger.next_change(a.user_id, v_hold, 1, null, 'placed', first_change.amount,
    first_change.amount, ledger.expires_after(v_at, first_change.expires_in), v_at, a.seq,
    a.balance, a.balance - a.held - first_change.amount, first_change.idempotency_key,
    first_change.metadata);
end $$;

comment on function ledger.first_change is
  'The change that places the next hold of a user whose account is open, before what it reserves is counted there, to be written. Everything has been decided.';

revoke all on function ledger.first_change from public;
-- end function

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

-- function: get_each_user
create or replace function ledger.get_each_user(user_ids bigint[])
  returns setof ledger.user_snapshot
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- Citus can't plan such a join before it knows the user.
  set plan_cache_mode = force_custom_plan as $$
declare
  v_id bigint;
  v_now timestamptz;
begin
  foreach v_id in array get_each_user.user_ids loop
    v_now := clock_timestamp();
    return query
      select u.id, coalesce(h.balance, 0.00),
             coalesce(h.balance, 0.00) - coalesce(o.held, 0.00) + coalesce(u.credit_limit, 0.00),
             coalesce(h.seq, 0), greatest(h.sealed_at, u.updated_at),
             coalesce(h.seq, 0) + u.hold_changes, v_now,
             floor(extract(epoch from o.expires_at - v_now) * 1000)::bigint
        from public.users u
        left join (
          select p.user_id, p.seq, p.balance, p.sealed_at from public.payment_history p
           where p.user_id = v_id and p.seq is not null order by p.seq desc limit 1) h
          on h.user_id = u.id
        left join (
          select a.user_id, sum(a.remaining) as held,
                 min(nullif(a.expires_at, 'infinity')) as expires_at
            from public.holds a
           where a.user_id = v_id and a.status = 'active' and a.expires_at > v_now
           group by a.user_id) o on o.user_id = u.id
       where u.id = v_id;
  end loop;
end $$;

comment on function ledger.get_each_user is
  'What get_users answers, where users are on several servers: user by user, each by one statement on the server of the user.';

revoke all on function ledger.get_each_user from public;
-- end function

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

-- function: get_hold
create or replace function ledger.get_hold(user_id bigint, hold_id bigint)
  returns ledger.posted_hold
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_available numeric := (select s.available from ledger.get_users(array[get_hold.user_id]) s);
begin
  return (
    select row(o.user_id, o.hold, o.amount,
             case when o.status = 'active' and o.expires_at <= clock_timestamp() then 'expired'
               else o.status end,
             nullif(o.expires_at, 'infinity'), v_available, false)::ledger.posted_hold
      from public.holds o
     where o.user_id = get_hold.user_id and o.hold = get_hold.hold_id);
end $$;

comment on function ledger.get_hold is
  'A hold as it is now, status expired included, with what is available to its user; null for an unknown one.';

revoke all on function ledger.get_hold from public;
grant execute on function ledger.get_hold to ledger_service, ledger_dba;
-- end function

-- function: get_moments
create or replace function ledger.get_moments(user_id bigint, moments timestamptz[])
  returns table (at timestamptz, seq bigint, balance numeric, hash text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_created_at timestamptz := (select u.created_at from public.users u
    where u.id = get_moments.user_id);
  v_latest timestamptz;
  v_moment timestamptz;
  v_sealed_at timestamptz;
begin
  if v_created_at is null then
    perform ledger.raise_status('LGUSR', get_moments.user_id);
  end if;
  -- Waits for the latest moment: when it is final, earlier ones are, too.
  v_latest := (select max(m) from unnest(get_moments.moments) m);
  if v_latest is not null then
    perform ledger.await_final(get_moments.user_id, least(v_latest, clock_timestamp()));
  end if;
  foreach v_moment in array coalesce(get_moments.moments, '{}') loop
    seq := ledger.entry_at(get_moments.user_id, coalesce(v_moment, 'infinity'));
    select h.balance, encode(h.hash, 'hex'), h.sealed_at into balance, hash, v_sealed_at
      from public.payment_history h where h.user_id = get_moments.user_id and h.seq = get_moments.seq;
    at := coalesce(v_moment, v_sealed_at, v_created_at);
    balance := coalesce(balance, 0.00);
    return next;
  end loop;
end $$;

comment on function ledger.get_moments is
  'What balance_at says of each moment (null: that of the last entry, which is final), with the seq and the hash of the entry it stands on; seq 0 and no hash before the first. Of a moment to come: as of now. Raises LGUSR, 55P03.';

revoke all on function ledger.get_moments from public;
grant execute on function ledger.get_moments to ledger_service, ledger_dba;
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

-- function: get_shard_guards
create or replace function ledger.get_shard_guards()
  returns table (object text, definition text)
  language sql stable
  -- As in shard_functions, which the definitions are compared with.
  set search_path = pg_catalog, pg_temp as $$
  select 'functions of ' || n.nspname, md5(string_agg(concat_ws(' ', p.proname,
           pg_get_functiondef(p.oid), p.proowner = c.relowner, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
               left join pg_roles r on r.oid = x.grantee
              where x.grantee <> p.proowner)), chr(10) order by p.proname))
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_class c on c.oid = 'public.payment_history'::regclass
   where n.nspname ~ '^ledger_\d+$'
   group by n.nspname
$$;

comment on function ledger.get_shard_guards is
  'For each shard the functions of its schema on this server, to be compared with shard_functions: their text, whether they belong to the owner, and who else may call them.';

revoke all on function ledger.get_shard_guards from public;
-- end function

-- function: get_shard_users
create or replace function ledger.get_shard_users(user_ids bigint[])
  returns setof ledger.user_snapshot
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if ledger.is_distributed() then
    return query select * from ledger.get_each_user(get_shard_users.user_ids);
  else
    return query select * from ledger.get_users(get_shard_users.user_ids);
  end if;
end $$;

comment on function ledger.get_shard_users is
  'What get_users answers, wherever the users are. In the schema of a shard it raises LGMOV, as post does there, if they aren''t in the shard.';

revoke all on function ledger.get_shard_users from public;
grant execute on function ledger.get_shard_users to ledger_service, ledger_dba;
-- end function

-- function: get_shards
create or replace function ledger.get_shards()
  returns table (shard_id bigint, min_hash integer, host text, port integer)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not ledger.is_distributed() then return; end if;
  return query
    select s.shardid, s.shardminvalue::integer, n.nodename, n.nodeport
      from pg_dist_shard s
      join pg_dist_placement p on p.shardid = s.shardid
      join pg_dist_node n on n.groupid = p.groupid and n.noderole = 'primary'
     where s.logicalrelid = 'public.users'::regclass
     order by s.shardminvalue::integer;
end $$;

comment on function ledger.get_shards is
  'The shards of users in the order of what hashint8 says of their ids, each from min_hash on, with the server that has it; none where all users are on one server.';

revoke all on function ledger.get_shards from public;
grant execute on function ledger.get_shards to ledger_service, ledger_dba;
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

-- function: incarnation
create or replace function ledger.incarnation()
  returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select left(encode(sha256(convert_to(format('%s %s %s %s',
           (pg_control_system()).system_identifier,
           case when pg_is_in_recovery()
                then lpad(upper(to_hex(greatest((pg_control_checkpoint()).timeline_id,
                       (pg_control_recovery()).min_recovery_end_timeline))), 8, '0')
                else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
           (select d.oid from pg_database d where d.datname = current_database()),
           'public.payment_history'::regclass::oid), 'UTF8')), 'hex'), 8)
$$;

comment on function ledger.incarnation is
  'Names this database: a copy, a restored one, and one that another server has taken over have another name; a restart changes nothing. A standby has the name of its primary; after a promotion elsewhere, from its next restartpoint on.';

revoke all on function ledger.incarnation from public;
grant execute on function ledger.incarnation to ledger_service, ledger_dba;
-- end function

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

drop function ledger.insert_hold(account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: insert_hold

-- end function

-- function: is_distributed
create or replace function ledger.is_distributed()
  returns boolean
  language sql immutable parallel safe as $$ select false $$;

comment on function ledger.is_distributed is
  'Whether users are on several servers: npm run distribute lets it say true. PostgreSQL puts what it says in the place of its calls, so it costs nothing.';

revoke all on function ledger.is_distributed from public;
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
  end case;
  return ledger.next_change(a.user_id, t.hold, t.changes + 1, t.hash, v_action, later_change.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    later_change.idempotency_key, later_change.metadata);
end $$;

comment on function ledger.later_change is
  'The change that a CAPTURE, CAPTURE PART, RELEASE or EXTEND makes of a hold, for a user whose account is open, with what will be held afterwards, to be written. Everything has been decided.';

revoke all on function ledger.later_change from public;
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

-- function: list_holds
create or replace function ledger.list_holds(
  user_id bigint, status text default null, after bigint default 0, max_rows integer default 50,
  idempotency_key text default null, max_scanned integer default 10000)
  returns setof ledger.listed_hold
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_now timestamptz := clock_timestamp();
  v_hold public.holds;
  v_placed public.hold_changes;
  v_closed_at timestamptz;
  v_status text;
  v_scanned integer := 0;
  v_found integer := 0;
  v_after bigint := list_holds.after;
  v_last bigint := 9223372036854775807;
begin
  if list_holds.idempotency_key is not null then
    -- Bounds, not a condition: whatever the plan, no other hold is read.
    select c.hold, greatest(v_after, c.hold - 1) into v_last, v_after from public.hold_changes c
     where c.user_id = list_holds.user_id and c.idempotency_key = list_holds.idempotency_key;
    if not found then return; end if;
  end if;
  for v_hold in
    select h.* from public.holds h where h.user_id = list_holds.user_id
       and h.hold > v_after and h.hold <= v_last
     order by h.hold limit list_holds.max_scanned
  loop
    v_scanned := v_scanned + 1;
    v_status := case when v_hold.status = 'active' and v_hold.expires_at <= v_now then 'expired'
      else v_hold.status end;
    if list_holds.status is null or v_status = list_holds.status then
      select c.* into v_placed from public.hold_changes c
       where c.user_id = v_hold.user_id and c.hold = v_hold.hold and c.number = 1;
      v_closed_at := null;
      if v_hold.status <> 'active' then
        select c.at into v_closed_at from public.hold_changes c
         where c.user_id = v_hold.user_id and c.hold = v_hold.hold and c.number = v_hold.changes;
      end if;
      return next row(v_hold.user_id, v_hold.hold, v_hold.amount, v_status,
        nullif(v_hold.expires_at, 'infinity'), v_placed.available, v_placed.idempotency_key,
        v_placed.metadata, v_placed.at, v_closed_at, true, v_hold.captured,
        case v_status when 'active' then v_hold.remaining else 0.00 end)::ledger.listed_hold;
      v_found := v_found + 1;
      if v_found = list_holds.max_rows then return; end if;
    end if;
  end loop;
  if v_scanned = list_holds.max_scanned then
    return next row(v_hold.user_id, v_hold.hold, null, null, null, null, null, null, null, null,
      false, null, null)::ledger.listed_hold;
  end if;
end $$;

comment on function ledger.list_holds is
  'At most max_rows holds of a user with a number above after, in order, that have this status now (expired included) and that were placed, extended or released with this idempotency key (null: any). available: when it had been placed; remaining: what is still held now. Looks at no more than max_scanned holds: where that was not enough, the last one that it looked at comes last, with is_match false.';

revoke all on function ledger.list_holds from public;
grant execute on function ledger.list_holds to ledger_service, ledger_dba;
-- end function

-- function: lock_accounts
create or replace function ledger.lock_accounts(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_locked ledger.account[];
  v_accounts ledger.account[];
  v_are_open boolean;
begin
  if ledger.is_distributed() then
    return ledger.lock_each(lock_accounts.user_ids, lock_accounts.wait, lock_accounts.max_pending);
  end if;
  -- As lock_account does, in id order, so that two callers never wait for each other.
  if lock_accounts.wait then
    select array_agg(row(l.id, null, null, null, coalesce(-l.credit_limit, 0.00), null, null,
             l.hold_changes, null, l.updated_at, l.frozen_at is not null)::ledger.account)
      into v_locked from (
      select u.* from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update) l; -- mutation: lock
  else
    select array_agg(row(l.id, null, null, null, coalesce(-l.credit_limit, 0.00), null, null,
             l.hold_changes, null, l.updated_at, l.frozen_at is not null)::ledger.account)
      into v_locked from (
      select u.* from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update skip locked) l; -- mutation: skip locked
  end if;
  -- In the next statement, as there: the last entry, or one that is pending.
  select array_agg(row(i.user_id, null, h.seq, h.balance, i.held, h.sealed_at, h.hash,
           i.hold_changes, null, i.updated_at, i.is_frozen)::ledger.account),
         bool_and(h.seq is not null and i.hold_changes = 0)
    into v_accounts, v_are_open
    from unnest(v_locked) i
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from public.payment_history p
       where p.user_id = i.user_id order by p.seq desc limit 1) h on true; -- mutation: last
  if v_are_open then return v_accounts; end if;
  for i in 1 .. coalesce(cardinality(v_accounts), 0) loop
    if v_accounts[i].seq is null or v_accounts[i].hold_changes > 0 then
      v_accounts[i] := ledger.open_account(v_accounts[i], lock_accounts.max_pending);
    end if;
  end loop;
  return coalesce(v_accounts, '{}');
end $$;

comment on function ledger.lock_accounts is
  'Locks users until the end of the transaction, posts what is pending, at most max_pending entries of each, and returns their accounts in id order; without wait it leaves out those that somebody else holds, and in any case those that don''t exist. Raises 55P03 after lock_timeout.';

revoke all on function ledger.lock_accounts from public;
-- end function

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

-- function: next_change
create or replace function ledger.next_change(
  user_id bigint, hold bigint, number bigint, previous bytea, action text, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v public.hold_changes;
begin
  -- By name: the table may have columns of others.
  v.user_id := next_change.user_id; v.hold := next_change.hold; v.number := next_change.number;
  v.action := next_change.action; v.amount := next_change.amount;
  v.remaining := next_change.remaining; v.expires_at := next_change.expires_at;
  v.at := next_change.at; v.seq := next_change.seq; v.balance := next_change.balance;
  v.available := next_change.available; v.idempotency_key := next_change.idempotency_key;
  v.metadata := next_change.metadata;
  v.position := nextval('public.payment_history_id_seq');
  v.hash := ledger.hold_hash(next_change.previous, v.user_id, v.hold, v.number, v.action, v.amount,
    v.remaining, v.expires_at, v.at, v.seq, v.balance, v.available, v.idempotency_key, v.metadata,
    v.position);
  return v;
end $$;

comment on function ledger.next_change is
  'The change of a hold after the one whose hash is previous (null: it is placed), at the next position, to be written. Everything has been decided.';

revoke all on function ledger.next_change from public;
-- end function

-- function: opposite_of
create or replace function ledger.opposite_of(action text)
  returns text
  language sql immutable parallel safe as $$
  select case when action = 'CREDIT' then 'DEBIT' when action = 'DEBIT' then 'CREDIT' end
$$;

comment on function ledger.opposite_of is 'The action that takes another one back.';

revoke all on function ledger.opposite_of from public;
-- end function

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

-- function: place_hold
create or replace function public.place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c public.hold_changes;
  v record;
begin
  if place_hold.idempotency_key is null and not ledger.is_distributed() then
    c := ledger.add_hold(place_hold.user_id, place_hold.amount, place_hold.expires_in,
      place_hold.metadata);
    if c.hold is not null then
      return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'),
        c.available, false)::ledger.posted_hold;
    end if;
  end if;
  v := ledger.post_hold('HOLD', place_hold.user_id, place_hold.amount, null,
    place_hold.expires_in, place_hold.idempotency_key, place_hold.metadata);
  c := v.change;
  return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'), c.available,
    v.replayed)::ledger.posted_hold;
end $$;

comment on function public.place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGMAX (10000 holds are active), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.place_hold from public;
grant execute on function public.place_hold to ledger_dba;
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

-- function: raise_status
create or replace function ledger.raise_status(
  status text, user_id bigint, amount numeric default null, available numeric default null)
  returns void
  language plpgsql volatile as $$
begin
  case raise_status.status
    when 'ok' then return;
    when 'LGUSR' then raise exception using errcode = 'LGUSR', message = 'unknown user',
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null')),
      hint = 'Make the user first: select * from create_user(…).';
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than is left.',
        coalesce(raise_status.amount::text, 'null')),
      hint = 'Nothing is rounded: give another amount, at most what is left of a hold to capture it, or of an entry to reverse it.';
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount),
      hint = 'Look at balances and active_holds: a credit, or the release of a hold, makes more available.';
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id),
      hint = 'user_controls says who froze the user, and why.';
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.',
      hint = 'Repeat a request exactly as it was, and give another one a key of its own.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.',
      hint = 'Look for a wrong amount in pending_entries.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.',
      hint = 'active_holds has those that can be; place another hold, or debit the user.';
    when 'LGEXP' then raise exception using errcode = 'LGEXP', message = 'not a later expiry',
      detail = 'The hold expires then, or later, already.',
      hint = 'active_holds has when holds expire; null never does.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id),
      hint = 'holds has the numbers of each user.';
    when 'LGMAX' then raise exception using errcode = 'LGMAX', message = 'too many holds',
      detail = format('User %s has 10000 active holds.', raise_status.user_id),
      hint = 'Release those that nobody needs, or let holds expire: see expires_in.';
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id),
      hint = 'entries has those that are posted by seq, pending_entries the other ones by id.';
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'Nothing is left of the entry to reverse.',
      hint = 'reversed_by in entries names the last reversal, which can be reversed itself.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.',
      hint = 'Give another user as to_user_id.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata, expiry, reference or reason',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds, a reference 1 to 255 characters without control characters, a reason 1 to 1000 characters.',
      hint = 'Give it in this form, or leave it out.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.',
      hint = 'Repeat it. pg_blocking_pids and pg_stat_activity say whom it waits for.';
  end case;
end $$;

comment on function ledger.raise_status is
  'Raises what post returns as a status; ok returns.';

revoke all on function ledger.raise_status from public;
-- end function

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

-- function: release_hold
create or replace function public.release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.released_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c public.hold_changes;
  v record;
begin
  if release_hold.idempotency_key is null and release_hold.metadata is null
    and not ledger.is_distributed() then
    c := ledger.close_hold('RELEASE', release_hold.user_id, release_hold.hold_id, null);
    if c.hold is not null then
      return (c.user_id, c.balance, c.available, c.seq, c.at, false)::ledger.released_hold;
    end if;
  end if;
  v := ledger.post_hold('RELEASE', release_hold.user_id, null, release_hold.hold_id, null,
    release_hold.idempotency_key, release_hold.metadata);
  c := v.change;
  return (c.user_id, c.balance, c.available, c.seq, c.at, v.replayed)::ledger.released_hold;
end $$;

comment on function public.release_hold is
  'Gives back what a hold still sets aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.release_hold from public;
grant execute on function public.release_hold to ledger_dba;
-- end function

-- function: replay_entry
create or replace function ledger.replay_entry(accounts ledger.account[], seq bigint)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  v_user_id bigint := replay_entry.accounts[1].user_id;
  v_seq bigint := replay_entry.seq;
  v_peer_user_id bigint;
  v_peer_seq bigint;
  v_entry ledger.posted_entry;
  v_entries ledger.posted_entry[] := '{}';
begin
  -- Pending entries may have been posted all the same.
  perform ledger.copy_accounts(replay_entry.accounts);
  -- One user a statement, who may be on another server than the next.
  for v_half in 1 .. 2 loop
    select h.user_id, h.seq, h.action, h.amount, h.balance, h.balance - h.held, h.ts, true,
           h.peer_user_id, h.peer_seq
      into v_entry.user_id, v_entry.seq, v_entry.action, v_entry.amount, v_entry.balance,
           v_entry.available, v_entry.ts, v_entry.replayed, v_peer_user_id, v_peer_seq
      from public.payment_history h where h.user_id = v_user_id and h.seq = v_seq;
    v_entries := array_append(v_entries, v_entry);
    exit when v_peer_user_id is null;
    v_user_id := v_peer_user_id;
    v_seq := v_peer_seq;
  end loop;
  return v_entries;
end $$;

comment on function ledger.replay_entry is
  'The entry of the first account''s user that a key has made earlier, and its other half if it has one, as they were answered then, with replayed set.';

revoke all on function ledger.replay_entry from public;
-- end function

-- function: reverse_entry
create or replace function public.reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null,
  amount numeric default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- Which users to lock may be read before the lock, because posted entries don't change.
  v_peer_id bigint := (select h.peer_user_id from public.payment_history h
    where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq);
  v ledger.posted_entry[];
  v_entry ledger.posted_entry;
begin
  if v_peer_id is null then
    if reverse_entry.idempotency_key is null and reverse_entry.metadata is null
      and not ledger.is_distributed() then
      v_entry := ledger.add_reversal(reverse_entry.user_id, reverse_entry.seq,
        reverse_entry.amount);
      if v_entry.seq is not null then return v_entry; end if;
    end if;
    return ledger.post_change('REVERSE', reverse_entry.user_id, reverse_entry.amount,
      reverse_entry.seq, reverse_entry.idempotency_key, reverse_entry.metadata);
  end if;
  v := ledger.post_pair('REVERSE', reverse_entry.user_id, v_peer_id, reverse_entry.amount,
    reverse_entry.seq, reverse_entry.idempotency_key, reverse_entry.metadata);
  return v[1];
end $$;

comment on function public.reverse_entry is
  'Takes an entry back by an entry of the opposite action, all that is left of it (amount null) or a part, and never more than it; once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (nothing is left), LGAMT (also: more than is left), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.reverse_entry from public;
grant execute on function public.reverse_entry to ledger_dba;
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

-- function: transfer
create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_amount numeric := round(transfer.amount, 2);
  v record;
  -- The sender and the receiver, as their copies say they are after the transfer.
  a record;
  p record;
  v_pair ledger.posted_entry[];
begin
  if transfer.idempotency_key is null and transfer.metadata is null -- mutation: short
    and not ledger.is_distributed()
    and ledger.is_valid_amount(transfer.amount) then
    -- As ledger.add_entry does it. The index finds users in the order of their ids, so that two
    -- callers never wait for each other; and both are locked before either is looked at.
    for v in
      update public.users u
         set seq = u.seq + 1, updated_at = clock_timestamp(), balance = u.balance
               + case u.id when transfer.from_user_id then -v_amount else v_amount end
       where u.id in (transfer.from_user_id, transfer.to_user_id) -- mutation: order
         and u.seq < 9007199254740991
      returning u.id, u.seq, u.balance, u.hold_changes, u.frozen_at is not null as is_frozen
    loop
      if v.id = transfer.from_user_id then a := v; else p := v; end if;
    end loop;
    if a is not null and p is not null then
      return query
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, held, peer_user_id, peer_seq, hash)
      select x.user_id, x.action, v_amount, l.at, x.seq, x.balance, l.at, x.held, x.peer_user_id,
             x.peer_seq, ledger.entry_hash(x.previous, x.user_id, x.seq, x.action, v_amount, l.at,
               x.balance, l.at, null, null, x.held, null, null, x.peer_user_id, x.peer_seq)
        -- Both have a last entry, nothing is pending, the copies are right, the funds suffice.
        from (select f.hash, f.held, t.hash as peer_hash, t.held as peer_held,
                     ledger.next_moment(greatest(f.sealed_at, t.sealed_at)) as at -- mutation: moment
                from (select h.seq, h.balance, h.sealed_at, h.hash,
                             case when a.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.from_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.from_user_id
                       order by h.seq desc limit 1) f
                cross join (
                      select h.seq, h.balance, h.sealed_at, h.hash,
                             case when p.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.to_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.to_user_id
                       order by h.seq desc limit 1) t
               where f.seq + 1 = a.seq and f.balance - v_amount = a.balance
                 and t.seq + 1 = p.seq and t.balance + v_amount = p.balance
                 and ledger.funds_problem(-v_amount, a.balance, f.held, a.is_frozen)
                   is null -- mutation: funds
                 and ledger.funds_problem(v_amount, p.balance, t.held, false) is null
              -- So that its moment is one for both.
              offset 0) l
        cross join lateral (values
          (a.id, 'DEBIT', a.seq, a.balance, l.held, p.id, p.seq, l.hash),
          (p.id, 'CREDIT', p.seq, p.balance, l.peer_held, a.id, a.seq, l.peer_hash))
          x (user_id, action, seq, balance, held, peer_user_id, peer_seq, previous)
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false;
      if found then return; end if;
    end if;
  end if;
  v_pair := ledger.post_pair('TRANSFER', transfer.from_user_id, transfer.to_user_id,
    transfer.amount, null, transfer.idempotency_key, transfer.metadata);
  return next v_pair[1];
  return next v_pair[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
-- end function

-- function: users_of
create or replace function ledger.users_of(
  operations text[], user_ids bigint[], peer_user_ids bigint[], refs bigint[])
  returns bigint[]
  language plpgsql volatile as $$
declare
  v_ids bigint[] := users_of.user_ids || users_of.peer_user_ids;
  v_user_id bigint;
  v_seq bigint;
  v_peer_id bigint;
begin
  if 'REVERSE' = any (users_of.operations) and ledger.is_distributed() then
    for i in 1 .. cardinality(users_of.operations) loop
      continue when users_of.operations[i] is distinct from 'REVERSE';
      v_user_id := users_of.user_ids[i]; v_seq := users_of.refs[i];
      select h.peer_user_id into v_peer_id from public.payment_history h
       where h.user_id = v_user_id and h.seq = v_seq;
      v_ids := array_append(v_ids, v_peer_id);
    end loop;
    return v_ids;
  elsif 'REVERSE' = any (users_of.operations) then
    -- Posted entries don't change, so this may be read before the lock.
    return v_ids || array(
      select h.peer_user_id
        from unnest(users_of.operations, users_of.user_ids, users_of.refs) i (operation, id, ref)
        join public.payment_history h on h.user_id = i.id and h.seq = i.ref
       where i.operation = 'REVERSE' and h.peer_user_id is not null);
  end if;
  return v_ids;
end $$;

comment on function ledger.users_of is
  'Everybody whom operations touch: their users, to whom transfers go, and the other users of transfers that are reversed.';

revoke all on function ledger.users_of from public;
-- end function

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

-- function: write_change
create or replace function ledger.write_change(change public.hold_changes)
  returns void
  language plpgsql volatile as $$
declare
  c public.hold_changes := write_change.change;
begin
  if c.number = 1 then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    values (c.user_id, c.hold, c.amount, c.remaining, 0.00, 'active', c.expires_at, 1, c.hash);
  else
    update public.holds o
       set remaining = c.remaining,
           captured = o.captured + case when c.action = 'captured' then c.amount else 0.00 end,
           status = case when c.remaining > 0 then 'active' else c.action end,
           expires_at = c.expires_at, changes = c.number, hash = c.hash
     where o.user_id = c.user_id and o.hold = c.hold;
  end if;
  insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at,
    at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (c.user_id, c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq,
    c.balance, c.available, c.idempotency_key, c.metadata, c.position, c.hash);
end $$;

comment on function ledger.write_change is
  'Writes one change of a hold, and what the hold is by then, in fewer steps than write_changes. Everything has been decided.';

revoke all on function ledger.write_change from public;
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

drop function ledger.write_hold(action text, user_id bigint, hold bigint, number bigint, previous bytea, amount numeric, remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric, available numeric, idempotency_key text, metadata jsonb);

-- function: write_hold

-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: write_hold
create or replace function ledger.write_hold(
  action text, user_id bigint, hold bigint, number bigint, previous bytea, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea := ledger.hold_hash(previous, user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, v_position);
  v public.hold_changes;
begin
  if write_hold.number = 1 then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    values (write_hold.user_id, write_hold.hold, write_hold.amount, write_hold.remaining, 0.00,
      'active', write_hold.expires_at, 1, v_hash);
  else
    update public.holds o
       set remaining = write_hold.remaining,
           captured = case write_hold.action when 'captured' then o.captured + write_hold.amount
             else o.captured end,
           status = case when write_hold.remaining > 0 then 'active' else write_hold.action end,
           expires_at = write_hold.expires_at, changes = write_hold.number, hash = v_hash
     where o.user_id = write_hold.user_id and o.hold = write_hold.hold;
  end if;
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining, expires_at,
    at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (write_hold.user_id, write_hold.hold, write_hold.number, write_hold.action,
    write_hold.amount, write_hold.remaining, write_hold.expires_at, write_hold.at, write_hold.seq,
    write_hold.balance, write_hold.available, write_hold.idempotency_key, write_hold.metadata,
    v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.write_hold is
  'Writes a change of a hold after the one whose hash is previous (null: it is placed), and what the hold is by then. Everything has been decided.';

revoke all on function ledger.write_hold from public;
-- end function

drop function ledger.write_changes(changes public.hold_changes[]);

drop function ledger.write_change(change public.hold_changes);

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

drop function ledger.verify_workers();

drop function ledger.verify_shards();

drop function ledger.verify_references();

-- function: verify_manual_entries
create or replace function ledger.verify_manual_entries(
  after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language sql stable
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select row('manual_entry_invalid', m.user_id, m.seq, format('Manual entry %s, of %s by %s, %s.',
           m.id, m.entered_at, m.entered_by, case when e.entry is null
             then 'is gone' else 'was edited' end))::ledger.finding
    from public.manual_entries m
    left join lateral (
      select p as entry, exists (select from public.erasures x where x.kind = 'entry'
               and x.user_id = m.user_id and x.number = m.seq) as is_erased
        from public.payment_history p where p.user_id = m.user_id and p.seq = m.seq
      union all
      select p, false from public.payment_history p
       where m.seq is null and p.user_id = m.user_id and p.id = m.id and p.seq is null
      union all
      -- Withdrawn: then this is what it was.
      select jsonb_populate_record(null::public.payment_history, i.before),
             exists (select from public.erasures x where x.kind = 'intervention'
               and x.user_id = m.user_id and x.number = i.id)
        from public.interventions i
       where m.seq is null and i.user_id = m.user_id and i.operation = 'WITHDRAW'
         and i.before -> 'id' = to_jsonb(m.id)
       limit 1) e on true
   where m.user_id > verify_manual_entries.after_user_id
     and m.user_id <= verify_manual_entries.upto_user_id
     -- Of what was erased, the row in erasures takes the place of this hash.
     and (e.is_erased is not true and m.hash is distinct from
            ledger.manual_entry_hash(e.entry, m.id, m.entered_at, m.entered_by)
       or exists (select from public.manual_entries d
                   where d.user_id = m.user_id and d.seq = m.seq and d.id <> m.id))
  union all
  select row('manual_entry_invalid', h.user_id, null,
           format('Nothing says who entered row %s.', h.id))::ledger.finding
    from public.payment_history h
   where h.seq is null and h.user_id > verify_manual_entries.after_user_id
     and h.user_id <= verify_manual_entries.upto_user_id
     and not exists (select from public.manual_entries m
                      where m.user_id = h.user_id and m.id = h.id and m.seq is null)
$$;

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
  v_problem text;
begin
  for c in
    select x.* from public.hold_changes x
     where x.user_id > verify_holds.after_user_id and x.user_id <= verify_holds.upto_user_id
     order by x.user_id, x.hold, x.number
  loop
    if (c.user_id, c.hold) is distinct from (p.user_id, p.hold) then
      f := c;
      p := null;
    end if;
    v_problem := ledger.hold_change_problem(f, p, c);
    if v_problem is not null then
      return next row('hold_invalid', c.user_id, null,
        format('Change %s of hold %s %s.', c.number, c.hold, v_problem))::ledger.finding;
    end if;
    p := c;
  end loop;

  return query
    select 'hold_invalid', o.user_id, null::bigint,
           format('Hold %s is not what its changes come to.', o.hold)
      from public.holds o
      left join public.hold_changes l
        on l.user_id = o.user_id and l.hold = o.hold and l.number = o.changes
      left join public.hold_changes i
        on i.user_id = o.user_id and i.hold = o.hold and i.number = 1
     where o.user_id > verify_holds.after_user_id and o.user_id <= verify_holds.upto_user_id
       and ((o.amount, o.remaining, o.status, o.expires_at, o.captured) = (i.amount, l.remaining,
             case when l.remaining > 0 then 'active' else l.action end, l.expires_at, (
             select coalesce(sum(x.amount), 0) from public.hold_changes x
              where x.user_id = o.user_id and x.hold = o.hold and x.action = 'captured'))
         and (o.hash = l.hash or o.hash = ledger.hold_hash_1(i, l)
           -- The hash of version 1 can't be computed any more.
           or exists (select from public.erasures e where e.kind = 'hold_change'
             and (e.user_id, e.number, e.change) = (o.user_id, o.hold, o.changes)))
         and not exists (select from public.hold_changes x
           where x.user_id = o.user_id and x.hold = o.hold and x.number > o.changes)) is not true
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
  union all
  select f from ledger.verify_interventions() f
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made; a trigger, anything in schema ledger, or a function of the name of one of ours, that is somebody else''s; and those of verify_interventions.';

revoke all on function ledger.verify_guards from public;
grant execute on function ledger.verify_guards to ledger_dba;
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

  findings := array(
    select f from unnest(v_suspects) s cross join lateral ledger.verify_entry(s) f
    union all
    select row('user_missing', m.user_id, null, 'There are entries, but no such user.')::ledger.finding
      from unnest(v_users) m (user_id)
     where not exists (select from public.users u where u.id = m.user_id));
  return next;
end $$;

comment on function ledger.verify_entries is
  'Verifies at most max_rows posted rows after (after_user_id, after_seq), in order of user and seq, up to a user: findings, how many rows it read, and the place to go on after (null: that was all). The first row is checked against the one before the range. Sees one moment and waits for nobody.';

revoke all on function ledger.verify_entries from public;
grant execute on function ledger.verify_entries to ledger_dba;
-- end function

-- function: verify_controls
create or replace function ledger.verify_controls(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language sql stable as $$
  select row('control_differs', coalesce(u.id, c.user_id), null, format(
           'users says frozen_at %s, limit %s; user_controls %s, %s, %s changes up to %s.',
           u.frozen_at, u.credit_limit, c.frozen_at, c.credit_limit, c.changes, c.last_number
           ))::ledger.finding
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
  select row('control_differs', u.id, null, 'users.hold_changes is 0.')::ledger.finding
    from public.users u
   where u.hold_changes = 0 and num_nonnulls(u.frozen_at, u.credit_limit) > 0
     and u.id > verify_controls.after_user_id and u.id <= verify_controls.upto_user_id
$$;

comment on function ledger.verify_controls is
  'The findings about who is frozen or has a credit limit in a range of users: users says something else than the last rows of user_controls, or one of these is missing. Internal.';

revoke all on function ledger.verify_controls from public;
-- end function

-- function: users_of
create or replace function ledger.users_of(
  operations text[], user_ids bigint[], peer_user_ids bigint[], refs bigint[])
  returns bigint[]
  language plpgsql volatile as $$
begin
  if 'REVERSE' = any (users_of.operations) then
    -- Posted entries don't change, so this may be read before the lock.
    return users_of.user_ids || users_of.peer_user_ids || array(
      select h.peer_user_id
        from unnest(users_of.operations, users_of.user_ids, users_of.refs) i (operation, id, ref)
        join public.payment_history h on h.user_id = i.id and h.seq = i.ref
       where i.operation = 'REVERSE' and h.peer_user_id is not null);
  end if;
  return users_of.user_ids || users_of.peer_user_ids;
end $$;

comment on function ledger.users_of is
  'Everybody whom operations touch: their users, to whom transfers go, and the other users of transfers that are reversed.';

revoke all on function ledger.users_of from public;
-- end function

-- function: transfer
create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_amount numeric := round(transfer.amount, 2);
  v record;
  -- The sender and the receiver, as their copies say they are after the transfer.
  a record;
  p record;
  v_pair ledger.posted_entry[];
begin
  if transfer.idempotency_key is null and transfer.metadata is null -- mutation: short
    and ledger.is_valid_amount(transfer.amount) then
    -- As ledger.add_entry does it. The index finds users in the order of their ids, so that two
    -- callers never wait for each other; and both are locked before either is looked at.
    for v in
      update public.users u
         set seq = u.seq + 1, updated_at = clock_timestamp(), balance = u.balance
               + case u.id when transfer.from_user_id then -v_amount else v_amount end
       where u.id in (transfer.from_user_id, transfer.to_user_id) -- mutation: order
         and u.seq < 9007199254740991
      returning u.id, u.seq, u.balance, u.hold_changes, u.frozen_at is not null as is_frozen
    loop
      if v.id = transfer.from_user_id then a := v; else p := v; end if;
    end loop;
    if a is not null and p is not null then
      return query
      insert into public.payment_history as e (user_id, action, amount, ts, seq, balance,
        sealed_at, held, peer_user_id, peer_seq, hash)
      select x.user_id, x.action, v_amount, l.at, x.seq, x.balance, l.at, x.held, x.peer_user_id,
             x.peer_seq, ledger.entry_hash(x.previous, x.user_id, x.seq, x.action, v_amount, l.at,
               x.balance, l.at, null, null, x.held, null, null, x.peer_user_id, x.peer_seq)
        -- Both have a last entry, nothing is pending, the copies are right, the funds suffice.
        from (select f.hash, f.held, t.hash as peer_hash, t.held as peer_held,
                     ledger.next_moment(greatest(f.sealed_at, t.sealed_at)) as at -- mutation: moment
                from (select h.seq, h.balance, h.sealed_at, h.hash,
                             case when a.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.from_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.from_user_id
                       order by h.seq desc limit 1) f
                cross join (
                      select h.seq, h.balance, h.sealed_at, h.hash,
                             case when p.hold_changes = 0 then 0.00
                               else ledger.held_now(transfer.to_user_id) end as held
                        from public.payment_history h where h.user_id = transfer.to_user_id
                       order by h.seq desc limit 1) t
               where f.seq + 1 = a.seq and f.balance - v_amount = a.balance
                 and t.seq + 1 = p.seq and t.balance + v_amount = p.balance
                 and ledger.funds_problem(-v_amount, a.balance, f.held, a.is_frozen)
                   is null -- mutation: funds
                 and ledger.funds_problem(v_amount, p.balance, t.held, false) is null
              -- So that its moment is one for both.
              offset 0) l
        cross join lateral (values
          (a.id, 'DEBIT', a.seq, a.balance, l.held, p.id, p.seq, l.hash),
          (p.id, 'CREDIT', p.seq, p.balance, l.peer_held, a.id, a.seq, l.peer_hash))
          x (user_id, action, seq, balance, held, peer_user_id, peer_seq, previous)
      returning e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false;
      if found then return; end if;
    end if;
  end if;
  v_pair := ledger.post_pair('TRANSFER', transfer.from_user_id, transfer.to_user_id,
    transfer.amount, null, transfer.idempotency_key, transfer.metadata);
  return next v_pair[1];
  return next v_pair[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
-- end function

drop function ledger.shard_functions(shard_id bigint);

-- function: reverse_entry
create or replace function public.reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null,
  amount numeric default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- Which users to lock may be read before the lock, because posted entries don't change.
  v_peer_id bigint := (select h.peer_user_id from public.payment_history h
    where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq);
  v ledger.posted_entry[];
  v_entry ledger.posted_entry;
begin
  if v_peer_id is null then
    if reverse_entry.idempotency_key is null and reverse_entry.metadata is null then
      v_entry := ledger.add_reversal(reverse_entry.user_id, reverse_entry.seq,
        reverse_entry.amount);
      if v_entry.seq is not null then return v_entry; end if;
    end if;
    return ledger.post_change('REVERSE', reverse_entry.user_id, reverse_entry.amount,
      reverse_entry.seq, reverse_entry.idempotency_key, reverse_entry.metadata);
  end if;
  v := ledger.post_pair('REVERSE', reverse_entry.user_id, v_peer_id, reverse_entry.amount,
    reverse_entry.seq, reverse_entry.idempotency_key, reverse_entry.metadata);
  return v[1];
end $$;

comment on function public.reverse_entry is
  'Takes an entry back by an entry of the opposite action, all that is left of it (amount null) or a part, and never more than it; once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (nothing is left), LGAMT (also: more than is left), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.reverse_entry from public;
grant execute on function public.reverse_entry to ledger_dba;
-- end function

-- function: replay_entry
create or replace function ledger.replay_entry(accounts ledger.account[], seq bigint)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
begin
  -- Pending entries may have been posted all the same.
  perform ledger.copy_accounts(replay_entry.accounts);
  return array(
    select row(h.user_id, h.seq, h.action, h.amount, h.balance, h.balance - h.held, h.ts,
             true)::ledger.posted_entry
      from public.payment_history e
      join public.payment_history h on (h.user_id, h.seq) in
             ((e.user_id, e.seq), (e.peer_user_id, e.peer_seq))
     where e.user_id = replay_entry.accounts[1].user_id and e.seq = replay_entry.seq
     order by h.user_id <> e.user_id);
end $$;

comment on function ledger.replay_entry is
  'The entry of the first account''s user that a key has made earlier, and its other half if it has one, as they were answered then, with replayed set.';

revoke all on function ledger.replay_entry from public;
-- end function

-- function: release_hold
create or replace function public.release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.released_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c public.hold_changes;
  v record;
begin
  if release_hold.idempotency_key is null and release_hold.metadata is null then
    c := ledger.close_hold('RELEASE', release_hold.user_id, release_hold.hold_id, null);
    if c.hold is not null then
      return (c.user_id, c.balance, c.available, c.seq, c.at, false)::ledger.released_hold;
    end if;
  end if;
  v := ledger.post_hold('RELEASE', release_hold.user_id, null, release_hold.hold_id, null,
    release_hold.idempotency_key, release_hold.metadata);
  c := v.change;
  return (c.user_id, c.balance, c.available, c.seq, c.at, v.replayed)::ledger.released_hold;
end $$;

comment on function public.release_hold is
  'Gives back what a hold still sets aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.release_hold from public;
grant execute on function public.release_hold to ledger_dba;
-- end function

drop function ledger.refuse_distributed(what text);

-- function: raise_status
create or replace function ledger.raise_status(
  status text, user_id bigint, amount numeric default null, available numeric default null)
  returns void
  language plpgsql volatile as $$
begin
  case raise_status.status
    when 'ok' then return;
    when 'LGUSR' then raise exception using errcode = 'LGUSR', message = 'unknown user',
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null')),
      hint = 'Make the user first: select * from create_user(…).';
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than is left.',
        coalesce(raise_status.amount::text, 'null')),
      hint = 'Nothing is rounded: give another amount, at most what is left of a hold to capture it, or of an entry to reverse it.';
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount),
      hint = 'Look at balances and active_holds: a credit, or the release of a hold, makes more available.';
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id),
      hint = 'user_controls says who froze the user, and why.';
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.',
      hint = 'Repeat a request exactly as it was, and give another one a key of its own.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.',
      hint = 'Look for a wrong amount in pending_entries.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.',
      hint = 'active_holds has those that can be; place another hold, or debit the user.';
    when 'LGEXP' then raise exception using errcode = 'LGEXP', message = 'not a later expiry',
      detail = 'The hold expires then, or later, already.',
      hint = 'active_holds has when holds expire; null never does.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id),
      hint = 'holds has the numbers of each user.';
    when 'LGMAX' then raise exception using errcode = 'LGMAX', message = 'too many holds',
      detail = format('User %s has 10000 active holds.', raise_status.user_id),
      hint = 'Release those that nobody needs, or let holds expire: see expires_in.';
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id),
      hint = 'entries has those that are posted by seq, pending_entries the other ones by id.';
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'Nothing is left of the entry to reverse.',
      hint = 'reversed_by in entries names the last reversal, which can be reversed itself.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.',
      hint = 'Give another user as to_user_id.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata, expiry or reference',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds, a reference 1 to 255 characters without control characters.',
      hint = 'Give it in this form, or leave it out.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.',
      hint = 'Repeat it. pg_blocking_pids and pg_stat_activity say whom it waits for.';
  end case;
end $$;

comment on function ledger.raise_status is
  'Raises what post returns as a status; ok returns.';

revoke all on function ledger.raise_status from public;
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

  -- With the next ids, which are the order in which entries were posted.
  update public.payment_history h
     set id = nextval('public.payment_history_id_seq'), seq = p.seq, balance = p.balance,
         sealed_at = p.sealed_at, held = p.held, hash = p.hash
    from unnest(v_posted) p where h.id = p.id and h.user_id = p.user_id;
  update public.manual_entries m set seq = p.seq
    from unnest(v_posted) p where m.user_id = p.user_id and m.id = p.id
     and m.seq is null;

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
    change := ledger.insert_hold(a, d.amount, post_hold.expires_in, post_hold.idempotency_key,
      post_hold.metadata);
  else
    change := ledger.change_hold(post_hold.operation, a, t, d.amount, post_hold.expires_in,
      post_hold.idempotency_key, post_hold.metadata);
  end if;
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1,
         updated_at = greatest(change.at, a.updated_at, a.posted_at)
   where u.id = a.user_id;
end $$;

comment on function ledger.post_hold is
  'One HOLD, RELEASE or EXTEND (ref: the hold) for people: waits for the user, posts all that is pending, and returns the change of the hold, also of a replay; raises what post returns as a status.';

revoke all on function ledger.post_hold from public;
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
    perform ledger.change_hold(post_change.operation, a, t, d.amount, null, null, null);
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
  v_read_at timestamptz := clock_timestamp();
  v_new ledger.entry[] := '{}';
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
    if v_operation in ('CAPTURE', 'CAPTURE PART', 'RELEASE', 'EXTEND', 'REVERSE')
      or v_has_repeated_keys then
      -- What this call has posted so far counts, too.
      perform ledger.insert_entries(v_new); v_new := '{}'; -- mutation: flush
      t := ledger.load_target(v_operation, a.user_id, post.refs[i], post.amounts[i],
        post.expires_ins[i]);
      v_peer_id := coalesce(v_peer_id, t.peer_user_id);
    else
      t := null;
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
        perform ledger.change_hold(v_operation, a, t, d.amount, null, null, null);
        a.hold_changes := a.hold_changes + 1;
      end if;
      -- Before the call, which PostgreSQL replaces by its body only if no argument is volatile.
      v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
      e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
        a.balance + d.change, v_at, post.idempotency_keys[i], post.metadatas[i],
        d.held, d.hold, d.reverses, p.user_id, p.seq + 1);
      v_new := array_append(v_new, e);
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
          c := ledger.insert_hold(a, d.amount, post.expires_ins[i], post.idempotency_keys[i],
            post.metadatas[i]);
          a.held := a.held + d.amount; -- mutation: reserve
          a.next_expiry := least(a.next_expiry, nullif(c.expires_at, 'infinity'));
        else
          c := ledger.change_hold(v_operation, a, t, d.amount, post.expires_ins[i],
            post.idempotency_keys[i], post.metadatas[i]);
        end if;
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
  perform ledger.insert_entries(v_new);
  perform ledger.copy_accounts(v_accounts);
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn''t captured stays held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
-- end function

-- function: place_hold
create or replace function public.place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  c public.hold_changes;
  v record;
begin
  if place_hold.idempotency_key is null then
    c := ledger.add_hold(place_hold.user_id, place_hold.amount, place_hold.expires_in,
      place_hold.metadata);
    if c.hold is not null then
      return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'),
        c.available, false)::ledger.posted_hold;
    end if;
  end if;
  v := ledger.post_hold('HOLD', place_hold.user_id, place_hold.amount, null,
    place_hold.expires_in, place_hold.idempotency_key, place_hold.metadata);
  c := v.change;
  return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'), c.available,
    v.replayed)::ledger.posted_hold;
end $$;

comment on function public.place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGMAX (10000 holds are active), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.place_hold from public;
grant execute on function public.place_hold to ledger_dba;
-- end function

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
  v_held numeric := case when v_is_peer then account.held else decision.held end;
begin
  v.n := outcome_of.n;
  v.status := coalesce(decision.problem, 'ok');
  v.replayed := decision.replayed;
  v.user_id := account.user_id;
  if decision.replayed and decision.earlier_seq is not null then
    select e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, e.sealed_at,
           e.metadata::text, e.hold, e.reverses, e.peer_user_id, e.peer_seq, encode(e.hash, 'hex')
      into v.seq, v.action, v.amount, v.balance, v.available, v.ts, v.posted_at, v.metadata,
           v.hold, v.reverses, v.peer_user_id, v.peer_seq, v.hash
      from public.payment_history f
      join public.payment_history e on e.user_id = account.user_id
       and e.seq = case when v_is_peer then f.peer_seq else f.seq end
     where f.user_id = outcome_of.first_user_id and f.seq = decision.earlier_seq;
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

-- function: opposite_of
create or replace function ledger.opposite_of(action text)
  returns text
  language sql immutable parallel safe as $$
  select case action when 'CREDIT' then 'DEBIT' when 'DEBIT' then 'CREDIT' end
$$;

comment on function ledger.opposite_of is 'The action that takes another one back.';

revoke all on function ledger.opposite_of from public;
-- end function

drop function ledger.next_change(user_id bigint, hold bigint, number bigint, previous bytea, action text, amount numeric, remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric, available numeric, idempotency_key text, metadata jsonb);

drop function ledger.lock_each(user_ids bigint[], wait boolean, max_pending integer);

-- function: lock_accounts
create or replace function ledger.lock_accounts(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_locked ledger.account[];
  v_accounts ledger.account[];
  v_are_open boolean;
begin
  -- As lock_account does, in id order, so that two callers never wait for each other.
  if lock_accounts.wait then
    select array_agg(row(l.id, null, null, null, coalesce(-l.credit_limit, 0.00), null, null,
             l.hold_changes, null, l.updated_at, l.frozen_at is not null)::ledger.account)
      into v_locked from (
      select u.* from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update) l; -- mutation: lock
  else
    select array_agg(row(l.id, null, null, null, coalesce(-l.credit_limit, 0.00), null, null,
             l.hold_changes, null, l.updated_at, l.frozen_at is not null)::ledger.account)
      into v_locked from (
      select u.* from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update skip locked) l; -- mutation: skip locked
  end if;
  -- In the next statement, as there: the last entry, or one that is pending.
  select array_agg(row(i.user_id, null, h.seq, h.balance, i.held, h.sealed_at, h.hash,
           i.hold_changes, null, i.updated_at, i.is_frozen)::ledger.account),
         bool_and(h.seq is not null and i.hold_changes = 0)
    into v_accounts, v_are_open
    from unnest(v_locked) i
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from public.payment_history p
       where p.user_id = i.user_id order by p.seq desc limit 1) h on true; -- mutation: last
  if v_are_open then return v_accounts; end if;
  for i in 1 .. coalesce(cardinality(v_accounts), 0) loop
    if v_accounts[i].seq is null or v_accounts[i].hold_changes > 0 then
      v_accounts[i] := ledger.open_account(v_accounts[i], lock_accounts.max_pending);
    end if;
  end loop;
  return coalesce(v_accounts, '{}');
end $$;

comment on function ledger.lock_accounts is
  'Locks users until the end of the transaction, posts what is pending, at most max_pending entries of each, and returns their accounts in id order; without wait it leaves out those that somebody else holds, and in any case those that don''t exist. Raises 55P03 after lock_timeout.';

revoke all on function ledger.lock_accounts from public;
-- end function

-- function: list_holds
create or replace function ledger.list_holds(
  user_id bigint, status text default null, after bigint default 0, max_rows integer default 50,
  idempotency_key text default null, max_scanned integer default 10000)
  returns setof ledger.listed_hold
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_now timestamptz := clock_timestamp();
  v_hold public.holds;
  v_placed public.hold_changes;
  v_closed_at timestamptz;
  v_status text;
  v_scanned integer := 0;
  v_found integer := 0;
begin
  for v_hold in
    select h.* from public.holds h where h.user_id = list_holds.user_id
       and h.hold > list_holds.after
       and (list_holds.idempotency_key is null or h.hold = (
         select c.hold from public.hold_changes c where c.user_id = list_holds.user_id
            and c.idempotency_key = list_holds.idempotency_key))
     order by h.hold limit list_holds.max_scanned
  loop
    v_scanned := v_scanned + 1;
    v_status := case when v_hold.status = 'active' and v_hold.expires_at <= v_now then 'expired'
      else v_hold.status end;
    if list_holds.status is null or v_status = list_holds.status then
      select c.* into v_placed from public.hold_changes c
       where c.user_id = v_hold.user_id and c.hold = v_hold.hold and c.number = 1;
      v_closed_at := null;
      if v_hold.status <> 'active' then
        select c.at into v_closed_at from public.hold_changes c
         where c.user_id = v_hold.user_id and c.hold = v_hold.hold and c.number = v_hold.changes;
      end if;
      return next row(v_hold.user_id, v_hold.hold, v_hold.amount, v_status,
        nullif(v_hold.expires_at, 'infinity'), v_placed.available, v_placed.idempotency_key,
        v_placed.metadata, v_placed.at, v_closed_at, true, v_hold.captured,
        case v_status when 'active' then v_hold.remaining else 0.00 end)::ledger.listed_hold;
      v_found := v_found + 1;
      if v_found = list_holds.max_rows then return; end if;
    end if;
  end loop;
  if v_scanned = list_holds.max_scanned then
    return next row(v_hold.user_id, v_hold.hold, null, null, null, null, null, null, null, null,
      false, null, null)::ledger.listed_hold;
  end if;
end $$;

comment on function ledger.list_holds is
  'At most max_rows holds of a user with a number above after, in order, that have this status now (expired included) and that were placed, extended or released with this idempotency key (null: any). available: when it had been placed; remaining: what is still held now. Looks at no more than max_scanned holds: where that was not enough, the last one that it looked at comes last, with is_match false.';

revoke all on function ledger.list_holds from public;
grant execute on function ledger.list_holds to ledger_service, ledger_dba;
-- end function

drop function ledger.leaves_shard(shard_id bigint, user_ids bigint[]);

drop function ledger.later_change(operation text, account ledger.account, target ledger.target, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

drop function ledger.is_distributed();

-- function: insert_hold
create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := insert_hold.account;
  v_hold bigint := 1;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_at timestamptz := clock_timestamp();
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  return ledger.write_hold('placed', a.user_id, v_hold, 1, null, insert_hold.amount,
    insert_hold.amount, ledger.expires_after(v_at, insert_hold.expires_in), v_at, a.seq, a.balance,
    a.balance - a.held - insert_hold.amount, insert_hold.idempotency_key, insert_hold.metadata);
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
-- end function

-- function: insert_entries
create or replace function ledger.insert_entries(entries ledger.entry[])
  returns void
  language sql volatile as $$
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
  select e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at,
         e.idempotency_key, e.metadata, e.held, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash
    from unnest(insert_entries.entries) e
$$;

comment on function ledger.insert_entries is 'Writes entries; everything has been decided.';

revoke all on function ledger.insert_entries from public;
-- end function

-- function: incarnation
create or replace function ledger.incarnation()
  returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select left(encode(sha256(convert_to(format('%s %s %s %s',
           (pg_control_system()).system_identifier,
           left(pg_walfile_name(pg_current_wal_lsn()), 8),
           (select d.oid from pg_database d where d.datname = current_database()),
           'public.payment_history'::regclass::oid), 'UTF8')), 'hex'), 8)
$$;

comment on function ledger.incarnation is
  'Names this database: a copy, a restored one, and one that another server has taken over have another name; a restart changes nothing.';

revoke all on function ledger.incarnation from public;
grant execute on function ledger.incarnation to ledger_service, ledger_dba;
-- end function

drop function ledger.hold_row_problem(first public.hold_changes, last public.hold_changes, captured numeric);

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
  elsif tg_op = 'DELETE' then
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
  if tg_op = 'UPDATE' and tg_level = 'ROW' and tg_table_name = 'payment_history' then
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
  if tg_op = 'UPDATE' and tg_level = 'ROW'
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

drop function ledger.get_shards();

drop function ledger.get_shard_users(user_ids bigint[]);

drop function ledger.get_shard_guards();

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
         concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    from guarded g join pg_trigger t on t.tgrelid = g.oid and not t.tgisinternal
$$;

comment on function ledger.get_relation_guards is
  'What get_guards says of tables, views and sequences, of who may write to them, and of constraints, unique indexes and triggers.';

revoke all on function ledger.get_relation_guards from public;
grant execute on function ledger.get_relation_guards to ledger_dba;
-- end function

-- function: get_moments
create or replace function ledger.get_moments(user_id bigint, moments timestamptz[])
  returns table (at timestamptz, seq bigint, balance numeric, hash text)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_created_at timestamptz := (select u.created_at from public.users u
    where u.id = get_moments.user_id);
  v_latest timestamptz;
begin
  if v_created_at is null then
    perform ledger.raise_status('LGUSR', get_moments.user_id);
  end if;
  -- Waits for the latest moment: when it is final, earlier ones are, too.
  v_latest := (select max(m) from unnest(get_moments.moments) m);
  if v_latest is not null then
    perform ledger.await_final(get_moments.user_id, least(v_latest, clock_timestamp()));
  end if;
  return query
    select coalesce(m.at, h.sealed_at, v_created_at), e.seq, coalesce(h.balance, 0.00),
           encode(h.hash, 'hex')
      from unnest(get_moments.moments) with ordinality m (at, n)
      cross join lateral (
        select ledger.entry_at(get_moments.user_id, coalesce(m.at, 'infinity')) as seq) e
      left join public.payment_history h on h.user_id = get_moments.user_id and h.seq = e.seq
     order by m.n;
end $$;

comment on function ledger.get_moments is
  'What balance_at says of each moment (null: that of the last entry, which is final), with the seq and the hash of the entry it stands on; seq 0 and no hash before the first. Of a moment to come: as of now. Raises LGUSR, 55P03.';

revoke all on function ledger.get_moments from public;
grant execute on function ledger.get_moments to ledger_service, ledger_dba;
-- end function

-- function: get_hold
create or replace function ledger.get_hold(user_id bigint, hold_id bigint)
  returns ledger.posted_hold
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select row(o.user_id, o.hold, o.amount,
           case when o.status = 'active' and o.expires_at <= clock_timestamp() then 'expired'
             else o.status end,
           nullif(o.expires_at, 'infinity'), s.available, false)::ledger.posted_hold
    from public.holds o
    join ledger.get_users(array[get_hold.user_id]) s on s.id = o.user_id
   where o.user_id = get_hold.user_id and o.hold = get_hold.hold_id
$$;

comment on function ledger.get_hold is
  'A hold as it is now, status expired included, with what is available to its user; null for an unknown one.';

revoke all on function ledger.get_hold from public;
grant execute on function ledger.get_hold to ledger_service, ledger_dba;
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

drop function ledger.get_erasures(user_id bigint, seqs bigint[]);

drop function ledger.get_each_user(user_ids bigint[]);

drop function ledger.get_code_guards();

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

drop function ledger.first_change(account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

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
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_entry_erasure(bigint,public.payment_history,jsonb,boolean)', '8468a2fb0d9c0e97'),
    ('function ledger.add_erasures(bigint,bigint,timestamp with time zone)', '9a85be9f3f8ad47f'),
    ('function ledger.add_hold(bigint,numeric,numeric,jsonb)', '0937925795517686'),
    ('function ledger.add_hold_erasures(bigint,bigint,timestamp with time zone)', '1e4078e2715094f6'),
    ('function ledger.add_reversal(bigint,bigint,numeric)', '069824caaad62427'),
    ('function ledger.advance_webhook(text,text,integer,bigint,text)', '739613a94dacff25'),
    ('function ledger.apply_erasures(bigint,bigint,timestamp with time zone)', 'cdfc3e004e993c8d'),
    ('function ledger.archive_entries(bigint[],bigint[],text)', '22fd396f4c30c1df'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.balances_below(bigint[],bigint[],numeric[])', 'ea0e677c660ddbd8'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '5f73d9e50562742b'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_cursor(text,bigint,text)', '6f565509f5c6f05d'),
    ('function ledger.check_entry()', '7f043639bd80336a'),
    ('function ledger.claim_webhook(text,text,integer,bigint)', '192b99124bcb1aef'),
    ('function ledger.close_hold(text,bigint,bigint,numeric)', '43bd656c72455d2d'),
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
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '9f377034d1899b47'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'c50f689bc8afa4d1'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', 'cf3ffb6491e63807'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', '0a7aee133169714a'),
    ('function ledger.guard_user()', 'bec94843b193f3a7'),
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
    ('function ledger.incarnation()', '03acd22936e7f003'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '8e97865204d12f2a'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
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
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'cd4ded54b6b6ffc7'),
    ('function ledger.list_journal(bigint,integer,integer)', 'b449df9fec14c62f'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '5ea4e34ed0cf3d65'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '6268504ecf16a95a'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82b3703a1a2efd06'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.hold_changes,timestamp with time zone)', '74be060f0f57bf88'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '428b2ab8987be5d9'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '8ab3bed019dc910e'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '840cc244fd8988f5'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '7d8de74f96b0f7d6'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '362fc526c3605eeb'),
    ('function ledger.post_pending(bigint,integer)', 'c1d89467bdafa15b'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '2a7ec38fd210c7b1'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.scan_events(bigint,bigint,integer)', '02a4ae120e6e4deb'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '455b38d4b821502c'),
    ('function ledger.verify_erasures()', 'f71b382ef3a3b9a6'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '81f66500cf55514e'),
    ('function ledger.verify_interventions()', '58813f1ceb3b8998'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '1dfde30328a37324'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'a4592f9a4ae8dcd0'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function ledger.write_hold(text,bigint,bigint,bigint,bytea,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb)', 'be0ea9b684ba635e'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '655e0426bb5a7214'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.erase_user(bigint,text,interval)', '6240297e22ce359b'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'ee0d57c4bf009c3a'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', '368774522fb38298'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', '65ad09c535f26545'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '556eb2ed2def794d'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '8638721ce2a142fa'),
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
    ('trigger chain_intervention on interventions', '8e6002a18696d00d'),
    ('trigger check_entry on payment_history', 'f64a6aa33fdae45a'),
    ('trigger guard_delete on manual_entries', '7bb3415abaaf487a'),
    ('trigger guard_delete on users', 'd87e6ac8249237c6'),
    ('trigger guard_hold_changes on users', 'b09eb156e1c859fb'),
    ('trigger guard_id on users', '52653f2f53b4f420'),
    ('trigger guard_insert on users', '24ba671813594687'),
    ('trigger guard_row on erasures', 'f863b1f7f7675b19'),
    ('trigger guard_row on hold_changes', '8e703f4d952569c9'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
    ('trigger guard_truncate on erasures', '082f7e9db6b068a0'),
    ('trigger guard_truncate on hold_changes', 'fcd8ed33e79d133e'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on ledger.anchors', '6f819b7bea8c96e4'),
    ('trigger guard_truncate on manual_entries', '38e565872e706ec7'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on user_controls', 'ccd0948ff08da1b0'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on manual_entries', 'b3c7e47d117738ee'),
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

-- function: copy_accounts
create or replace function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language sql volatile as $$
  -- users is copied from the history, never the other way round. The caller knows no updated_at of
  -- a user for whom nothing was posted.
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes,
         updated_at = greatest(u.updated_at, a.updated_at, a.posted_at)
    from unnest(copy_accounts.accounts) a
   where u.id = a.user_id
     and (a.seq, a.balance, a.hold_changes) is distinct from (u.seq, u.balance, u.hold_changes)
$$;

comment on function ledger.copy_accounts is
  'Sets the copies in users of open accounts to what these are now, where they differ.';

revoke all on function ledger.copy_accounts from public;
-- end function

-- function: close_hold
create or replace function ledger.close_hold(
  operation text, user_id bigint, hold bigint, amount numeric)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  v_is_capture boolean := close_hold.operation <> 'RELEASE';
  v_amount numeric := round(close_hold.amount, 2);
  v_now timestamptz; v_at timestamptz;
  v_expires_at timestamptz;
  v_seq bigint;
  v_balance numeric; v_held numeric;
  v_entry_hash bytea;
  v_updated_at timestamptz;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_limit numeric;
  v_before numeric;
  v_remaining numeric := 0.00;
  v_number bigint;
  v_hash bytea;
  v public.hold_changes;
begin
  -- As lock_account does.
  select u.hold_changes, u.frozen_at is not null, coalesce(u.credit_limit, 0.00), u.updated_at
    into v_hold_changes, v_is_frozen, v_limit, v_updated_at
    from public.users u where u.id = close_hold.user_id for no key update; -- mutation: lock
  v_now := clock_timestamp();
  -- The last entry, or one that is pending, of which nulls come first in this order; and the hold.
  select h.seq, h.balance, greatest(ledger.next_moment(h.sealed_at), v_updated_at), h.hash,
         o.remaining, o.expires_at, o.changes + 1, o.hash, (
           select sum(a.remaining) from public.holds a
            where a.user_id = close_hold.user_id and a.status = 'active'
              and a.expires_at > v_now) - v_limit
    into v_seq, v_balance, v_at, v_entry_hash, v_before, v_expires_at, v_number, v_hash, v_held
    from (select e.seq, e.balance, e.sealed_at, e.hash from public.payment_history e
           where e.user_id = close_hold.user_id order by e.seq desc limit 1) h
    cross join public.holds o
   where o.user_id = close_hold.user_id and o.hold = close_hold.hold and h.seq is not null
     and ledger.is_valid_amount(coalesce(close_hold.amount, o.remaining))
     and ledger.hold_problem(o.status, o.expires_at, v_now, o.remaining, v_amount, null) is null;
  if not found then return null; end if;
  if v_is_capture then
    v_amount := coalesce(v_amount, v_before);
    if close_hold.operation = 'CAPTURE PART' then v_remaining := v_before - v_amount; end if;
    v_seq := v_seq + 1;
    v_balance := v_balance - v_amount;
    v_held := v_held - v_before + v_remaining;
    if ledger.funds_problem(-v_amount, v_balance, v_held, v_is_frozen) is not null then
      return null; -- mutation: funds
    end if;
  else
    v_amount := v_before;
    v_held := v_held - v_before;
  end if;
  update public.users u
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes + 1, updated_at = v_at
   where u.id = close_hold.user_id;
  -- The change comes before its entry, as it does in a batch.
  v := ledger.write_hold(case when v_is_capture then 'captured' else 'released' end,
    close_hold.user_id, close_hold.hold, v_number, v_hash, v_amount, v_remaining, v_expires_at,
    v_at, v_seq, v_balance, v_balance - v_held, null, null);
  if v_is_capture then
    insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at, held,
      hold, hash)
    values (close_hold.user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at, v_held,
      close_hold.hold, ledger.entry_hash(v_entry_hash, close_hold.user_id, v_seq, 'DEBIT', v_amount,
        v_at, v_balance, v_at, null, null, v_held, close_hold.hold, null, null, null));
  end if;
  return v;
end $$;

comment on function ledger.close_hold is
  'One CAPTURE, CAPTURE PART or RELEASE without a key and metadata for people, as post_change and post_hold do it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for these. The moment of the change is that of the entry, too.';

revoke all on function ledger.close_hold from public;
-- end function

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- Whoever inserts may not lock users, so this function does it as the owner.
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz;
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
  -- `+ 0`: without statistics an index by user may be taken, which leads through all its rows.
  if exists (select from public.payment_history h
              where h.id = new.id and h.user_id + 0 = new.user_id)
    or exists (select from public.payment_history h where h.user_id = new.user_id
                  and h.idempotency_key = new.idempotency_key) then
    return new;
  end if;
  -- After the lock, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user,
    ledger.manual_entry_hash(new, new.id, v_at, session_user));
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded. Records who entered it, and when.';

revoke all on function ledger.check_entry from public;
-- end function

-- function: change_of
create or replace function ledger.change_of(action text, amount numeric)
  returns numeric
  language sql immutable parallel safe as $$
  select case action when 'CREDIT' then amount when 'DEBIT' then -amount end
$$;

comment on function ledger.change_of is 'By how much an entry changes the balance.';

revoke all on function ledger.change_of from public;
-- end function

-- function: change_hold
create or replace function ledger.change_hold(
  operation text, account ledger.account, target ledger.target, amount numeric,
  expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := change_hold.account;
  t ledger.target := change_hold.target;
  -- No earlier than updated_at of the user, which the answer shows.
  v_at timestamptz := greatest(clock_timestamp(), a.updated_at, a.posted_at);
  v_action text := 'captured';
begin
  case change_hold.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, change_hold.expires_in); -- mutation: extend
    else
      -- The user as it will be, like what is held.
      a.seq := a.seq + 1;
      a.balance := a.balance - change_hold.amount;
  end case;
  return ledger.write_hold(v_action, a.user_id, t.hold, t.changes + 1, t.hash, change_hold.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    change_hold.idempotency_key, change_hold.metadata);
end $$;

comment on function ledger.change_hold is
  'What a CAPTURE, CAPTURE PART, RELEASE or EXTEND does to a hold, for a user whose account is open, with what will be held afterwards. Everything has been decided.';

revoke all on function ledger.change_hold from public;
-- end function

-- function: capture_hold
create or replace function public.capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, final boolean default true)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_operation text := case when capture_hold.final is false then 'CAPTURE PART' else 'CAPTURE' end;
  c public.hold_changes;
begin
  if capture_hold.idempotency_key is null and capture_hold.metadata is null then
    c := ledger.close_hold(v_operation, capture_hold.user_id, capture_hold.hold_id,
      capture_hold.amount);
    if c.hold is not null then
      return (c.user_id, c.seq, 'DEBIT', c.amount, c.balance, c.available, c.at, false
        )::ledger.posted_entry;
    end if;
  end if;
  return ledger.post_change(v_operation, capture_hold.user_id, capture_hold.amount,
    capture_hold.hold_id, capture_hold.idempotency_key, capture_hold.metadata);
end $$;

comment on function public.capture_hold is
  'Takes what a hold holds (amount null: all that is left), or a part; what is left is released, unless final is false: then it stays held, and can be captured, too. Once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than is held), LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.capture_hold from public;
grant execute on function public.capture_hold to ledger_dba;
-- end function

-- function: break_glass
create or replace function public.break_glass(reason text)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint;
begin
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

-- function: balance_at
create or replace function public.balance_at(user_id bigint, at timestamptz)
  returns numeric
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if not exists (select from public.users u where u.id = balance_at.user_id) then
    perform ledger.raise_status('LGUSR', balance_at.user_id);
  elsif balance_at.at is null then
    return null;
  end if;
  perform ledger.await_final(balance_at.user_id, balance_at.at);
  return coalesce((
    select h.balance from public.payment_history h where h.user_id = balance_at.user_id
       and h.seq = ledger.entry_at(balance_at.user_id, balance_at.at)), 0.00);
end $$;

comment on function public.balance_at is
  'What the ledger held for a user at a moment, the same for ever: the balance after the last entry that had been posted by then (sealed_at, not ts: a manual entry counts from when it was posted). From an index, in logarithmic time. Waits for who has locked the user meanwhile. Raises LGUSR, 55P03 (lock_timeout, or a moment that has not come yet).';

revoke all on function public.balance_at from public;
grant execute on function public.balance_at to ledger_service, ledger_dba;
-- end function

drop function ledger.assert_replica(incarnation text, user_id bigint, min_seq bigint);

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
  return ledger.write_hold('placed', add_hold.user_id, v_hold, 1, null, v_amount, v_amount,
    v_expires_at, v_at, v_seq, v_balance, v_balance - v_held - v_amount, null, add_hold.metadata);
end $$;

comment on function ledger.add_hold is
  'One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is pending and the funds suffice; null: everything else, refusals included, which is for post_hold.';

revoke all on function ledger.add_hold from public;
-- end function

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
  if not ledger.is_valid_amount(add_entry.amount) then
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
