-- migrate:up
-- References, controls and credit limits of users; who entered what by hand; a chain of interventions;
-- a copy of each anchor; views for people at psql.
set local check_function_bodies = off;

drop trigger check_entry on public.payment_history;
drop trigger guard_update on public.users;
-- For the time of this migration; the rows of interventions get a hash, and numbers without gaps.
alter table public.interventions disable trigger guard_row;

alter table public.users
  -- Room for what turns out to be out of range: it is written before it is decided.
  alter balance type numeric,
  alter balance set default 0.00,
  -- Copies of what user_controls says last; null, as with most, takes no room.
  add frozen_at timestamptz,
  add credit_limit numeric(12, 2);

-- What only some users have: a debit writes users, and doesn't touch this.
create table public.user_details (
  user_id bigint primary key,
  reference text,
  metadata jsonb,
  idempotency_key text,
  -- The id that the caller asked for, if it did.
  asked_id bigint
);

-- Each finds a user by a name that is unique among all users, so these are tables of their own: a
-- distributed database keeps them by that name, and everything else by the user's id.
create table public.user_references (
  reference text collate "C" primary key,
  user_id bigint not null
);
create table public.user_keys (
  idempotency_key text collate "C" primary key,
  user_id bigint not null
);

comment on table public.user_details is
  'What users were made as, by those who made them: a reference, metadata, the key of the request.';
comment on table public.user_references is
  'The user of each reference, which is the name that a caller has for it.';
comment on table public.user_keys is
  'The user that was made with each idempotency key.';

-- Who froze and thawed users and set their credit limits. Nothing takes a row of it back.
create table public.user_controls (
  user_id bigint not null,
  number bigint not null,
  at timestamptz not null,
  transaction xid8 not null default pg_current_xact_id(),
  role text not null,
  actor text,
  operation text not null check (operation in ('FREEZE', 'THAW', 'CREDIT LIMIT')),
  credit_limit numeric(12, 2) check ((credit_limit is null) = (operation <> 'CREDIT LIMIT')),
  reason text,
  -- From the sequence of payment_history.id, as holds.position.
  position bigint not null,
  primary key (user_id, number)
);

create index user_controls_position_idx on public.user_controls (position, user_id);

comment on table public.user_controls is
  'Every freeze, thaw and credit limit of a user, numbered 1, 2, 3 … for each. Append-only.';
comment on column public.user_controls.role is 'Who had logged in to the database.';
comment on column public.user_controls.actor is 'Over HTTP: the name of the caller.';

alter table public.interventions
  drop constraint interventions_operation_check,
  drop constraint interventions_check,
  add check (operation in ('BREAK GLASS', 'UPDATE', 'DELETE', 'WITHDRAW')),
  add check (reason is not null or operation <> 'BREAK GLASS'),
  add hash bytea;

comment on table public.interventions is
  'Every use of break_glass, what each row that it let change had been, and every manual entry that was withdrawn. Append-only, and a chain by hash.';
comment on column public.interventions.id is '1, 2, 3 … without gaps.';
comment on table public.payment_history is
  'Every change of a balance. A row without seq is pending: entered manually, and posted at the user''s next operation.';
comment on column public.payment_history.held is 'What active holds reserved after this entry, less the credit limit; balance − held was available. Null while pending.';

-- Who entered what by hand. The entry itself is in payment_history, before and after it is posted;
-- this has a hash of what it was when it was entered.
create table public.manual_entries (
  user_id bigint not null,
  -- Of the row of payment_history while it is pending.
  id bigint not null,
  entered_at timestamptz not null,
  entered_by text not null,
  seq bigint,
  hash bytea not null,
  primary key (user_id, id)
);

-- Not unique: whoever edits this table must not be able to stop a user; verified instead.
create index manual_entries_user_id_seq_idx
  on public.manual_entries (user_id, seq) where seq is not null;

comment on table public.manual_entries is
  'Who entered each manual entry, and when; seq: as which entry it was posted. Append-only.';
comment on column public.manual_entries.id is 'The id of its row in payment_history while it was pending.';
comment on column public.manual_entries.entered_by is 'session_user: who had logged in.';
comment on column public.manual_entries.seq is 'The seq of its entry in payment_history; null while it is pending, and if it was withdrawn.';
comment on column public.manual_entries.hash is 'sha256 over the entry as it was entered, by whom and when; see ledger.manual_entry_hash.';

-- What npm run anchor wrote elsewhere, so that a line that is missing there is missed.
create table ledger.anchors (
  -- sha256 of the public key, hex; empty for anchors without a signature.
  key text not null,
  number bigint not null,
  at timestamptz not null,
  line text not null,
  primary key (key, number)
);

comment on table ledger.anchors is
  'Every anchor that was made of this ledger, numbered 1, 2, 3 … for each key. Append-only.';

create type ledger.withdrawn_entry as (
  user_id bigint, id bigint, action text, amount numeric, ts timestamptz, metadata jsonb
);

create type ledger.created_user as (
  id bigint, created boolean, replayed boolean, created_at timestamptz, reference text,
  metadata jsonb
);
create type ledger.listed_user as (
  id bigint, balance numeric, available numeric, seq bigint, updated_at timestamptz,
  reference text, metadata jsonb, created_at timestamptz
);
create type ledger.user_state as (
  user_id bigint, frozen_at timestamptz, credit_limit numeric, changed boolean
);
-- The view entries has the same columns. is_match: see the functions that answer it.
create type ledger.found_entry as (
  position bigint, is_match boolean, user_id bigint, seq bigint, action text, amount numeric,
  balance numeric, available numeric, ts timestamptz, sealed_at timestamptz,
  idempotency_key text, metadata jsonb, peer_user_id bigint, peer_seq bigint, reverses bigint,
  reversed_by bigint, hold bigint, hash text, held numeric
);
create type ledger.listed_hold as (
  user_id bigint, hold bigint, amount numeric, status text, expires_at timestamptz,
  available numeric, idempotency_key text, metadata jsonb, created_at timestamptz,
  closed_at timestamptz, is_match boolean
);

-- held is less the credit limit, as the column of payment_history is.
alter type ledger.account add attribute is_frozen boolean;

-- For people at psql; each finds what belongs to a user by index.
create view public.balances as
  select u.id, coalesce(h.balance, 0.00) as balance, coalesce(o.held, 0.00) as held,
         coalesce(h.balance, 0.00) - coalesce(o.held, 0.00) + coalesce(u.credit_limit, 0.00)
           as available,
         coalesce(h.seq, 0) as seq, greatest(h.sealed_at, u.updated_at) as updated_at
    from public.users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at from public.payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.amount) as held from public.holds a
       where u.hold_changes > 0 and a.user_id = u.id and a.status = 'active'
         and a.expires_at > statement_timestamp()) o on true;

comment on view public.balances is
  'What each user has, from the history: without pending entries, which recalculate_balance posts.';

create view public.pending_entries as
  select h.user_id, h.id, h.action, h.amount, h.ts, h.metadata, m.entered_at, m.entered_by
    from public.payment_history h
    left join public.manual_entries m on m.user_id = h.user_id and m.id = h.id
   where h.seq is null;

comment on view public.pending_entries is
  'Manual entries that are not posted yet, and who entered them; withdraw_entry takes one back.';

create view public.active_holds as
  select o.user_id, o.hold, o.amount, o.created_at, nullif(o.expires_at, 'infinity') as expires_at,
         o.idempotency_key, o.metadata
    from public.holds o
   where o.status = 'active' and o.expires_at > statement_timestamp();

comment on view public.active_holds is 'The holds that lower what is available now.';

create view public.daily_totals as
  select h.user_id, (h.sealed_at at time zone 'UTC')::date as day, count(*) as entries,
         coalesce(sum(h.amount) filter (where h.action = 'CREDIT'), 0.00) as credited,
         coalesce(sum(h.amount) filter (where h.action = 'DEBIT'), 0.00) as debited,
         (array_agg(h.balance order by h.seq desc))[1] as balance
    from public.payment_history h
   where h.seq is not null
   group by h.user_id, (h.sealed_at at time zone 'UTC')::date;

comment on view public.daily_totals is
  'What was posted for each user on each day (UTC), and the balance at the end of it.';

-- function: add_anchor
create or replace function ledger.add_anchor(
  key text, number bigint, at timestamptz, line text)
  returns void
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_last ledger.anchors;
begin
  select a.* into v_last from ledger.anchors a
   where a.key = add_anchor.key order by a.number desc limit 1;
  if (add_anchor.number = coalesce(v_last.number, 0) + 1
      and add_anchor.at > coalesce(v_last.at, '-infinity') and add_anchor.at <= clock_timestamp()
      and length(add_anchor.key) in (0, 64) and length(add_anchor.line) <= 2000) is not true then
    raise exception using errcode = '22023', message = 'not the next anchor',
      detail = format('The last one is number %s of %s.', coalesce(v_last.number, 0), v_last.at);
  end if;
  -- Who comes second with a number gets 23505.
  insert into ledger.anchors (key, number, at, line)
  values (add_anchor.key, add_anchor.number, add_anchor.at, add_anchor.line);
end $$;

comment on function ledger.add_anchor is
  'Keeps an anchor that npm run anchor is about to write elsewhere: then one that is missing there is missed. Raises 22023 unless it is the next one of its key, 23505 if somebody was faster.';

revoke all on function ledger.add_anchor from public;
grant execute on function ledger.add_anchor to ledger_dba;
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

-- function: add_transfer
create or replace function ledger.add_transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  v_amount numeric := round(add_transfer.amount, 2);
  v_at timestamptz;
  -- After the transfer, but for the hash.
  v_seq bigint;
  v_balance numeric;
  v_held numeric;
  v_hash bytea;
  v_hold_changes bigint;
  v_is_frozen boolean;
  v_peer_seq bigint;
  v_peer_balance numeric;
  v_peer_held numeric;
  v_peer_hash bytea;
  v_peer_hold_changes bigint;
begin
  if add_transfer.idempotency_key is null and add_transfer.metadata is null
    and add_transfer.from_user_id <> add_transfer.to_user_id
    and ledger.is_valid_amount(add_transfer.amount) then
    -- As add_entry does it, in the order of their ids, so that two callers never wait for each
    -- other; and both before either is looked at.
    if add_transfer.from_user_id > add_transfer.to_user_id then -- mutation: first
      update public.users u
         set seq = u.seq + 1, balance = u.balance + v_amount, updated_at = clock_timestamp()
       where u.id = add_transfer.to_user_id and u.seq < 9007199254740991
      returning u.seq, u.balance, u.hold_changes
        into v_peer_seq, v_peer_balance, v_peer_hold_changes;
    end if;
    update public.users u
       set seq = u.seq + 1, balance = u.balance - v_amount, updated_at = clock_timestamp()
     where u.id = add_transfer.from_user_id and u.seq < 9007199254740991
    returning u.seq, u.balance, u.hold_changes, u.frozen_at is not null
      into v_seq, v_balance, v_hold_changes, v_is_frozen;
    if add_transfer.from_user_id < add_transfer.to_user_id then -- mutation: second
      update public.users u
         set seq = u.seq + 1, balance = u.balance + v_amount, updated_at = clock_timestamp()
       where u.id = add_transfer.to_user_id and u.seq < 9007199254740991
      returning u.seq, u.balance, u.hold_changes
        into v_peer_seq, v_peer_balance, v_peer_hold_changes;
    end if;
    -- Both have a last entry, nothing is pending, the copies are right, and the funds suffice.
    select a.hash, a.held, p.hash, p.held,
           ledger.next_moment(greatest(a.sealed_at, p.sealed_at)) -- mutation: moment
      into v_hash, v_held, v_peer_hash, v_peer_held, v_at
      from (select h.seq, h.balance, h.sealed_at, h.hash,
                   case when v_hold_changes = 0 then 0.00
                     else ledger.held_now(add_transfer.from_user_id) end as held
              from public.payment_history h where h.user_id = add_transfer.from_user_id
             order by h.seq desc limit 1) a
      cross join (
            select h.seq, h.balance, h.sealed_at, h.hash,
                   case when v_peer_hold_changes = 0 then 0.00
                     else ledger.held_now(add_transfer.to_user_id) end as held
              from public.payment_history h where h.user_id = add_transfer.to_user_id
             order by h.seq desc limit 1) p
     where a.seq + 1 = v_seq and a.balance - v_amount = v_balance
       and p.seq + 1 = v_peer_seq and p.balance + v_amount = v_peer_balance
       and ledger.funds_problem(-v_amount, v_balance, a.held, v_is_frozen)
         is null -- mutation: funds
       and ledger.funds_problem(v_amount, v_peer_balance, p.held, false) is null;
    if found then
      insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        held, peer_user_id, peer_seq, hash)
      values (add_transfer.from_user_id, 'DEBIT', v_amount, v_at, v_seq, v_balance, v_at,
          v_held, add_transfer.to_user_id, v_peer_seq,
          ledger.entry_hash(v_hash, add_transfer.from_user_id, v_seq, 'DEBIT', v_amount, v_at,
            v_balance, v_at, null, null, v_held, null, null, add_transfer.to_user_id,
            v_peer_seq)),
        (add_transfer.to_user_id, 'CREDIT', v_amount, v_at, v_peer_seq, v_peer_balance, v_at,
          v_peer_held, add_transfer.from_user_id, v_seq,
          ledger.entry_hash(v_peer_hash, add_transfer.to_user_id, v_peer_seq, 'CREDIT', v_amount,
            v_at, v_peer_balance, v_at, null, null, v_peer_held, null, null,
            add_transfer.from_user_id, v_seq));
      return array[
        row(add_transfer.from_user_id, v_seq, 'DEBIT', v_amount, v_balance,
          v_balance - v_held, v_at, false),
        row(add_transfer.to_user_id, v_peer_seq, 'CREDIT', v_amount, v_peer_balance,
          v_peer_balance - v_peer_held, v_at, false)]::ledger.posted_entry[];
    end if;
  end if;
  return ledger.post_pair('TRANSFER', add_transfer.from_user_id, add_transfer.to_user_id,
    add_transfer.amount, null, add_transfer.idempotency_key, add_transfer.metadata);
end $$;

comment on function ledger.add_transfer is
  'One transfer for people, as post_pair does it, in the shortest way where there is no key and no metadata, nothing is pending, the copies in users are right and the funds suffice. Everything else, refusals and repeats included, is for post_pair.';

revoke all on function ledger.add_transfer from public;
-- end function

-- function: await_final
create or replace function ledger.await_final(user_id bigint, at timestamptz)
  returns void
  language plpgsql volatile as $$
begin
  if await_final.at > clock_timestamp() then
    raise exception using errcode = '55P03', message = 'that moment has not come yet',
      detail = format('It is %s.', clock_timestamp());
  end if;
  -- The next entry comes after the last one.
  if (select h.sealed_at from public.payment_history h
       where h.user_id = await_final.user_id and h.seq is not null
       order by h.seq desc limit 1) >= await_final.at then
    return;
  end if;
  -- Nobody has locked this version of the row. Whoever does so later reads the clock later.
  if exists (select from public.users u where u.id = await_final.user_id
               and u.xmax = 0) then -- mutation: unlocked
    return;
  end if;
  begin
    perform from public.users u where u.id = await_final.user_id for share;
    -- Gives the lock back, also in a transaction that goes on.
    raise exception using errcode = 'LG000';
  exception when sqlstate 'LG000' then null;
  end;
end $$;

comment on function ledger.await_final is
  'Waits until no entry of a user can get in before a moment any more: until whoever has locked the user, and may have read the clock before that moment, has ended. Entries are to be read by a later statement. Raises 55P03 after lock_timeout, or for a moment that has not come yet.';

revoke all on function ledger.await_final from public;
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

drop function ledger.change_problem(amount numeric, idempotency_key text, metadata jsonb, is_same_user boolean, users text, change numeric, balance numeric, held numeric);

-- function: change_problem

-- end function

