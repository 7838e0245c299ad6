-- migrate:up

-- by hand
-- A row for each change of a hold, and what they come to in holds; captures and reversals in parts.

create table public.hold_changes (
  user_id bigint not null,
  hold bigint not null,
  number bigint not null,
  action text not null,
  amount numeric(12, 2) not null,
  remaining numeric(12, 2) not null,
  expires_at timestamptz not null,
  at timestamptz not null,
  seq bigint,
  balance numeric(20, 2),
  available numeric(20, 2),
  idempotency_key text,
  metadata jsonb,
  position bigint,
  hash bytea not null,
  primary key (user_id, hold, number)
) with (
  autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 10000,
  autovacuum_freeze_min_age = 1000000);

comment on table public.hold_changes is
  'Every change of a hold, numbered 1, 2, 3 … for each hold: what holds says comes to this. Append-only, and a chain by hash.';
comment on column public.hold_changes.action is
  'placed, captured, extended or released; that time is over changes nothing.';
comment on column public.hold_changes.amount is
  'What was set aside, taken or given back; of an extension, what had been set aside.';
comment on column public.hold_changes.remaining is 'What was held by it afterwards.';
comment on column public.hold_changes.expires_at is 'When it expires, afterwards; infinity: never.';
comment on column public.hold_changes.seq is
  'Of a capture, its entry; otherwise the last entry of the user before.';
comment on column public.hold_changes.balance is
  'Of the user afterwards, like available. Null where nobody had kept it.';
comment on column public.hold_changes.idempotency_key is
  'Of a capture, its entry has the key and the metadata.';
comment on column public.hold_changes.position is
  'From the sequence of payment_history.id: where it stands among all that was posted. Null where nobody had kept it: of a hold that was closed before changes had rows, when it was placed.';
comment on column public.hold_changes.hash is
  'sha256 over the hash of the change of that hold before and this one; see ledger.hold_hash.';

-- What was known: how each hold was placed, and how it was closed. Their hashes are those that
-- their rows had, so that anchors find them as they were.
insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at, at,
  available, idempotency_key, metadata, position, hash)
select o.user_id, o.hold, 1, 'placed', o.amount, o.amount, o.expires_at, o.created_at, o.available,
       o.idempotency_key, o.metadata, case o.status when 'active' then o.position end,
       ledger.hold_hash(ledger.hold_as_placed(o))
  from public.holds o;
insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at, at,
  seq, balance, available, idempotency_key, metadata, position, hash)
select o.user_id, o.hold, 2, o.status, coalesce(e.amount, o.amount), 0.00, o.expires_at,
       coalesce(o.closed_at, o.created_at), coalesce(e.seq, o.release_seq), o.release_balance,
       o.release_available, o.release_key, o.release_metadata, o.position, ledger.hold_hash(o)
  from public.holds o
  left join public.payment_history e on e.user_id = o.user_id and e.hold = o.hold
 where o.status <> 'active';

create index hold_changes_position_idx on public.hold_changes (position, user_id);
create unique index hold_changes_user_id_idempotency_key_key
  on public.hold_changes (user_id, idempotency_key) where idempotency_key is not null;

create trigger guard_row before update or delete on public.hold_changes
  for each row execute function ledger.guard_history();
create trigger guard_truncate before truncate on public.hold_changes
  for each statement execute function ledger.guard_history();
alter table public.hold_changes enable always trigger guard_row;
alter table public.hold_changes enable always trigger guard_truncate;
grant select on public.hold_changes to ledger_dba;

drop view public.active_holds;
alter table public.holds
  add remaining numeric(12, 2), add captured numeric(12, 2), add changes bigint;
update public.holds o
   set remaining = case o.status when 'active' then o.amount else 0 end,
       captured = case o.status when 'captured' then c.amount else 0 end,
       changes = c.number
  from public.hold_changes c
 where c.user_id = o.user_id and c.hold = o.hold
   and c.number = case o.status when 'active' then 1 else 2 end;
alter table public.holds
  alter remaining set not null, alter captured set not null, alter changes set not null,
  alter status drop default,
  drop available, drop created_at, drop closed_at, drop idempotency_key, drop metadata,
  drop release_key, drop release_metadata, drop release_seq, drop release_balance,
  drop release_available, drop position;

comment on table public.holds is
  'Amounts set aside, numbered 1, 2, 3 … for each user, as they are: what hold_changes come to. They lower what is available, not the balance.';
comment on column public.holds.amount is 'What was set aside.';
comment on column public.holds.remaining is 'What of it is still held, if it is active.';
comment on column public.holds.captured is 'What of it has been captured so far.';
comment on column public.holds.expires_at is 'infinity: never.';
comment on column public.holds.changes is 'The number of its last change in hold_changes.';
comment on column public.holds.hash is 'That of its last change.';

create view public.active_holds as
  select o.user_id, o.hold, o.remaining as amount, c.at as created_at,
         nullif(o.expires_at, 'infinity') as expires_at, c.idempotency_key, c.metadata
    from public.holds o
    join public.hold_changes c on c.user_id = o.user_id and c.hold = o.hold and c.number = 1
   where o.status = 'active' and o.expires_at > statement_timestamp();

comment on view public.active_holds is
  'The holds that lower what is available now; amount: what is still held.';
grant select on public.active_holds to ledger_dba;

create or replace view public.balances as
  select u.id, coalesce(h.balance, 0.00) as balance, coalesce(o.held, 0.00) as held,
         coalesce(h.balance, 0.00) - coalesce(o.held, 0.00) + coalesce(u.credit_limit, 0.00)
           as available,
         coalesce(h.seq, 0) as seq, greatest(h.sealed_at, u.updated_at) as updated_at
    from public.users u
    left join lateral (
      select p.seq, p.balance, p.sealed_at from public.payment_history p
       where p.user_id = u.id and p.seq is not null order by p.seq desc limit 1) h on true
    left join lateral (
      select sum(a.remaining) as held from public.holds a
       where u.hold_changes > 0 and a.user_id = u.id and a.status = 'active'
         and a.expires_at > statement_timestamp()) o on true;

-- An entry can be reversed, and a hold captured, in several parts.
create index payment_history_reverses_idx
  on public.payment_history (user_id, reverses) where reverses is not null;
drop index public.payment_history_user_id_hold_reverses_key;

create or replace view public.entries as
  select h.user_id, h.seq, h.action, h.amount, h.balance, h.balance - h.held as available, h.ts,
         h.sealed_at, h.idempotency_key, h.metadata, h.peer_user_id, h.peer_seq, h.reverses,
         (select max(r.seq) from public.payment_history r
           where r.user_id = h.user_id and r.reverses = h.seq) as reversed_by,
         h.hold, encode(h.hash, 'hex') as hash, h.held,
         (select nullif(sum(r.amount), h.amount) from public.payment_history r
           where r.user_id = h.user_id and r.reverses = h.seq) as reversed
    from public.payment_history h
   where h.seq is not null;

comment on view public.entries is
  'The posted entries of payment_history, as HTTP shows them. reversed_by: the last reversal of an entry; reversed: how much has been reversed, if not all of it.';

alter type ledger.target
  add attribute remaining numeric, add attribute expires_at timestamptz,
  add attribute changes bigint, add attribute hash bytea;
alter type ledger.decision add attribute earlier_number bigint;
alter type ledger.earlier
  drop attribute placed, drop attribute released, add attribute number bigint,
  add attribute expires_in numeric;
alter type ledger.listed_hold add attribute captured numeric, add attribute remaining numeric;
alter type ledger.found_entry add attribute reversed numeric;
-- end by hand

set local check_function_bodies = off;