-- function: changes_between
create or replace function ledger.changes_between(moments timestamptz[])
  returns table (kind text, span integer, user_id bigint, changes bigint, hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  -- All of it is read once; what is over before the first moment is not hashed.
  set jit = off as $$
  with changes as (
    select 'holds' as kind, o.user_id, o.created_at as at, o.hold as id, 0 as step,
           ledger.hold_hash(ledger.hold_as_placed(o)) as hash
      from public.holds o
     where o.created_at > moments[1] and o.created_at <= moments[cardinality(moments)]
    union all
    select 'holds', o.user_id, o.closed_at, o.hold, 1, ledger.hold_hash(o) from public.holds o
     where o.closed_at > moments[1] and o.closed_at <= moments[cardinality(moments)]
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
  'What was done besides posting entries, between each moment (span 1: later than the first, and no later than the second) and the next: of each user, how many holds were placed, captured and released, and manual entries entered; and interventions (user_id 0). hash: sha256 over the hashes of these changes. Anchors are made of it. Moments in order; the first may be -infinity.';

revoke all on function ledger.changes_between from public;
grant execute on function ledger.changes_between to ledger_dba;
-- end function

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- Whoever inserts may not lock users, so this function does it as the owner.
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Only the engine has all of these at once.
  if new.seq is not null and new.balance is not null and new.sealed_at is not null
    and new.held is not null and new.hash is not null then
    return new;
  elsif new.user_id is null or new.action is null or new.amount is null or new.ts is null then
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
  -- As a foreign key does it, so this doesn't wait for a debit in flight.
  perform from public.users u where u.id = new.user_id for key share;
  if not found then
    raise exception using errcode = '23503', message = format('there is no user %s', new.user_id),
      hint = 'Make the user first: select * from create_user(…).';
  end if;
  new.amount := round(new.amount, 2);
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded.';

revoke all on function ledger.check_entry from public;
-- end function

-- function: close_hold
create or replace function ledger.close_hold(
  account ledger.account, hold bigint, status text, release_key text, release_metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
declare
  v ledger.account := close_hold.account;
  v_hold public.holds;
begin
  select h.* into v_hold from public.holds h
   where h.user_id = v.user_id and h.hold = close_hold.hold;
  v_hold.status := close_hold.status;
  v_hold.closed_at := clock_timestamp();
  if close_hold.status = 'released' then
    v_hold.release_key := close_hold.release_key;
    v_hold.release_metadata := close_hold.release_metadata;
    v_hold.release_seq := v.seq;
    v_hold.release_balance := v.balance;
    v_hold.release_available := v.balance - v.held;
    -- updated_at of the user, which the answer shows.
    v_hold.closed_at := greatest(v_hold.closed_at, v.updated_at, v.posted_at);
  end if;
  v_hold.position := nextval('public.payment_history_id_seq');
  update public.holds h
     set status = v_hold.status, closed_at = v_hold.closed_at, release_key = v_hold.release_key,
         release_metadata = v_hold.release_metadata, release_seq = v_hold.release_seq,
         release_balance = v_hold.release_balance, release_available = v_hold.release_available,
         position = v_hold.position, hash = ledger.hold_hash(v_hold)
   where h.user_id = v.user_id and h.hold = close_hold.hold;
  return v_hold;
end $$;

comment on function ledger.close_hold is
  'Captures or releases a hold of a user whose account is open, and is as it will be afterwards. Everything has been decided.';

revoke all on function ledger.close_hold from public;
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

-- function: count_pending
create or replace function ledger.count_pending(
  max_rows integer default 10000, out entries bigint, out oldest_seconds double precision)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*), coalesce(greatest(extract(epoch from clock_timestamp() - min(p.ts)), 0), 0)
    from (select h.ts from public.payment_history h where h.seq is null
           limit count_pending.max_rows) p
$$;

comment on function ledger.count_pending is
  'How many manual entries are pending, counted up to max_rows, and how long ago the ts of the oldest of these was, in seconds.';

revoke all on function ledger.count_pending from public;
grant execute on function ledger.count_pending to ledger_service, ledger_dba;
-- end function

drop function public.create_user(user_id bigint);

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
  raise exception using errcode = '40001', message = 'another transaction makes the same user';
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
  v_key text;
  v_funds text;
  v_is_amount_valid boolean := ledger.is_valid_amount(decide.amount);
begin
  case decide.operation
    when 'DEBIT', 'CREDIT' then v.action := decide.operation;
    when 'TRANSFER', 'HOLD' then v.action := 'DEBIT';
    when 'CAPTURE', 'REVERSE' then
      v.action := target.action; v.amount := round(target.amount, 2); v.hold := target.hold;
      v.reverses := target.reverses;
      v_is_amount_valid := v_is_amount_valid or decide.amount is null;
    when 'RELEASE' then v_is_amount_valid := true; v.hold := target.hold;
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
    -- What the hold reserved is available for its capture.
    v.held := account.held - target.held;
  end if;

  v.replayed := false;
  if decide.idempotency_key is not null then
    f := ledger.find_key(account.user_id, decide.idempotency_key, account.hold_changes > 0);
    v.earlier_seq := f.seq;
    if f.placed is not null then
      v.hold := f.placed;
      v.replayed := decide.operation = 'HOLD' and ledger.is_hold_replay(account.user_id, f.placed,
        v.amount, decide.expires_in, decide.metadata);
    elsif f.released is not null then
      v.replayed := decide.operation = 'RELEASE' and coalesce(f.released = v.hold, false)
        and f.metadata is not distinct from decide.metadata;
    elsif f.seq is not null then
      v.replayed := decide.operation not in ('HOLD', 'RELEASE') and ledger.is_replay(f.action,
        f.amount, f.hold, f.reverses, f.peer_user_id, f.metadata, v.action, v.amount, v.hold,
        v.reverses, peer.user_id, decide.metadata);
    end if;
    if not v.replayed and (f.seq, f.placed, f.released) is distinct from (null, null, null) then
      v_key := 'LGKEY';
    end if;
  end if;
  if not v.replayed then -- mutation: funds
    v_funds := coalesce(
      ledger.funds_problem(v.change, account.balance + v.change, v.held, account.is_frozen),
      ledger.funds_problem(-v.change, peer.balance - v.change, peer.held, peer.is_frozen));
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
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: hold or earlier_seq has it). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action, amount and change of the entry of account, hold and reverses of that, and what will be held.';

revoke all on function ledger.decide from public;
-- end function

-- function: entry_at
create or replace function ledger.entry_at(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql stable as $$
declare
  v_low bigint := 0;
  v_high bigint := (select coalesce(max(h.seq), 0) from public.payment_history h
                    where h.user_id = entry_at.user_id);
  v_middle bigint;
begin
  -- sealed_at never goes back as seq goes on, so twenty probes find one among a million.
  while v_low < v_high loop
    v_middle := (v_low + v_high + 1) / 2;
    if (select h.sealed_at from public.payment_history h
         where h.user_id = entry_at.user_id and h.seq = v_middle) <= entry_at.at then
      v_low := v_middle;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end $$;

comment on function ledger.entry_at is
  'The seq of the last entry that had been posted at a moment, by binary search over the index on seq; 0: none. Internal.';

revoke all on function ledger.entry_at from public;
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

-- function: entry_hash
create or replace function ledger.entry_hash(
  previous bytea, user_id bigint, seq bigint, action text, amount numeric, ts timestamptz,
  balance numeric, sealed_at timestamptz, idempotency_key text, metadata jsonb, held numeric,
  hold bigint, reverses bigint, peer_user_id bigint, peer_seq bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- record_send writes for each field its type, its length (-1 for null) and its bytes in the wire
  -- format of PostgreSQL, so no two rows have the same encoding. It converts text to the
  -- client_encoding of the session, so text is passed as bytes of UTF-8. How a literal with a
  -- backslash reads depends on the session, too, so decode is used, which costs nothing in a cached
  -- plan.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('02', 'hex')
    || record_send(row(user_id, seq, convert_to(action, 'UTF8'), amount, ts, balance, sealed_at,
      convert_to(idempotency_key, 'UTF8'), convert_to(metadata::text, 'UTF8'), held, hold, reverses,
      peer_user_id, peer_seq)))
$$;

comment on function ledger.entry_hash is
  'The hash of a posted entry: sha256 over the hash of the entry before (null: 32 zero bytes), the version of the encoding (2), and this row. It depends on nothing but these, whatever the session is set to. docs/reference/statements.md has the layout.';

revoke all on function ledger.entry_hash from public;
grant execute on function ledger.entry_hash to ledger_dba;
-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint identity_is_only_check on ledger.identity', 'f9a824bf39a02835'),
    ('constraint identity_pkey on ledger.identity', 'ced5257197a1b3f7'),
    ('constraint interventions_check on interventions', '0479997d8cc11929'),
    ('constraint interventions_operation_check on interventions', 'f7de16ca882d232f'),
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
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '340a386d56714b15'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', '13e31eb14326f7cd'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '9c39007730fe0869'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', 'af1a2a374b335133'),
    ('function ledger.check_entry()', 'a5a23b6b170df010'),
    ('function ledger.close_hold(ledger.account,bigint,text,text,jsonb)', '35347c8e53b9d946'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'c676e63b4d09558e'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,boolean)', '4c79974889646607'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '7281493d5cb823f9'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '612d24ec4a82199e'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_guards()', 'a3725745ae395a89'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', '9b8def62b1ce04a6'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '4da8e787949e82e1'),
    ('function ledger.guard_history()', 'c2553ab7a3a6b6f3'),
    ('function ledger.guard_user()', '12aad599b1da94d4'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'd2508f856f325bc3'),
    ('function ledger.hold_as_placed(public.holds)', 'd14c9f35c6f27b81'),
    ('function ledger.hold_hash(public.holds)', '112859ecee0ea5e3'),
    ('function ledger.hold_hash_1(public.holds)', 'ba6fec0014035d45'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric)', 'fcc826f50559264a'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '67d2de1bb7b6585f'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', '6fe2dab218c733d3'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'fa9e2c4f51beeaf7'),
    ('function ledger.is_hold_replay(bigint,bigint,numeric,numeric,jsonb)', 'd94be752f8951e37'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_valid_amount(numeric)', 'a8b3e1db07d4b609'),
    ('function ledger.is_valid_expiry(numeric)', '3cd1867800e88211'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '4043c260f041ad4a'),
    ('function ledger.is_valid_reference(text)', 'aa335e8e5604a4d9'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', '145ebae06b0bda66'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'f3437536195bfb0c'),
    ('function ledger.list_journal(bigint,integer,integer)', 'cf92b4b503bd0feb'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric)', 'ee02aae3b3425673'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '14a556b43cb729f1'),
    ('function ledger.manual_entry_hash(public.payment_history,bigint,timestamp with time zone,text)', '8639081a55f5a003'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'baace4ee2f7605c5'),
    ('function ledger.next_moment(timestamp with time zone)', '7c5135049dae447d'),
    ('function ledger.oldest_writer()', '41b859904a03c23d'),
    ('function ledger.open_account(ledger.account,integer)', '82fc176814a2631d'),
    ('function ledger.opposite_of(text)', '8ddb1a07fd89f247'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.holds,timestamp with time zone)', '20333d00e03820f1'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,boolean,bigint,text,numeric,numeric)', '09162be0b6457688'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', '6313111ee2b88b5a'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', 'e2922e53bb9e4103'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '20e57ff397601672'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', 'f88baeb3bc53ecb3'),
    ('function ledger.post_pending(bigint,integer)', 'c1d89467bdafa15b'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '2b92d30dac0d8301'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '94d3eabd3774720a'),
    ('function ledger.record_entry()', '9538a0d61f2e8a0d'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '5604c26531a8c9af'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '676d1792815b1470'),
    ('function ledger.verify_interventions()', '0d0624ba384c08b2'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '6b272f24b5897009'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'eb1e579f4fe7a94f'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function ledger.write_hold(text,ledger.account,numeric,bigint,numeric,text,jsonb)', '959c68dc61339fdc'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb)', 'bbed874e080908fb'),
    ('function public.create_user(bigint,text,jsonb,text)', '76753f6797144064'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '65dcc2d260d640df'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'a73e5e60c3f3cd09'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', '05f347aeed102e78'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb)', 'e776168cec598eed'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '4050c37e04f3df0f'),
    ('function public.verify_ledger()', '1d72ad12ff483261'),
    ('function public.verify_user(bigint)', '0014911218ec627e'),
    ('function public.withdraw_entry(bigint,bigint,text)', '8638721ce2a142fa'),
    ('index public.holds_user_id_idempotency_key_key on holds', '3286e6a923f0df0f'),
    ('index public.holds_user_id_release_key_key on holds', 'bc3d2baf054dc03c'),
    ('index public.payment_history_user_id_hold_reverses_key on payment_history', '295aaf88f5e93a2d'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('rights on active_holds', 'e3b0c44298fc1c14'),
    ('rights on balances', 'e3b0c44298fc1c14'),
    ('rights on daily_totals', 'e3b0c44298fc1c14'),
    ('rights on entries', 'e3b0c44298fc1c14'),
    ('rights on holds', 'e3b0c44298fc1c14'),
    ('rights on interventions', 'e3b0c44298fc1c14'),
    ('rights on interventions_id_seq', 'e3b0c44298fc1c14'),
    ('rights on ledger.anchors', 'e3b0c44298fc1c14'),
    ('rights on ledger.identity', 'e3b0c44298fc1c14'),
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
    ('table holds', 'ff7dad861d6b2ee2'),
    ('table interventions', '6b539bf0f5297326'),
    ('table ledger.anchors', 'cf356844e9596c6c'),
    ('table ledger.identity', '8bce03ed7360f1db'),
    ('table manual_entries', '8427085a0883f126'),
    ('table payment_history', '9bd52f8fae22bbf8'),
    ('table user_controls', '4474f3fce9479c2c'),
    ('table user_details', 'fc0f3dc5177e4115'),
    ('table user_keys', 'e9cc0114ab7f3c43'),
    ('table user_references', '36dc8a826f7ef939'),
    ('table users', 'b53059c066d18542'),
    ('trigger chain_intervention on interventions', '8e6002a18696d00d'),
    ('trigger check_entry on payment_history', '0fb21cd04ead19fe'),
    ('trigger guard_delete on manual_entries', '7bb3415abaaf487a'),
    ('trigger guard_delete on users', 'd87e6ac8249237c6'),
    ('trigger guard_hold_changes on users', 'b09eb156e1c859fb'),
    ('trigger guard_id on users', '52653f2f53b4f420'),
    ('trigger guard_insert on users', '24ba671813594687'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on ledger.anchors', '6f819b7bea8c96e4'),
    ('trigger guard_truncate on manual_entries', '38e565872e706ec7'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on user_controls', 'ccd0948ff08da1b0'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on manual_entries', 'b3c7e47d117738ee'),
    ('trigger record_entry on payment_history', 'a36cc85d90af0975'),
    ('view active_holds', '14e772b78df855bc'),
    ('view balances', '406438f00cb6d2a2'),
    ('view daily_totals', '580acb55cddb69d6'),
    ('view entries', '26325eb94c0f4638'),
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

-- function: find_entries
create or replace function ledger.find_entries(
  user_id bigint, before bigint default null, after bigint default 0, max_rows integer default 50,
  action text default null, metadata jsonb default null, idempotency_key text default null,
  max_scanned integer default 10000)
  returns setof ledger.found_entry
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_before bigint := coalesce(find_entries.before, 9223372036854775807);
  v_found bigint;
begin
  return query
    select s.id, true, e.*
      from (
        select h.id, h.seq, h.action, h.metadata from public.payment_history h
         where h.user_id = find_entries.user_id and h.seq < v_before
           and h.seq > find_entries.after and find_entries.idempotency_key is null
         order by h.seq desc limit find_entries.max_scanned) s
      cross join lateral (
        select x.* from public.entries x where x.user_id = find_entries.user_id and x.seq = s.seq) e
     where ledger.is_wanted(s.action, s.metadata, find_entries.action, find_entries.metadata)
     order by s.seq desc limit find_entries.max_rows;
  get diagnostics v_found = row_count;
  if find_entries.idempotency_key is not null then
    return query
      select h.id, true, e.* from public.payment_history h
       cross join lateral (
         select x.* from public.entries x where x.user_id = h.user_id and x.seq = h.seq) e
       where h.user_id = find_entries.user_id
         and h.idempotency_key = find_entries.idempotency_key
         and h.seq < v_before and h.seq > find_entries.after
         and ledger.is_wanted(h.action, h.metadata, find_entries.action, find_entries.metadata);
  elsif v_found < find_entries.max_rows then
    return query
      select h.id, false, e.* from public.payment_history h
       cross join lateral (
         select x.* from public.entries x where x.user_id = h.user_id and x.seq = h.seq) e
       where h.user_id = find_entries.user_id and h.seq < v_before and h.seq > find_entries.after
       order by h.seq desc offset find_entries.max_scanned - 1 limit 1;
  end if;
end $$;

comment on function ledger.find_entries is
  'At most max_rows entries of a user with after < seq < before, newest first, that have this action, in their metadata these members with these texts, and this idempotency key (null: any). Looks at no more than max_scanned entries: where that was not enough, the last one that it looked at comes last, with is_match false, and the rest is before that.';

revoke all on function ledger.find_entries from public;
grant execute on function ledger.find_entries to ledger_service, ledger_dba;
-- end function

-- function: freeze_user
create or replace function public.freeze_user(user_id bigint, reason text default null)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return ledger.set_control('FREEZE', freeze_user.user_id, null, freeze_user.reason, null);
end $$;

comment on function public.freeze_user is
  'From now on nothing is taken from user_id, and nothing held, until thaw_user: that raises LGFRZ. Credits, releases and repeats of what was done go on. user_controls keeps who did it and why. Raises LGUSR, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.freeze_user from public;
grant execute on function public.freeze_user to ledger_dba;
-- end function

drop function ledger.funds_problem(change numeric, balance numeric, held numeric);

-- function: funds_problem
create or replace function ledger.funds_problem(
  change numeric, balance numeric, held numeric, is_frozen boolean)
  returns text
  language sql immutable parallel safe as $$
  -- Of what is after the entry: who is frozen spends nothing, nobody what isn't available, and no
  -- balance leaves its range.
  select case when change < 0 and is_frozen then 'LGFRZ'
    when change < 0 and balance < held then 'LGFND'
    when balance > 999999999999999999.99 then 'LGRNG' end
$$;

comment on function ledger.funds_problem is
  'The rule about funds: why a balance may not become this by that change while so much is held (less the credit limit), as a SQLSTATE, or null.';

revoke all on function ledger.funds_problem from public;
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
  'What keeps the ledger from being changed behind its back, as it is now: tables, views and sequences with their owner, constraints, unique indexes, triggers, every function, who may write, execute or create, and what the roles may besides; each with its definition. Of what others have in public, too: verify_guards tells what is ours.';

revoke all on function ledger.get_guards from public;
grant execute on function ledger.get_guards to ledger_dba;
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
                 'line', 'is_only', 'reference', 'asked_id', 'updated_at', 'frozen_at', 'credit_limit',
                 'actor')),
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

-- function: get_user_state
create or replace function ledger.get_user_state(user_id bigint)
  returns ledger.user_state
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select row(u.id, u.frozen_at, coalesce(u.credit_limit, 0.00), false)::ledger.user_state
    from public.users u where u.id = get_user_state.user_id
$$;

comment on function ledger.get_user_state is
  'Since when a user is frozen (null: it isn''t), and its credit limit; null for an unknown user.';

revoke all on function ledger.get_user_state from public;
grant execute on function ledger.get_user_state to ledger_service, ledger_dba;
-- end function

-- function: get_users
create or replace function ledger.get_users(user_ids bigint[])
  returns setof ledger.user_snapshot
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  -- From the history; users.balance may have been edited.
  select u.id, coalesce(h.balance, 0.00),
         coalesce(h.balance, 0.00) - coalesce(o.held, 0.00) + coalesce(u.credit_limit, 0.00),
         coalesce(h.seq, 0), greatest(h.sealed_at, u.updated_at),
         coalesce(h.seq, 0) + u.hold_changes, statement_timestamp(),
         floor(extract(epoch from o.expires_at - statement_timestamp()) * 1000)::bigint
    from public.users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at from public.payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.amount) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from public.holds a where u.hold_changes > 0 and a.user_id = u.id and a.status = 'active'
         and a.expires_at > statement_timestamp()) o on true
   where u.id = any (get_users.user_ids)