-- function: absent_ids
create or replace function ledger.absent_ids(after_id bigint, last_id bigint)
  returns bigint[]
  language plpgsql stable as $$
begin
  return array(
    select g.id from generate_series(absent_ids.after_id + 1, absent_ids.last_id) g (id)
    except
    select h.id from public.payment_history h
     where h.id > absent_ids.after_id and h.id <= absent_ids.last_id
    except
    select c.position from public.hold_changes c
     where c.position > absent_ids.after_id and c.position <= absent_ids.last_id);
end $$;

comment on function ledger.absent_ids is
  'The ids after after_id, up to last_id, that no entry has and no change of a hold.';

revoke all on function ledger.absent_ids from public;
-- end function

drop function public.capture_hold(user_id bigint, hold_id bigint, amount numeric, idempotency_key text, metadata jsonb);

-- function: capture_hold
create or replace function public.capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null, final boolean default true)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return ledger.post_change(case when capture_hold.final is false then 'CAPTURE PART'
      else 'CAPTURE' end,
    capture_hold.user_id, capture_hold.amount, capture_hold.hold_id,
    capture_hold.idempotency_key, capture_hold.metadata);
end $$;

comment on function public.capture_hold is
  'Takes what a hold holds (amount null: all that is left), or a part; what is left is released, unless final is false: then it stays held, and can be captured, too. Once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than is held), LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.capture_hold from public;
grant execute on function public.capture_hold to ledger_dba;
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
  v_is_capture boolean := false;
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea;
  v public.hold_changes;
begin
  case change_hold.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, change_hold.expires_in);
    else
      -- The user as it will be, like what is held.
      v_is_capture := true;
      a.seq := a.seq + 1;
      a.balance := a.balance - change_hold.amount;
  end case;
  v_hash := ledger.hold_hash(t.hash, a.user_id, t.hold, t.changes + 1, v_action,
    change_hold.amount, t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    change_hold.idempotency_key, change_hold.metadata, v_position);
  update public.holds h
     set remaining = t.remaining,
         captured = case when v_is_capture then h.captured + change_hold.amount
           else h.captured end,
         status = case when t.remaining > 0 then 'active' else v_action end,
         expires_at = t.expires_at, changes = t.changes + 1, hash = v_hash
   where h.user_id = a.user_id and h.hold = t.hold;
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (a.user_id, t.hold, t.changes + 1, v_action, change_hold.amount, t.remaining,
    t.expires_at, v_at, a.seq, a.balance, a.balance - a.held, change_hold.idempotency_key,
    change_hold.metadata, v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.change_hold is
  'What a CAPTURE, CAPTURE PART, RELEASE or EXTEND does to a hold, for a user whose account is open, with what will be held afterwards. Everything has been decided.';

revoke all on function ledger.change_hold from public;
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

drop function ledger.close_hold(account ledger.account, hold bigint, status text, release_key text, release_metadata jsonb);

-- function: close_hold

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
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: earlier_seq is the entry, or hold and earlier_number the change of a hold). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action, amount and change of the entry of account, hold and reverses of that, and what will be held.';

revoke all on function ledger.decide from public;
-- end function

drop function ledger.entry_problem(seq bigint, is_reversed boolean);

-- function: entry_problem
create or replace function ledger.entry_problem(seq bigint, remaining numeric, amount numeric)
  returns text
  language sql immutable parallel safe as $$
  select case when seq is null then 'LGENT' when remaining = 0 then 'LGREV'
    when amount > remaining then 'LGAMT' end
$$;

comment on function ledger.entry_problem is
  'Why so much of an entry can''t be reversed, as a SQLSTATE, or null; remaining: what has not been reversed yet. seq null: there is no such entry.';

revoke all on function ledger.entry_problem from public;
-- end function

-- function: expected_guards
create or replace function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable as $$
  values
    ('constraint anchors_pkey on ledger.anchors', '700aae9148be9820'),
    ('constraint hold_changes_pkey on hold_changes', '5833c8cad25556aa'),
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
    ('domain ledger.nothing', 'be4231534676bdaa'),
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '1f6b1489ec0fbc43'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_hold(text,ledger.account,ledger.target,numeric,numeric,text,jsonb)', '466d1bc9a9a7d1dc'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', '01112682eb9af227'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
    ('function ledger.copy_accounts(ledger.account[])', '1953e8b4967d97c8'),
    ('function ledger.count_pending(integer)', 'f0a98a194040c178'),
    ('function ledger.decide(text,numeric,numeric,text,jsonb,ledger.target,ledger.account,ledger.account)', 'bb1ad59bb3acea1a'),
    ('function ledger.entry_at(bigint,timestamp with time zone)', '4e08dc1770de37d0'),
    ('function ledger.entry_change(public.payment_history)', '20bce3f740df40d8'),
    ('function ledger.entry_hash(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', 'fe4d072f22b9b9c2'),
    ('function ledger.entry_hash_1(bytea,bigint,bigint,text,numeric,timestamp with time zone,numeric,timestamp with time zone,text,jsonb,numeric,bigint,bigint,bigint,bigint)', '28f701e0567d7f93'),
    ('function ledger.entry_outcome(integer,bigint,bigint,text,numeric,numeric,numeric,timestamp with time zone,jsonb,bigint,bigint,bigint,bigint,bytea,bigint,timestamp with time zone,timestamp with time zone)', '4c6f470ea76f38fb'),
    ('function ledger.entry_problem(bigint,numeric,numeric)', '1b88486450f9fa25'),
    ('function ledger.epoch(bigint)', '8b0de16fed5c6ad9'),
    ('function ledger.event_digest(bigint)', '3ff9915e335a6888'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '5093f1960775f440'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '612d24ec4a82199e'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'd4f921ae480a72df'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', 'f77699c4238c4c37'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '45b77bddd6bbf5b8'),
    ('function ledger.guard_history()', 'b5aa9dc5f4b0ee8a'),
    ('function ledger.guard_user()', 'bec94843b193f3a7'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'fb053648daacc47f'),
    ('function ledger.hold_change_problem(public.hold_changes,public.hold_changes,public.hold_changes)', '0af3778884aad16a'),
    ('function ledger.hold_hash(bytea,bigint,bigint,bigint,text,numeric,numeric,timestamp with time zone,timestamp with time zone,bigint,numeric,numeric,text,jsonb,bigint)', 'b721cfc03d5c0aea'),
    ('function ledger.hold_hash_1(public.hold_changes,public.hold_changes)', '36e0068db7f06dd5'),
    ('function ledger.hold_hash_2(public.hold_changes,public.hold_changes)', '0a4b69eb81c1e1ac'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric,timestamp with time zone)', '40d5971a6b654398'),
    ('function ledger.hold_row(public.hold_changes,public.hold_changes)', '63f304569abbd92a'),
    ('function ledger.incarnation()', '03acd22936e7f003'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', 'ca19610883ff28c5'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
    ('function ledger.intervention_hash(bytea,public.interventions)', 'b6c8524ef681a91a'),
    ('function ledger.is_hash_of(bytea,public.payment_history)', 'fa9e2c4f51beeaf7'),
    ('function ledger.is_hold_replay(ledger.earlier,text,bigint,numeric,numeric,jsonb)', 'd6b1f4ca905f2c34'),
    ('function ledger.is_replay(text,numeric,bigint,bigint,bigint,jsonb,text,numeric,bigint,bigint,bigint,jsonb)', '63d09a4060af7e44'),
    ('function ledger.is_same_part(text,bigint,numeric,ledger.earlier)', 'bd7b9f5f2d07d7ad'),
    ('function ledger.is_valid_amount(numeric)', 'a8b3e1db07d4b609'),
    ('function ledger.is_valid_expiry(numeric)', '3cd1867800e88211'),
    ('function ledger.is_valid_key_and_metadata(text,jsonb)', '4043c260f041ad4a'),
    ('function ledger.is_valid_reference(text)', 'aa335e8e5604a4d9'),
    ('function ledger.is_wanted(text,jsonb,text,jsonb)', '145ebae06b0bda66'),
    ('function ledger.ledger_id()', 'c8ff0d501814243a'),
    ('function ledger.list_controls(bigint,bigint,integer)', '2a432a758fbf86da'),
    ('function ledger.list_holds(bigint,text,bigint,integer,text,integer)', 'cd4ded54b6b6ffc7'),
    ('function ledger.list_journal(bigint,integer,integer)', 'b449df9fec14c62f'),
    ('function ledger.list_users(text,bigint,integer,bigint[])', '5619ce976423e9af'),
    ('function ledger.load_target(text,bigint,bigint,numeric,numeric)', '584687e426f52bf0'),
    ('function ledger.lock_account(bigint)', '974287cb2db8f686'),
    ('function ledger.lock_accounts(bigint[],boolean,integer)', '14a556b43cb729f1'),
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
    ('function ledger.raise_status(text,bigint,numeric,numeric)', 'd09741ee987195e3'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '8a793711a63234e3'),
    ('function ledger.replay_entry(ledger.account[],bigint)', 'ebe867d2a5120228'),
    ('function ledger.request_problem(boolean,text,jsonb,boolean,boolean)', '352fbbff2515b43f'),
    ('function ledger.set_control(text,bigint,numeric,text,text)', 'ea32903175e9616f'),
    ('function ledger.users_of(text[],bigint[],bigint[],bigint[])', 'd1b9145139995cf1'),
    ('function ledger.users_problem(text,text)', 'de5259f4e6e881c5'),
    ('function ledger.verify_controls(bigint,bigint)', '7ff014fa522bd066'),
    ('function ledger.verify_entries(bigint,bigint,integer,bigint)', 'ae84703243912cba'),
    ('function ledger.verify_entry(public.payment_history)', '455b38d4b821502c'),
    ('function ledger.verify_guards()', '4113e60e06027fbc'),
    ('function ledger.verify_holds(bigint,bigint)', '499423e7bb6c4e37'),
    ('function ledger.verify_interventions()', '0d0624ba384c08b2'),
    ('function ledger.verify_manual_entries(bigint,bigint)', '6b272f24b5897009'),
    ('function ledger.verify_user_page(bigint,bigint,integer)', 'eb1e579f4fe7a94f'),
    ('function ledger.verify_users(bigint,integer,bigint,interval)', '981f91ceae695cf1'),
    ('function public.balance_at(bigint,timestamp with time zone)', '1c5f7ccb36074fa2'),
    ('function public.break_glass(text)', 'd51199602b170308'),
    ('function public.capture_hold(bigint,bigint,numeric,text,jsonb,boolean)', '6b4dc65cf3b55677'),
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
    ('function public.extend_hold(bigint,bigint,numeric,text,jsonb)', 'd2370c44772e2f28'),
    ('function public.freeze_user(bigint,text)', '258b741342a2ceb9'),
    ('function public.place_hold(bigint,numeric,numeric,text,jsonb)', 'b6f3ada900adc3e9'),
    ('function public.recalculate_balance(bigint)', '382ab0b79495bdc7'),
    ('function public.release_hold(bigint,bigint,text,jsonb)', 'e392b484147f36d8'),
    ('function public.reverse_entry(bigint,bigint,text,jsonb,numeric)', 'b2226eae45594849'),
    ('function public.set_credit_limit(bigint,numeric,text)', '0503d635b2baa131'),
    ('function public.thaw_user(bigint,text)', '7bbeda2d93d471d7'),
    ('function public.transfer(bigint,bigint,numeric,text,jsonb)', '4050c37e04f3df0f'),
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
    ('rights on hold_changes', 'e3b0c44298fc1c14'),
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
    ('table hold_changes', 'b91d433a4f5db56e'),
    ('table holds', '04ae750b150e913a'),
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
    ('trigger check_entry on payment_history', 'f64a6aa33fdae45a'),
    ('trigger guard_delete on manual_entries', '7bb3415abaaf487a'),
    ('trigger guard_delete on users', 'd87e6ac8249237c6'),
    ('trigger guard_hold_changes on users', 'b09eb156e1c859fb'),
    ('trigger guard_id on users', '52653f2f53b4f420'),
    ('trigger guard_insert on users', '24ba671813594687'),
    ('trigger guard_row on hold_changes', '8e703f4d952569c9'),
    ('trigger guard_row on interventions', '35298a6364f5371c'),
    ('trigger guard_row on ledger.anchors', '3b33c7c88435adff'),
    ('trigger guard_row on payment_history', 'ef7772762d591179'),
    ('trigger guard_row on user_controls', '8471fc4a0e7c1fa1'),
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

-- function: extend_hold
create or replace function public.extend_hold(
  user_id bigint, hold_id bigint, expires_in numeric, idempotency_key text default null,
  metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v record := ledger.post_hold('EXTEND', extend_hold.user_id, null, extend_hold.hold_id,
    extend_hold.expires_in, extend_hold.idempotency_key, extend_hold.metadata);
  c public.hold_changes := v.change;
begin
  return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'), c.available,
    v.replayed)::ledger.posted_hold;
end $$;

comment on function public.extend_hold is
  'Lets an active hold expire later: expires_in seconds from now, or never (null). Once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGEXP (not later than before), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).';

revoke all on function public.extend_hold from public;
grant execute on function public.extend_hold to ledger_dba;
-- end function

-- function: find_key
create or replace function ledger.find_key(user_id bigint, idempotency_key text, has_holds boolean)
  returns ledger.earlier
  language plpgsql volatile as $$
declare
  v ledger.earlier;
begin
  select h.seq, h.action, h.amount, h.hold, h.reverses, h.peer_user_id, h.metadata
    into v.seq, v.action, v.amount, v.hold, v.reverses, v.peer_user_id, v.metadata
    from public.payment_history h where h.user_id = find_key.user_id
     and h.idempotency_key = find_key.idempotency_key;
  if not found and find_key.has_holds then
    select c.hold, c.number, c.action, c.amount, c.metadata,
           case when c.action <> 'released'
             then extract(epoch from nullif(c.expires_at, 'infinity') - c.at) end
      into v.hold, v.number, v.action, v.amount, v.metadata, v.expires_in
      from public.hold_changes c where c.user_id = find_key.user_id
       and c.idempotency_key = find_key.idempotency_key;
  end if;
  return v;
end $$;

comment on function ledger.find_key is
  'What an idempotency key of a user has done already: the entry that carries it (seq and what its request said), or the change of a hold (hold, number and what its request said); all null: nothing. The caller has locked the user.';

revoke all on function ledger.find_key from public;
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
                 'line', 'is_only', 'remaining', 'captured', 'changes', 'reference', 'asked_id', 'updated_at', 'frozen_at', 'credit_limit',
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
      select sum(a.remaining) as held, min(nullif(a.expires_at, 'infinity')) as expires_at
        from public.holds a where u.hold_changes > 0 and a.user_id = u.id and a.status = 'active'
         and a.expires_at > statement_timestamp()) o on true
   where u.id = any (get_users.user_ids)
$$;

comment on function ledger.get_users is
  'Snapshots of the users that exist, in any order: balance and available in units of the currency, the last seq, the version (raised by every change), the clock of the database before it was read, and in how many milliseconds its first hold expires.';

revoke all on function ledger.get_users from public;
grant execute on function ledger.get_users to ledger_service, ledger_dba;
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

-- function: held_now
create or replace function ledger.held_now(user_id bigint)
  returns numeric
  language plpgsql volatile as $$
declare
  -- Before the statement: then it is a bound in the index, which leaves out what has expired.
  v_now timestamptz := clock_timestamp();
begin
  return (select coalesce(sum(o.remaining), 0.00) from public.holds o
           where o.user_id = held_now.user_id and o.status = 'active'
             and o.expires_at > v_now)
    - coalesce((select u.credit_limit from public.users u where u.id = held_now.user_id), 0);
end $$;

comment on function ledger.held_now is
  'What of a user''s balance isn''t available now: what active holds reserve, less the credit limit.';

revoke all on function ledger.held_now from public;
-- end function

drop function ledger.hold_as_placed(hold public.holds);

-- function: hold_as_placed

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

drop function ledger.hold_hash(hold public.holds);

-- function: hold_hash
create or replace function ledger.hold_hash(
  previous bytea, user_id bigint, hold bigint, number bigint, action text, amount numeric,
  remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric,
  available numeric, idempotency_key text, metadata jsonb, "position" bigint)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash.
  select sha256(coalesce(previous,
      decode(repeat('00', 32), 'hex')) || decode('03', 'hex')
    || record_send(row(user_id, hold, number, convert_to(action, 'UTF8'), amount, remaining,
      expires_at, at, seq, balance, available, convert_to(idempotency_key, 'UTF8'),
      convert_to(metadata::text, 'UTF8'), "position")))
$$;

comment on function ledger.hold_hash is
  'The hash of a change of a hold: sha256 over the hash of the change of that hold before (null: 32 zero bytes), the version of the encoding (3), and this row. It depends on nothing else.';

revoke all on function ledger.hold_hash from public;
grant execute on function ledger.hold_hash to ledger_dba;
-- end function

drop function ledger.hold_hash_1(hold public.holds);

-- function: hold_hash_1
create or replace function ledger.hold_hash_1(
  placed public.hold_changes, change public.hold_changes)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(decode('01', 'hex') || int4send(15)
    || ledger.field_1(20, int8send((h).user_id)) || ledger.field_1(20, int8send((h).hold))
    || ledger.field_1(1700, numeric_send((h).amount))
    || ledger.field_1(25, convert_to((h).status, 'UTF8'))
    || ledger.field_1(1700, numeric_send((h).available))
    || ledger.field_1(1184, timestamptz_send((h).created_at))
    || ledger.field_1(1184, timestamptz_send((h).expires_at))
    || ledger.field_1(1184, timestamptz_send((h).closed_at))
    || ledger.field_1(25, convert_to((h).idempotency_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((h).metadata::text, 'UTF8'))
    || ledger.field_1(25, convert_to((h).release_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((h).release_metadata::text, 'UTF8'))
    || ledger.field_1(20, int8send((h).release_seq))
    || ledger.field_1(1700, numeric_send((h).release_balance))
    || ledger.field_1(1700, numeric_send((h).release_available)))
    from ledger.hold_row(hold_hash_1.placed, hold_hash_1.change) h
$$;

comment on function ledger.hold_hash_1 is
  'The hash that the row of a hold had in version 1 of the encoding, after a change.';

revoke all on function ledger.hold_hash_1 from public;
grant execute on function ledger.hold_hash_1 to ledger_dba;
-- end function

-- function: hold_hash_2
create or replace function ledger.hold_hash_2(
  placed public.hold_changes, change public.hold_changes)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(decode('02', 'hex') || record_send(row(
    (h).user_id, (h).hold, (h).amount, convert_to((h).status, 'UTF8'), (h).available,
    (h).created_at, (h).expires_at, (h).closed_at, convert_to((h).idempotency_key, 'UTF8'),
    convert_to((h).metadata::text, 'UTF8'), convert_to((h).release_key, 'UTF8'),
    convert_to((h).release_metadata::text, 'UTF8'), (h).release_seq, (h).release_balance,
    (h).release_available)))
    from ledger.hold_row(hold_hash_2.placed, hold_hash_2.change) h
$$;

comment on function ledger.hold_hash_2 is
  'The hash that the row of a hold had in version 2 of the encoding, after a change.';

revoke all on function ledger.hold_hash_2 from public;
grant execute on function ledger.hold_hash_2 to ledger_dba;
-- end function

drop function ledger.hold_problem(status text, expires_at timestamptz, at timestamptz, held numeric, amount numeric);

-- function: hold_problem
create or replace function ledger.hold_problem(
  status text, expires_at timestamptz, at timestamptz, remaining numeric, amount numeric,
  new_expires_at timestamptz)
  returns text
  language sql immutable parallel safe as $$
  select case when status is null then 'LGHLU'
    when status <> 'active' or expires_at <= at then 'LGHLD'
    when amount > remaining then 'LGAMT'
    when new_expires_at <= expires_at then 'LGEXP' end
$$;

comment on function ledger.hold_problem is
  'Why a hold can''t be captured for an amount, extended to new_expires_at, or released (both null), at a moment, as a SQLSTATE, or null. status null: there is no such hold.';

revoke all on function ledger.hold_problem from public;
-- end function

-- function: hold_row
create or replace function ledger.hold_row(
  placed public.hold_changes, change public.hold_changes,
  out user_id bigint, out hold bigint, out amount numeric, out status text, out available numeric,
  out created_at timestamptz, out expires_at timestamptz, out closed_at timestamptz,
  out idempotency_key text, out metadata jsonb, out release_key text, out release_metadata jsonb,
  out release_seq bigint, out release_balance numeric, out release_available numeric)
  language plpgsql immutable parallel safe as $$
begin
  user_id := placed.user_id; hold := placed.hold; amount := placed.amount;
  available := placed.available; created_at := placed.at; expires_at := placed.expires_at;
  idempotency_key := placed.idempotency_key; metadata := placed.metadata;
  status := case change.action when 'placed' then 'active' else change.action end;
  if change.action <> 'placed' then closed_at := change.at; end if;
  if change.action = 'released' then
    release_key := change.idempotency_key; release_metadata := change.metadata;
    release_seq := change.seq; release_balance := change.balance;
    release_available := change.available;
  end if;
end $$;

comment on function ledger.hold_row is
  'The row that a hold had after a change before each change had a row of its own: what hold_hash_1 and hold_hash_2 are made of. Internal.';

revoke all on function ledger.hold_row from public;
grant execute on function ledger.hold_row to ledger_dba;
-- end function

drop function ledger.insert_hold(account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

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
  v_expires_at timestamptz := ledger.expires_after(v_at, insert_hold.expires_in);
  v_available numeric := a.balance - a.held - insert_hold.amount;
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea;
  v public.hold_changes;
begin
  if a.hold_changes > 0 then
    select coalesce(max(h.hold), 0) + 1 into v_hold
      from public.holds h where h.user_id = a.user_id;
  end if;
  v_hash := ledger.hold_hash(null, a.user_id, v_hold, 1, 'placed', insert_hold.amount,
    insert_hold.amount, v_expires_at, v_at, a.seq, a.balance, v_available,
    insert_hold.idempotency_key, insert_hold.metadata, v_position);
  insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
    changes, hash)
  values (a.user_id, v_hold, insert_hold.amount, insert_hold.amount, 0.00, 'active', v_expires_at,
    1, v_hash);
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (a.user_id, v_hold, 1, 'placed', insert_hold.amount, insert_hold.amount, v_expires_at,
    v_at, a.seq, a.balance, v_available, insert_hold.idempotency_key, insert_hold.metadata,
    v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.insert_hold is
  'Places the next hold of a user whose account is open, before what it reserves is counted there. Everything has been decided.';

revoke all on function ledger.insert_hold from public;
-- end function

drop function ledger.is_hold_replay(user_id bigint, hold bigint, amount numeric, expires_in numeric, metadata jsonb);

-- function: is_hold_replay
create or replace function ledger.is_hold_replay(
  earlier ledger.earlier, operation text, hold bigint, amount numeric, expires_in numeric,
  metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(case (earlier).action
      when 'placed' then operation = 'HOLD' and (earlier).amount = amount
      when 'released' then operation = 'RELEASE' and (earlier).hold = hold
      when 'extended' then operation = 'EXTEND' and (earlier).hold = hold end, false)
    and (earlier).expires_in is not distinct from expires_in
    and (earlier).metadata is not distinct from metadata
$$;

comment on function ledger.is_hold_replay is
  'Whether a change of a hold that carries a key (earlier: see find_key) is the answer to this request as well: all that the request says is as it was.';

revoke all on function ledger.is_hold_replay from public;
-- end function

-- function: is_same_part
create or replace function ledger.is_same_part(
  operation text, user_id bigint, amount numeric, earlier ledger.earlier)
  returns boolean
  language plpgsql volatile as $$
declare
  f ledger.earlier := is_same_part.earlier;
begin
  if f.reverses is not null then
    return f.amount = coalesce(is_same_part.amount, (
      select e.amount - coalesce((select sum(r.amount) from public.payment_history r
               where r.user_id = e.user_id and r.reverses = e.seq and r.seq < f.seq), 0)
        from public.payment_history e
       where e.user_id = is_same_part.user_id and e.seq = f.reverses));
  end if;
  return (
    select f.amount = coalesce(is_same_part.amount, p.remaining)
           and c.remaining = case is_same_part.operation when 'CAPTURE' then 0
             else p.remaining - f.amount end
      from public.hold_changes c
      join public.hold_changes p on (p.user_id, p.hold, p.number) = (c.user_id, c.hold, c.number - 1)
     where c.user_id = is_same_part.user_id and c.hold = f.hold and c.seq = f.seq
       and c.action = 'captured');
end $$;

comment on function ledger.is_same_part is
  'Whether the entry that carries a key (earlier: see find_key) has captured or reversed as much as this request would have then (amount null: all that was left), and left as much held.';

revoke all on function ledger.is_same_part from public;
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

drop function ledger.load_target(operation text, user_id bigint, ref bigint, amount numeric);

-- function: load_target
create or replace function ledger.load_target(
  operation text, user_id bigint, ref bigint, amount numeric, expires_in numeric)
  returns ledger.target
  language plpgsql volatile as $$
declare
  v ledger.target;
  v_now timestamptz;
  v_status text;
  v_amount numeric;
  v_remaining numeric;
  v_new_expiry timestamptz;
begin
  if load_target.operation in ('CAPTURE', 'CAPTURE PART', 'RELEASE', 'EXTEND') then
    v_now := clock_timestamp();
    select h.status, h.amount, h.remaining, h.expires_at, h.changes, h.hash
      into v_status, v_amount, v_remaining, v.expires_at, v.changes, v.hash
      from public.holds h where h.user_id = load_target.user_id and h.hold = load_target.ref;
    v.hold := load_target.ref;
    case load_target.operation
      when 'EXTEND' then
        v.amount := v_amount;
        v.held := 0;
        v_new_expiry := ledger.expires_after(v_now, load_target.expires_in);
      when 'RELEASE' then
        v.amount := v_remaining;
        v.held := v_remaining;
      else
        -- Without a hold there is nothing that an operation with this key could have done.
        v.action := case when v_status is not null then 'DEBIT' end;
        v.amount := coalesce(load_target.amount, v_remaining);
        v.held := case load_target.operation when 'CAPTURE' then v_remaining else v.amount end;
    end case;
    v.remaining := v_remaining - v.held;
    v.problem := ledger.hold_problem(v_status, v.expires_at, v_now, v_remaining,
      case when v.action is not null then v.amount end, v_new_expiry);
  elsif load_target.operation = 'REVERSE' then
    select h.seq, ledger.opposite_of(h.action), h.amount, h.peer_user_id, h.peer_seq
      into v.reverses, v.action, v_remaining, v.peer_user_id, v.peer_reverses
      from public.payment_history h
     where h.user_id = load_target.user_id and h.seq = load_target.ref;
    v_remaining := v_remaining - coalesce((select sum(h.amount) from public.payment_history h
      where h.user_id = load_target.user_id and h.reverses = load_target.ref), 0);
    v.amount := coalesce(load_target.amount, v_remaining);
    v.problem := ledger.entry_problem(v.reverses, v_remaining, v.amount);
  end if;
  return v;
end $$;

comment on function ledger.load_target is
  'What a capture, a release, an extension or a reversal is about: the hold or entry ref of a user, with what that makes of the operation (action, amount; null: all that is left), what of a hold is no longer held afterwards (held) and what remains, and problem, if it can''t be done.';

revoke all on function ledger.load_target from public;
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
    select v.held + coalesce(sum(o.remaining), 0.00), min(nullif(o.expires_at, 'infinity'))
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

drop function ledger.outcome_of(n integer, decision ledger.decision, account ledger.account, first_user_id bigint, hold public.holds, read_at timestamptz);

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

-- function: place_hold
create or replace function public.place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v record := ledger.post_hold('HOLD', place_hold.user_id, place_hold.amount, null,
    place_hold.expires_in, place_hold.idempotency_key, place_hold.metadata);
  c public.hold_changes := v.change;
begin
  return (c.user_id, c.hold, c.amount, 'active', nullif(c.expires_at, 'infinity'), c.available,
    v.replayed)::ledger.posted_hold;
end $$;

comment on function public.place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.place_hold from public;
grant execute on function public.place_hold to ledger_dba;
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

drop function ledger.post_hold(operation text, user_id bigint, amount numeric, ref bigint, expires_in numeric, idempotency_key text, metadata jsonb, out hold public.holds, out replayed boolean);

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
      (select o.position as id, o.user_id from public.hold_changes o
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
        select o.user_id, null, true from public.hold_changes o where o.position = m.id
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

-- function: release_hold
create or replace function public.release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.released_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v record := ledger.post_hold('RELEASE', release_hold.user_id, null, release_hold.hold_id, null,
    release_hold.idempotency_key, release_hold.metadata);
  c public.hold_changes := v.change;
begin
  return (c.user_id, c.balance, c.available, c.seq, c.at, v.replayed)::ledger.released_hold;
end $$;

comment on function public.release_hold is
  'Gives back what a hold still sets aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.release_hold from public;
grant execute on function public.release_hold to ledger_dba;
-- end function

drop function public.reverse_entry(user_id bigint, seq bigint, idempotency_key text, metadata jsonb);

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
begin
  if v_peer_id is null then
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
         and (o.hash = l.hash or o.hash = ledger.hold_hash_1(i, l))
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

drop function ledger.write_hold(operation text, account ledger.account, amount numeric, hold bigint, expires_in numeric, idempotency_key text, metadata jsonb);

-- function: write_hold

-- end function

-- migrate:down

set local check_function_bodies = off;

-- function: write_hold
create or replace function ledger.write_hold(
  operation text, account ledger.account, amount numeric, hold bigint, expires_in numeric,
  idempotency_key text, metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
begin
  case write_hold.operation
    when 'HOLD' then
      return ledger.insert_hold(account, write_hold.amount, write_hold.expires_in,
        write_hold.idempotency_key, write_hold.metadata);
    when 'RELEASE' then
      return ledger.close_hold(account, write_hold.hold, 'released', write_hold.idempotency_key,
        write_hold.metadata);
    when 'CAPTURE' then
      return ledger.close_hold(account, write_hold.hold, 'captured', null, null);
  end case;
end $$;

comment on function ledger.write_hold is
  'What a HOLD, RELEASE or CAPTURE writes into holds, for a user whose account is open, and as it will be but for what the new hold reserves. Everything has been decided.';

revoke all on function ledger.write_hold from public;
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

drop function public.reverse_entry(user_id bigint, seq bigint, idempotency_key text, metadata jsonb, amount numeric);

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

-- function: release_hold
create or replace function public.release_hold(
  user_id bigint, hold_id bigint, idempotency_key text default null, metadata jsonb default null)
  returns ledger.released_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v record := ledger.post_hold('RELEASE', release_hold.user_id, null, release_hold.hold_id, null,
    release_hold.idempotency_key, release_hold.metadata);
  v_hold public.holds := v.hold;
begin
  return (v_hold.user_id, v_hold.release_balance, v_hold.release_available, v_hold.release_seq,
    v_hold.closed_at, v.replayed)::ledger.released_hold;
end $$;

comment on function public.release_hold is
  'Gives back what a hold set aside, once per idempotency_key; answers the user after it. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.release_hold from public;
grant execute on function public.release_hold to ledger_dba;
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

drop function ledger.post_hold(operation text, user_id bigint, amount numeric, ref bigint, expires_in numeric, idempotency_key text, metadata jsonb, out change public.hold_changes, out replayed boolean);

-- function: post_hold
create or replace function ledger.post_hold(
  operation text, user_id bigint, amount numeric, ref bigint, expires_in numeric,
  idempotency_key text, metadata jsonb, out hold public.holds, out replayed boolean)
  language plpgsql volatile as $$
declare
  a ledger.account := ledger.lock_account(post_hold.user_id);
  t ledger.target := ledger.load_target(post_hold.operation, post_hold.user_id, post_hold.ref, null);
  d ledger.decision := ledger.decide(post_hold.operation, post_hold.amount, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata, t, a, null);
begin
  if d.problem is not null then
    perform ledger.raise_status(d.problem, post_hold.user_id, post_hold.amount, a.balance - d.held);
  end if;
  replayed := d.replayed;
  if replayed then
    select h.* into hold from public.holds h
     where h.user_id = post_hold.user_id and h.hold = d.hold;
    perform ledger.copy_accounts(array[a]);
    return;
  end if;
  a.held := d.held;
  hold := ledger.write_hold(post_hold.operation, a, d.amount, d.hold, post_hold.expires_in,
    post_hold.idempotency_key, post_hold.metadata);
  update public.users u
     set seq = a.seq, balance = a.balance, hold_changes = a.hold_changes + 1,
         updated_at = greatest(coalesce(hold.closed_at, hold.created_at), a.updated_at, a.posted_at)
   where u.id = a.user_id;
end $$;

comment on function ledger.post_hold is
  'One HOLD or RELEASE (ref: the hold) for people: waits for the user, posts all that is pending, and returns the hold, also of a replay; raises what post returns as a status.';

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

-- function: place_hold
create or replace function public.place_hold(
  user_id bigint, amount numeric, expires_in numeric default null,
  idempotency_key text default null, metadata jsonb default null)
  returns ledger.posted_hold
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v record := ledger.post_hold('HOLD', place_hold.user_id, place_hold.amount, null,
    place_hold.expires_in, place_hold.idempotency_key, place_hold.metadata);
  v_hold public.holds := v.hold;
begin
  return (v_hold.user_id, v_hold.hold, v_hold.amount, 'active',
    nullif(v_hold.expires_at, 'infinity'), v_hold.available, v.replayed)::ledger.posted_hold;
end $$;

comment on function public.place_hold is
  'Sets amount aside: it lowers what is available, not the balance, until it is captured, released, or expires_in seconds are over (null: never); from that moment it counts no more, without anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.place_hold from public;
grant execute on function public.place_hold to ledger_dba;
-- end function

drop function ledger.outcome_of(n integer, decision ledger.decision, account ledger.account, first_user_id bigint, hold_change public.hold_changes, read_at timestamptz);

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

drop function ledger.load_target(operation text, user_id bigint, ref bigint, amount numeric, expires_in numeric);

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

drop function ledger.is_same_part(operation text, user_id bigint, amount numeric, earlier ledger.earlier);

drop function ledger.is_hold_replay(earlier ledger.earlier, operation text, hold bigint, amount numeric, expires_in numeric, metadata jsonb);

-- function: is_hold_replay
create or replace function ledger.is_hold_replay(
  user_id bigint, hold bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns boolean
  language sql stable as $$
  select coalesce(h.amount = is_hold_replay.amount, false)
    and h.metadata is not distinct from is_hold_replay.metadata
    and is_hold_replay.expires_in is not distinct from
      extract(epoch from nullif(h.expires_at, 'infinity') - h.created_at)
    from public.holds h where h.user_id = is_hold_replay.user_id and h.hold = is_hold_replay.hold
$$;

comment on function ledger.is_hold_replay is
  'Whether a hold that was placed with a key is the answer to this request as well.';

revoke all on function ledger.is_hold_replay from public;
-- end function

drop function ledger.insert_hold(account ledger.account, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

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

drop function ledger.hold_row(placed public.hold_changes, change public.hold_changes, out user_id bigint, out hold bigint, out amount numeric, out status text, out available numeric, out created_at timestamptz, out expires_at timestamptz, out closed_at timestamptz, out idempotency_key text, out metadata jsonb, out release_key text, out release_metadata jsonb, out release_seq bigint, out release_balance numeric, out release_available numeric);

drop function ledger.hold_problem(status text, expires_at timestamptz, at timestamptz, remaining numeric, amount numeric, new_expires_at timestamptz);

-- function: hold_problem
create or replace function ledger.hold_problem(
  status text, expires_at timestamptz, at timestamptz, held numeric, amount numeric)
  returns text
  language sql immutable parallel safe as $$
  select case when status is null then 'LGHLU'
    when status <> 'active' or expires_at <= at then 'LGHLD'
    when amount > held then 'LGAMT' end
$$;

comment on function ledger.hold_problem is
  'Why a hold can''t be captured for an amount (null: or released) at a moment, as a SQLSTATE, or null. status null: there is no such hold.';

revoke all on function ledger.hold_problem from public;
-- end function

drop function ledger.hold_hash_2(placed public.hold_changes, change public.hold_changes);

drop function ledger.hold_hash_1(placed public.hold_changes, change public.hold_changes);

-- function: hold_hash_1
create or replace function ledger.hold_hash_1(hold public.holds)
  returns bytea
  language sql stable parallel safe as $$
  select sha256(decode('01', 'hex') || int4send(15)
    || ledger.field_1(20, int8send((hold).user_id)) || ledger.field_1(20, int8send((hold).hold))
    || ledger.field_1(1700, numeric_send((hold).amount))
    || ledger.field_1(25, convert_to((hold).status, 'UTF8'))
    || ledger.field_1(1700, numeric_send((hold).available))
    || ledger.field_1(1184, timestamptz_send((hold).created_at))
    || ledger.field_1(1184, timestamptz_send((hold).expires_at))
    || ledger.field_1(1184, timestamptz_send((hold).closed_at))
    || ledger.field_1(25, convert_to((hold).idempotency_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((hold).metadata::text, 'UTF8'))
    || ledger.field_1(25, convert_to((hold).release_key, 'UTF8'))
    || ledger.field_1(3802, decode('01', 'hex') || convert_to((hold).release_metadata::text, 'UTF8'))
    || ledger.field_1(20, int8send((hold).release_seq))
    || ledger.field_1(1700, numeric_send((hold).release_balance))
    || ledger.field_1(1700, numeric_send((hold).release_available)))
$$;

comment on function ledger.hold_hash_1 is
  'The hash of a hold that was last changed with version 1 of the encoding.';

revoke all on function ledger.hold_hash_1 from public;
grant execute on function ledger.hold_hash_1 to ledger_dba;
-- end function

drop function ledger.hold_hash(previous bytea, user_id bigint, hold bigint, number bigint, action text, amount numeric, remaining numeric, expires_at timestamptz, at timestamptz, seq bigint, balance numeric, available numeric, idempotency_key text, metadata jsonb, "position" bigint);

-- function: hold_hash
create or replace function ledger.hold_hash(hold public.holds)
  returns bytea
  language sql stable parallel safe as $$
  -- As entry_hash, but over this row alone.
  select sha256(decode('02', 'hex') || record_send(row(
    (hold).user_id, (hold).hold, (hold).amount, convert_to((hold).status, 'UTF8'),
    (hold).available, (hold).created_at, (hold).expires_at, (hold).closed_at,
    convert_to((hold).idempotency_key, 'UTF8'), convert_to((hold).metadata::text, 'UTF8'),
    convert_to((hold).release_key, 'UTF8'), convert_to((hold).release_metadata::text, 'UTF8'),
    (hold).release_seq, (hold).release_balance, (hold).release_available)))
$$;

comment on function ledger.hold_hash is
  'The hash of a hold as it is: sha256 over the version of the encoding (2) and every field. It depends on nothing else.';

revoke all on function ledger.hold_hash from public;
grant execute on function ledger.hold_hash to ledger_dba;
-- end function

drop function ledger.hold_change_problem(placed public.hold_changes, previous public.hold_changes, change public.hold_changes);

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

-- function: find_key
create or replace function ledger.find_key(user_id bigint, idempotency_key text, has_holds boolean)
  returns ledger.earlier
  language plpgsql volatile as $$
declare
  v ledger.earlier;
begin
  select h.seq, h.action, h.amount, h.hold, h.reverses, h.peer_user_id, h.metadata
    into v.seq, v.action, v.amount, v.hold, v.reverses, v.peer_user_id, v.metadata
    from public.payment_history h where h.user_id = find_key.user_id
     and h.idempotency_key = find_key.idempotency_key;
  if not found and find_key.has_holds then
    select h.hold into v.placed from public.holds h where h.user_id = find_key.user_id
       and h.idempotency_key = find_key.idempotency_key;
    if not found then
      select h.hold, h.release_metadata into v.released, v.metadata
        from public.holds h where h.user_id = find_key.user_id
         and h.release_key = find_key.idempotency_key;
    end if;
  end if;
  return v;
end $$;

comment on function ledger.find_key is
  'What an idempotency key of a user has done already: the entry that carries it (seq and what its request said), the hold that was placed with it, or the hold that was released with it; all null: nothing. The caller has locked the user.';

revoke all on function ledger.find_key from public;
-- end function

drop function public.extend_hold(user_id bigint, hold_id bigint, expires_in numeric, idempotency_key text, metadata jsonb);

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
    ('domain ledger.nothing', 'be4231534676bdaa'),
    ('function ledger.absent_account(bigint)', 'f61b5e3f8ef1b795'),
    ('function ledger.absent_ids(bigint,bigint)', '340a386d56714b15'),
    ('function ledger.add_anchor(text,bigint,timestamp with time zone,text)', 'ced00bb6a43f2fb2'),
    ('function ledger.add_entry(text,bigint,numeric,numeric,text,jsonb)', '294e2808c320718c'),
    ('function ledger.add_transfer(bigint,bigint,numeric,text,jsonb)', '69ea09fe390e3544'),
    ('function ledger.await_final(bigint,timestamp with time zone)', '31911ead9c6b9e58'),
    ('function ledger.chain_intervention()', '85890dcd8a7ae66e'),
    ('function ledger.change_of(text,numeric)', 'e12cded027881692'),
    ('function ledger.changes_between(timestamp with time zone[])', 'af1a2a374b335133'),
    ('function ledger.check_entry()', 'fe732b834ce140db'),
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
    ('function ledger.event_digest(bigint)', '3ff9915e335a6888'),
    ('function ledger.expires_after(timestamp with time zone,numeric)', 'ce789548e166e68a'),
    ('function ledger.field_1(oid,bytea)', '7d779179681b351b'),
    ('function ledger.find_created_user(bigint,text,jsonb,text)', 'cafc8ae6b95b4322'),
    ('function ledger.find_entries(bigint,bigint,bigint,integer,text,jsonb,text,integer)', '1a6478c38d16fe73'),
    ('function ledger.find_key(bigint,text,boolean)', '7281493d5cb823f9'),
    ('function ledger.first_problem(text,text,text,text,text)', '1cd6106e95751ec4'),
    ('function ledger.funds_problem(numeric,numeric,numeric,boolean)', '612d24ec4a82199e'),
    ('function ledger.get_balances(bigint[],timestamp with time zone)', '237b20575e0a26f1'),
    ('function ledger.get_changes(text,bigint,bigint[],xid8,integer,integer)', '86ce0168cddf2249'),
    ('function ledger.get_events(text,bigint,bigint,text,bigint,bigint[],text[],integer,integer)', 'd4f921ae480a72df'),
    ('function ledger.get_guards()', 'ec2c36c4ac91f7cc'),
    ('function ledger.get_history(bigint,bigint,integer)', '2bcdf9a8b283a463'),
    ('function ledger.get_hold(bigint,bigint)', '56e5e821df6ca0ed'),
    ('function ledger.get_moments(bigint,timestamp with time zone[])', '37aaf10ae4435c85'),
    ('function ledger.get_relation_guards()', '9b8def62b1ce04a6'),
    ('function ledger.get_statement(bigint,bigint,bigint,integer)', 'd72f2fbecb2f7b88'),
    ('function ledger.get_user_state(bigint)', '66ef9b17e2ddf71e'),
    ('function ledger.get_users(bigint[])', '4da8e787949e82e1'),
    ('function ledger.guard_history()', 'b5aa9dc5f4b0ee8a'),
    ('function ledger.guard_user()', 'f7192430f5011070'),
    ('function ledger.has_migration(text)', '7f2ac626f48fd1c1'),
    ('function ledger.has_repeated_keys(bigint[],text[])', '3d9d9e98e9c289f4'),
    ('function ledger.heads_at(timestamp with time zone,bigint,integer)', '745ab10dfdc30fe3'),
    ('function ledger.held_now(bigint)', 'd2508f856f325bc3'),
    ('function ledger.hold_as_placed(public.holds)', 'd14c9f35c6f27b81'),
    ('function ledger.hold_hash(public.holds)', '112859ecee0ea5e3'),
    ('function ledger.hold_hash_1(public.holds)', 'ba6fec0014035d45'),
    ('function ledger.hold_problem(text,timestamp with time zone,timestamp with time zone,numeric,numeric)', 'fcc826f50559264a'),
    ('function ledger.incarnation()', '03acd22936e7f003'),
    ('function ledger.insert_entries(ledger.entry[])', 'a77287a7c8cf5e5a'),
    ('function ledger.insert_hold(ledger.account,numeric,numeric,text,jsonb)', '67d2de1bb7b6585f'),
    ('function ledger.insert_user(bigint,timestamp with time zone)', 'bc8f0d8bafc5d8ab'),
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
    ('function ledger.raise_status(text,bigint,numeric,numeric)', '223fab78bfa8bdad'),
    ('function ledger.read_changes(bigint,bigint,bigint[],integer)', '94d3eabd3774720a'),
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
    ('function public.create_user(bigint,text,jsonb,text)', '731e0bf1b22b2526'),
    ('function public.credit_user(bigint,numeric,text,jsonb)', 'e809087d94485f89'),
    ('function public.debit_user(bigint,numeric,text,jsonb)', 'bd4ce516f4fbdefc'),
    ('function public.debit_users(bigint[],numeric[],text[])', '51bea00d63341d9c'),
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
    ('index public.payment_history_pending_idx on payment_history', '78762c93eb694284'),
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
    ('trigger check_entry on payment_history', 'f64a6aa33fdae45a'),
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

drop function ledger.entry_problem(seq bigint, remaining numeric, amount numeric);

-- function: entry_problem
create or replace function ledger.entry_problem(seq bigint, is_reversed boolean)
  returns text
  language sql immutable parallel safe as $$
  select case when seq is null then 'LGENT' when is_reversed then 'LGREV' end
$$;

comment on function ledger.entry_problem is
  'Why an entry can''t be reversed, as a SQLSTATE, or null. seq null: there is no such entry.';

revoke all on function ledger.entry_problem from public;
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

drop function ledger.change_hold(operation text, account ledger.account, target ledger.target, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb);

drop function public.capture_hold(user_id bigint, hold_id bigint, amount numeric, idempotency_key text, metadata jsonb, final boolean);

-- function: capture_hold
create or replace function public.capture_hold(
  user_id bigint, hold_id bigint, amount numeric default null, idempotency_key text default null,
  metadata jsonb default null)
  returns ledger.posted_entry
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return ledger.post_change('CAPTURE', capture_hold.user_id, capture_hold.amount,
    capture_hold.hold_id, capture_hold.idempotency_key, capture_hold.metadata);
end $$;

comment on function public.capture_hold is
  'Takes the amount of a hold (null: all of it), or a part, which releases the rest; once per idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than was held), LGFND, LGKEY, 22023, 55P03 (lock_timeout).';

revoke all on function public.capture_hold from public;
grant execute on function public.capture_hold to ledger_dba;
-- end function

-- function: absent_ids
create or replace function ledger.absent_ids(after_id bigint, last_id bigint)
  returns bigint[]
  language plpgsql stable as $$
begin
  return array(
    select g.id from generate_series(absent_ids.after_id + 1, absent_ids.last_id) g (id)
    except
    select h.id from public.payment_history h
     where h.id > absent_ids.after_id and h.id <= absent_ids.last_id
    except
    select o.position from public.holds o
     where o.position > absent_ids.after_id and o.position <= absent_ids.last_id);
end $$;

comment on function ledger.absent_ids is
  'The ids after after_id, up to last_id, that no entry has and no change of a hold.';

revoke all on function ledger.absent_ids from public;
-- end function

-- by hand
-- Only while there is nothing to lose.
do $$
begin
  if exists (select from public.hold_changes)
    or exists (select from public.payment_history r
         join public.payment_history e on e.user_id = r.user_id and e.seq = r.reverses
        where r.amount <> e.amount) then
    raise exception 'there are rows that this would drop, so it is not done: restore a backup';
  end if;
end $$;

drop view public.active_holds, public.balances;
drop table public.hold_changes;

alter table public.holds
  drop remaining, drop captured, drop changes, drop hash, drop expires_at,
  alter status set default 'active',
  add available numeric(20, 2) not null, add created_at timestamptz not null,
  add expires_at timestamptz not null, add closed_at timestamptz, add idempotency_key text,
  add metadata jsonb, add release_key text, add release_metadata jsonb, add release_seq bigint,
  add release_balance numeric(20, 2), add release_available numeric(20, 2),
  add position bigint not null, add hash bytea not null;
create index holds_active_idx on public.holds (user_id, expires_at) where status = 'active';
create unique index holds_user_id_idempotency_key_key
  on public.holds (user_id, idempotency_key) where idempotency_key is not null;
create unique index holds_user_id_release_key_key
  on public.holds (user_id, release_key) where release_key is not null;
create index holds_position_idx on public.holds (position, user_id);

comment on table public.holds is
  'Amounts set aside, numbered 1, 2, 3 … for each user. They lower what is available, not the balance.';
comment on column public.holds.amount is null;
comment on column public.holds.available is 'What was available when it had been placed.';

create view public.active_holds as
  select o.user_id, o.hold, o.amount, o.created_at, nullif(o.expires_at, 'infinity') as expires_at,
         o.idempotency_key, o.metadata
    from public.holds o
   where o.status = 'active' and o.expires_at > statement_timestamp();

comment on view public.active_holds is 'The holds that lower what is available now.';
grant select on public.active_holds to ledger_dba;

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
grant select on public.balances to ledger_dba;

drop index public.payment_history_reverses_idx;
create unique index payment_history_user_id_hold_reverses_key
  on public.payment_history (user_id, hold, reverses) nulls not distinct
  where hold is not null or reverses is not null;

-- What answers rows of the view goes with it.
drop function ledger.get_history(user_id bigint, before bigint, max_rows integer);
drop function ledger.get_statement(user_id bigint, after bigint, upto bigint, max_rows integer);
drop view public.entries;
create view public.entries as
  select h.user_id, h.seq, h.action, h.amount, h.balance, h.balance - h.held as available, h.ts,
         h.sealed_at, h.idempotency_key, h.metadata, h.peer_user_id, h.peer_seq, h.reverses,
         (select r.seq from public.payment_history r
           where r.user_id = h.user_id and r.hold is null and r.reverses = h.seq) as reversed_by,
         h.hold, encode(h.hash, 'hex') as hash, h.held
    from public.payment_history h
   where h.seq is not null;

comment on view public.entries is 'The posted entries of payment_history, as HTTP shows them.';
grant select on public.entries to ledger_dba;

create or replace function ledger.get_history(
  user_id bigint, before bigint default null, max_rows integer default 50)
  returns setof public.entries
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select e.* from public.entries e
   where e.user_id = get_history.user_id
     and e.seq < coalesce(get_history.before, 9223372036854775807)
   order by e.seq desc limit get_history.max_rows
$$;

comment on function ledger.get_history is
  'At most max_rows entries of a user below seq before (null: the last ones), newest first.';

revoke all on function ledger.get_history from public;
grant execute on function ledger.get_history to ledger_service, ledger_dba;

create or replace function ledger.get_statement(
  user_id bigint, after bigint default 0, upto bigint default null, max_rows integer default 1000)
  returns setof public.entries
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select e.* from public.entries e
   where e.user_id = get_statement.user_id and e.seq > get_statement.after
     and e.seq <= coalesce(get_statement.upto, 9223372036854775807)
   order by e.seq limit get_statement.max_rows
$$;

comment on function ledger.get_statement is
  'At most max_rows entries of a user with after < seq <= upto (null: the last), oldest first.';

revoke all on function ledger.get_statement from public;
grant execute on function ledger.get_statement to ledger_service, ledger_dba;

alter type ledger.target
  drop attribute remaining, drop attribute expires_at, drop attribute changes, drop attribute hash;
alter type ledger.decision drop attribute earlier_number;
alter type ledger.earlier
  drop attribute number, drop attribute expires_in, add attribute placed bigint,
  add attribute released bigint;
alter type ledger.listed_hold drop attribute captured, drop attribute remaining;
alter type ledger.found_entry drop attribute reversed;
-- end by hand