$$;

comment on function ledger.get_users is
  'Snapshots of the users that exist, in any order: balance and available in units of the currency, the last seq, the version (raised by every change), the clock of the database before it was read, and in how many milliseconds its first hold expires.';

revoke all on function ledger.get_users from public;
grant execute on function ledger.get_users to ledger_service, ledger_dba;
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
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused.', tg_op, tg_table_name),
    hint = 'Add an entry that corrects it: see reverse_entry, or withdraw_entry for one that is pending.';
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was, and by withdraw_entry; and every change of other tables that it guards. Raises LGIMM.';

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
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991';
  elsif tg_op = 'DELETE' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.holds o where o.user_id = old.id) then
      delete from public.user_references r
       where r.reference = (select d.reference from public.user_details d where d.user_id = old.id);
      delete from public.user_keys k where k.idempotency_key = (
        select d.idempotency_key from public.user_details d where d.user_id = old.id);
      delete from public.user_details d where d.user_id = old.id;
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    if new.hold_changes >= old.hold_changes then return null; end if;
    raise exception using errcode = '23514', message = 'hold_changes never goes down';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op);
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes who has a history, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
-- end function

-- function: held_now
create or replace function ledger.held_now(user_id bigint)
  returns numeric
  language plpgsql volatile as $$
declare
  -- Before the statement: then it is a bound in the index, which leaves out what has expired.
  v_now timestamptz := clock_timestamp();
begin
  return (select coalesce(sum(o.amount), 0.00) from public.holds o
           where o.user_id = held_now.user_id and o.status = 'active'
             and o.expires_at > v_now)
    - coalesce((select u.credit_limit from public.users u where u.id = held_now.user_id), 0);
end $$;

comment on function ledger.held_now is
  'What of a user''s balance isn''t available now: what active holds reserve, less the credit limit.';

revoke all on function ledger.held_now from public;
-- end function

-- function: hold_as_placed
create or replace function ledger.hold_as_placed(hold public.holds)
  returns public.holds
  language plpgsql immutable parallel safe as $$
declare
  v public.holds := hold_as_placed.hold;
begin
  v.status := 'active';
  v.closed_at := null; v.release_key := null; v.release_metadata := null;
  v.release_seq := null; v.release_balance := null; v.release_available := null;
  return v;
end $$;

comment on function ledger.hold_as_placed is
  'What the row of a hold was before it was captured or released. Internal.';

revoke all on function ledger.hold_as_placed from public;
-- end function

-- function: insert_hold
create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
declare
  v ledger.account := insert_hold.account;
  v_hold public.holds;
begin
  v_hold.user_id := v.user_id;
  v_hold.hold := 1;
  if v.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold.hold
      from public.holds h where h.user_id = v.user_id;
  end if;
  v_hold.amount := insert_hold.amount;
  v_hold.status := 'active';
  v_hold.available := v.balance - v.held - v_hold.amount;
  -- By the clock, not by the moment of the last entry, because holds expire by the clock.
  v_hold.created_at := clock_timestamp();
  v_hold.expires_at := ledger.expires_after(v_hold.created_at, insert_hold.expires_in);
  v_hold.idempotency_key := insert_hold.idempotency_key;
  v_hold.metadata := insert_hold.metadata;
  v_hold.position := nextval('public.payment_history_id_seq');
  v_hold.hash := ledger.hold_hash(v_hold);
  insert into public.holds (user_id, hold, amount, status, available, created_at, expires_at,
    idempotency_key, metadata, position, hash)
  values (v_hold.user_id, v_hold.hold, v_hold.amount, v_hold.status, v_hold.available,
    v_hold.created_at, v_hold.expires_at, v_hold.idempotency_key, v_hold.metadata,
    v_hold.position, v_hold.hash);
  return v_hold;
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
-- end function

-- function: insert_user
create or replace function ledger.insert_user(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint := coalesce(insert_user.user_id, nextval('public.users_id_seq'));
  v_step bigint := 1;
begin
  loop
    insert into public.users (id, created_at, updated_at)
      values (v_id, insert_user.at, insert_user.at) on conflict do nothing;
    if found then return v_id; end if;
    if insert_user.user_id is not null then
      raise exception using errcode = '23505', message = 'the user exists';
    end if;
    -- Ids that were given explicitly may be ahead of the sequence. This gets past them in few
    -- steps, however many there are.
    v_id := v_id + v_step;
    v_step := v_step * 2;
    perform setval('public.users_id_seq', v_id);
  end loop;
end $$;

comment on function ledger.insert_user is
  'Makes a user with this id, or with the next free one (null), at a moment; answers the id. Raises 23505 if the id is taken, 23514 if it is out of range.';

revoke all on function ledger.insert_user from public;
-- end function

-- function: intervention_hash
create or replace function ledger.intervention_hash(
  previous bytea, intervention public.interventions)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(coalesce(previous, decode(repeat('00', 32), 'hex')) || decode('01', 'hex')
    || record_send(row((intervention).id, (intervention).at,
      (intervention).transaction::text::bigint, convert_to((intervention).role, 'UTF8'),
      convert_to((intervention).operation, 'UTF8'), convert_to((intervention).reason, 'UTF8'),
      (intervention).user_id, (intervention).seq,
      convert_to((intervention).before::text, 'UTF8'))))
$$;

comment on function ledger.intervention_hash is
  'The hash of an intervention: sha256 over the hash of the one before (null: 32 zero bytes), the version of the encoding (1), and this row. It depends on nothing else.';

revoke all on function ledger.intervention_hash from public;
grant execute on function ledger.intervention_hash to ledger_dba;
-- end function

-- function: is_valid_reference
create or replace function ledger.is_valid_reference(reference text)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(length(reference) between 1 and 255 and reference = btrim(reference)
    and reference !~ E'[\\x01-\\x1f\\x7f-\\x9f]', true)
$$;

comment on function ledger.is_valid_reference is
  'Whether a user may have this reference: 1 to 255 characters without control characters, no space at either end; or null.';

revoke all on function ledger.is_valid_reference from public;
-- end function

-- function: is_wanted
create or replace function ledger.is_wanted(
  action text, metadata jsonb, wanted_action text, wanted_metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select (wanted_action is null or action = wanted_action)
    and (wanted_metadata is null or metadata is not null and not exists (
      select from jsonb_each_text(wanted_metadata) w
       where metadata ->> w.key is distinct from w.value))
$$;

comment on function ledger.is_wanted is
  'Whether an entry has this action (null: any) and, in its metadata, these members with these texts (null: any).';

revoke all on function ledger.is_wanted from public;
-- end function

-- function: list_controls
create or replace function ledger.list_controls(
  user_id bigint, before bigint default null, max_rows integer default 50)
  returns setof public.user_controls
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select k.* from public.user_controls k
   where k.user_id = list_controls.user_id
     and k.number < coalesce(list_controls.before, 9223372036854775807)
   order by k.number desc limit list_controls.max_rows
$$;

comment on function ledger.list_controls is
  'Who froze or thawed a user or set its credit limit: at most max_rows of these changes below number before (null: the last ones), newest first.';

revoke all on function ledger.list_controls from public;
grant execute on function ledger.list_controls to ledger_service, ledger_dba;
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
  v_status text;
  v_scanned integer := 0;
  v_found integer := 0;
begin
  for v_hold in
    select h.* from public.holds h where h.user_id = list_holds.user_id
       and h.hold > list_holds.after
       and (list_holds.idempotency_key is null or h.hold = (
         select k.hold from public.holds k where k.user_id = list_holds.user_id
            and k.idempotency_key = list_holds.idempotency_key
         union all
         select k.hold from public.holds k where k.user_id = list_holds.user_id
            and k.release_key = list_holds.idempotency_key))
     order by h.hold limit list_holds.max_scanned
  loop
    v_scanned := v_scanned + 1;
    v_status := case when v_hold.status = 'active' and v_hold.expires_at <= v_now then 'expired'
      else v_hold.status end;
    if list_holds.status is null or v_status = list_holds.status then
      return next row(v_hold.user_id, v_hold.hold, v_hold.amount, v_status,
        nullif(v_hold.expires_at, 'infinity'), v_hold.available, v_hold.idempotency_key,
        v_hold.metadata, v_hold.created_at, v_hold.closed_at, true)::ledger.listed_hold;
      v_found := v_found + 1;
      if v_found = list_holds.max_rows then return; end if;
    end if;
  end loop;
  if v_scanned = list_holds.max_scanned then
    return next row(v_hold.user_id, v_hold.hold, null, null, null, null, null, null, null, null,
      false)::ledger.listed_hold;
  end if;
end $$;

comment on function ledger.list_holds is
  'At most max_rows holds of a user with a number above after, in order, that have this status now (expired included) and that were placed or released with this idempotency key (null: any). available: when it had been placed. Looks at no more than max_scanned holds: where that was not enough, the last one that it looked at comes last, with is_match false.';

revoke all on function ledger.list_holds from public;
grant execute on function ledger.list_holds to ledger_service, ledger_dba;
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
             null::numeric
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

-- function: load_target
create or replace function ledger.load_target(
  operation text, user_id bigint, ref bigint, amount numeric)
  returns ledger.target
  language plpgsql volatile as $$
declare
  v ledger.target;
  v_hold public.holds;
  v_entry public.payment_history;
begin
  if load_target.operation in ('CAPTURE', 'RELEASE') then
    select h.* into v_hold from public.holds h
     where h.user_id = load_target.user_id and h.hold = load_target.ref;
    -- Without a hold there is nothing that an operation with this key could have done.
    v.action := case when v_hold.hold is not null then 'DEBIT' end;
    v.hold := load_target.ref;
    v.held := v_hold.amount;
    v.amount := coalesce(load_target.amount, v_hold.amount);
    v.problem := ledger.hold_problem(v_hold.status, v_hold.expires_at, clock_timestamp(), v.held,
      v.amount);
  elsif load_target.operation = 'REVERSE' then
    select h.* into v_entry from public.payment_history h
     where h.user_id = load_target.user_id and h.seq = load_target.ref;
    v.action := ledger.opposite_of(v_entry.action);
    v.amount := v_entry.amount;
    v.reverses := v_entry.seq;
    v.peer_user_id := v_entry.peer_user_id;
    v.peer_reverses := v_entry.peer_seq;
    v.problem := ledger.entry_problem(v_entry.seq, exists (
      select from public.payment_history h where h.user_id = load_target.user_id
         and h.hold is null and h.reverses = load_target.ref));
  end if;
  return v;
end $$;

comment on function ledger.load_target is
  'What a capture, a release or a reversal is about: the hold or entry ref of a user, with what that makes of the operation (action, amount; null: all of the hold), and problem, if it can''t be done.';

revoke all on function ledger.load_target from public;
-- end function

-- function: lock_account
create or replace function ledger.lock_account(user_id bigint)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account;
begin
  -- NO KEY UPDATE, so that this doesn't wait for an open manual insert, whose trigger takes KEY
  -- SHARE, nor a manual insert for this.
  select u.id, u.hold_changes, u.updated_at, coalesce(-u.credit_limit, 0.00), u.frozen_at is not null
    into v.user_id, v.hold_changes, v.updated_at, v.held, v.is_frozen
    from public.users u where u.id = lock_account.user_id for no key update; -- mutation: lock
  if not found then
    v.user_id := lock_account.user_id;
    v.problem := 'LGUSR';
    return v;
  end if;
  -- Only the statement after the one that locked has a snapshot from after the lock. Pending
  -- entries have no seq, and nulls come first in this order, so one index probe finds them, or else
  -- the last entry.
  select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
    from public.payment_history h where h.user_id = v.user_id order by h.seq desc limit 1;
  if v.seq is null or v.hold_changes > 0 then v := ledger.open_account(v, null); end if;
  return v;
end $$;

comment on function ledger.lock_account is
  'Locks a user until the end of the transaction, waiting for it, posts all that is pending, and returns its account; problem: LGUSR (there is no such user), or what open_account says. Raises 55P03 after lock_timeout.';

revoke all on function ledger.lock_account from public;
-- end function

-- function: lock_accounts
create or replace function ledger.lock_accounts(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_locked ledger.account[];
  v_accounts ledger.account[];
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
           i.hold_changes, null, i.updated_at, i.is_frozen)::ledger.account)
    into v_accounts
    from unnest(v_locked) i
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from public.payment_history p
       where p.user_id = i.user_id order by p.seq desc limit 1) h on true; -- mutation: last
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

-- function: manual_entry_hash
create or replace function ledger.manual_entry_hash(
  entry public.payment_history, id bigint, entered_at timestamptz, entered_by text)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash; of a posted entry, the id is not that of its row any more.
  select sha256(decode('01', 'hex') || record_send(row(
    (entry).user_id, id, convert_to((entry).action, 'UTF8'), (entry).amount, (entry).ts,
    convert_to((entry).idempotency_key, 'UTF8'), convert_to((entry).metadata::text, 'UTF8'),
    entered_at, convert_to(entered_by, 'UTF8'))))
$$;

comment on function ledger.manual_entry_hash is
  'The hash of a manual entry as it was entered: sha256 over the version of the encoding (1), what was said of it, the id of its row, when and by whom. It depends on nothing else.';

revoke all on function ledger.manual_entry_hash from public;
grant execute on function ledger.manual_entry_hash to ledger_dba;
-- end function

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

-- function: open_account
create or replace function ledger.open_account(account ledger.account, max_pending integer)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account := open_account.account;
  -- As in held_now.
  v_now timestamptz;
begin
  if v.seq is null and v.problem is null then
    v.problem := nullif(ledger.post_pending(v.user_id, open_account.max_pending), 'ok');
    select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
      from public.payment_history h where h.user_id = v.user_id and h.seq is not null
     order by h.seq desc limit 1;
    if not found then
      v.seq := 0;
      v.balance := 0.00;
    end if;
  end if;
  if v.hold_changes > 0 then
    v_now := clock_timestamp();
    select v.held + coalesce(sum(o.amount), 0.00), min(nullif(o.expires_at, 'infinity'))
      into v.held, v.next_expiry
      from public.holds o where o.user_id = v.user_id and o.status = 'active'
       and o.expires_at > v_now;
  end if;
  return v;
end $$;

comment on function ledger.open_account is
  'What a locked user''s account needs where the last entry isn''t all: without a seq, there are pending entries or none; posts these, at most max_pending (null: all). Adds the active holds to held. problem: as it was, or 55P03 (entries are left) or LGRNG, as post_pending returns them.';

revoke all on function ledger.open_account from public;
-- end function

-- function: outcome_of
create or replace function ledger.outcome_of(
  n integer, decision ledger.decision, account ledger.account, first_user_id bigint,
  hold public.holds, read_at timestamptz)
  returns ledger.outcome
  language plpgsql volatile as $$
declare
  v ledger.outcome;
  h public.holds := outcome_of.hold;
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
    select o.* into h from public.holds o
     where o.user_id = account.user_id and o.hold = decision.hold;
    -- For a repeat of place_hold, the hold as it was placed.
    if decision.action is not null then h.release_seq := null; end if;
  elsif decision.problem = 'LGFND' and v_is_peer = (decision.change > 0) then
    v.balance := account.balance;
    -- What the hold reserves is available for its capture.
    v.available := account.balance - v_held;
    v.required := decision.amount;
    v.shortfall := v.required - v.available;
  end if;
  if h.hold is not null then
    v.hold := h.hold; v.amount := h.amount; v.expires_at := nullif(h.expires_at, 'infinity');
    v.available := h.available;
    v.hold_status := 'active';
    if h.release_seq is not null then
      v.hold_status := 'released'; v.seq := h.release_seq; v.balance := h.release_balance;
      v.available := h.release_available; v.posted_at := h.closed_at;
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
  'What post answers of an operation that made no entry, for one of its users: refused (with what is missing), replayed, a hold placed or released, or only what was pending posted. With the user as it is now, at read_at by the clock of the database.';

revoke all on function ledger.outcome_of from public;
-- end function

drop function ledger.pair_problem(amount numeric, metadata jsonb, is_same_user boolean, problem text, peer_problem text, balance numeric, held numeric, peer_balance numeric, peer_held numeric);

-- function: pair_problem

-- end function

drop function ledger.plain_decision(operation text, amount numeric, metadata jsonb, user_id bigint, problem text, balance numeric, held numeric, peer_user_id bigint, peer_problem text, peer_balance numeric, peer_held numeric);

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
    null)::ledger.decision
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
  h public.holds;
begin
  for i in 1 .. cardinality(post.operations) loop -- mutation: order
    v_operation := post.operations[i];
    v_peer_id := post.peer_user_ids[i];
    v_a := width_bucket(post.user_ids[i], v_ids);
    a := v_accounts[v_a];
    if (a.user_id = post.user_ids[i]) is not true then
      a := ledger.absent_account(post.user_ids[i]);
    end if;
    if v_operation in ('CAPTURE', 'RELEASE', 'REVERSE') or v_has_repeated_keys then
      -- What this call has posted so far counts, too.
      perform ledger.insert_entries(v_new); v_new := '{}'; -- mutation: flush
      t := ledger.load_target(v_operation, a.user_id, post.refs[i], post.amounts[i]);
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
        perform ledger.write_hold(v_operation, a, null, d.hold, null, null, null);
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
      if d.problem is null and not d.replayed and v_operation in ('HOLD', 'RELEASE') then
        a.held := d.held;
        h := ledger.write_hold(v_operation, a, d.amount, d.hold, post.expires_ins[i],
          post.idempotency_keys[i], post.metadatas[i]);
        a.hold_changes := a.hold_changes + 1;
        a.updated_at := greatest(h.created_at, h.closed_at, a.updated_at, a.posted_at);
        if v_operation = 'HOLD' then
          a.held := a.held + d.amount; -- mutation: reserve
          a.next_expiry := least(a.next_expiry, nullif(h.expires_at, 'infinity'));
        end if;
        v_accounts[v_a] := a;
      end if;
      return next ledger.outcome_of(i, d, a, a.user_id, h, v_read_at);
      if p.user_id is not null or p.problem is not null then
        return next ledger.outcome_of(i, d, p, a.user_id, null, v_read_at);
      end if;
      h := null;
    end if;
  end loop;
  perform ledger.insert_entries(v_new);
  perform ledger.copy_accounts(v_accounts);
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE and RELEASE (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

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
    post_change.amount);
  -- It was none when the caller looked.
  if t.peer_user_id is not null then a.problem := '55P03'; end if;
  d := ledger.decide(post_change.operation, post_change.amount, null,
    post_change.idempotency_key, post_change.metadata, t, a, null);
  v_problem := d.problem; v_seq := a.seq; v_balance := a.balance; v_at := a.posted_at;
  v_hash := a.hash;
  if d.replayed then return (ledger.replay_entry(array[a], d.earlier_seq))[1]; end if;
  if v_problem is null and d.hold is not null then
    a.held := d.held;
    perform ledger.write_hold('CAPTURE', a, null, d.hold, null, null, null);
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
  'One DEBIT, CREDIT, CAPTURE (ref: the hold) or REVERSE (ref: the seq of an entry that is no transfer) for people: waits for the user, posts all that is pending, and returns the entry; raises what post returns as a status.';

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
  t := ledger.load_target(post_pair.operation, post_pair.user_id, post_pair.ref, null);
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
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than was held.',
        coalesce(raise_status.amount::text, 'null')),
      hint = 'Nothing is rounded: give another amount, at most what a hold held to capture it.';
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount),
      hint = 'Look at balances and active_holds: a credit, or the release of a hold, makes more available.';
    when 'LGFRZ' then raise exception using errcode = 'LGFRZ', message = 'user is frozen',
      detail = format('Nothing is taken from user %s, or held, until thaw_user.',
        raise_status.user_id);
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.',
      hint = 'Repeat a request exactly as it was, and give another one a key of its own.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.',
      hint = 'Look for a wrong amount in pending_entries.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.',
      hint = 'active_holds has those that can be; place another hold, or debit the user.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id),
      hint = 'holds has the numbers of each user.';
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id),
      hint = 'entries has those that are posted by seq, pending_entries the other ones by id.';
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'An entry is reversed at most once.',
      hint = 'reversed_by in entries names the reversal, which can be reversed itself.';
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

-- function: read_changes
create or replace function ledger.read_changes(
  after_id bigint, until_id bigint, missing bigint[], max_rows integer,
  out last_id bigint, out is_complete boolean, out gaps bigint, out still_missing bigint[],
  out user_ids bigint[], out versions bigint[])
  language plpgsql stable as $$
begin
  -- Ids above the sequence were given explicitly; posted entries never have such ids.
  with entries as (
    select h.id, h.user_id, h.seq from public.payment_history h
     where h.id > read_changes.after_id and h.id <= read_changes.until_id
     order by h.id limit read_changes.max_rows),
  changed_holds as (
    select x.id, x.user_id from (
      (select o.position as id, o.user_id from public.holds o
        where o.position > read_changes.after_id and o.position <= read_changes.until_id
        order by o.position limit read_changes.max_rows)
      union all
      (select k.position, k.user_id from public.user_controls k
        where k.position > read_changes.after_id and k.position <= read_changes.until_id
        order by k.position limit read_changes.max_rows)) x
     order by x.id limit read_changes.max_rows),
  bound as (
    select coalesce(
             least(case when e.n = read_changes.max_rows then e.id end,
                   case when o.n = read_changes.max_rows then o.id end),
             greatest(e.id, o.id, read_changes.after_id)) as id,
           greatest(e.n, o.n) < read_changes.max_rows as is_last
      from (select count(*) as n, max(x.id) as id from entries x) e,
           (select count(*) as n, max(x.id) as id from changed_holds x) o),
  visible as (
    select e.id, e.user_id, e.seq, false as is_hold from entries e, bound b where e.id <= b.id
    union all
    select o.id, o.user_id, null, true from changed_holds o, bound b where o.id <= b.id
    union all
    -- One probe for each: a plan from when there were few might read all of them each time.
    select m.id, x.user_id, x.seq, x.is_hold
      from unnest(read_changes.missing) m (id) cross join lateral (
        select h.user_id, h.seq, false as is_hold
          from public.payment_history h where h.id = m.id
        union all
        select o.user_id, null, true from public.holds o where o.position = m.id
        union all
        select k.user_id, null, true from public.user_controls k where k.position = m.id
        offset 0) x),
  -- A pending entry gets another id when it is posted.
  changed as (
    select v.user_id, max(case when not v.is_hold then v.seq else (
             select h.seq from public.payment_history h
              where h.user_id = v.user_id and h.seq is not null order by h.seq desc limit 1)
           end) as seq
      from visible v where v.is_hold or v.seq is not null group by v.user_id),
  known as (
    select array_agg(u.id) as user_ids,
           array_agg(coalesce(c.seq, 0) + u.hold_changes) as versions
      from changed c join public.users u on u.id = c.user_id)
  select b.id, b.is_last, k.user_ids, k.versions,
         b.id - read_changes.after_id - (
           select count(distinct v.id) from visible v where v.id > read_changes.after_id),
         array(select m.id from unnest(read_changes.missing) m (id)
                except select v.id from visible v)
    into last_id, is_complete, user_ids, versions, gaps, still_missing
    from bound b, known k;
end $$;

comment on function ledger.read_changes is
  'What get_changes tells of the ids after after_id, of those that were missing, and of no id above until_id, which the sequence has not given yet; gaps: how many ids up to last_id are not there.';

revoke all on function ledger.read_changes from public;
-- end function

-- function: record_entry
create or replace function ledger.record_entry()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_at timestamptz;
begin
  -- What the engine posts. Asked here, since WHEN of a trigger costs every insert more.
  if new.seq is not null then return null; end if;
  -- After the lock of check_entry, and so after this transaction got its id, which anchors rely on.
  v_at := clock_timestamp();
  insert into public.manual_entries (user_id, id, entered_at, entered_by, hash)
  values (new.user_id, new.id, v_at, session_user,
    ledger.manual_entry_hash(new, new.id, v_at, session_user));
  return null;
end $$;

comment on function ledger.record_entry is
  'Records who entered a manual entry, and when; passes what the engine posts. After the insert, which ON CONFLICT may skip.';

revoke all on function ledger.record_entry from public;
-- end function

-- function: reverse_entry
create or replace function public.reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- Which users to lock may be read before the lock, because posted entries don't change.
  v_peer_id bigint := (select h.peer_user_id from public.payment_history h
    where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq);
  v ledger.posted_entry[];
begin
  if v_peer_id is null then
    return ledger.post_change('REVERSE', reverse_entry.user_id, null, reverse_entry.seq,
      reverse_entry.idempotency_key, reverse_entry.metadata);
  end if;
  v := ledger.post_pair('REVERSE', reverse_entry.user_id, v_peer_id, null, reverse_entry.seq,
    reverse_entry.idempotency_key, reverse_entry.metadata);
  return v[1];
end $$;

comment on function public.reverse_entry is
  'Takes an entry back by an entry of the opposite action, at most once, once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (already reversed), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.reverse_entry from public;
grant execute on function public.reverse_entry to ledger_dba;
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

-- function: set_credit_limit
create or replace function public.set_credit_limit(
  user_id bigint, credit_limit numeric, reason text default null)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return ledger.set_control('CREDIT LIMIT', set_credit_limit.user_id,
    set_credit_limit.credit_limit, set_credit_limit.reason, null);
end $$;

comment on function public.set_credit_limit is
  'How far below zero the balance of user_id may go: available is the balance, less what is held, plus this (0 or null: none; at most 9999999999.99). A limit below what is used already only keeps more from being taken. user_controls keeps who did it and why. Raises LGUSR, LGAMT, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.set_credit_limit from public;
grant execute on function public.set_credit_limit to ledger_dba;
-- end function

drop function ledger.sum_of_holds(user_id bigint);

-- function: sum_of_holds

-- end function

-- function: thaw_user
create or replace function public.thaw_user(user_id bigint, reason text default null)
  returns ledger.user_state
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return ledger.set_control('THAW', thaw_user.user_id, null, thaw_user.reason, null);
end $$;

comment on function public.thaw_user is
  'Ends freeze_user. user_controls keeps who did it and why. Raises LGUSR, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.thaw_user from public;
grant execute on function public.thaw_user to ledger_dba;
-- end function

-- function: transfer
create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.posted_entry[] := ledger.add_transfer(transfer.from_user_id,
    transfer.to_user_id, transfer.amount, transfer.idempotency_key, transfer.metadata);
begin
  return next v[1];
  return next v[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
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

-- function: verify_entry
create or replace function ledger.verify_entry(entry payment_history)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.payment_history := verify_entry.entry;
  v_last public.payment_history;
  v_peer public.payment_history;
  v_reversed public.payment_history;
  v_hold public.holds;
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
    if v.reverses >= v.seq or (v_reversed.amount, v_reversed.action <> v.action,
        v_reversed.peer_user_id, v_reversed.peer_seq)
      is distinct from (v.amount, true, v.peer_user_id, v_peer.reverses) then
      return next row('reversal_unmatched', v.user_id, v.seq, format('Entry %s is %s.', v.reverses,
        case when v_reversed.seq is null then 'missing' else 'not what it reverses' end))::ledger.finding;
    end if;
  end if;
  if v.hold is not null then
    select o.* into v_hold from public.holds o where o.user_id = v.user_id and o.hold = v.hold;
    if (v_hold.status, v.action, v_hold.amount >= v.amount)
      is distinct from ('captured', 'DEBIT', true) then
      return next row('hold_invalid', v.user_id, v.seq, format('Hold %s is %s.', v.hold,
        case when v_hold.hold is null then 'missing' when v_hold.status <> 'captured'
          then v_hold.status else 'smaller than the entry' end))::ledger.finding;
    end if;
  end if;
end $$;

comment on function ledger.verify_entry is
  'The findings about one posted row: against the row before it, who entered it, the other half of its transfer, the entry that it reverses, and its hold. Internal.';

revoke all on function ledger.verify_entry from public;
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

-- function: verify_holds
create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language sql stable as $$
  select row('hold_invalid', o.user_id, null, format('Hold %s %s.', o.hold, w.wrong))::ledger.finding
    from public.holds o
    cross join lateral (values
      (o.status = 'captured' and not exists (select from public.payment_history h
         where h.user_id = o.user_id and h.hold = o.hold), 'is captured without its entry'),
      (o.available < 0, 'is more than was available'),
      (o.expires_at <= o.created_at, 'ended before it began'),
      (o.hash not in (ledger.hold_hash(o), ledger.hold_hash_1(o)), 'was edited'),
      (not ledger.is_valid_amount(o.amount) or o.hold < 1
         or o.status not in ('active', 'captured', 'released')
         or (o.closed_at is null) <> (o.status = 'active'), 'can''t be')
    ) w (is_wrong, wrong)
   where w.is_wrong and o.user_id > verify_holds.after_user_id
     and o.user_id <= verify_holds.upto_user_id
  union all
  -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
  select row('hold_invalid', coalesce(u.id, c.user_id), null, format(
           'users.hold_changes is %s, but %s holds up to number %s and controls had %s changes.',
           u.hold_changes, c.holds, c.last_hold, c.changes))::ledger.finding
    from (select u.id, u.hold_changes from public.users u
           where u.hold_changes > 0 and u.id > verify_holds.after_user_id
             and u.id <= verify_holds.upto_user_id) u
    full join (
      select x.user_id, sum(x.holds)::bigint as holds, max(x.last_hold) as last_hold,
             sum(x.changes)::bigint as changes
        from (
          select o.user_id, count(*) as holds, max(o.hold) as last_hold,
                 count(*) + count(o.closed_at) as changes
            from public.holds o
           where o.user_id > verify_holds.after_user_id and o.user_id <= verify_holds.upto_user_id
           group by o.user_id
          union all
          select k.user_id, 0, 0, count(*) from public.user_controls k
           where k.user_id > verify_holds.after_user_id and k.user_id <= verify_holds.upto_user_id
           group by k.user_id) x
       group by x.user_id) c on c.user_id = u.id
   where (u.hold_changes, c.holds) is distinct from (c.changes, c.last_hold)
$$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: captured without an entry, more than was available, ended before they began, edited, missing, added or changed behind the back of users. Internal.';

revoke all on function ledger.verify_holds from public;
-- end function

-- function: verify_interventions
create or replace function ledger.verify_interventions()
  returns setof ledger.finding
  language sql stable as $$
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at at time zone 'UTC', coalesce(i.reason, i.before::text)))::ledger.finding
    from public.interventions i where i.operation <> 'WITHDRAW'
  union all
  select row('intervention_invalid', i.user_id, i.seq, format(
           'Intervention %s is not what came after number %s.', i.id, coalesce(i.last_id, 0)))::ledger.finding
    from (select i.*, lag(i.id) over w as last_id,
                 ledger.intervention_hash(lag(i.hash) over w, i) as right_hash
            from public.interventions i window w as (order by i.id)) i
   where i.id <> coalesce(i.last_id, 0) + 1 or i.hash <> i.right_hash
$$;

comment on function ledger.verify_interventions is
  'The findings about interventions: everything that was done with break_glass, for ever, and where their chain was edited, or one is missing. Internal.';

revoke all on function ledger.verify_interventions from public;
-- end function

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
      select p as entry from public.payment_history p
       where p.user_id = m.user_id and p.seq = m.seq
      union all
      select p from public.payment_history p
       where m.seq is null and p.user_id = m.user_id and p.id = m.id and p.seq is null
      union all
      -- Withdrawn: then this is what it was.
      select jsonb_populate_record(null::public.payment_history, i.before)
        from public.interventions i
       where m.seq is null and i.user_id = m.user_id and i.operation = 'WITHDRAW'
         and i.before -> 'id' = to_jsonb(m.id)
       limit 1) e on true
   where m.user_id > verify_manual_entries.after_user_id
     and m.user_id <= verify_manual_entries.upto_user_id
     and (m.hash is distinct from
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

-- function: verify_user_page
create or replace function ledger.verify_user_page(
  user_id bigint, after_seq bigint default 0, max_rows integer default 10000)
  returns table (findings ledger.finding[], rows_read bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select e.findings, e.rows_read, e.next_seq into findings, rows_read, next_seq
    from ledger.verify_entries(verify_user_page.user_id, verify_user_page.after_seq,
           verify_user_page.max_rows, verify_user_page.user_id) e;
  if next_seq is null then
    findings := findings || array(
      select f from ledger.verify_users(verify_user_page.user_id - 1, 1, verify_user_page.user_id) p,
        unnest(p.findings) f
      union all
      select row('intervention', i.user_id, i.seq,
               format('%s by %s at %s.', i.operation, i.role, i.at))::ledger.finding
        from public.interventions i
        where i.user_id = verify_user_page.user_id and i.operation <> 'WITHDRAW');
  end if;
  return next;
end $$;

comment on function ledger.verify_user_page is
  'Verifies at most max_rows entries of a user after a seq, and with the last of them what else verify_user looks at: findings, how many entries it read, and the seq to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_user_page from public;
grant execute on function ledger.verify_user_page to ledger_service, ledger_dba;
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

-- Of entries that were posted later than they were made, and of those that are pending, nobody knew
-- who had entered them: whoever migrates.
insert into public.manual_entries (user_id, id, entered_at, entered_by, seq, hash)
select h.user_id, h.id, now(), session_user, h.seq,
       ledger.manual_entry_hash(h, h.id, now(), session_user)
  from public.payment_history h where h.seq is null or h.ts <> h.sealed_at;

do $$
declare
  v public.interventions;
  v_old_id bigint;
  v_hash bytea;
begin
  for v in select * from public.interventions order by id loop
    v_old_id := v.id;
    v.id := (select count(*) + 1 from public.interventions i where i.hash is not null);
    v_hash := ledger.intervention_hash(v_hash, v);
    update public.interventions i set id = v.id, hash = v_hash where i.id = v_old_id;
  end loop;
end $$;
alter table public.interventions alter hash set not null;

-- Without WHEN, which PostgreSQL reads from its text for every statement.
create trigger check_entry before insert on public.payment_history
  for each row execute function ledger.check_entry();
create trigger record_entry after insert on public.payment_history
  for each row execute function ledger.record_entry();
create trigger chain_intervention before insert on public.interventions
  for each row when (new.hash is null) execute function ledger.chain_intervention();
create trigger guard_row before update or delete on public.user_controls
  for each row execute function ledger.guard_history();
create trigger guard_truncate before truncate on public.user_controls
  for each statement execute function ledger.guard_history();
-- But for the seq that it is posted with.
create trigger guard_update before update on public.manual_entries
  for each row when (old.seq is not null or new.seq is null
    or (old.user_id, old.id, old.entered_at, old.entered_by, old.hash)
      is distinct from (new.user_id, new.id, new.entered_at, new.entered_by, new.hash))
  execute function ledger.guard_history();
create trigger guard_delete before delete on public.manual_entries
  for each row execute function ledger.guard_history();
create trigger guard_truncate before truncate on public.manual_entries
  for each statement execute function ledger.guard_history();
create trigger guard_row before update or delete on ledger.anchors
  for each row execute function ledger.guard_history();
create trigger guard_truncate before truncate on ledger.anchors
  for each statement execute function ledger.guard_history();
-- Two: a debit updates neither column.
create trigger guard_id after update of id on public.users
  for each row execute function ledger.guard_user();
create trigger guard_hold_changes after update of hold_changes on public.users
  for each row when (new.hold_changes < old.hold_changes) execute function ledger.guard_user();
alter table public.payment_history enable always trigger check_entry;
alter table public.interventions enable always trigger chain_intervention,
  enable always trigger guard_row;
alter table public.manual_entries enable always trigger guard_update,
  enable always trigger guard_delete, enable always trigger guard_truncate;
alter table ledger.anchors enable always trigger guard_row, enable always trigger guard_truncate;
-- record_entry isn't among these: what a logical subscriber gets was recorded by the publisher.
alter table public.user_controls enable always trigger guard_row,
  enable always trigger guard_truncate;
alter table public.users enable always trigger guard_id,
  enable always trigger guard_hold_changes;

grant select on public.user_controls, public.user_details, public.user_references,
  public.user_keys, public.manual_entries, public.balances, public.pending_entries,
  public.active_holds, public.daily_totals, ledger.anchors to ledger_dba;

-- migrate:down
set local check_function_bodies = off;

-- Only while there is nothing to lose.
do $$
begin
  if exists (select from public.user_controls) or exists (select from public.user_details)
    or exists (select from public.manual_entries) or exists (select from public.interventions)
    or exists (select from ledger.anchors) then
    raise exception 'there are rows that this would drop, so it is not done: restore a backup';
  end if;
end $$;

drop trigger check_entry on public.payment_history;
drop trigger record_entry on public.payment_history;
drop trigger chain_intervention on public.interventions;
drop trigger guard_id on public.users;
drop trigger guard_hold_changes on public.users;
drop view public.balances, public.pending_entries, public.active_holds, public.daily_totals;

alter table public.interventions
  drop constraint interventions_operation_check,
  drop constraint interventions_check,
  add check (operation in ('BREAK GLASS', 'UPDATE', 'DELETE')),
  add check ((reason is null) = (operation <> 'BREAK GLASS'));

drop function public.withdraw_entry(user_id bigint, id bigint, reason text);

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
    select f from ledger.verify_holds(verify_users.after_user_id,
      coalesce(next_user_id, verify_users.upto_user_id)) f);
  return next;
end $$;

comment on function ledger.verify_users is
  'Verifies at most max_rows users after an id, up to another: the copies in users, hand-made rows that have been pending for longer than pending_limit by their ts, and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_users from public;
grant execute on function ledger.verify_users to ledger_dba;
-- end function

-- function: verify_user_page
create or replace function ledger.verify_user_page(
  user_id bigint, after_seq bigint default 0, max_rows integer default 10000)
  returns table (findings ledger.finding[], rows_read bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  select e.findings, e.rows_read, e.next_seq into findings, rows_read, next_seq
    from ledger.verify_entries(verify_user_page.user_id, verify_user_page.after_seq,
           verify_user_page.max_rows, verify_user_page.user_id) e;
  if next_seq is null then
    findings := findings || array(
      select f from ledger.verify_users(verify_user_page.user_id - 1, 1, verify_user_page.user_id) p,
        unnest(p.findings) f
      union all
      select row('intervention', i.user_id, i.seq,
               format('%s by %s at %s.', i.operation, i.role, i.at))::ledger.finding
        from public.interventions i where i.user_id = verify_user_page.user_id);
  end if;
  return next;
end $$;

comment on function ledger.verify_user_page is
  'Verifies at most max_rows entries of a user after a seq, and with the last of them what else verify_user looks at: findings, how many entries it read, and the seq to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_user_page from public;
grant execute on function ledger.verify_user_page to ledger_service, ledger_dba;
-- end function

drop function ledger.verify_manual_entries(after_user_id bigint, upto_user_id bigint);

drop function ledger.verify_interventions();

-- function: verify_holds
create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language sql stable as $$
  select row('hold_invalid', o.user_id, null, format('Hold %s %s.', o.hold, w.wrong))::ledger.finding
    from public.holds o
    cross join lateral (values
      (o.status = 'captured' and not exists (select from public.payment_history h
         where h.user_id = o.user_id and h.hold = o.hold), 'is captured without its entry'),
      (o.available < 0, 'is more than was available'),
      (o.expires_at <= o.created_at, 'ended before it began'),
      (o.hash not in (ledger.hold_hash(o), ledger.hold_hash_1(o)), 'was edited'),
      (not ledger.is_valid_amount(o.amount) or o.hold < 1
         or o.status not in ('active', 'captured', 'released')
         or (o.closed_at is null) <> (o.status = 'active'), 'can''t be')
    ) w (is_wrong, wrong)
   where w.is_wrong and o.user_id > verify_holds.after_user_id
     and o.user_id <= verify_holds.upto_user_id
  union all
  -- Holds are numbered without gaps, and each of their changes is counted.
  select row('hold_invalid', coalesce(u.id, c.user_id), null, format(
           'users.hold_changes is %s, but %s holds up to number %s had %s changes.',
           u.hold_changes, c.holds, c.last_hold, c.changes))::ledger.finding
    from (select u.id, u.hold_changes from public.users u
           where u.hold_changes > 0 and u.id > verify_holds.after_user_id
             and u.id <= verify_holds.upto_user_id) u
    full join (select o.user_id, count(*) as holds, max(o.hold) as last_hold,
                      count(*) + count(o.closed_at) as changes
                 from public.holds o
                where o.user_id > verify_holds.after_user_id
                  and o.user_id <= verify_holds.upto_user_id
                group by o.user_id) c on c.user_id = u.id
   where (u.hold_changes, c.holds) is distinct from (c.changes, c.last_hold)
$$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: captured without an entry, more than was available, ended before they began, edited, missing, added or changed behind the back of users. Internal.';

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
     -- Others may have indexes and checks of their own; what runs at a change must be ours.
     and (e.object is not null or g.object like 'trigger %' or g.object like 'function ledger.%')
  union all
  select row('intervention', i.user_id, i.seq, format('%s by %s at %s: %s', i.operation, i.role,
           i.at at time zone 'UTC', coalesce(i.reason, i.before::text)))::ledger.finding
    from public.interventions i
$$;

comment on function ledger.verify_guards is
  'The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing, disabled or another than the migrations made, a trigger or a function in schema ledger that is somebody else''s, and everything that was done with break_glass, for ever.';

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
  v_hold public.holds;
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
    if v.reverses >= v.seq or (v_reversed.amount, v_reversed.action <> v.action,
        v_reversed.peer_user_id, v_reversed.peer_seq)
      is distinct from (v.amount, true, v.peer_user_id, v_peer.reverses) then
      return next row('reversal_unmatched', v.user_id, v.seq, format('Entry %s is %s.', v.reverses,
        case when v_reversed.seq is null then 'missing' else 'not what it reverses' end))::ledger.finding;
    end if;
  end if;
  if v.hold is not null then
    select o.* into v_hold from public.holds o where o.user_id = v.user_id and o.hold = v.hold;
    if (v_hold.status, v.action, v_hold.amount >= v.amount)
      is distinct from ('captured', 'DEBIT', true) then
      return next row('hold_invalid', v.user_id, v.seq, format('Hold %s is %s.', v.hold,
        case when v_hold.hold is null then 'missing' when v_hold.status <> 'captured'
          then v_hold.status else 'smaller than the entry' end))::ledger.finding;
    end if;
  end if;
end $$;

comment on function ledger.verify_entry is
  'The findings about one sealed row: against the row before it, the other half of its transfer, the entry that it reverses, and its hold. Internal.';

revoke all on function ledger.verify_entry from public;
-- end function

-- function: verify_entries
create or replace function ledger.verify_entries(
  after_user_id bigint default 0, after_seq bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807)
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- By the index on seq, always: sorting would read a whole user for each page of it.
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
  set enable_incremental_sort = off set enable_hashjoin = off set enable_mergejoin = off
  set jit = off as $$
declare
  v_entry public.payment_history;
  v_last public.payment_history;
  v_suspects public.payment_history[];
  v_users bigint[];
begin
  -- The first row of the page stands on the row before it.
  select p.* into v_last from public.payment_history p
   where p.user_id = verify_entries.after_user_id and p.seq = verify_entries.after_seq;
  rows_read := 0;
  -- A loop that keeps the row before costs a third less than a window.
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
    -- A hash of an earlier version is for verify_entry to tell.
    if (v_entry.seq = coalesce(v_last.seq, 0) + 1
        and v_entry.sealed_at > coalesce(v_last.sealed_at, '-infinity')
        and v_entry.balance = coalesce(v_last.balance, 0)
          + ledger.change_of(v_entry.action, v_entry.amount)
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
  'Verifies at most max_rows sealed rows after (after_user_id, after_seq), in order of user and seq, up to a user: findings, how many rows it read, and the place to go on after (null: that was all). The first row is checked against the one before the range. Sees one moment and waits for nobody.';

revoke all on function ledger.verify_entries from public;
grant execute on function ledger.verify_entries to ledger_dba;
-- end function

drop function ledger.verify_controls(after_user_id bigint, upto_user_id bigint);

-- function: transfer
create or replace function public.transfer(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns setof ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.posted_entry[] := ledger.post_pair('TRANSFER', transfer.from_user_id,
    transfer.to_user_id, transfer.amount, null, transfer.idempotency_key, transfer.metadata);
begin
  return next v[1];
  return next v[2];
end $$;

comment on function public.transfer is
  'Takes amount from one user and adds it to another, both or neither, once per idempotency_key of the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.transfer from public;
grant execute on function public.transfer to ledger_dba;
-- end function

drop function public.thaw_user(user_id bigint, reason text);

-- function: sum_of_holds
create or replace function ledger.sum_of_holds(user_id bigint)
  returns numeric
  language plpgsql volatile as $$
declare
  -- Before the statement: then it is a bound in the index, which leaves out what has expired.
  v_now timestamptz := clock_timestamp();
begin
  return (select coalesce(sum(o.amount), 0.00) from public.holds o
           where o.user_id = sum_of_holds.user_id and o.status = 'active'
             and o.expires_at > v_now);
end $$;

comment on function ledger.sum_of_holds is 'What active holds of a user reserve now.';

revoke all on function ledger.sum_of_holds from public;
-- end function

drop function public.set_credit_limit(user_id bigint, credit_limit numeric, reason text);

drop function ledger.set_control(operation text, user_id bigint, credit_limit numeric, reason text, actor text);

-- function: reverse_entry
create or replace function public.reverse_entry(
  user_id bigint, seq bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  -- Posted entries don't change: whom to lock may be read before the lock.
  v_peer_id bigint := (select h.peer_user_id from public.payment_history h
    where h.user_id = reverse_entry.user_id and h.seq = reverse_entry.seq);
  v ledger.posted_entry[];
begin
  if v_peer_id is null then
    return ledger.post_change('REVERSE', reverse_entry.user_id, null, reverse_entry.seq,
      reverse_entry.idempotency_key, reverse_entry.metadata);
  end if;
  v := ledger.post_pair('REVERSE', reverse_entry.user_id, v_peer_id, null, reverse_entry.seq,
    reverse_entry.idempotency_key, reverse_entry.metadata);
  return v[1];
end $$;

comment on function public.reverse_entry is
  'Takes an entry back by an entry of the opposite action, at most once, once per idempotency_key; the half of a transfer together with the other half. Raises LGUSR, LGENT (no such entry), LGREV (already reversed), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.reverse_entry from public;
grant execute on function public.reverse_entry to ledger_dba;
-- end function

drop function ledger.record_entry();

-- function: read_changes
create or replace function ledger.read_changes(
  after_id bigint, until_id bigint, missing bigint[], max_rows integer,
  out last_id bigint, out is_complete boolean, out gaps bigint, out still_missing bigint[],
  out user_ids bigint[], out versions bigint[])
  language plpgsql stable as $$
begin
  -- Ids above the sequence were given by hand; nothing is posted with such a one.
  with entries as (
    select h.id, h.user_id, h.seq from public.payment_history h
     where h.id > read_changes.after_id and h.id <= read_changes.until_id
     order by h.id limit read_changes.max_rows),
  changed_holds as (
    select o.position as id, o.user_id from public.holds o
     where o.position > read_changes.after_id and o.position <= read_changes.until_id
     order by o.position limit read_changes.max_rows),
  bound as (
    select coalesce(
             least(case when e.n = read_changes.max_rows then e.id end,
                   case when o.n = read_changes.max_rows then o.id end),
             greatest(e.id, o.id, read_changes.after_id)) as id,
           greatest(e.n, o.n) < read_changes.max_rows as is_last
      from (select count(*) as n, max(x.id) as id from entries x) e,
           (select count(*) as n, max(x.id) as id from changed_holds x) o),
  visible as (
    select e.id, e.user_id, e.seq, false as is_hold from entries e, bound b where e.id <= b.id
    union all
    select o.id, o.user_id, null, true from changed_holds o, bound b where o.id <= b.id
    union all
    -- One by one: a plan from when there were few may otherwise read all of them each time.
    select m.id, x.user_id, x.seq, x.is_hold
      from unnest(read_changes.missing) m (id) cross join lateral (
        select h.user_id, h.seq, false as is_hold
          from public.payment_history h where h.id = m.id
        union all
        select o.user_id, null, true from public.holds o where o.position = m.id
        offset 0) x),
  -- What a pending entry will change has another id then.
  changed as (
    select v.user_id, max(case when not v.is_hold then v.seq else (
             select h.seq from public.payment_history h
              where h.user_id = v.user_id and h.seq is not null order by h.seq desc limit 1)
           end) as seq
      from visible v where v.is_hold or v.seq is not null group by v.user_id),
  known as (
    select array_agg(u.id) as user_ids,
           array_agg(coalesce(c.seq, 0) + u.hold_changes) as versions
      from changed c join public.users u on u.id = c.user_id)
  select b.id, b.is_last, k.user_ids, k.versions,
         b.id - read_changes.after_id - (
           select count(distinct v.id) from visible v where v.id > read_changes.after_id),
         array(select m.id from unnest(read_changes.missing) m (id)
                except select v.id from visible v)
    into last_id, is_complete, user_ids, versions, gaps, still_missing
    from bound b, known k;
end $$;

comment on function ledger.read_changes is
  'What get_changes tells of the ids after after_id, of those that were missing, and of no id above until_id, which the sequence has not given yet; gaps: how many ids up to last_id are not there.';

revoke all on function ledger.read_changes from public;
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
      detail = format('There is no user %s.', coalesce(raise_status.user_id::text, 'null'));
    when 'LGAMT' then raise exception using errcode = 'LGAMT', message = 'bad amount',
      detail = format('%s is not an amount from 0.01 to 9999999999.99 with at most two decimals, or more than was held.',
        coalesce(raise_status.amount::text, 'null'));
    when 'LGFND' then raise exception using errcode = 'LGFND', message = 'insufficient funds',
      detail = format('Available is %s, required is %s.',
        raise_status.available, raise_status.amount);
    when 'LGKEY' then raise exception using errcode = 'LGKEY', message = 'idempotency key reused',
      detail = 'The key belongs to a request that said something else.';
    when 'LGRNG' then raise exception using errcode = 'LGRNG', message = 'balance out of range',
      detail = 'A balance has at most 18 digits before the point.';
    when 'LGHLD' then raise exception using errcode = 'LGHLD', message = 'hold not active',
      detail = 'The hold was captured or released, or has expired.';
    when 'LGHLU' then raise exception using errcode = 'LGHLU', message = 'unknown hold',
      detail = format('User %s has no hold of this number.', raise_status.user_id);
    when 'LGENT' then raise exception using errcode = 'LGENT', message = 'unknown entry',
      detail = format('User %s has no entry of this number.', raise_status.user_id);
    when 'LGREV' then raise exception using errcode = 'LGREV', message = 'already reversed',
      detail = 'An entry is reversed at most once.';
    when 'LGSAM' then raise exception using errcode = 'LGSAM', message = 'same user',
      detail = 'A transfer needs two users.';
    when '22023' then raise exception using errcode = '22023',
      message = 'bad key, metadata or expiry',
      detail = 'A key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB, an expiry 0.001 to 3155760000 seconds.';
    else raise exception using errcode = raise_status.status, message = 'user is busy',
      detail = 'Somebody else holds the user, or entries are left to post.';
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
  -- Each by its key: joined otherwise it would be quadratic wherever the statistics are from before
  -- a bulk load.
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
  v_last.held := ledger.sum_of_holds(post_pending.user_id);

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  for v_row in
    select h.* from public.payment_history h
     where h.user_id = post_pending.user_id and h.seq is null
     order by h.id limit post_pending.max_rows
  loop
    v_row.seq := coalesce(v_last.seq, 0) + 1;
    v_balance := coalesce(v_last.balance, 0.00) + ledger.change_of(v_row.action, v_row.amount);
    if abs(v_balance) > 999999999999999999.99 then return 'LGRNG'; end if;
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

  -- Only what the limit left: what commits meanwhile is for whoever locks the user next.
  return case when cardinality(v_posted) = post_pending.max_rows
      and exists (select from public.payment_history h where h.user_id = post_pending.user_id
        and h.seq is null) then '55P03' else 'ok' end;
end $$;

comment on function ledger.post_pending is
  'Posts pending entries of a user whom the caller has locked, oldest id first, at most max_rows of them (null: all). Returns ok, 55P03 when max_rows were posted and some are left, or LGRNG when the balance would leave its range (then none is posted).';

revoke all on function ledger.post_pending from public;
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
  -- In the order of their ids, so that two callers never wait for each other; and both before
  -- either is looked at: what is committed while this waits for the second counts for the first.
  perform from public.users u
    where u.id = least(post_pair.user_id, post_pair.peer_user_id) for no key update;
  if post_pair.user_id > post_pair.peer_user_id then
    a := ledger.lock_account(post_pair.user_id);
    p := ledger.lock_account(post_pair.peer_user_id);
  else
    p := ledger.lock_account(post_pair.peer_user_id);
    a := ledger.lock_account(post_pair.user_id);
  end if;
  if post_pair.operation = 'TRANSFER' and post_pair.idempotency_key is null then
    d.action := 'DEBIT';
    d.amount := round(post_pair.amount, 2);
    d.change := -d.amount;
    d.problem := ledger.pair_problem(post_pair.amount, post_pair.metadata, a.user_id = p.user_id,
      a.problem, p.problem, a.balance, a.held, p.balance, p.held);
  else
    t := ledger.load_target(post_pair.operation, post_pair.user_id, post_pair.ref, null);
    d := ledger.decide(post_pair.operation, post_pair.amount, null, post_pair.idempotency_key,
      post_pair.metadata, t, a, p);
    if d.replayed then return ledger.replay_entry(array[a, p], d.earlier_seq); end if;
  end if;
  if d.problem is not null then
    perform ledger.raise_status(d.problem,
      case when p.problem = 'LGUSR' and a.problem is distinct from 'LGUSR' then p.user_id
        else a.user_id end, coalesce(post_pair.amount, d.amount),
      case when d.change > 0 then p.balance - p.held else a.balance - a.held end);
  end if;

  a.seq := a.seq + 1; a.balance := a.balance + d.change;
  p.seq := p.seq + 1; p.balance := p.balance - d.change;
  v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
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
  -- Scalars and few statements: each function called on the way of a debit costs a tenth of it.
  a ledger.account;
  t ledger.target;
  d ledger.decision;
  v_problem text;
  v_seq bigint;
  v_balance numeric;
  v_at timestamptz;
  v_hash bytea;
  v_hold_changes bigint;
begin
  -- As lock_account does.
  select u.hold_changes into v_hold_changes
    from public.users u where u.id = post_change.user_id for no key update;
  if not found then v_problem := 'LGUSR'; end if;
  select h.seq, h.balance, h.sealed_at, h.hash into v_seq, v_balance, v_at, v_hash
    from public.payment_history h where h.user_id = post_change.user_id order by h.seq desc limit 1;
  if v_seq is not null and post_change.idempotency_key is null
    and post_change.operation in ('CREDIT', 'DEBIT') then
    d.held := case when v_hold_changes = 0 then 0.00
      else ledger.sum_of_holds(post_change.user_id) end;
    d.action := post_change.operation;
    d.amount := round(post_change.amount, 2);
    d.change := ledger.change_of(d.action, d.amount);
    v_problem := ledger.change_problem(post_change.amount, null, post_change.metadata, false,
      v_problem, d.change, v_balance, d.held);
  else
    a := ledger.open_account(row(post_change.user_id, v_problem, v_seq, v_balance, null, v_at,
      v_hash, v_hold_changes, null, null)::ledger.account, null);
    t := ledger.load_target(post_change.operation, post_change.user_id, post_change.ref,
      post_change.amount);
    -- It was none when the caller looked.
    if t.peer_user_id is not null then a.problem := '55P03'; end if;
    d := ledger.decide(post_change.operation, post_change.amount, null,
      post_change.idempotency_key, post_change.metadata, t, a, null);
    v_problem := d.problem; v_seq := a.seq; v_balance := a.balance; v_at := a.posted_at;
    v_hash := a.hash;
    if d.replayed then return (ledger.replay_entry(array[a], d.earlier_seq))[1]; end if;
    if v_problem is null and d.hold is not null then
      a.held := d.held;
      perform ledger.write_hold('CAPTURE', a, null, d.hold, null, null, null);
      v_hold_changes := v_hold_changes + 1;
    end if;
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
     set seq = v_seq, balance = v_balance, hold_changes = v_hold_changes, updated_at = v_at
   where u.id = post_change.user_id;
  return (post_change.user_id, v_seq, d.action, d.amount, v_balance, v_balance - d.held, v_at,
    false)::ledger.posted_entry;
end $$;

comment on function ledger.post_change is
  'One DEBIT, CREDIT, CAPTURE (ref: the hold) or REVERSE (ref: the seq of an entry that is no transfer) for people: waits for the user, posts all that is pending, and returns the entry; raises what post returns as a status.';

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
  -- By index whatever the statistics say: after a bulk load they are wrong until the next analyze,
  -- and every debit would read the whole table.
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  -- Planning each statement anew for each call took two thirds of it.
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
  a ledger.account;
  p ledger.account;
  t ledger.target;
  d ledger.decision;
  e ledger.entry;
  h public.holds;
begin
  for i in 1 .. cardinality(post.operations) loop
    v_operation := post.operations[i];
    v_peer_id := post.peer_user_ids[i];
    v_a := width_bucket(post.user_ids[i], v_ids);
    a := v_accounts[v_a];
    if (a.user_id = post.user_ids[i]) is not true then
      a := ledger.absent_account(post.user_ids[i]);
    end if;
    if v_operation in ('CAPTURE', 'RELEASE', 'REVERSE') or v_has_repeated_keys then
      -- What this call has posted so far counts, too.
      perform ledger.insert_entries(v_new);
      v_new := '{}';
      t := ledger.load_target(v_operation, a.user_id, post.refs[i], post.amounts[i]);
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
        a.problem, a.balance, a.held, p.user_id, p.problem, p.balance, p.held);
    else
      d := ledger.decide(v_operation, post.amounts[i], post.expires_ins[i],
        post.idempotency_keys[i], post.metadatas[i], t, a, p);
    end if;
    if d.problem is null and not d.replayed and d.action is not null and v_operation <> 'HOLD' then
      if d.hold is not null then
        a.held := d.held;
        perform ledger.write_hold(v_operation, a, null, d.hold, null, null, null);
        a.hold_changes := a.hold_changes + 1;
      end if;
      e := ledger.next_entry(a.hash, a.user_id, a.seq + 1, d.action, d.amount,
        a.balance + d.change, ledger.next_moment(greatest(a.posted_at, p.posted_at)),
        post.idempotency_keys[i], post.metadatas[i], d.held, d.hold, d.reverses, p.user_id,
        p.seq + 1);
      v_new := array_append(v_new, e);
      a.seq := e.seq; a.balance := e.balance; a.hash := e.hash;
      a.posted_at := e.posted_at; a.updated_at := e.posted_at;
      v_accounts[v_a] := a;
      return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
        e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
        a.hold_changes, a.next_expiry, v_read_at);
      if p.user_id is not null then
        e := ledger.next_entry(p.hash, p.user_id, p.seq + 1, ledger.opposite_of(d.action), d.amount,
          p.balance - d.change, e.posted_at, null, post.metadatas[i], p.held, null,
          t.peer_reverses, e.user_id, e.seq);
        v_new := array_append(v_new, e);
        p.seq := e.seq; p.balance := e.balance; p.hash := e.hash;
        p.posted_at := e.posted_at; p.updated_at := e.posted_at;
        v_accounts[v_p] := p;
        return next ledger.entry_outcome(i, e.user_id, e.seq, e.action, e.amount, e.balance, e.held,
          e.posted_at, e.metadata, e.hold, e.reverses, e.peer_user_id, e.peer_seq, e.hash,
          p.hold_changes, p.next_expiry, v_read_at);
      end if;
    else
      if d.problem is null and not d.replayed and v_operation in ('HOLD', 'RELEASE') then
        a.held := d.held;
        h := ledger.write_hold(v_operation, a, d.amount, d.hold, post.expires_ins[i],
          post.idempotency_keys[i], post.metadatas[i]);
        a.hold_changes := a.hold_changes + 1;
        a.updated_at := greatest(h.created_at, h.closed_at, a.updated_at, a.posted_at);
        if v_operation = 'HOLD' then
          a.held := a.held + d.amount;
          a.next_expiry := least(a.next_expiry, nullif(h.expires_at, 'infinity'));
        end if;
        v_accounts[v_a] := a;
      end if;
      return next ledger.outcome_of(i, d, a, a.user_id, h, v_read_at);
      if p.user_id is not null or p.problem is not null then
        return next ledger.outcome_of(i, d, p, a.user_id, null, v_read_at);
      end if;
      h := null;
    end if;
  end loop;
  perform ledger.insert_entries(v_new);
  perform ledger.copy_accounts(v_accounts);
end $$;

comment on function ledger.post is
  'What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT, CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE and RELEASE (refs: the hold), REVERSE (refs: the seq), or null: only posts what is pending. Locks everybody they touch, posts at most max_pending pending entries of each (null: all), and answers a row for each operation and each of its users, in order, with status ok or the SQLSTATE that the function for people would have raised; a refused one changes nothing and stops no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.';

revoke all on function ledger.post from public;
grant execute on function ledger.post to ledger_service, ledger_dba;
-- end function

drop function ledger.plain_decision(operation text, amount numeric, metadata jsonb, user_id bigint, problem text, balance numeric, held numeric, is_frozen boolean, peer_user_id bigint, peer_problem text, peer_balance numeric, peer_held numeric);

-- function: plain_decision
create or replace function ledger.plain_decision(
  operation text, amount numeric, metadata jsonb, user_id bigint, problem text, balance numeric,
  held numeric, peer_user_id bigint, peer_problem text, peer_balance numeric, peer_held numeric)
  returns ledger.decision
  language sql immutable parallel safe as $$
  select row(
    ledger.first_problem(
      request => ledger.request_problem(ledger.is_valid_amount(amount), null, metadata, true,
        operation = 'TRANSFER' and user_id = peer_user_id),
      users => ledger.users_problem(problem, peer_problem), key => null, target => null,
      funds => case operation
        when 'CREDIT' then ledger.funds_problem(amount, balance + amount, held)
        else coalesce(ledger.funds_problem(-amount, balance - amount, held),
          ledger.funds_problem(amount, peer_balance + amount, peer_held)) end),
    false, case operation when 'CREDIT' then 'CREDIT' else 'DEBIT' end, round(amount, 2),
    case operation when 'CREDIT' then round(amount, 2) else -round(amount, 2) end, held, null, null,
    null)::ledger.decision
$$;

comment on function ledger.plain_decision is
  'What decide says of a DEBIT, CREDIT or TRANSFER without a key, by the same rules: PostgreSQL puts the body in the place of the call, which costs a third of one.';

revoke all on function ledger.plain_decision from public;
-- end function

-- function: pair_problem
create or replace function ledger.pair_problem(
  amount numeric, metadata jsonb, is_same_user boolean, problem text, peer_problem text,
  balance numeric, held numeric, peer_balance numeric, peer_held numeric)
  returns text
  language sql immutable parallel safe as $$
  select ledger.first_problem(
    request => ledger.request_problem(ledger.is_valid_amount(amount), null, metadata, true,
      is_same_user),
    users => ledger.users_problem(problem, peer_problem), key => null, target => null,
    funds => coalesce(ledger.funds_problem(-amount, balance - amount, held),
      ledger.funds_problem(amount, peer_balance + amount, peer_held)))
$$;

comment on function ledger.pair_problem is
  'What decide says of a transfer that has no key, in short: PostgreSQL puts it in the place of the call.';

revoke all on function ledger.pair_problem from public;
-- end function

-- function: outcome_of
create or replace function ledger.outcome_of(
  n integer, decision ledger.decision, account ledger.account, first_user_id bigint,
  hold public.holds, read_at timestamptz)
  returns ledger.outcome
  language plpgsql volatile as $$
declare
  v ledger.outcome;
  h public.holds := outcome_of.hold;
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
    select o.* into h from public.holds o
     where o.user_id = account.user_id and o.hold = decision.hold;
    -- As it was placed, when this is what is asked for again.
    if decision.action is not null then h.release_seq := null; end if;
  elsif decision.problem = 'LGFND' and v_is_peer = (decision.change > 0) then
    v.balance := account.balance;
    -- What is held for a capture is there for it.
    v.available := account.balance - v_held;
    v.required := decision.amount;
    v.shortfall := v.required - v.available;
  end if;
  if h.hold is not null then
    v.hold := h.hold; v.amount := h.amount; v.expires_at := nullif(h.expires_at, 'infinity');
    v.available := h.available;
    v.hold_status := 'active';
    if h.release_seq is not null then
      v.hold_status := 'released'; v.seq := h.release_seq; v.balance := h.release_balance;
      v.available := h.release_available; v.posted_at := h.closed_at;
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
  'What post answers of an operation that made no entry, for one of its users: refused (with what is missing), replayed, a hold placed or released, or only what was pending posted. With the user as it is now, at read_at by the clock of the database.';

revoke all on function ledger.outcome_of from public;
-- end function

-- function: open_account
create or replace function ledger.open_account(account ledger.account, max_pending integer)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account := open_account.account;
  -- As in sum_of_holds.
  v_now timestamptz;
begin
  if v.seq is null and v.problem is null then
    v.problem := nullif(ledger.post_pending(v.user_id, open_account.max_pending), 'ok');
    select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
      from public.payment_history h where h.user_id = v.user_id and h.seq is not null
     order by h.seq desc limit 1;
    if not found then
      v.seq := 0;
      v.balance := 0.00;
    end if;
  end if;
  v.held := 0.00;
  if v.hold_changes > 0 then
    v_now := clock_timestamp();
    select coalesce(sum(o.amount), 0.00), min(nullif(o.expires_at, 'infinity'))
      into v.held, v.next_expiry
      from public.holds o where o.user_id = v.user_id and o.status = 'active'
       and o.expires_at > v_now;
  end if;
  return v;
end $$;

comment on function ledger.open_account is
  'What a locked user''s account needs where the last entry isn''t all: without a seq, there are pending entries or none; posts these, at most max_pending (null: all). Adds up the active holds. problem: as it was, or 55P03 (entries are left) or LGRNG, as post_pending returns them.';

revoke all on function ledger.open_account from public;
-- end function

-- function: oldest_writer
create or replace function ledger.oldest_writer()
  returns xid8
  language sql stable set search_path = pg_catalog, pg_temp as $$
  -- The number of a lock has half the bits: counted back from the snapshot's.
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

drop function ledger.manual_entry_hash(entry public.payment_history, id bigint, entered_at timestamptz, entered_by text);

-- function: lock_accounts
create or replace function ledger.lock_accounts(
  user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile as $$
declare
  v_ids bigint[];
  v_accounts ledger.account[];
begin
  -- As lock_account does, in id order, so that two callers never wait for each other.
  if lock_accounts.wait then
    select array_agg(l.id) into v_ids from (
      select u.id from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update) l;
  else
    select array_agg(l.id) into v_ids from (
      select u.id from public.users u where u.id = any (lock_accounts.user_ids)
       order by u.id for no key update skip locked) l;
  end if;
  -- In the next statement, as there: the last entry, or one that is pending.
  select array_agg(row(u.id, null, h.seq, h.balance, 0.00, h.sealed_at, h.hash, u.hold_changes,
           null, u.updated_at)::ledger.account)
    into v_accounts
    from unnest(v_ids) i (id)
    join public.users u on u.id = i.id
    left join lateral (
      select p.seq, p.balance, p.sealed_at, p.hash from public.payment_history p
       where p.user_id = i.id order by p.seq desc limit 1) h on true;
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

-- function: lock_account
create or replace function ledger.lock_account(user_id bigint)
  returns ledger.account
  language plpgsql volatile as $$
declare
  v ledger.account;
begin
  -- NO KEY UPDATE, so that neither an insert by hand (its trigger takes KEY SHARE) waits for us, nor
  -- we for an open one.
  select u.id, u.hold_changes, u.updated_at, 0.00
    into v.user_id, v.hold_changes, v.updated_at, v.held
    from public.users u where u.id = lock_account.user_id for no key update;
  if not found then
    v.user_id := lock_account.user_id;
    v.problem := 'LGUSR';
    return v;
  end if;
  -- Only a statement after the one that locked has a snapshot from after the lock. Pending entries
  -- have no seq, and nulls come first in this order: one probe finds them or the last entry.
  select h.seq, h.balance, h.sealed_at, h.hash into v.seq, v.balance, v.posted_at, v.hash
    from public.payment_history h where h.user_id = v.user_id order by h.seq desc limit 1;
  if v.seq is null or v.hold_changes > 0 then v := ledger.open_account(v, null); end if;
  return v;
end $$;

comment on function ledger.lock_account is
  'Locks a user until the end of the transaction, waiting for it, posts all that is pending, and returns its account; problem: LGUSR (there is no such user), or what open_account says. Raises 55P03 after lock_timeout.';

revoke all on function ledger.lock_account from public;
-- end function

-- function: load_target
create or replace function ledger.load_target(
  operation text, user_id bigint, ref bigint, amount numeric)
  returns ledger.target
  language plpgsql volatile as $$
declare
  v ledger.target;
  v_hold public.holds;
  v_entry public.payment_history;
begin
  if load_target.operation in ('CAPTURE', 'RELEASE') then
    select h.* into v_hold from public.holds h
     where h.user_id = load_target.user_id and h.hold = load_target.ref;
    -- Without a hold it is nothing that a key could have done before.
    v.action := case when v_hold.hold is not null then 'DEBIT' end;
    v.hold := load_target.ref;
    v.held := v_hold.amount;
    v.amount := coalesce(load_target.amount, v_hold.amount);
    v.problem := ledger.hold_problem(v_hold.status, v_hold.expires_at, clock_timestamp(), v.held,
      v.amount);
  elsif load_target.operation = 'REVERSE' then
    select h.* into v_entry from public.payment_history h
     where h.user_id = load_target.user_id and h.seq = load_target.ref;
    v.action := ledger.opposite_of(v_entry.action);
    v.amount := v_entry.amount;
    v.reverses := v_entry.seq;
    v.peer_user_id := v_entry.peer_user_id;
    v.peer_reverses := v_entry.peer_seq;
    v.problem := ledger.entry_problem(v_entry.seq, exists (
      select from public.payment_history h where h.user_id = load_target.user_id
         and h.hold is null and h.reverses = load_target.ref));
  end if;
  return v;
end $$;

comment on function ledger.load_target is
  'What a capture, a release or a reversal is about: the hold or entry ref of a user, with what that makes of the operation (action, amount; null: all of the hold), and problem, if it can''t be done.';

revoke all on function ledger.load_target from public;
-- end function

drop function ledger.list_users(reference text, after bigint, max_rows integer, user_ids bigint[]);

drop function ledger.list_journal(before bigint, max_rows integer, max_scanned integer);

drop function ledger.list_holds(user_id bigint, status text, after bigint, max_rows integer, idempotency_key text, max_scanned integer);

drop function ledger.list_controls(user_id bigint, before bigint, max_rows integer);

drop function ledger.is_wanted(action text, metadata jsonb, wanted_action text, wanted_metadata jsonb);

drop function ledger.is_valid_reference(reference text);

drop function ledger.intervention_hash(previous bytea, intervention public.interventions);

drop function ledger.insert_user(user_id bigint, at timestamptz);

-- function: insert_hold
create or replace function ledger.insert_hold(
  account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
declare
  v ledger.account := insert_hold.account;
  v_hold public.holds;
begin
  v_hold.user_id := v.user_id;
  v_hold.hold := 1;
  if v.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold.hold
      from public.holds h where h.user_id = v.user_id;
  end if;
  v_hold.amount := insert_hold.amount;
  v_hold.status := 'active';
  v_hold.available := v.balance - v.held - v_hold.amount;
  -- By the clock, whatever time was the last one: it is the clock that other holds expire by.
  v_hold.created_at := clock_timestamp();
  v_hold.expires_at := ledger.expires_after(v_hold.created_at, insert_hold.expires_in);
  v_hold.idempotency_key := insert_hold.idempotency_key;
  v_hold.metadata := insert_hold.metadata;
  v_hold.position := nextval('public.payment_history_id_seq');
  v_hold.hash := ledger.hold_hash(v_hold);
  insert into public.holds (user_id, hold, amount, status, available, created_at, expires_at,
    idempotency_key, metadata, position, hash)
  values (v_hold.user_id, v_hold.hold, v_hold.amount, v_hold.status, v_hold.available,
    v_hold.created_at, v_hold.expires_at, v_hold.idempotency_key, v_hold.metadata,
    v_hold.position, v_hold.hash);
  return v_hold;
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
-- end function

drop function ledger.hold_as_placed(hold public.holds);

drop function ledger.held_now(user_id bigint);

-- function: guard_user
create or replace function ledger.guard_user()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- JavaScript reads numbers exactly up to this bound.
    if new.id between 1 and 9007199254740991 then return null; end if;
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991';
  elsif tg_op = 'DELETE' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.holds o where o.user_id = old.id) then
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    raise exception using errcode = '23514', message = 'hold_changes never goes down';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op);
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes who has a history, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
-- end function

-- function: guard_history
create or replace function ledger.guard_history()
  returns trigger
  -- Whose names and operators these are is not for whoever tries to say.
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_table_name = 'payment_history' and tg_op = 'UPDATE' and tg_level = 'ROW' then
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
    -- By the transaction's number and start: a restored copy counts its transactions anew.
    if exists (select from public.interventions i where i.transaction = pg_current_xact_id()
                 and i.at = now() and i.operation = 'BREAK GLASS') then
      insert into public.interventions (operation, user_id, seq, before)
        values (tg_op, old.user_id, old.seq, to_jsonb(old));
      return case tg_op when 'UPDATE' then new else old end;
    end if;
  end if;
  raise exception using errcode = 'LGIMM', message = 'history can''t be changed',
    detail = format('%s on %s is refused; add an entry that corrects it.', tg_op, tg_table_name);
end $$;

comment on function ledger.guard_history is
  'Refuses every change of payment_history but pending to posted, except after break_glass, when it keeps what the row was; and every change of interventions. Raises LGIMM.';

revoke all on function ledger.guard_history from public;
-- end function

-- function: get_users
create or replace function ledger.get_users(user_ids bigint[])
  returns setof ledger.user_snapshot
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  -- From the history; users.balance may have been edited.
  select u.id, coalesce(h.balance, 0.00), coalesce(h.balance, 0.00) - coalesce(o.held, 0.00),
         coalesce(h.seq, 0), greatest(h.sealed_at, u.updated_at),
         coalesce(h.seq, 0) + u.hold_changes, statement_timestamp(),
         floor(extract(epoch from o.expires_at - statement_timestamp()) * 1000)::bigint
    from public.users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at from public.payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.amount) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from public.holds a where u.hold_changes > 0 and a.user_id = u.id and a.status = 'active'
         and a.expires_at > statement_timestamp()) o on true
   where u.id = any (get_users.user_ids)
$$;

comment on function ledger.get_users is
  'Snapshots of the users that exist, in any order: balance and available in units of the currency, the last seq, the version (raised by every change), the clock of the database before it was read, and in how many milliseconds its first hold expires.';

revoke all on function ledger.get_users from public;
grant execute on function ledger.get_users to ledger_service, ledger_dba;
-- end function

drop function ledger.get_user_state(user_id bigint);

drop function ledger.get_relation_guards();

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
  -- The latest asked for: those before it are final when it is.
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

-- function: get_guards
create or replace function ledger.get_guards()
  returns table (object text, definition text)
  language sql stable
  -- Each of these says how PostgreSQL prints a definition.
  set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, YMD'
  set quote_all_identifiers = off as $$
  with guarded as (
    select c.oid, c.relname, c.relpersistence, c.relrowsecurity, c.relkind, c.relacl, c.relowner
      from pg_class c
     where c.relnamespace = 'public'::regnamespace
       and c.relname in ('users', 'payment_history', 'holds', 'interventions', 'entries'))
  -- Its columns (others may add some, only ours), and that no rule stands before it.
  select 'table ' || g.relname, concat_ws(' ', g.relpersistence, g.relrowsecurity,
           (select count(*) from pg_rewrite r where r.ev_class = g.oid),
           (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
                     a.attnotnull), ', ' order by a.attnum)
              from pg_attribute a where a.attrelid = g.oid and a.attnum > 0 and not a.attisdropped
               and a.attname in ('id', 'user_id', 'balance', 'seq', 'hold_changes', 'action',
                 'amount', 'ts', 'sealed_at', 'idempotency_key', 'metadata', 'held', 'hold',
                 'reverses', 'peer_user_id', 'peer_seq', 'hash', 'position', 'status',
                 'expires_at', 'operation', 'transaction', 'before')))
    from guarded g
  union all
  select 'view ' || g.relname, translate(pg_get_viewdef(g.oid), '() ' || chr(10), '')
    from guarded g where g.relkind = 'v'
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
  union all
  select 'function ' || p.oid::regprocedure, concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig,
           p.provolatile, l.lanname, (
             select string_agg(distinct coalesce(r.rolname, 'PUBLIC'), ', ')
               from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
               left join pg_roles r on r.oid = a.grantee
              where a.grantee <> p.proowner and (n.nspname = 'ledger' or a.grantee = 0)))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
   where n.nspname = 'ledger' and p.proname <> 'expected_guards'
      or n.nspname = 'public' and p.proname in ('balance_at', 'break_glass', 'capture_hold',
        'create_user', 'credit_user', 'debit_user', 'debit_users', 'place_hold',
        'recalculate_balance', 'release_hold', 'reverse_entry', 'transfer', 'verify_ledger',
        'verify_user')
$$;

comment on function ledger.get_guards is
  'What keeps the ledger from being changed behind its back, as it is now: tables, the view entries, constraints, unique indexes, triggers, every function, and who may write or execute; each with its definition.';

revoke all on function ledger.get_guards from public;
grant execute on function ledger.get_guards to ledger_dba;
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
  -- Later than whoever has taken an id so far: their numbers as transactions are lower. The xmax of
  -- a snapshot isn't: it is next to the last one that has ended.
  if is_new or newly_missing is not null then horizon := pg_current_xact_id(); end if;

  -- Most of what runs for long is none of ours: whoever takes such an id has locked a user before.
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

drop function ledger.funds_problem(change numeric, balance numeric, held numeric, is_frozen boolean);

-- function: funds_problem
create or replace function ledger.funds_problem(change numeric, balance numeric, held numeric)
  returns text
  language sql immutable parallel safe as $$
  -- Of what is after the entry: nobody spends what isn't available, and no balance leaves its range.
  select case when change < 0 and balance < held then 'LGFND'
    when balance > 999999999999999999.99 then 'LGRNG' end
$$;

comment on function ledger.funds_problem is
  'The rule about funds: why a balance may not become this by that change while so much is held, as a SQLSTATE, or null.';

revoke all on function ledger.funds_problem from public;
-- end function

drop function public.freeze_user(user_id bigint, reason text);

drop function ledger.find_entries(user_id bigint, before bigint, after bigint, max_rows integer, action text, metadata jsonb, idempotency_key text, max_scanned integer);

drop function ledger.find_created_user(user_id bigint, reference text, metadata jsonb, idempotency_key text);

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint holds_pkey on holds', 'b0d4a70deac188be'),
    ('constraint interventions_check on interventions', '8d0f603688a07d41'),
    ('constraint interventions_operation_check on interventions', '34e464bc027ff089'),
    ('constraint interventions_pkey on interventions', '0b061cb60c8123a7'),
    ('constraint payment_history_pkey on payment_history', '14dc1713ba6975f7'),
    ('constraint payment_history_user_id_seq_key on payment_history', 'be4ce7425d4183e6'),
    ('constraint users_pkey on users', '0b061cb60c8123a7'),
    ('function ledger.absent_account(bigint)', 'f66437cd2dc1f8f6'),
    ('function ledger.absent_ids(bigint,bigint)', '96fe78295732d72d'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '58003568922ecbf7'),
    ('function ledger.change_of(text,numeric)', '7305abe76e48dfe6'),
    ('function ledger.change_problem(numeric,text,jsonb,boolean,text,numeric,numeric,numeric)', '7c089ddfc46145d1'),
    ('function ledger.check_entry()', 'e18c1bff888eac4e'),
    ('function ledger.close_hold(ledger.account,bigint,text,text,jsonb)', '07b2dede86fbaba5'),
    ('function ledger.copy_accounts(ledger.account[])', 'ee6d4585a8c6741e'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', '284cf8a1a0adafcc'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', 'f2acfed0ce85f09b'),
    ('function ledger.entry_change(public.payment_history)', '017c037e4ddbeba1'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '0ebf08ddf33b6e99'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '142b537da72adea5'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', 'faa4cd9ba901d55d'),
    ('function ledger.entry_problem(bigint,boolean)', '2fade2dad757d2c1'),
    ('function ledger.epoch(bigint)', '7c7f676e13c63b70'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'd77b041571a8b0b2'),
    ('function ledger.field_1(oid,bytea)', 'd412faaa1fcd8a95'),
    ('function ledger.find_key(bigint,text,boolean)', '2cf3cc8d1043b809'),
    ('function ledger.first_problem(text,text,text,text,text)', '9387cdb0ceceec88'),
    ('function ledger.funds_problem(numeric,numeric,numeric)', '0d6349db8e4941e3'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '3c9fddccc63f0e3a'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', 'aa1cc43a0000a74a'),
    ('function ledger.get_guards()', '5f59361980bfa615'),
    ('function ledger.get_history(bigint,bigint,integer)', '89a15116eb6083c2'),
    ('function ledger.get_hold(bigint,bigint)', '2226003de67c505d'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', 'a67ec8e86e3e0329'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', '23ac62ff0b617b82'),
    ('function ledger.get_users(bigint[])', '405b739244137e65'),
    ('function ledger.guard_history()', '5cff318c95d2153d'),
    ('function ledger.guard_user()', 'aba27cd31f0e3cee'),
    ('function ledger.has_migration(text)', '423b80429b14c974'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '250e802ba991b7fe'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', 'ccc1a4b4bfa66fae'),
    ('function ledger.hold_hash(public.holds)', 'dd8995153b7f164d'),
    ('function ledger.hold_hash_1(public.holds)', '124a7df9ee772813'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric)', 'ee6779a8712cfa53'),
    ('function ledger.insert_entries(ledger.entry[])', '0d3a3b9231e59717'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '8625445d66063264'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', '51fbe7dbde796791'),
    ('function ledger.is_hold_replay(bigint,bigint,numeric,numeric,jsonb)', '1e4f9358e4db93f8'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '790a817de199b1a3'),
    ('function ledger.is_valid_amount(numeric)', '9af98bcdf983ff30'),
    ('function ledger.is_valid_expiry(numeric)', '2d013d46b56a8637'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', 'f306e652f9555292'),
    ('function ledger.ledger_id()', 'ba01b2528613e882'),
    ('function ledger.load_target(text,bigint,bigint,numeric)', '59849cf4d89d325b'),
    ('function ledger.lock_account(bigint)', 'a57dff0e7b4c04f6'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '99fc1308bc4dc1e5'),
    ('function ledger.next_entry(bytea,bigint,bigint,text,numeric,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'c4ec916545168591'),
    ('function ledger.next_moment(timestamp with time zone)', '5284f0faa20b1794'),
    ('function ledger.oldest_writer()', '8519994a36f2ce83'),
    ('function ledger.open_account(ledger.account,integer)', 'd4d0a92809856269'),
    ('function ledger.opposite_of(text)', '0c1fe6f581638b18'),
    ('function ledger.outcome_of(integer,ledger.decision,ledger.account,bigint,public.holds,timestamp with time zone)', 'f49b26d7d5ddf16f'),
    ('function ledger.pair_problem(numeric,jsonb,boolean,text,text,numeric,numeric,numeric,numeric)', 'dc74f541ec5dae05'),
    ('function ledger.plain_decision(text,numeric,jsonb,bigint,text,numeric,numeric,bigint,text,numeric,numeric)', '41de1272555f958f'),
    ('function ledger.post(text[],bigint[],numeric[],bigint[],bigint[],numeric[],text[],jsonb[],boolean,integer)', 'e513acd0f77ee0fe'),
    ('function ledger.post_change(text,bigint,numeric,bigint,text,jsonb)', '21de23e3a864ea4e'),
    ('function ledger.post_hold(text,bigint,numeric,bigint,numeric,text,jsonb)', '6a557bd7e6fc0b42'),
    ('function ledger.post_pair(text,bigint,bigint,numeric,bigint,text,jsonb)', '490a296aabfa36ed'),
    ('function ledger.post_pending(bigint,integer)', '64f52cb34c203708'),
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '81b01827c664c39b'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '020391edb1feb350'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ece2d8f1064a0d6e'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '964acadfcaabc8bf'),
    ('function ledger.sum_of_holds(bigint)', 'ae963b1efa5803eb'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'e8d9864a33c3109c'),
    ('function ledger.users_problem(text,text)', '44c8a2e12ca9eac9'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', '1757e7c3a8ae19ec'),
    ('function ledger.verify_entry(public.payment_history)', '0eb9af2453ce7fc4'),
    ('function ledger.verify_guards()', '389b275b14e35f78'),
    ('function ledger.verify_holds(bigint,bigint)', '5f59d7558becd930'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', '03cb4052f60d231a'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '42072e45d5ed720a'),
    ('function ledger.write_hold(text,ledger.account,numeric,bigint,numeric,text,jsonb)', '69267b4a81aa2b28'),
    ('function public.balance_at(bigint,timestamp with time zone)', '623bd62376e462df'),
    ('function public.break_glass(text)', '7d996b022c7c3b94'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb)', 'c4c42a59efa131ae'),
    ('function public.create_user(bigint)', '5133068881a61fd0'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e7e8947a9d417649'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'b15e9fe7a842f34a'),
    ('function public.debit_users(bigint[],numeric[],text[])', '494717d4566b982b'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b5234c5b26123dd5'),
    ('function public.recalculate_balance(bigint)', '9bfcdeb0da302bd6'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'a869c9630c3643d4'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb)', '8415b28ae061116a'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '0b4e195943a5f55d'),
    ('function public.verify_ledger()', '98a656f74fbbd584'),
    ('function public.verify_user(bigint)', '9cb2e2bb7fa09438'),
    ('index public.holds_user_id_idempotency_key_key on holds', '3286e6a923f0df0f'),
    ('index public.holds_user_id_release_key_key on holds', 'bc3d2baf054dc03c'),
    ('index public.payment_history_user_id_hold_reverses_key on payment_history', '295aaf88f5e93a2d'),
    ('index public.payment_history_user_id_idempotency_key_key on payment_history', '9dd88bd9241f53ca'),
    ('rights on entries', 'e3b0c44298fc1c14'),
    ('rights on holds', 'e3b0c44298fc1c14'),
    ('rights on interventions', 'e3b0c44298fc1c14'),
    ('rights on payment_history', '0ce07dcfcda45792'),
    ('rights on users', 'e3b0c44298fc1c14'),
    ('table entries', 'a3938cce9f76cfd0'),
    ('table holds', '3d1d139343da6e73'),
    ('table interventions', '53c5d1f7f3bb94db'),
    ('table payment_history', '4149c8d17dc9cce3'),
    ('table users', '291a4634f234f873'),
    ('trigger check_entry on payment_history', 'ff990ae8087bd49f'),
    ('trigger guard_delete on users', 'd87e6ac8249237c6'),
    ('trigger guard_insert on users', '24ba671813594687'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_truncate on interventions', 'd911136c0789a75b'),
    ('trigger guard_truncate on payment_history', '13b38e44464dcdbb'),
    ('trigger guard_truncate on users', 'd563d9961d018a7c'),
    ('trigger guard_update on users', 'ea1cc52718ffb3f8'),
    ('view entries', 'e12a1daf3d9be6c5')
$$;

comment on function ledger.expected_guards is
  'What get_guards has to say of a ledger as the migrations make it: of each definition the first 16 digits of its sha256.';

revoke all on function ledger.expected_guards from public;
-- end function

-- function: entry_hash
create or replace function ledger.entry_hash(
  previous bytea, user_id bigint, seq bigint, action text, amount numeric, ts timestamptz,
  balance numeric, sealed_at timestamptz, idempotency_key text, metadata jsonb, held numeric,
  hold bigint, reverses bigint, peer_user_id bigint, peer_seq bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- record_send gives each field its type, its length (-1: null) and its bytes in the wire format
  -- of PostgreSQL, so no two rows have the same encoding. It would convert text to the encoding of
  -- whoever is connected: hence bytes of UTF-8. How a literal with a backslash reads is up to the
  -- session as well: hence decode, which costs nothing once it is planned.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('02', 'hex')
    || record_send(row(user_id, seq, convert_to(action, 'UTF8'), amount, ts, balance, sealed_at,
      convert_to(idempotency_key, 'UTF8'), convert_to(metadata::text, 'UTF8'), held, hold, reverses,
      peer_user_id, peer_seq)))
$$;

comment on function ledger.entry_hash is
  'The hash of a posted entry: sha256 over the hash of the entry before (null: 32 zero bytes), the version of the encoding (2), and this row. It depends on nothing but these, whatever the session is set to. docs/reference/statements.md has the layout.';

revoke all on function ledger.entry_hash from public;
grant execute on function ledger.entry_hash to ledger_dba;
-- end function

-- function: entry_change
create or replace function ledger.entry_change(entry payment_history)
  returns text
  language plpgsql stable as $$
declare
  v_moved public.payment_history := entry_change.entry;
begin
  -- Near by only: with a million bad rows, looking through all of them for each would never end.
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

-- function: entry_at
create or replace function ledger.entry_at(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql stable as $$
declare
  v_low bigint := 0;
  v_high bigint := (select coalesce(max(h.seq), 0) from public.payment_history h
                    where h.user_id = entry_at.user_id);
  v_middle bigint;
begin
  -- sealed_at never goes back as seq goes on, so twenty probes find one among a million.
  while v_low < v_high loop
    v_middle := (v_low + v_high + 1) / 2;
    if (select h.sealed_at from public.payment_history h
         where h.user_id = entry_at.user_id and h.seq = v_middle) <= entry_at.at then
      v_low := v_middle;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end $$;

comment on function ledger.entry_at is
  'The seq of the last entry that had been counted at a moment, by binary search over the index on seq; 0: none. Internal.';

revoke all on function ledger.entry_at from public;
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
    when 'CAPTURE', 'REVERSE' then
      v.action := target.action; v.amount := round(target.amount, 2); v.hold := target.hold;
      v.reverses := target.reverses;
      v_is_amount_valid := v_is_amount_valid or decide.amount is null;
    when 'RELEASE' then v_is_amount_valid := true; v.hold := target.hold;
    -- Null: only what is pending. Anything else is none that somebody could have meant.
    else v_is_amount_valid := decide.operation is null;
  end case;
  if v.amount is null and v_is_amount_valid then
    -- With two decimals, as the column has them: the hash tells 1 from 1.00.
    v.amount := round(decide.amount, 2);
  end if;
  v.change := ledger.change_of(v.action, v.amount);
  v.held := account.held;
  if target.held is not null and target.problem is null then
    -- What it held is what the entry may take.
    v.held := account.held - target.held;
  end if;

  v.replayed := false;
  if decide.idempotency_key is not null then
    f := ledger.find_key(account.user_id, decide.idempotency_key, account.hold_changes > 0);
    v.earlier_seq := f.seq;
    if f.placed is not null then
      v.hold := f.placed;
      v.replayed := decide.operation = 'HOLD' and ledger.is_hold_replay(account.user_id, f.placed,
        v.amount, decide.expires_in, decide.metadata);
    elsif f.released is not null then
      v.replayed := decide.operation = 'RELEASE' and coalesce(f.released = v.hold, false)
        and f.metadata is not distinct from decide.metadata;
    elsif f.seq is not null then
      v.replayed := decide.operation not in ('HOLD', 'RELEASE') and ledger.is_replay(f.action,
        f.amount, f.hold, f.reverses, f.peer_user_id, f.metadata, v.action, v.amount, v.hold,
        v.reverses, peer.user_id, decide.metadata);
    end if;
    if not v.replayed and (f.seq, f.placed, f.released) is distinct from (null, null, null) then
      v_key := 'LGKEY';
    end if;
  end if;
  if not v.replayed then
    v_funds := coalesce(
      ledger.funds_problem(v.change, account.balance + v.change, v.held),
      ledger.funds_problem(-v.change, peer.balance - v.change, peer.held));
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
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: hold or earlier_seq has it). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action, amount and change of the entry of account, hold and reverses of that, and what will be held.';

revoke all on function ledger.decide from public;
-- end function

-- function: debit_user
create or replace function public.debit_user(
  user_id bigint, amount numeric, idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return ledger.post_change('DEBIT', debit_user.user_id, debit_user.amount, null,
    debit_user.idempotency_key, debit_user.metadata);
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
  return ledger.post_change('CREDIT', credit_user.user_id, credit_user.amount, null,
    credit_user.idempotency_key, credit_user.metadata);
end $$;

comment on function public.credit_user is
  'Adds amount to user_id, once per idempotency_key: a repeat answers the first entry again, with replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first. Raises LGUSR, LGAMT, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).';

revoke all on function public.credit_user from public;
grant execute on function public.credit_user to ledger_dba;
-- end function

drop function public.create_user(user_id bigint, reference text, metadata jsonb, idempotency_key text);

-- function: create_user
create or replace function public.create_user(user_id bigint default null)
  returns table (id bigint, created boolean)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_step bigint := 1;
begin
  id := coalesce(create_user.user_id, nextval('public.users_id_seq'));
  loop
    insert into public.users (id) values (create_user.id) on conflict do nothing;
    created := found;
    exit when created or create_user.user_id is not null;
    -- Users with ids of their own are ahead of the sequence: past them in few steps, however many.
    id := id + v_step;
    v_step := v_step * 2;
    perform setval('public.users_id_seq', id);
  end loop;
  return next;
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one. An id that exists already is answered with created = false. Raises 23514 for an id out of range.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
-- end function

drop function ledger.count_pending(max_rows integer, out entries bigint, out oldest_seconds double precision);

-- function: copy_accounts
create or replace function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language sql volatile as $$
  -- From the history, never the other way round. updated_at is unknown to whoever posted nothing.
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
  account ledger.account, hold bigint, status text, release_key text, release_metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
declare
  v ledger.account := close_hold.account;
  v_hold public.holds;
begin
  select h.* into v_hold from public.holds h
   where h.user_id = v.user_id and h.hold = close_hold.hold;
  v_hold.status := close_hold.status;
  v_hold.closed_at := clock_timestamp();
  if close_hold.status = 'released' then
    v_hold.release_key := close_hold.release_key;
    v_hold.release_metadata := close_hold.release_metadata;
    v_hold.release_seq := v.seq;
    v_hold.release_balance := v.balance;
    v_hold.release_available := v.balance - v.held;
    -- The moment of the user that the answer shows.
    v_hold.closed_at := greatest(v_hold.closed_at, v.updated_at, v.posted_at);
  end if;
  v_hold.position := nextval('public.payment_history_id_seq');
  update public.holds h
     set status = v_hold.status, closed_at = v_hold.closed_at, release_key = v_hold.release_key,
         release_metadata = v_hold.release_metadata, release_seq = v_hold.release_seq,
         release_balance = v_hold.release_balance, release_available = v_hold.release_available,
         position = v_hold.position, hash = ledger.hold_hash(v_hold)
   where h.user_id = v.user_id and h.hold = close_hold.hold;
  return v_hold;
end $$;

comment on function ledger.close_hold is
  'Captures or releases a hold of a user whose account is open, and is as it will be afterwards. Everything has been decided.';

revoke all on function ledger.close_hold from public;
-- end function

-- function: check_entry
create or replace function ledger.check_entry()
  returns trigger
  -- The lock on the user is not for whoever inserts to take.
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.user_id is null or new.action is null or new.amount is null or new.ts is null then
    raise exception using errcode = '23502', message = 'an entry needs user_id, action and amount';
  elsif new.action not in ('CREDIT', 'DEBIT') then
    raise exception using errcode = '23514', message = 'action is CREDIT or DEBIT';
  elsif not ledger.is_valid_amount(new.amount) then
    raise exception using errcode = '23514',
      message = 'amount is from 0.01 to 9999999999.99 with at most two decimals';
  elsif not (new.ts >= '0001-01-01 00:00:00+00' and new.ts < '10000-01-01 00:00:00+00') then
    raise exception using errcode = '23514', message = 'ts is of the years 1 to 9999';
  elsif num_nonnulls(new.seq, new.balance, new.sealed_at, new.held, new.hash, new.hold,
      new.reverses, new.peer_user_id, new.peer_seq) > 0 then
    raise exception using errcode = '23514',
      message = 'an entry has no seq, balance, hold, reversal or peer before it is posted';
  elsif not ledger.is_valid_key_and_metadata(new.idempotency_key, new.metadata) then
    raise exception using errcode = '23514',
      message = 'a key is 1 to 255 visible ASCII characters, metadata an object of at most 8 KiB';
  end if;
  -- What a foreign key does, so that neither waits for a debit in flight.
  perform from public.users u where u.id = new.user_id for key share;
  if not found then
    raise exception using errcode = '23503', message = format('there is no user %s', new.user_id);
  end if;
  new.amount := round(new.amount, 2);
  return new;
end $$;

comment on function ledger.check_entry is
  'Refuses an entry made by hand that could not be posted: 23502, 23503 (no such user), 23514. An amount with more than two decimals is refused, not rounded.';

revoke all on function ledger.check_entry from public;
-- end function

drop function ledger.changes_between(moments timestamptz[]);

-- function: change_problem
create or replace function ledger.change_problem(
  amount numeric, idempotency_key text, metadata jsonb, is_same_user boolean, users text,
  change numeric, balance numeric, held numeric)
  returns text
  language sql immutable parallel safe as $$
  select ledger.first_problem(
    request => ledger.request_problem(ledger.is_valid_amount(amount), idempotency_key, metadata,
      true, is_same_user),
    users => users, key => null, target => null,
    funds => ledger.funds_problem(change, balance + change, held))
$$;

comment on function ledger.change_problem is
  'What decide says of a debit or a credit that has no key, in short: PostgreSQL puts it in the place of the call.';

revoke all on function ledger.change_problem from public;
-- end function

drop function ledger.chain_intervention();

-- function: break_glass
create or replace function public.break_glass(reason text)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint;
begin
  if coalesce(length(break_glass.reason), 0) < 10 then
    raise exception using errcode = '22023', message = 'a reason of at least 10 characters is needed';
  end if;
  insert into public.interventions (operation, reason)
    values ('BREAK GLASS', break_glass.reason) returning id into v_id;
  return v_id;
end $$;

comment on function public.break_glass is
  'Lets the rest of this transaction update and delete rows of payment_history, each with a trace of what it was. verify_ledger reports it for ever. Only for the owner of the ledger. Raises 22023 without a reason.';

revoke all on function public.break_glass from public;
-- end function

-- function: await_final
create or replace function ledger.await_final(user_id bigint, at timestamptz)
  returns void
  language plpgsql volatile as $$
begin
  if await_final.at > clock_timestamp() then
    raise exception using errcode = '55P03', message = 'that moment has not come yet',
      detail = format('It is %s.', clock_timestamp());
  end if;
  -- What comes next comes after the last entry.
  if (select h.sealed_at from public.payment_history h
       where h.user_id = await_final.user_id and h.seq is not null
       order by h.seq desc limit 1) >= await_final.at then
    return;
  end if;
  -- Nobody has locked this version of the row: whoever does will read the clock later than now.
  if exists (select from public.users u where u.id = await_final.user_id and u.xmax = 0) then
    return;
  end if;
  begin
    perform from public.users u where u.id = await_final.user_id for share;
    -- Gives the lock back, also in a transaction that goes on.
    raise exception using errcode = 'LG000';
  exception when sqlstate 'LG000' then null;
  end;
end $$;

comment on function ledger.await_final is
  'Waits until no entry of a user can get in before a moment any more: until whoever has locked the user, and may have read the clock before that moment, has ended. Entries are to be read by a later statement. Raises 55P03 after lock_timeout, or for a moment that has not come yet.';

revoke all on function ledger.await_final from public;
-- end function

drop function ledger.add_transfer(from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb);

drop function ledger.add_entry(action text, user_id bigint, amount numeric, change numeric, idempotency_key text, metadata jsonb);

drop function ledger.add_anchor(key text, number bigint, at timestamptz, line text);

drop table public.manual_entries, public.user_controls, public.user_details,
  public.user_references, public.user_keys, ledger.anchors;
alter table public.interventions drop hash;
drop type ledger.withdrawn_entry, ledger.created_user, ledger.listed_user, ledger.user_state, ledger.found_entry, ledger.listed_hold;
alter type ledger.account drop attribute is_frozen;
alter table public.users
  drop frozen_at, drop credit_limit,
  alter balance type numeric(20, 2),
  alter balance set default 0;

comment on table public.interventions is
  'Every use of break_glass, and what each row that it let change had been. Append-only.';
comment on column public.interventions.id is null;
comment on table public.payment_history is
  'Every change of a balance. A row without seq is pending: entered by hand, and posted at the user''s next operation.';
comment on column public.payment_history.held is 'What active holds reserved after this entry; balance − held was available. Null while pending.';

create trigger check_entry before insert on public.payment_history
  for each row when (new.seq is null or new.balance is null or new.sealed_at is null
    or new.held is null or new.hash is null) execute function ledger.check_entry();
create trigger guard_update after update on public.users
  for each row when (new.id <> old.id or new.hold_changes < old.hold_changes)
  execute function ledger.guard_user();
alter table public.payment_history enable always trigger check_entry;
alter table public.users enable always trigger guard_update;
