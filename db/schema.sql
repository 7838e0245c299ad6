-- The database as the migrations make it, for reading: nothing applies this file.
-- Written by npm run db:schema; a test compares it with a migrated database.
-- The bodies of functions are in db/functions. public is for people, ledger for the engine.

-- What erase_user and npm run archive took something out of, and a hash of what they left and of
-- what there was. Append-only.
create table public.erasures (
  -- The row of interventions that says who did it, when and why.
  intervention bigint not null,
  kind text not null,
  user_id bigint not null,
  -- The seq of an entry, the number of a hold or a control, the id of an intervention or a manual
  -- entry, or 0.
  number bigint not null,
  -- Of a hold, the number of its change.
  change bigint not null default 0,
  -- Of the row as it is left, and its hash from when it was whole; see ledger.erased_hash.
  hash bytea not null,
  constraint erasures_kind_check CHECK ((kind = ANY (ARRAY['entry'::text, 'hold_change'::text, 'intervention'::text, 'control'::text, 'details'::text, 'manual_entry'::text]))),
  constraint erasures_pkey PRIMARY KEY (kind, user_id, number, change, intervention)
);
CREATE INDEX erasures_intervention_idx ON public.erasures USING btree (intervention);
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.erasures FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.erasures FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
alter table public.erasures enable always trigger guard_row;
alter table public.erasures enable always trigger guard_truncate;
grant select on public.erasures to ledger_dba;

-- Every change of a hold, numbered 1, 2, 3 … for each hold: what holds says comes to this.
-- Append-only, and a chain by hash.
create table public.hold_changes (
  user_id bigint not null,
  hold bigint not null,
  number bigint not null,
  -- placed, captured, extended or released; that time is over changes nothing.
  action text not null,
  -- What was set aside, taken or given back; of an extension, what had been set aside.
  amount numeric(12,2) not null,
  -- What was held by it afterwards.
  remaining numeric(12,2) not null,
  -- When it expires, afterwards; infinity: never.
  expires_at timestamp with time zone not null,
  at timestamp with time zone not null,
  -- Of a capture, its entry; otherwise the last entry of the user before.
  seq bigint,
  -- Of the user afterwards, like available. Null where nobody had kept it.
  balance numeric(20,2),
  available numeric(20,2),
  -- Of a capture, its entry has the key and the metadata.
  idempotency_key text,
  metadata jsonb,
  -- From the sequence of payment_history.id: where it stands among all that was posted. Null where
  -- nobody had kept it: of a hold that was closed before changes had rows, when it was placed.
  position bigint,
  -- sha256 over the hash of the change of that hold before and this one; see ledger.hold_hash.
  hash bytea not null,
  constraint hold_changes_pkey PRIMARY KEY (user_id, hold, number)
) with (
  autovacuum_vacuum_insert_scale_factor=0.01,
  autovacuum_vacuum_insert_threshold=10000,
  autovacuum_analyze_scale_factor=0.01,
  autovacuum_analyze_threshold=10000,
  autovacuum_freeze_min_age=1000000);
CREATE INDEX hold_changes_position_idx ON public.hold_changes USING btree ("position", user_id);
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.hold_changes FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.hold_changes FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
CREATE UNIQUE INDEX hold_changes_user_id_idempotency_key_key
  ON public.hold_changes USING btree (user_id, idempotency_key text_pattern_ops)
  WHERE (idempotency_key IS NOT NULL);
alter table public.hold_changes enable always trigger guard_row;
alter table public.hold_changes enable always trigger guard_truncate;
grant select on public.hold_changes to ledger_dba;

-- Amounts set aside, numbered 1, 2, 3 … for each user, as they are: what hold_changes come to. They
-- lower what is available, not the balance.
create table public.holds (
  user_id bigint not null,
  hold bigint not null,
  -- What was set aside.
  amount numeric(12,2) not null,
  -- active, captured or released; an active one past expires_at counts as expired.
  status text not null,
  -- infinity: never.
  expires_at timestamp with time zone not null,
  -- That of its last change.
  hash bytea not null,
  -- What of it is still held, if it is active.
  remaining numeric(12,2) not null,
  -- What of it has been captured so far.
  captured numeric(12,2) not null,
  -- The number of its last change in hold_changes.
  changes bigint not null,
  constraint holds_pkey PRIMARY KEY (user_id, hold)
) with (
  autovacuum_vacuum_scale_factor=0.05,
  autovacuum_vacuum_threshold=1000,
  autovacuum_analyze_scale_factor=0.05,
  autovacuum_analyze_threshold=1000);
CREATE INDEX holds_active_idx
  ON public.holds USING btree (user_id, expires_at)
  WHERE (status = 'active'::text);
grant select on public.holds to ledger_dba;

-- What the servers of a distributed ledger write down after break_glass, until the commit chains it
-- as interventions; empty on one server.
create table public.intervention_traces (
  -- Of the row that was changed; below 0: the glass was broken for a shard.
  user_id bigint not null,
  -- 1, 2, 3 … for each user, or the intervention.
  number bigint not null,
  -- The row of interventions that says who broke the glass, when and why.
  intervention bigint not null,
  operation text not null,
  seq bigint,
  -- What the row was, until the commit chains it as an intervention.
  before jsonb,
  -- By the clock of the server, which also numbers the transaction.
  at timestamp with time zone not null,
  transaction xid8 not null,
  constraint intervention_traces_operation_check CHECK ((operation = ANY (ARRAY['BREAK GLASS'::text, 'UPDATE'::text, 'DELETE'::text]))),
  constraint intervention_traces_pkey PRIMARY KEY (user_id, number)
);
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.intervention_traces FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.intervention_traces FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
alter table public.intervention_traces enable always trigger guard_row;
alter table public.intervention_traces enable always trigger guard_truncate;
grant select on public.intervention_traces to ledger_dba;

-- Every use of break_glass, what each row that it let change had been, every manual entry that was
-- withdrawn, every use of erase_user, and each part of an archive. Append-only, and a chain by
-- hash.
create table public.interventions (
  -- 1, 2, 3 … without gaps.
  id bigint not null generated by default as identity,
  at timestamp with time zone not null default now(),
  transaction xid8 not null default pg_current_xact_id(),
  role text not null default SESSION_USER,
  operation text not null,
  reason text,
  user_id bigint,
  seq bigint,
  before jsonb,
  hash bytea not null,
  constraint interventions_check CHECK (((reason IS NOT NULL) OR (operation <> ALL (ARRAY['BREAK GLASS'::text, 'ERASE'::text, 'ARCHIVE'::text])))),
  constraint interventions_operation_check CHECK ((operation = ANY (ARRAY['BREAK GLASS'::text, 'UPDATE'::text, 'DELETE'::text, 'WITHDRAW'::text, 'ERASE'::text, 'ARCHIVE'::text]))),
  constraint interventions_pkey PRIMARY KEY (id)
);
CREATE CONSTRAINT TRIGGER collect_traces AFTER INSERT
  ON public.interventions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (((new.operation = 'BREAK GLASS'::text) AND ledger.is_distributed()))
  EXECUTE FUNCTION ledger.chain_intervention();
CREATE INDEX interventions_transaction_idx ON public.interventions USING btree (transaction);
CREATE INDEX interventions_user_id_idx ON public.interventions USING btree (user_id);
CREATE TRIGGER chain_intervention BEFORE INSERT
  ON public.interventions FOR EACH ROW
  WHEN ((new.hash IS NULL))
  EXECUTE FUNCTION ledger.chain_intervention();
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.interventions FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.interventions FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
alter table public.interventions enable always trigger chain_intervention;
alter table public.interventions enable always trigger collect_traces;
alter table public.interventions enable always trigger guard_row;
alter table public.interventions enable always trigger guard_truncate;
grant select on public.interventions to ledger_dba;

-- Who entered each manual entry, and when; seq: as which entry it was posted. Append-only.
create table public.manual_entries (
  user_id bigint not null,
  -- The id of its row in payment_history while it was pending.
  id bigint not null,
  entered_at timestamp with time zone not null,
  -- session_user: who had logged in.
  entered_by text not null,
  -- The seq of its entry in payment_history; null while it is pending, and if it was withdrawn.
  seq bigint,
  -- sha256 over the entry as it was entered, by whom and when; see ledger.manual_entry_hash.
  hash bytea not null,
  constraint manual_entries_pkey PRIMARY KEY (user_id, id)
);
CREATE INDEX manual_entries_user_id_seq_idx
  ON public.manual_entries USING btree (user_id, seq)
  WHERE (seq IS NOT NULL);
CREATE TRIGGER guard_delete BEFORE DELETE
  ON public.manual_entries FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.manual_entries FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_update BEFORE UPDATE
  ON public.manual_entries FOR EACH ROW
  WHEN (((old.seq IS NOT NULL) OR (new.seq IS NULL) OR (((((old.user_id IS DISTINCT FROM new.user_id) OR (old.id IS DISTINCT FROM new.id)) OR (old.entered_at IS DISTINCT FROM new.entered_at)) OR (old.entered_by IS DISTINCT FROM new.entered_by)) OR (old.hash IS DISTINCT FROM new.hash))))
  EXECUTE FUNCTION ledger.guard_history();
alter table public.manual_entries enable always trigger guard_delete;
alter table public.manual_entries enable always trigger guard_truncate;
alter table public.manual_entries enable always trigger guard_update;
grant select on public.manual_entries to ledger_dba;

-- Every change of a balance. A row without seq is pending: entered manually, and posted at the
-- user's next operation.
create table public.payment_history (
  -- Of posted entries, the order in which they were posted: a pending one gets its last id with its
  -- seq.
  id bigint not null generated by default as identity,
  user_id bigint not null,
  action text not null,
  amount numeric not null,
  -- When it happened; of a manual entry, what whoever entered it says.
  ts timestamp with time zone not null default clock_timestamp(),
  -- 1, 2, 3 … for each user, without gaps, in the order in which entries were posted; null while
  -- pending.
  seq bigint,
  -- Balance of the user after this entry; null while pending.
  balance numeric(20,2),
  -- When it was posted, by the clock after the lock, always later than the entry before it; null
  -- while pending.
  sealed_at timestamp with time zone,
  -- The caller's name for the request that made this entry; the row is its stored answer.
  idempotency_key text,
  metadata jsonb,
  -- What active holds reserved after this entry, less the credit limit; balance − held was
  -- available. Null while pending.
  held numeric(20,2),
  -- The hold of the user that this entry captured.
  hold bigint,
  -- The seq of the user's entry that this one reverses.
  reverses bigint,
  -- Of a transfer: whose entry is the other half; peer_seq is its seq.
  peer_user_id bigint,
  peer_seq bigint,
  -- sha256 over the hash of the entry before and this one; see ledger.entry_hash. Null while
  -- pending.
  hash bytea,
  constraint payment_history_pkey PRIMARY KEY (id, user_id),
  constraint payment_history_user_id_seq_key UNIQUE (user_id, seq)
) with (
  autovacuum_vacuum_insert_scale_factor=0.01,
  autovacuum_vacuum_insert_threshold=10000,
  autovacuum_analyze_scale_factor=0.01,
  autovacuum_analyze_threshold=10000,
  autovacuum_freeze_min_age=1000000,
  autovacuum_vacuum_scale_factor=0.01,
  autovacuum_vacuum_threshold=10000);
CREATE INDEX payment_history_reverses_idx
  ON public.payment_history USING btree (user_id, reverses)
  WHERE (reverses IS NOT NULL);
CREATE TRIGGER check_entry BEFORE INSERT
  ON public.payment_history FOR EACH ROW
  WHEN ((new.hash IS NULL))
  EXECUTE FUNCTION ledger.check_entry();
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.payment_history FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.payment_history FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
CREATE UNIQUE INDEX payment_history_pending_idx
  ON public.payment_history USING btree (user_id, id, ((num_nonnulls(seq, balance, sealed_at, held, hash))::ledger.nothing))
  WHERE ((seq IS NULL) OR (balance IS NULL) OR (sealed_at IS NULL) OR (held IS NULL));
CREATE UNIQUE INDEX payment_history_user_id_idempotency_key_key
  ON public.payment_history USING btree (user_id, idempotency_key text_pattern_ops)
  WHERE (idempotency_key IS NOT NULL);
alter table public.payment_history enable always trigger check_entry;
alter table public.payment_history enable always trigger guard_row;
alter table public.payment_history enable always trigger guard_truncate;
grant insert (user_id, action, amount, ts, metadata) on public.payment_history to ledger_dba;
grant select on public.payment_history to ledger_dba;

-- Every freeze, thaw and credit limit of a user, numbered 1, 2, 3 … for each. Append-only, and a
-- chain by hash.
create table public.user_controls (
  user_id bigint not null,
  number bigint not null,
  at timestamp with time zone not null,
  transaction xid8 not null default pg_current_xact_id(),
  -- Who had logged in to the database.
  role text not null,
  -- Over HTTP: the name of the caller.
  actor text,
  operation text not null,
  credit_limit numeric(12,2),
  reason text,
  position bigint not null,
  -- sha256 over the hash of the user's row before and this one; see ledger.control_hash.
  hash bytea not null,
  constraint user_controls_check CHECK (((credit_limit IS NULL) = (operation <> 'CREDIT LIMIT'::text))),
  constraint user_controls_operation_check CHECK ((operation = ANY (ARRAY['FREEZE'::text, 'THAW'::text, 'CREDIT LIMIT'::text]))),
  constraint user_controls_pkey PRIMARY KEY (user_id, number)
);
CREATE INDEX user_controls_position_idx ON public.user_controls USING btree ("position", user_id);
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.user_controls FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.user_controls FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
alter table public.user_controls enable always trigger guard_row;
alter table public.user_controls enable always trigger guard_truncate;
grant select on public.user_controls to ledger_dba;

-- What users were made as, by those who made them: a reference, metadata, the key of the request.
-- Append-only.
create table public.user_details (
  user_id bigint not null,
  reference text,
  metadata jsonb,
  idempotency_key text,
  asked_id bigint,
  -- sha256 over this row and created_at of the user; see ledger.details_hash.
  hash bytea not null,
  constraint user_details_pkey PRIMARY KEY (user_id)
);
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON public.user_details FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.user_details FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
alter table public.user_details enable always trigger guard_row;
alter table public.user_details enable always trigger guard_truncate;
grant select on public.user_details to ledger_dba;

-- The user that was made with each idempotency key.
create table public.user_keys (
  idempotency_key text not null,
  user_id bigint not null,
  constraint user_keys_pkey PRIMARY KEY (idempotency_key)
);
grant select on public.user_keys to ledger_dba;

-- The user of each reference, which is the name that a caller has for it.
create table public.user_references (
  reference text not null,
  user_id bigint not null,
  constraint user_references_pkey PRIMARY KEY (reference)
);
grant select on public.user_references to ledger_dba;

-- Who has a balance. balance and seq are copies from payment_history and are put right at the next
-- debit, credit or recalculation.
create table public.users (
  id bigint not null generated by default as identity (start with 2),
  -- Copy of the balance after the last posted entry.
  balance numeric not null default 0.00,
  -- Copy of the seq of the last posted entry.
  seq bigint not null default 0,
  hold_changes bigint not null default 0,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  frozen_at timestamp with time zone,
  credit_limit numeric(12,2),
  constraint users_pkey PRIMARY KEY (id)
) with (
  fillfactor=70,
  autovacuum_vacuum_scale_factor=0.05,
  autovacuum_vacuum_threshold=1000,
  autovacuum_analyze_scale_factor=0.05,
  autovacuum_analyze_threshold=1000);
CREATE TRIGGER guard_delete BEFORE DELETE
  ON public.users FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_user();
CREATE TRIGGER guard_hold_changes AFTER UPDATE OF hold_changes
  ON public.users FOR EACH ROW
  WHEN ((new.hold_changes < old.hold_changes))
  EXECUTE FUNCTION ledger.guard_user();
CREATE TRIGGER guard_id AFTER UPDATE OF id
  ON public.users FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_user();
CREATE TRIGGER guard_insert AFTER INSERT
  ON public.users FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_user();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON public.users FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_user();
alter table public.users enable always trigger guard_delete;
alter table public.users enable always trigger guard_hold_changes;
alter table public.users enable always trigger guard_id;
alter table public.users enable always trigger guard_insert;
alter table public.users enable always trigger guard_truncate;
grant select on public.users to ledger_dba;

-- Every anchor that was made of this ledger, numbered 1, 2, 3 … for each key. Append-only.
create table ledger.anchors (
  key text not null,
  number bigint not null,
  at timestamp with time zone not null,
  line text not null,
  constraint anchors_pkey PRIMARY KEY (key, number)
);
CREATE TRIGGER guard_row BEFORE DELETE OR UPDATE
  ON ledger.anchors FOR EACH ROW
  EXECUTE FUNCTION ledger.guard_history();
CREATE TRIGGER guard_truncate BEFORE TRUNCATE
  ON ledger.anchors FOR EACH STATEMENT
  EXECUTE FUNCTION ledger.guard_history();
alter table ledger.anchors enable always trigger guard_row;
alter table ledger.anchors enable always trigger guard_truncate;
grant select on ledger.anchors to ledger_dba;

-- Which ledger this is. A restored copy is the same one; nothing else ever is.
create table ledger.identity (
  is_only boolean not null default true,
  id uuid not null default gen_random_uuid(),
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint identity_is_only_check CHECK (is_only),
  constraint identity_pkey PRIMARY KEY (is_only)
);
grant select on ledger.identity to ledger_dba;

-- Up to which position everything was delivered to each receiver of webhooks, and who delivers to
-- it now.
create table ledger.webhooks (
  -- Its name in WEBHOOKS_FILE.
  receiver text not null,
  position bigint not null,
  -- Which instance of the service delivers to it.
  holder text,
  -- From then on another one may.
  held_until timestamp with time zone,
  -- Names the address that said that it is not to be used any more.
  gone text,
  cursor text,
  constraint webhooks_pkey PRIMARY KEY (receiver)
);

-- The holds that lower what is available now; amount: what is still held.
create view public.active_holds as
 SELECT o.user_id,
    o.hold,
    o.remaining AS amount,
    c.at AS created_at,
    NULLIF(o.expires_at, 'infinity'::timestamp with time zone) AS expires_at,
    c.idempotency_key,
    c.metadata
   FROM (public.holds o
     JOIN public.hold_changes c ON (((c.user_id = o.user_id) AND (c.hold = o.hold) AND (c.number = 1))))
  WHERE ((o.status = 'active'::text) AND (o.expires_at > statement_timestamp()));

-- What each user has, from the history: without pending entries, which recalculate_balance posts.
create view public.balances as
 SELECT u.id,
    COALESCE(h.balance, 0.00) AS balance,
    COALESCE(o.held, 0.00) AS held,
    ((COALESCE(h.balance, 0.00) - COALESCE(o.held, 0.00)) + COALESCE(u.credit_limit, 0.00)) AS available,
    COALESCE(h.seq, (0)::bigint) AS seq,
    GREATEST(h.sealed_at, u.updated_at) AS updated_at
   FROM ((public.users u
     LEFT JOIN LATERAL ( SELECT p.seq,
            p.balance,
            p.sealed_at
           FROM public.payment_history p
          WHERE ((p.user_id = u.id) AND (p.seq IS NOT NULL))
          ORDER BY p.seq DESC
         LIMIT 1) h ON (true))
     LEFT JOIN LATERAL ( SELECT sum(a.remaining) AS held
           FROM public.holds a
          WHERE ((u.hold_changes > 0) AND (a.user_id = u.id) AND (a.status = 'active'::text) AND (a.expires_at > statement_timestamp()))) o ON (true));

-- What was posted for each user on each day (UTC), and the balance at the end of it.
create view public.daily_totals as
 SELECT user_id,
    ((sealed_at AT TIME ZONE 'UTC'::text))::date AS day,
    count(*) AS entries,
    COALESCE(sum(amount) FILTER (WHERE (action = 'CREDIT'::text)), 0.00) AS credited,
    COALESCE(sum(amount) FILTER (WHERE (action = 'DEBIT'::text)), 0.00) AS debited,
    (array_agg(balance ORDER BY seq DESC))[1] AS balance
   FROM public.payment_history h
  WHERE (seq IS NOT NULL)
  GROUP BY user_id, (((sealed_at AT TIME ZONE 'UTC'::text))::date);

-- The posted entries of payment_history, as HTTP shows them. reversed_by: the last reversal of an
-- entry; reversed: how much has been reversed, if not all of it.
create view public.entries as
 SELECT user_id,
    seq,
    action,
    amount,
    balance,
    (balance - held) AS available,
    ts,
    sealed_at,
    idempotency_key,
    metadata,
    peer_user_id,
    peer_seq,
    reverses,
    ( SELECT max(r.seq) AS max
           FROM public.payment_history r
          WHERE ((r.user_id = h.user_id) AND (r.reverses = h.seq))) AS reversed_by,
    hold,
    encode(hash, 'hex'::text) AS hash,
    held,
    ( SELECT NULLIF(sum(r.amount), h.amount) AS "nullif"
           FROM public.payment_history r
          WHERE ((r.user_id = h.user_id) AND (r.reverses = h.seq))) AS reversed
   FROM public.payment_history h
  WHERE (seq IS NOT NULL);

-- Manual entries that are not posted yet, and who entered them; withdraw_entry takes one back.
create view public.pending_entries as
 SELECT h.user_id,
    h.id,
    h.action,
    h.amount,
    h.ts,
    h.metadata,
    m.entered_at,
    m.entered_by
   FROM (public.payment_history h
     LEFT JOIN public.manual_entries m ON (((m.user_id = h.user_id) AND (m.id = h.id))))
  WHERE (h.seq IS NULL);

create domain ledger.nothing as integer constraint posted_as_a_whole CHECK ((VALUE = 0));

create type ledger.account as (
  user_id bigint,
  problem text,
  seq bigint,
  balance numeric,
  held numeric,
  posted_at timestamp with time zone,
  hash bytea,
  hold_changes bigint,
  next_expiry timestamp with time zone,
  updated_at timestamp with time zone,
  is_frozen boolean);

create type ledger.created_user as (
  id bigint,
  created boolean,
  replayed boolean,
  created_at timestamp with time zone,
  reference text,
  metadata jsonb);

create type ledger.decision as (
  problem text,
  replayed boolean,
  action text,
  amount numeric,
  change numeric,
  held numeric,
  hold bigint,
  reverses bigint,
  earlier_seq bigint,
  earlier_number bigint);

create type ledger.earlier as (
  seq bigint,
  action text,
  amount numeric,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  metadata jsonb,
  number bigint,
  expires_in numeric);

create type ledger.entry as (
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  ts timestamp with time zone,
  posted_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  held numeric,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint,
  hash bytea);

create type ledger.event as (
  position bigint,
  digest text,
  type text,
  user_id bigint,
  at timestamp with time zone,
  through bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  available numeric,
  ts timestamp with time zone,
  sealed_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  peer_user_id bigint,
  peer_seq bigint,
  reverses bigint,
  reversed_by bigint,
  hold bigint,
  hash text,
  held numeric,
  number bigint,
  operation text,
  credit_limit numeric,
  reason text,
  role text,
  actor text,
  remaining numeric,
  expires_at timestamp with time zone);

create type ledger.finding as (finding text, user_id bigint, seq bigint, detail text);

create type ledger.found_entry as (
  position bigint,
  is_match boolean,
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  available numeric,
  ts timestamp with time zone,
  sealed_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  peer_user_id bigint,
  peer_seq bigint,
  reverses bigint,
  reversed_by bigint,
  hold bigint,
  hash text,
  held numeric,
  reversed numeric);

create type ledger.listed_hold as (
  user_id bigint,
  hold bigint,
  amount numeric,
  status text,
  expires_at timestamp with time zone,
  available numeric,
  idempotency_key text,
  metadata jsonb,
  created_at timestamp with time zone,
  closed_at timestamp with time zone,
  is_match boolean,
  captured numeric,
  remaining numeric);

create type ledger.listed_user as (
  id bigint,
  balance numeric,
  available numeric,
  seq bigint,
  updated_at timestamp with time zone,
  reference text,
  metadata jsonb,
  created_at timestamp with time zone);

create type ledger.outcome as (
  n integer,
  status text,
  replayed boolean,
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  available numeric,
  ts timestamp with time zone,
  posted_at timestamp with time zone,
  metadata text,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint,
  hash text,
  hold_status text,
  expires_at timestamp with time zone,
  required numeric,
  shortfall numeric,
  user_seq bigint,
  user_balance numeric,
  user_available numeric,
  updated_at timestamp with time zone,
  version bigint,
  read_at timestamp with time zone,
  expires_in_ms bigint);

create type ledger.posted_entry as (
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  available numeric,
  ts timestamp with time zone,
  replayed boolean);

create type ledger.posted_hold as (
  user_id bigint,
  hold bigint,
  amount numeric,
  status text,
  expires_at timestamp with time zone,
  available numeric,
  replayed boolean);

create type ledger.released_hold as (
  user_id bigint,
  balance numeric,
  available numeric,
  seq bigint,
  updated_at timestamp with time zone,
  replayed boolean);

create type ledger.target as (
  action text,
  amount numeric,
  hold bigint,
  held numeric,
  reverses bigint,
  peer_user_id bigint,
  peer_reverses bigint,
  problem text,
  remaining numeric,
  expires_at timestamp with time zone,
  changes bigint,
  hash bytea);

create type ledger.user_snapshot as (
  id bigint,
  balance numeric,
  available numeric,
  seq bigint,
  updated_at timestamp with time zone,
  version bigint,
  read_at timestamp with time zone,
  expires_in_ms bigint);

create type ledger.user_state as (
  user_id bigint,
  frozen_at timestamp with time zone,
  credit_limit numeric,
  changed boolean);

create type ledger.withdrawn_entry as (
  user_id bigint,
  id bigint,
  action text,
  amount numeric,
  ts timestamp with time zone,
  metadata jsonb);

-- When pause_cache was called last, in milliseconds since 1970.
create sequence ledger.cache_paused_at;

-- What the ledger held for a user at a moment, the same for ever: the balance after the last entry
-- that had been posted by then (sealed_at, not ts: a manual entry counts from when it was posted).
-- From an index, in logarithmic time. Waits for who has locked the user meanwhile. Raises LGUSR,
-- 55P03 (lock_timeout, or a moment that has not come yet).
create function public.balance_at(user_id bigint, at timestamp with time zone)
  returns numeric
  language plpgsql volatile security definer;
grant execute on function public.balance_at to ledger_dba, ledger_service;

-- Lets the rest of this transaction update and delete rows of payment_history, each with a trace of
-- what it was. verify_ledger reports it for ever. Only for the owner of the ledger. Raises 22023
-- without a reason.
create function public.break_glass(reason text)
  returns bigint
  language plpgsql volatile;

-- Takes what a hold holds (amount null: all that is left), or a part; what is left is released,
-- unless final is false: then it stays held, and can be captured, too. Once per idempotency_key.
-- Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGAMT (also: more than is held), LGFND,
-- LGKEY, 22023, 55P03 (lock_timeout).
create function public.capture_hold(
  user_id bigint,
  hold_id bigint,
  amount numeric DEFAULT NULL::numeric,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb,
  final boolean DEFAULT true)
  returns ledger.posted_entry
  language plpgsql volatile security definer;
grant execute on function public.capture_hold to ledger_dba;

-- Makes a user without history, with the given id (1 to 9007199254740991) or the next free one;
-- reference: the caller's own name for it, of one user only. Once per idempotency_key (replayed),
-- reference and id: what exists already is answered with created = false. Raises LGKEY if that was
-- made as something else, 22023 for a malformed key, reference or metadata, 23514 for an id out of
-- range, 40001.
create function public.create_user(
  user_id bigint DEFAULT NULL::bigint,
  reference text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb,
  idempotency_key text DEFAULT NULL::text)
  returns ledger.created_user
  language plpgsql volatile security definer;
grant execute on function public.create_user to ledger_dba, ledger_service;

-- Adds amount to user_id, once per idempotency_key: a repeat answers the first entry again, with
-- replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first.
-- Raises LGUSR, LGAMT, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03 (lock_timeout).
create function public.credit_user(
  user_id bigint,
  amount numeric,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb)
  returns ledger.posted_entry
  language plpgsql volatile security definer;
grant execute on function public.credit_user to ledger_dba;

-- Takes amount from user_id, once per idempotency_key: a repeat answers the first entry again, with
-- replayed set. amount: 0.01 to 9999999999.99, at most two decimals. Posts pending entries first.
-- Raises LGUSR, LGAMT, LGFND, LGKEY, LGRNG, 22023 (key or metadata malformed), 55P03
-- (lock_timeout).
create function public.debit_user(
  user_id bigint,
  amount numeric,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb)
  returns ledger.posted_entry
  language plpgsql volatile security definer;
grant execute on function public.debit_user to ledger_dba;

-- Debits many users in one go, in order, and answers a row for each item with status ok or the
-- SQLSTATE that debit_user would have raised; a refused item changes nothing and stops no other.
-- Never waits: 55P03 means that somebody else holds the user, or that more than 1000 pending
-- entries are left; repeat these. Raises 22023 when the arrays differ in length.
create function public.debit_users(
  user_ids bigint[],
  amounts numeric[],
  idempotency_keys text[] DEFAULT NULL::text[])
  returns table (
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  available numeric,
  ts timestamp with time zone,
  replayed boolean,
  status text)
  language plpgsql volatile security definer;
grant execute on function public.debit_users to ledger_dba;

-- Takes out for ever what people said about a user and the user's entries, holds and withdrawn
-- entries that are older than keep (at least a day): metadata, keys, the reference, and reasons of
-- controls; of transfers the metadata of both halves. Amounts, moments and hashes stay, and so does
-- the proof: see the table erasures. Returns how many of each it erased, and how many are left:
-- call it again when they are old enough. Only for the owner of the ledger. Raises LGUSR, LGIMM (a
-- row is not what its hash says), 22023 (no reason of 10 characters, or keep below a day).
create function public.erase_user(
  user_id bigint,
  reason text,
  keep interval DEFAULT '30 days'::interval,
  OUT entries bigint,
  OUT holds bigint,
  OUT interventions bigint,
  OUT kept bigint)
  returns record
  language plpgsql volatile;

-- Lets an active hold expire later: expires_in seconds from now, or never (null). Once per
-- idempotency_key. Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGEXP (not later than
-- before), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).
create function public.extend_hold(
  user_id bigint,
  hold_id bigint,
  expires_in numeric,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb)
  returns ledger.posted_hold
  language plpgsql volatile security definer;
grant execute on function public.extend_hold to ledger_dba;

-- From now on nothing is taken from user_id, and nothing held, until thaw_user: that raises LGFRZ.
-- Credits, releases and repeats of what was done go on. user_controls keeps who did it and why.
-- Raises LGUSR, LGRNG, 22023, 55P03 (lock_timeout).
create function public.freeze_user(user_id bigint, reason text DEFAULT NULL::text)
  returns ledger.user_state
  language plpgsql volatile security definer;
grant execute on function public.freeze_user to ledger_dba;

-- Sets amount aside: it lowers what is available, not the balance, until it is captured, released,
-- or expires_in seconds are over (null: never); from that moment it counts no more, without
-- anything having to run. Once per idempotency_key. Raises LGUSR, LGAMT, LGFND, LGMAX (10000 holds
-- are active), LGKEY, 22023, 55P03 (lock_timeout).
create function public.place_hold(
  user_id bigint,
  amount numeric,
  expires_in numeric DEFAULT NULL::numeric,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb)
  returns ledger.posted_hold
  language plpgsql volatile security definer;
grant execute on function public.place_hold to ledger_dba;

-- Posts every pending entry of user_id, sets users.balance from the history, and answers the
-- snapshot. Raises LGUSR, LGRNG, 55P03 (lock_timeout).
create function public.recalculate_balance(user_id bigint)
  returns SETOF ledger.user_snapshot
  language plpgsql volatile security definer;
grant execute on function public.recalculate_balance to ledger_dba;

-- Gives back what a hold still sets aside, once per idempotency_key; answers the user after it.
-- Raises LGUSR, LGHLU (unknown), LGHLD (closed or expired), LGKEY, 22023, 55P03 (lock_timeout).
create function public.release_hold(
  user_id bigint,
  hold_id bigint,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb)
  returns ledger.released_hold
  language plpgsql volatile security definer;
grant execute on function public.release_hold to ledger_dba;

-- Takes an entry back by an entry of the opposite action, all that is left of it (amount null) or a
-- part, and never more than it; once per idempotency_key; the half of a transfer together with the
-- other half. Raises LGUSR, LGENT (no such entry), LGREV (nothing is left), LGAMT (also: more than
-- is left), LGFND (a credit that was spent), LGKEY, LGRNG, 22023, 55P03 (lock_timeout).
create function public.reverse_entry(
  user_id bigint,
  seq bigint,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb,
  amount numeric DEFAULT NULL::numeric)
  returns ledger.posted_entry
  language plpgsql volatile security definer;
grant execute on function public.reverse_entry to ledger_dba;

-- How far below zero the balance of user_id may go: available is the balance, less what is held,
-- plus this (0 or null: none; at most 9999999999.99). A limit below what is used already only keeps
-- more from being taken. user_controls keeps who did it and why. Raises LGUSR, LGAMT, LGRNG, 22023,
-- 55P03 (lock_timeout).
create function public.set_credit_limit(
  user_id bigint,
  credit_limit numeric,
  reason text DEFAULT NULL::text)
  returns ledger.user_state
  language plpgsql volatile security definer;
grant execute on function public.set_credit_limit to ledger_dba;

-- Ends freeze_user. user_controls keeps who did it and why. Raises LGUSR, LGRNG, 22023, 55P03
-- (lock_timeout).
create function public.thaw_user(user_id bigint, reason text DEFAULT NULL::text)
  returns ledger.user_state
  language plpgsql volatile security definer;
grant execute on function public.thaw_user to ledger_dba;

-- Takes amount from one user and adds it to another, both or neither, once per idempotency_key of
-- the first. Two rows: the debit, the credit; each names the other. Raises LGSAM, LGUSR, LGAMT,
-- LGFND, LGKEY, LGRNG, 22023, 55P03 (lock_timeout).
create function public.transfer(
  from_user_id bigint,
  to_user_id bigint,
  amount numeric,
  idempotency_key text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb)
  returns SETOF ledger.posted_entry
  language plpgsql volatile security definer;
grant execute on function public.transfer to ledger_dba;

-- Proves every history and the guards, as of one moment, without waiting for anybody and in memory
-- that doesn't grow: a row for each finding; none is good. For a large ledger npm run verify does
-- the same in pages.
create function public.verify_ledger()
  returns SETOF ledger.finding
  language plpgsql stable security definer;
grant execute on function public.verify_ledger to ledger_dba;

-- Proves the history of a user from its rows, its hashes and its holds, as of one moment and
-- without waiting for anybody: a row for each finding; none is good. Raises LGUSR.
create function public.verify_user(user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable security definer;
grant execute on function public.verify_user to ledger_dba;

-- Takes back a manual entry that is still pending, by the id of its row, and returns it. What it
-- was, who took it back and why stays in interventions. Raises LGUSR, LGENT (no such manual entry),
-- LGIMM (it is posted).
create function public.withdraw_entry(user_id bigint, id bigint, reason text DEFAULT NULL::text)
  returns ledger.withdrawn_entry
  language plpgsql volatile security definer;
grant execute on function public.withdraw_entry to ledger_dba;

-- The account of a user whom lock_users left out: problem 55P03 if somebody else holds the user,
-- LGUSR if there is none.
create function ledger.absent_account(user_id bigint)
  returns ledger.account
  language plpgsql volatile;

-- The ids after after_id, up to last_id, that no entry has and no change of a hold.
create function ledger.absent_ids(after_id bigint, last_id bigint)
  returns bigint[]
  language plpgsql stable;

-- An account after a change of a hold, without the entry that this may make. PostgreSQL puts the
-- body in the place of the call.
create function ledger.account_after(account ledger.account, change public.hold_changes)
  returns ledger.account
  language sql stable;

-- An account, if it is that of user_id; otherwise the user is none of those that are locked: see
-- absent_account. PostgreSQL puts the body in the place of the call.
create function ledger.account_at(account ledger.account, user_id bigint)
  returns ledger.account
  language sql volatile;

-- Keeps an anchor that npm run anchor is about to write elsewhere: then one that is missing there
-- is missed. Raises 22023 unless it is the next one of its key, 23505 if somebody was faster.
create function ledger.add_anchor(key text, number bigint, at timestamp with time zone, line text)
  returns void
  language plpgsql volatile security definer;
grant execute on function ledger.add_anchor to ledger_dba;

-- Writes down a control of a user whom the caller has locked: numbered, and chained to the one
-- before.
create function ledger.add_control(
  user_id bigint,
  at timestamp with time zone,
  operation text,
  credit_limit numeric,
  reason text,
  actor text)
  returns void
  language plpgsql volatile;

-- Writes down what will be left of each control of a user from before a moment whose reason an
-- intervention is about to erase. Raises LGIMM as add_erasures.
create function ledger.add_control_erasures(
  intervention bigint,
  user_id bigint,
  before timestamp with time zone)
  returns void
  language plpgsql volatile;

-- Writes down what will be left of what a user from before a moment was made as, which an
-- intervention is about to erase. Raises LGIMM as add_erasures.
create function ledger.add_details_erasure(
  intervention bigint,
  user_id bigint,
  before timestamp with time zone)
  returns void
  language plpgsql volatile;

-- One DEBIT or CREDIT for people (change: the amount with its sign and two decimals), as
-- post_change does it, in the shortest way where nothing is pending, the user has never had a hold,
-- a limit or a freeze, and the funds suffice. Everything else, refusals and repeats included, is
-- for post_change.
create function ledger.add_entry(
  action text,
  user_id bigint,
  amount numeric,
  change numeric,
  idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile;

-- Writes down what will be left of an entry whose metadata becomes mark and which may lose its key.
-- Raises LGIMM if it is not what its hash says.
create function ledger.add_entry_erasure(
  intervention bigint,
  entry public.payment_history,
  mark jsonb,
  is_key_erased boolean)
  returns void
  language plpgsql volatile;

-- Writes down what will be left of everything that an intervention is about to erase of a user from
-- before a moment. Raises LGIMM if one of them is not what its hash says. The caller has locked the
-- user and ledger.identity.
create function ledger.add_erasures(
  intervention bigint,
  user_id bigint,
  before timestamp with time zone)
  returns void
  language plpgsql volatile;

-- One HOLD without a key for people, as post_hold does it, in the shortest way where nothing is
-- pending and the funds suffice; null: everything else, refusals included, which is for post_hold.
create function ledger.add_hold(user_id bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile;

-- Writes down what will be left of each change of the holds that an intervention is about to erase
-- of a user. Raises LGIMM as add_erasures.
create function ledger.add_hold_erasures(
  intervention bigint,
  user_id bigint,
  before timestamp with time zone)
  returns void
  language plpgsql volatile;

-- Writes down what will be left of the intervention with the id erased, from which another one is
-- about to erase metadata and the key, and of the manual entry that it withdrew. Raises LGIMM as
-- add_erasures.
create function ledger.add_intervention_erasure(intervention bigint, erased bigint)
  returns void
  language plpgsql volatile;

-- Writes down what will be left of a manual entry whose row (kind, number) an intervention is about
-- to erase, with who entered it and when. Raises LGIMM as add_erasures.
create function ledger.add_manual_erasure(
  intervention bigint,
  manual_entry public.manual_entries,
  entry public.payment_history,
  what_is_left public.payment_history,
  kind text,
  number bigint)
  returns void
  language plpgsql volatile;

-- One DEBIT or CREDIT without a key and metadata for people (change: the amount with its sign and
-- two decimals), as post_change does it, in the shortest way where nothing is pending, the copy in
-- users is right and the funds suffice. Everything else, refusals included, is for post_change.
create function ledger.add_plain_entry(action text, user_id bigint, amount numeric, change numeric)
  returns ledger.posted_entry
  language plpgsql volatile;

-- One REVERSE without a key and metadata of an entry that is no transfer for people, as post_change
-- does it, in the shortest way where nothing is pending and the funds suffice; null: everything
-- else, refusals included, which is for post_change.
create function ledger.add_reversal(user_id bigint, reversed_seq bigint, amount numeric)
  returns ledger.posted_entry
  language plpgsql volatile;

-- Keeps up to which position all was delivered to a receiver of webhooks, and for hold_ms
-- milliseconds more who delivers to it (0: somebody else may at once). cursor: the same where users
-- are on several servers, as the service writes it. gone: names the address that is not to be used
-- any more. False: somebody else has the receiver, and nothing was done.
create function ledger.advance_webhook(
  receiver text,
  holder text,
  hold_ms integer,
  delivered bigint,
  gone text DEFAULT NULL::text,
  cursor text DEFAULT NULL::text)
  returns boolean
  language plpgsql volatile security definer;
grant execute on function ledger.advance_webhook to ledger_service;

-- Takes out what an intervention erases of a user: what add_erasures wrote down, and what leads to
-- the user by the reference and the key that are gone.
create function ledger.apply_erasures(intervention bigint, user_id bigint)
  returns void
  language plpgsql volatile;

-- Takes the metadata out of entries that are older than 30 days, after npm run archive has written
-- it to a file; what proves it stays, as with erase_user, and so do keys. Returns how many; leaves
-- out those that are younger, or were archived or erased before. Only for the owner of the ledger.
-- Raises LGIMM if an entry is not what its hash says.
create function ledger.archive_entries(user_ids bigint[], seqs bigint[], reason text)
  returns bigint
  language plpgsql volatile;

-- Condition of a statement that reads from a standby: true. Raises 55000 unless this server is a
-- standby of the database with that incarnation, P0002 unless the user's entry with that seq (0:
-- none is needed) has been replayed.
create function ledger.assert_replica(incarnation text, user_id bigint, min_seq bigint)
  returns boolean
  language plpgsql stable security definer;
grant execute on function ledger.assert_replica to ledger_dba, ledger_service;

-- Waits until no entry of a user can get in before a moment any more: until whoever has locked the
-- user, and may have read the clock before that moment, has ended. Entries are to be read by a
-- later statement. Raises 55P03 after lock_timeout, for a moment that has not come yet, and on a
-- standby.
create function ledger.await_final(user_id bigint, at timestamp with time zone)
  returns void
  language plpgsql volatile;

-- Waits until what was prepared on any server, of transactions over several servers, is committed
-- or taken back: what one server shows, the others then show, too. Raises 08006 if a server doesn't
-- answer, LGMOV if the transaction would see nothing later. Only for where users are on several
-- servers.
create function ledger.await_prepared()
  returns void
  language plpgsql volatile;

-- Of these entries those with which the balance of their user fell below a threshold, and below
-- which.
create function ledger.balances_below(user_ids bigint[], seqs bigint[], thresholds numeric[])
  returns table (user_id bigint, seq bigint, threshold numeric, balance numeric)
  language plpgsql stable security definer;
grant execute on function ledger.balances_below to ledger_dba, ledger_service;

-- Users of a distributed ledger by the shard that they belong to, always in the same order, with
-- one of each shard; keeps the shards where they are until the end of the transaction.
create function ledger.by_shard(user_ids bigint[])
  returns table (first_id bigint, ids bigint[])
  language plpgsql volatile;

-- Functions that the coordinator has the server of a user call, and which work there as on one
-- server: with the functions of the user's shard (see shard_functions). The code for that, which
-- npm run distribute puts at the beginning of each, and its definition with it. None where all
-- users are on one server.
create function ledger.calls_in_shards()
  returns table (object text, code text, definition text)
  language plpgsql stable;

-- Numbers an intervention, says when it was, and chains it to the one before; at the commit after
-- break_glass on a distributed ledger it calls collect_traces.
create function ledger.chain_intervention()
  returns trigger
  language plpgsql volatile security definer;

-- By how much an entry changes the balance.
create function ledger.change_of(action text, amount numeric)
  returns numeric
  language sql immutable;

-- The change that an operation makes of the hold that it places or names: see first_change,
-- later_change. PostgreSQL puts the body in the place of the call.
create function ledger.change_of_hold(
  operation text,
  account ledger.account,
  target ledger.target,
  amount numeric,
  expires_in numeric,
  idempotency_key text,
  metadata jsonb)
  returns public.hold_changes
  language sql volatile;

-- What was done besides posting entries, between each moment (span 1: later than the first, and no
-- later than the second) and the next: of each user, how many changes holds had, manual entries
-- entered, changes in user_controls, and whether it was made with details; and interventions
-- (user_id 0). hash: sha256 over the hashes of these changes; lasting_hash: over what no erasure
-- takes out of them. Anchors are made of it. Moments in order; the first may be -infinity.
create function ledger.changes_between(moments timestamp with time zone[])
  returns table (
  kind text,
  span integer,
  user_id bigint,
  changes bigint,
  hash text,
  lasting_hash text)
  language sql stable security definer;
grant execute on function ledger.changes_between to ledger_dba;

-- Raises 55P03 unless the history is that of this epoch, and LGCUR unless the event at at_position
-- (0: none) is there, with this digest.
create function ledger.check_cursor(epoch text, at_position bigint, digest text)
  returns void
  language plpgsql stable;

-- Refuses a manual entry that could not be posted: 23502, 23503 (no such user), 23514. An amount
-- with more than two decimals is refused, not rounded. Records who entered it, and when.
create function ledger.check_entry()
  returns trigger
  language plpgsql volatile security definer;

-- Code in PL/pgSQL that does one of the statements: the first whose last hash, in ascending order,
-- is not less than hash (an expression), and the last of them otherwise. It halves them, because
-- each comparison costs.
create function ledger.choose_by_hash(hash text, last_hashes integer[], statements text[])
  returns text
  language plpgsql immutable;

-- Gives a receiver of webhooks to holder, one of many that deliver, for hold_ms milliseconds,
-- unless another one has it: is_held. position: up to which all was delivered; start for a receiver
-- that is new. cursor, and start_cursor: the same where users are on several servers, as the
-- service writes it. gone: what advance_webhook was told last.
create function ledger.claim_webhook(
  receiver text,
  holder text,
  hold_ms integer,
  start bigint,
  start_cursor text DEFAULT NULL::text,
  OUT is_held boolean,
  OUT "position" bigint,
  OUT gone text,
  OUT cursor text)
  returns record
  language plpgsql volatile security definer;
grant execute on function ledger.claim_webhook to ledger_service;

-- One CAPTURE, CAPTURE PART or RELEASE without a key and metadata for people, as post_change and
-- post_hold do it, in the shortest way where nothing is pending and the funds suffice; null:
-- everything else, refusals included, which is for these. The moment of the change is that of the
-- entry, too.
create function ledger.close_hold(operation text, user_id bigint, hold bigint, amount numeric)
  returns public.hold_changes
  language plpgsql volatile;

-- Of a distributed ledger, at the commit of a transaction that has broken the glass: chains what
-- each row was, which the guards of the shards have written down, as interventions.
create function ledger.collect_traces(intervention bigint)
  returns void
  language plpgsql volatile;

-- Makes the transaction one over all servers of a distributed ledger. Citus commits in two phases
-- only what several servers had to do: with one, what the coordinator alone keeps could be lost in
-- a crash, after the server has committed.
create function ledger.commit_in_two_phases()
  returns void
  language plpgsql volatile;

-- The hash of a row of user_controls: sha256 over the hash of the user's row before (null: 32 zero
-- bytes), the version of the encoding (1), and this row. It depends on nothing else.
create function ledger.control_hash(
  previous bytea,
  user_id bigint,
  number bigint,
  at timestamp with time zone,
  transaction xid8,
  role text,
  actor text,
  operation text,
  credit_limit numeric,
  reason text,
  "position" bigint)
  returns bytea
  language sql stable;
grant execute on function ledger.control_hash to ledger_dba;

-- Sets the copies in users of open accounts to what these are now, where they differ.
create function ledger.copy_accounts(accounts ledger.account[])
  returns void
  language plpgsql volatile;

-- How much there is of a user that erase_user would erase, were it old enough, posted or ended.
create function ledger.count_erasable(user_id bigint)
  returns bigint
  language plpgsql stable;

-- How many manual entries are pending, counted up to max_rows, and how long ago the ts of the
-- oldest of these was, in seconds.
create function ledger.count_pending(
  max_rows integer DEFAULT 10000,
  OUT entries bigint,
  OUT oldest_seconds double precision)
  returns record
  language sql stable security definer;
grant execute on function ledger.count_pending to ledger_dba, ledger_service;

-- Whether an operation may be done now, in one place for single calls and batches: problem (a
-- SQLSTATE, or null) and replayed (its key did the same before: earlier_seq is the entry, or hold
-- and earlier_number the change of a hold). Takes the hold or entry that it names (see load_target)
-- and its open accounts; decides by what they say and writes nothing. Otherwise action (null: it
-- makes no entry), amount and change of the entry of account, hold and reverses of that, and what
-- will be held.
create function ledger.decide(
  operation text,
  amount numeric,
  expires_in numeric,
  idempotency_key text,
  metadata jsonb,
  target ledger.target,
  account ledger.account,
  peer ledger.account)
  returns ledger.decision
  language plpgsql volatile;

-- The hash of what a user was made as: sha256 over the version of the encoding (1), the row of
-- user_details, and created_at of the user. It depends on nothing else.
create function ledger.details_hash(
  user_id bigint,
  created_at timestamp with time zone,
  reference text,
  metadata jsonb,
  idempotency_key text,
  asked_id bigint)
  returns bytea
  language sql stable;
grant execute on function ledger.details_hash to ledger_dba;

-- The seq of the last entry that had been posted at a moment, by binary search over the index on
-- seq; 0: none. Internal.
create function ledger.entry_at(user_id bigint, at timestamp with time zone)
  returns bigint
  language plpgsql stable;

-- What was done to a row whose hash is wrong: row_copied (an entry near by has the same hash),
-- order_changed (it would be right one place before or after), or hash_differs. Internal.
create function ledger.entry_change(entry public.payment_history)
  returns text
  language plpgsql stable;

-- The hash of a posted entry: sha256 over the hash of the entry before (null: 32 zero bytes), the
-- version of the encoding (2), and this row. It depends on nothing but these, whatever the session
-- is set to. docs/reference/statements.md has the layout.
create function ledger.entry_hash(
  previous bytea,
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  ts timestamp with time zone,
  balance numeric,
  sealed_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  held numeric,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint)
  returns bytea
  language sql stable;
grant execute on function ledger.entry_hash to ledger_dba;

-- The hash of an entry that was posted with version 1 of the encoding. Entries keep theirs; new
-- ones get that of entry_hash.
create function ledger.entry_hash_1(
  previous bytea,
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  ts timestamp with time zone,
  balance numeric,
  sealed_at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  held numeric,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint)
  returns bytea
  language sql stable;
grant execute on function ledger.entry_hash_1 to ledger_dba;

-- What post answers of an entry that it has just made. PostgreSQL puts the body in the place of the
-- call.
create function ledger.entry_outcome(
  n integer,
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  held numeric,
  posted_at timestamp with time zone,
  metadata jsonb,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint,
  hash bytea,
  hold_changes bigint,
  next_expiry timestamp with time zone,
  read_at timestamp with time zone)
  returns ledger.outcome
  language sql stable;

-- Why so much of an entry can't be reversed, as a SQLSTATE, or null; remaining: what has not been
-- reversed yet. seq null: there is no such entry.
create function ledger.entry_problem(seq bigint, remaining numeric, amount numeric)
  returns text
  language sql immutable;

-- Names the history as it grows in this database: on another server, in a copy, after a restore, or
-- since an intervention (interventions: how many there have been, as their sequence counts them),
-- what was there before may have been another one.
create function ledger.epoch(interventions bigint)
  returns text
  language sql stable;

-- The posted entries of a user from before a moment, and the other halves of transfers, that have
-- something to erase.
create function ledger.erasable_entries(user_id bigint, before timestamp with time zone)
  returns SETOF public.payment_history
  language plpgsql stable;

-- The holds of a user that ended before a moment and have something to erase.
create function ledger.erasable_holds(user_id bigint, before timestamp with time zone)
  returns SETOF public.holds
  language plpgsql stable;

-- The interventions from before a moment that keep what a row of a user was, and in it something to
-- erase.
create function ledger.erasable_interventions(user_id bigint, before timestamp with time zone)
  returns SETOF public.interventions
  language sql stable;

-- What erasures keeps of an entry that comes after one with hash previous, once something of it is
-- erased.
create function ledger.erased_entry_hash(previous bytea, entry public.payment_history)
  returns bytea
  language sql stable;

-- What erasures keeps of a row: sha256 over the hash that the row would have as it is now, and the
-- one that it had when it was whole.
create function ledger.erased_hash(what_is_left bytea, hash bytea)
  returns bytea
  language sql immutable;

-- The number of the last intervention that, by what is written down in erasures, takes something
-- out of a row of a shard of this table; null: none. The row is on this server, and so are its
-- erasures.
create function ledger.erasure_in_shard(table_name text, entry jsonb)
  returns bigint
  language plpgsql stable;

-- One hash, in hex, of all that an intervention erased, which the row of the intervention keeps.
create function ledger.erasures_digest(intervention bigint)
  returns text
  language plpgsql stable;

-- These events, each with the columns of what it is about.
create function ledger.event_details(
  positions bigint[],
  user_ids bigint[],
  holds bigint[],
  numbers bigint[],
  types text[])
  returns SETOF ledger.event
  language sql stable;

-- Sixteen hexadecimal digits that the event at a position alone has, in this history and in each
-- copy of it; null: there is no event.
create function ledger.event_digest(at_position bigint)
  returns text
  language sql stable;

-- The events at these positions; has_others: with those that come right before each (see
-- events_before).
create function ledger.events_at(positions bigint[], has_others boolean)
  returns table (event ledger.event, needs bigint[])
  language plpgsql stable;

-- The positions of the events of a user that come right before this one: the entry before, of a
-- capture's entry the change of its hold, of a change of a hold the one before and the last entry,
-- of a control the one before.
create function ledger.events_before(user_id bigint, hold bigint, number bigint, type text)
  returns bigint[]
  language sql stable;

-- What get_guards has to say of a ledger as the migrations make it: of each definition the first 16
-- digits of its sha256.
create function ledger.expected_guards()
  returns table (object text, hash text)
  language sql immutable;

-- When something that is placed at a moment expires; infinity if never (seconds null).
create function ledger.expires_after(at timestamp with time zone, seconds numeric)
  returns timestamp with time zone
  language sql stable;

-- A field as version 1 of the hashes has it, which is how record_send writes it: type, length (-1:
-- null), bytes.
create function ledger.field_1(type oid, value bytea)
  returns bytea
  language sql immutable;
grant execute on function ledger.field_1 to ledger_dba;

-- The user whom a request to make one has made already: by its key (replayed), its reference, or
-- its id; null: there is none. Raises LGKEY if the user was made as something else.
create function ledger.find_created_user(
  user_id bigint,
  reference text,
  metadata jsonb,
  idempotency_key text)
  returns ledger.created_user
  language plpgsql volatile;

-- At most max_rows entries of a user with after < seq < before, newest first, that have this
-- action, in their metadata these members with these texts, and this idempotency key (null: any).
-- Looks at no more than max_scanned entries: where that was not enough, the last one that it looked
-- at comes last, with is_match false, and the rest is before that.
create function ledger.find_entries(
  user_id bigint,
  before bigint DEFAULT NULL::bigint,
  after bigint DEFAULT 0,
  max_rows integer DEFAULT 50,
  action text DEFAULT NULL::text,
  metadata jsonb DEFAULT NULL::jsonb,
  idempotency_key text DEFAULT NULL::text,
  max_scanned integer DEFAULT 10000)
  returns SETOF ledger.found_entry
  language plpgsql stable security definer;
grant execute on function ledger.find_entries to ledger_dba, ledger_service;

-- What an idempotency key of a user has done already: the entry that carries it (seq and what its
-- request said), or the change of a hold (hold, number and what its request said); all null:
-- nothing. The caller has locked the user.
create function ledger.find_key(user_id bigint, idempotency_key text, has_holds boolean)
  returns ledger.earlier
  language plpgsql volatile;

-- The first max_rows idempotency keys of a user that begin with prefix (1 character or more), of
-- entries and of changes of holds, in the order of their bytes; of each, what stands behind the
-- prefix.
create function ledger.find_keys(user_id bigint, prefix text, max_rows integer DEFAULT 10000)
  returns SETOF text
  language plpgsql stable security definer;
grant execute on function ledger.find_keys to ledger_dba, ledger_service;

-- The change that places the next hold of a user whose account is open, before what it reserves is
-- counted there, to be written. Everything has been decided.
create function ledger.first_change(
  account ledger.account,
  amount numeric,
  expires_in numeric,
  idempotency_key text,
  metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile;

-- Which refusal comes first where there are several: of the request itself, of its users (unknown,
-- busy), of its key (reused), of the hold or entry that it names, of the funds.
create function ledger.first_problem(request text, users text, key text, target text, funds text)
  returns text
  language sql immutable;

-- The rule about funds: why a balance may not become this by that change while so much is held
-- (less the credit limit), as a SQLSTATE, or null.
create function ledger.funds_problem(
  change numeric,
  balance numeric,
  held numeric,
  is_frozen boolean)
  returns text
  language sql immutable;

-- What the ledger held for several users as of one moment (null: now), in their order: both halves
-- of a transfer count from the same moment, so a transfer between two of them never changes their
-- sum. seq: of the entry that the balance stands on; 0: none. Raises LGUSR, 55P03 as balance_at
-- does.
create function ledger.get_balances(
  user_ids bigint[],
  at timestamp with time zone DEFAULT NULL::timestamp with time zone)
  returns table (user_id bigint, as_of timestamp with time zone, balance numeric, seq bigint)
  language plpgsql volatile security definer;
grant execute on function ledger.get_balances to ledger_dba, ledger_service;

-- Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are
-- not, after the last_id that the call before answered (after_id); at most some max_rows of them,
-- and then is_complete is false. Ids are not in the order of commits: those below last_id that were
-- not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They
-- are there or never will be in the first call after one that answered an oldest_open no lower than
-- that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was
-- before, as epoch or after_id are from another time (null: none), or more than max_missing are
-- missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the
-- clock of the database, after all that. is_paused: pause_cache was called in the last three
-- seconds.
create function ledger.get_changes(
  epoch text,
  after_id bigint,
  missing bigint[],
  awaited xid8,
  max_rows integer DEFAULT 5000,
  max_missing integer DEFAULT 10000,
  OUT epoch_now text,
  OUT is_new boolean,
  OUT is_complete boolean,
  OUT read_at timestamp with time zone,
  OUT oldest_open xid8,
  OUT horizon xid8,
  OUT last_id bigint,
  OUT still_missing bigint[],
  OUT newly_missing bigint[],
  OUT user_ids bigint[],
  OUT versions bigint[],
  OUT is_paused boolean)
  returns record
  language plpgsql stable security definer;
grant execute on function ledger.get_changes to ledger_dba, ledger_service;

-- What get_guards says of functions, of who may execute them, of other code that runs at a change
-- of a table, and of what could be taken for a function, an operator or a cast of PostgreSQL.
create function ledger.get_code_guards()
  returns table (object text, definition text)
  language sql stable;
grant execute on function ledger.get_code_guards to ledger_dba;

-- What get_guards says of constraints, indexes and triggers.
create function ledger.get_constraint_guards()
  returns table (object text, definition text)
  language sql stable;
grant execute on function ledger.get_constraint_guards to ledger_dba;

-- What get_users answers, where users are on several servers: user by user, each by one statement
-- on the server of the user.
create function ledger.get_each_user(user_ids bigint[])
  returns SETOF ledger.user_snapshot
  language plpgsql stable security definer;

-- Of these entries of a user those of which something was taken out, with the last intervention
-- that did so: ERASE or ARCHIVE. Their hashes cover what is gone.
create function ledger.get_erasures(user_id bigint, seqs bigint[])
  returns table (seq bigint, intervention bigint, operation text)
  language plpgsql stable security definer;
grant execute on function ledger.get_erasures to ledger_dba, ledger_service;

-- What happened after the event at after_position, or after read_to where that was more, in the
-- order of positions and up to settled: entries that were posted, changes of holds, and changes of
-- what users may do; at most max_rows of these users and types (null: all). With a condition it
-- looks at max_scanned rows at most. The last row says how far it looked (through), and which event
-- was the last one there; the next call goes on from these. settled: a position up to which
-- everything has been committed or never will be, in the history of epoch (see get_changes). Raises
-- LGCUR where the event at after_position is not there or has another digest; 55P03 if the epoch is
-- another one by now.
create function ledger.get_events(
  epoch text,
  settled bigint,
  after_position bigint DEFAULT 0,
  after_digest text DEFAULT NULL::text,
  read_to bigint DEFAULT 0,
  user_ids bigint[] DEFAULT NULL::bigint[],
  types text[] DEFAULT NULL::text[],
  max_rows integer DEFAULT 100,
  max_scanned integer DEFAULT 10000)
  returns SETOF ledger.event
  language plpgsql stable security definer;
grant execute on function ledger.get_events to ledger_dba, ledger_service;

-- What keeps the ledger from being changed behind its back, as it is now: tables, views and
-- sequences with their owner, constraints, types, indexes, triggers, every function, who may write,
-- execute or create, what the roles may besides, and what could be taken for something of
-- PostgreSQL's own; each with its definition. Of what others have in public, too: verify_guards
-- tells what is ours.
create function ledger.get_guards()
  returns table (object text, definition text)
  language sql stable;
grant execute on function ledger.get_guards to ledger_dba;

-- At most max_rows entries of a user below seq before (null: the last ones), newest first.
create function ledger.get_history(
  user_id bigint,
  before bigint DEFAULT NULL::bigint,
  max_rows integer DEFAULT 50)
  returns SETOF public.entries
  language sql stable security definer;
grant execute on function ledger.get_history to ledger_dba, ledger_service;

-- A hold as it is now, status expired included, with what is available to its user; null for an
-- unknown one.
create function ledger.get_hold(user_id bigint, hold_id bigint)
  returns ledger.posted_hold
  language plpgsql stable security definer;
grant execute on function ledger.get_hold to ledger_dba, ledger_service;

-- What balance_at says of each moment (null: that of the last entry, which is final), with the seq
-- and the hash of the entry it stands on; seq 0 and no hash before the first. Of a moment to come:
-- as of now. Raises LGUSR, 55P03.
create function ledger.get_moments(user_id bigint, moments timestamp with time zone[])
  returns table (at timestamp with time zone, seq bigint, balance numeric, hash text)
  language plpgsql volatile security definer;
grant execute on function ledger.get_moments to ledger_dba, ledger_service;

-- What get_guards says of tables, views and sequences, and of who may write to them.
create function ledger.get_relation_guards()
  returns table (object text, definition text)
  language sql stable;
grant execute on function ledger.get_relation_guards to ledger_dba;

-- How far this server of a distributed ledger has given positions (last_position), and the oldest
-- transaction that has locked a user here and has not ended (oldest_open; null: none). While there
-- is one, whoever has taken a position up to last_position has ended once a later call answers an
-- oldest_open no lower than horizon, or null. epoch and incarnation: as those of get_changes and
-- incarnation.
create function ledger.get_series(
  OUT series integer,
  OUT last_position bigint,
  OUT epoch text,
  OUT incarnation text,
  OUT oldest_open xid8,
  OUT horizon xid8)
  returns record
  language plpgsql volatile security definer;
grant execute on function ledger.get_series to ledger_dba, ledger_service;

-- On the coordinator of a distributed ledger: every server that has ever given positions, by the
-- number that stands above the lower 48 bits of these (series); without host and port 0, which is
-- the coordinator itself, and those that were removed. None where all users are on one server.
create function ledger.get_servers()
  returns table (series integer, host text, port integer)
  language plpgsql stable security definer;
grant execute on function ledger.get_servers to ledger_dba, ledger_service;

-- What the shards of this server have of the events that get_events answers where all users are on
-- one server. Every server numbers what is written there, above its series × 2^48; of each series,
-- afters has the position up to which the reader has read, untils up to which it is settled (see
-- get_series), read_positions that of the last event that was read. Answers at most max_rows events
-- of each series, in no order, each with the positions of those that come right before it for its
-- user (needs; null: nothing of the user is elsewhere). Then, with shards, one row for each series:
-- through, how far it looked, and the digest of the event at read_positions, if it is here. Raises
-- 55P03 if the epoch is another one by now.
create function ledger.get_shard_events(
  epoch text,
  afters bigint[],
  untils bigint[],
  read_positions bigint[],
  user_ids bigint[] DEFAULT NULL::bigint[],
  types text[] DEFAULT NULL::text[],
  max_rows integer DEFAULT 100,
  max_scanned integer DEFAULT 10000)
  returns table (series integer, event ledger.event, needs bigint[], shards bigint[])
  language plpgsql stable security definer;
grant execute on function ledger.get_shard_events to ledger_dba, ledger_service;

-- For each shard the functions of its schema on this server, to be compared with shard_functions:
-- their text, whether they belong to the owner, and who else may call them.
create function ledger.get_shard_guards()
  returns table (object text, definition text)
  language sql stable;

-- What the shards of this server have of the entries that list_journal lists where all users are on
-- one server. Every server numbers what is written there, above its series × 2^48; befores has a
-- position of each series that is wanted, and of each at most max_rows entries below it are
-- answered, the highest, in no order, each with the position of the next entry of its user (newer).
-- Behind those of a series, a row with its through: whatever is at this position or between it and
-- before was looked at; and with the shards that are here. Where max_scanned rows were not enough,
-- because many are pending, it is higher than where entries end.
create function ledger.get_shard_journal(
  befores bigint[],
  max_rows integer DEFAULT 50,
  max_scanned integer DEFAULT 10000)
  returns table (entry ledger.found_entry, newer bigint, through bigint, shards bigint[])
  language plpgsql stable security definer;
grant execute on function ledger.get_shard_journal to ledger_dba, ledger_service;

-- What get_users answers, wherever the users are. In the schema of a shard it raises LGMOV, as post
-- does there, if they aren't in the shard.
create function ledger.get_shard_users(user_ids bigint[])
  returns SETOF ledger.user_snapshot
  language plpgsql stable security definer;
grant execute on function ledger.get_shard_users to ledger_dba, ledger_service;

-- The shards of users in the order of what hashint8 says of their ids, each from min_hash on, with
-- the server that has it; none where all users are on one server.
create function ledger.get_shards()
  returns table (shard_id bigint, min_hash integer, host text, port integer)
  language plpgsql stable security definer;
grant execute on function ledger.get_shards to ledger_dba, ledger_service;

-- At most max_rows entries of a user with after < seq <= upto (null: the last), oldest first.
create function ledger.get_statement(
  user_id bigint,
  after bigint DEFAULT 0,
  upto bigint DEFAULT NULL::bigint,
  max_rows integer DEFAULT 1000)
  returns SETOF public.entries
  language sql stable security definer;
grant execute on function ledger.get_statement to ledger_dba, ledger_service;

-- Since when a user is frozen (null: it isn't), and its credit limit; null for an unknown user.
create function ledger.get_user_state(user_id bigint)
  returns ledger.user_state
  language sql stable security definer;
grant execute on function ledger.get_user_state to ledger_dba, ledger_service;

-- Snapshots of the users that exist, in any order: balance and available in units of the currency,
-- the last seq, the version (raised by every change), the clock of the database before it was read,
-- and in how many milliseconds its first hold expires.
create function ledger.get_users(user_ids bigint[])
  returns SETOF ledger.user_snapshot
  language sql stable security definer;
grant execute on function ledger.get_users to ledger_dba, ledger_service;

-- Refuses every change of payment_history but pending to posted, except after break_glass, when it
-- keeps what the row was, by withdraw_entry and erase_user, and where a subscription repeats one of
-- these; and every change of other tables that it guards. Raises LGIMM.
create function ledger.guard_history()
  returns trigger
  language plpgsql volatile;

-- Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that
-- there are holds (23514), and that one goes of whom there is anything else, such as a history or a
-- reference, or gets another id (23503).
create function ledger.guard_user()
  returns trigger
  language plpgsql volatile security definer;

-- The tables, views and sequences of the schemas public and ledger that get_guards is about: of
-- what kind they are, and their name there.
create function ledger.guarded_relations()
  returns table (oid oid, kind text, name text)
  language sql stable;
grant execute on function ledger.guarded_relations to ledger_dba;

-- Whether an entry's metadata was taken out: erased or archived.
create function ledger.has_mark(entry public.payment_history, mark text)
  returns boolean
  language plpgsql stable;
grant execute on function ledger.has_mark to ledger_dba;

-- Whether the migration with this version (the digits its file name starts with) was applied; what
-- readiness is about.
create function ledger.has_migration(version text)
  returns boolean
  language sql stable security definer;
grant execute on function ledger.has_migration to ledger_dba, ledger_service;

-- Whether a user has as many active holds as there may be: 10000.
create function ledger.has_most_holds(user_id bigint)
  returns boolean
  language plpgsql volatile;

-- Whether two operations have the same user and idempotency key.
create function ledger.has_repeated_keys(user_ids bigint[], idempotency_keys text[])
  returns boolean
  language sql immutable;

-- The last entry of each of at most max_rows users after an id as of a moment, with its hash and
-- balance; seq 0 and neither for who had none. An anchor is made of them.
create function ledger.heads_at(
  at timestamp with time zone,
  after_user_id bigint DEFAULT 0,
  max_rows integer DEFAULT 10000)
  returns table (user_id bigint, seq bigint, hash bytea, balance numeric)
  language plpgsql stable security definer;
grant execute on function ledger.heads_at to ledger_dba;

-- What of a user's balance isn't available now: what active holds reserve, less the credit limit.
create function ledger.held_now(user_id bigint)
  returns numeric
  language plpgsql volatile;

-- What is wrong with a change of a hold by itself, in words, or null: placed is its first change,
-- previous the one before. Internal.
create function ledger.hold_change_problem(
  placed public.hold_changes,
  previous public.hold_changes,
  change public.hold_changes)
  returns text
  language plpgsql stable;

-- The hash of a change of a hold: sha256 over the hash of the change of that hold before (null: 32
-- zero bytes), the version of the encoding (3), and this row. It depends on nothing else.
create function ledger.hold_hash(
  previous bytea,
  user_id bigint,
  hold bigint,
  number bigint,
  action text,
  amount numeric,
  remaining numeric,
  expires_at timestamp with time zone,
  at timestamp with time zone,
  seq bigint,
  balance numeric,
  available numeric,
  idempotency_key text,
  metadata jsonb,
  "position" bigint)
  returns bytea
  language sql stable;
grant execute on function ledger.hold_hash to ledger_dba;

-- The hash that the row of a hold had in version 1 of the encoding, after a change.
create function ledger.hold_hash_1(placed public.hold_changes, change public.hold_changes)
  returns bytea
  language sql stable;
grant execute on function ledger.hold_hash_1 to ledger_dba;

-- The hash that the row of a hold had in version 2 of the encoding, after a change.
create function ledger.hold_hash_2(placed public.hold_changes, change public.hold_changes)
  returns bytea
  language sql stable;
grant execute on function ledger.hold_hash_2 to ledger_dba;

-- Why a hold can't be captured for an amount, extended to new_expires_at, or released (both null),
-- at a moment, as a SQLSTATE, or null. status null: there is no such hold.
create function ledger.hold_problem(
  status text,
  expires_at timestamp with time zone,
  at timestamp with time zone,
  remaining numeric,
  amount numeric,
  new_expires_at timestamp with time zone)
  returns text
  language sql immutable;

-- The row that a hold had after a change before each change had a row of its own: what hold_hash_1
-- and hold_hash_2 are made of. Internal.
create function ledger.hold_row(
  placed public.hold_changes,
  change public.hold_changes,
  OUT user_id bigint,
  OUT hold bigint,
  OUT amount numeric,
  OUT status text,
  OUT available numeric,
  OUT created_at timestamp with time zone,
  OUT expires_at timestamp with time zone,
  OUT closed_at timestamp with time zone,
  OUT idempotency_key text,
  OUT metadata jsonb,
  OUT release_key text,
  OUT release_metadata jsonb,
  OUT release_seq bigint,
  OUT release_balance numeric,
  OUT release_available numeric)
  returns record
  language plpgsql immutable;
grant execute on function ledger.hold_row to ledger_dba;

-- What is wrong with a row of holds, if it isn't what its first and its last change and what was
-- captured in all come to; or null, also without a row. Internal.
create function ledger.hold_row_problem(
  hold public.holds,
  first public.hold_changes,
  last public.hold_changes,
  captured numeric)
  returns text
  language plpgsql stable;

-- The users of accounts, in the same order.
create function ledger.ids_of(accounts ledger.account[])
  returns bigint[]
  language plpgsql immutable;

-- Names this database: a copy, a restored one, and one that another server has taken over have
-- another name; a restart changes nothing. A standby has the name of its primary; after a promotion
-- elsewhere, from its next restartpoint on.
create function ledger.incarnation()
  returns text
  language sql stable security definer;
grant execute on function ledger.incarnation to ledger_dba, ledger_service;

-- Writes entries; everything has been decided.
create function ledger.insert_entries(entries ledger.entry[])
  returns void
  language plpgsql volatile;

-- Writes an entry that is half of a transfer, and what its user is by then; everything has been
-- decided, and the user is locked. Returns its seq.
create function ledger.insert_half(entry ledger.entry)
  returns bigint
  language plpgsql volatile;

-- Makes a user with this id, or with the next free one (null), at a moment; answers the id. Raises
-- 23505 if the id is taken, 23514 if it is out of range.
create function ledger.insert_user(user_id bigint, at timestamp with time zone)
  returns bigint
  language plpgsql volatile;

-- The hash of an intervention: sha256 over the hash of the one before (null: 32 zero bytes), the
-- version of the encoding (1), and this row. It depends on nothing else.
create function ledger.intervention_hash(previous bytea, intervention public.interventions)
  returns bytea
  language sql stable;
grant execute on function ledger.intervention_hash to ledger_dba;

-- Whether an entry, or what the erasure of its row (kind, number) left of it, is what the row of
-- manual_entries says was entered. Internal.
create function ledger.is_as_entered(
  manual_entry public.manual_entries,
  entry public.payment_history,
  kind text,
  number bigint)
  returns boolean
  language plpgsql stable;

-- Whether users are on several servers: npm run distribute lets it say true. PostgreSQL puts what
-- it says in the place of its calls, so it costs nothing.
create function ledger.is_distributed()
  returns boolean
  language sql immutable;
grant execute on function ledger.is_distributed to ledger_dba;

-- Whether a row is what its last erasure left; hash: erased_hash of the row as it is.
create function ledger.is_erased(
  kind text,
  user_id bigint,
  number bigint,
  change bigint,
  hash bytea)
  returns boolean
  language plpgsql stable;

-- Whether a change of a row does no more than take out what the intervention of this transaction
-- that erases or archives takes out; of a row of a shard, what was written down in erasures to be
-- taken out.
create function ledger.is_erasure(table_name text, before jsonb, after jsonb)
  returns boolean
  language plpgsql stable;

-- Whether an entry has the hash that it must have after the entry with hash previous, in any
-- version of the encoding; or is what an erasure left of one that had it.
create function ledger.is_hash_of(previous bytea, entry public.payment_history)
  returns boolean
  language sql stable;

-- Whether a change of a hold that carries a key (earlier: see find_key) is the answer to this
-- request as well: all that the request says is as it was.
create function ledger.is_hold_replay(
  earlier ledger.earlier,
  operation text,
  hold bigint,
  amount numeric,
  expires_in numeric,
  metadata jsonb)
  returns boolean
  language sql immutable;

-- Whether metadata says no more than that there was some: what an erasure leaves of it.
create function ledger.is_mark(metadata jsonb)
  returns boolean
  language sql immutable;

-- Whether an entry that carries a key is the answer to this request as well: all that the request
-- says is as it was.
create function ledger.is_replay(
  found_action text,
  found_amount numeric,
  found_hold bigint,
  found_reverses bigint,
  found_peer_user_id bigint,
  found_metadata jsonb,
  action text,
  amount numeric,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  metadata jsonb)
  returns boolean
  language sql immutable;

-- Whether the entry that carries a key (earlier: see find_key) has captured or reversed as much as
-- this request would have then (amount null: all that was left), and left as much held.
create function ledger.is_same_part(
  operation text,
  user_id bigint,
  amount numeric,
  earlier ledger.earlier)
  returns boolean
  language plpgsql volatile;

-- Whether an entry or a hold may have this amount: 0.01 to 9999999999.99 with at most two decimals.
-- A numeric(12,2) parameter or column would round instead.
create function ledger.is_valid_amount(amount numeric)
  returns boolean
  language sql immutable;

-- Whether a hold may expire after so many seconds: null (never), or 0.001 to 3155760000 (100 years)
-- with at most six decimals.
create function ledger.is_valid_expiry(seconds numeric)
  returns boolean
  language sql immutable;

-- Whether an entry or a hold may carry this idempotency key (1 to 255 visible ASCII characters, or
-- null) and metadata (an object of at most 8192 bytes as PostgreSQL prints it, or null).
create function ledger.is_valid_key_and_metadata(idempotency_key text, metadata jsonb)
  returns boolean
  language sql immutable;

-- Whether a user may have this reference: 1 to 255 characters without control characters, no space
-- at either end; or null.
create function ledger.is_valid_reference(reference text)
  returns boolean
  language sql immutable;

-- Whether an entry has this action (null: any) and, in its metadata, these members with these texts
-- (null: any).
create function ledger.is_wanted(
  action text,
  metadata jsonb,
  wanted_action text,
  wanted_metadata jsonb)
  returns boolean
  language sql immutable;

-- Keeps shards of users on this server until the end of the transaction, as keeps_shard does.
-- Returns a status for each: ok, LGMOV if it isn't here, or without wait 55P03 if somebody is about
-- to move it.
create function ledger.keep_shards(shard_ids bigint[], wait boolean)
  returns text[]
  language plpgsql volatile;

-- Keeps a shard of users on this server until the end of the transaction, if it is here, with its
-- functions; returns whether it is.
create function ledger.keeps_shard(shard_id bigint)
  returns boolean
  language plpgsql volatile;

-- The change that a CAPTURE, CAPTURE PART, RELEASE or EXTEND makes of a hold, for a user whose
-- account is open, with what will be held afterwards, to be written. Everything has been decided.
create function ledger.later_change(
  operation text,
  account ledger.account,
  target ledger.target,
  amount numeric,
  expires_in numeric,
  idempotency_key text,
  metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile;

-- Keeps a shard of users on this server until the end of the transaction; returns false. Raises
-- LGMOV if keeps_shard can't, or one of the users isn't of the shard.
create function ledger.leaves_shard(shard_id bigint, user_ids bigint[])
  returns boolean
  language plpgsql volatile;

-- Which ledger this is: an id that the database was born with, for names that ledgers share with
-- one another, such as keys in Redis.
create function ledger.ledger_id()
  returns uuid
  language sql stable security definer;
grant execute on function ledger.ledger_id to ledger_dba, ledger_service;

-- Who froze or thawed a user or set its credit limit: at most max_rows of these changes below
-- number before (null: the last ones), newest first.
create function ledger.list_controls(
  user_id bigint,
  before bigint DEFAULT NULL::bigint,
  max_rows integer DEFAULT 50)
  returns SETOF public.user_controls
  language sql stable security definer;
grant execute on function ledger.list_controls to ledger_dba, ledger_service;

-- At most max_rows holds of a user with a number above after, in order, that have this status now
-- (expired included) and that were placed, extended or released with this idempotency key (null:
-- any). available: when it had been placed; remaining: what is still held now. Looks at no more
-- than max_scanned holds: where that was not enough, the last one that it looked at comes last,
-- with is_match false.
create function ledger.list_holds(
  user_id bigint,
  status text DEFAULT NULL::text,
  after bigint DEFAULT 0,
  max_rows integer DEFAULT 50,
  idempotency_key text DEFAULT NULL::text,
  max_scanned integer DEFAULT 10000)
  returns SETOF ledger.listed_hold
  language plpgsql stable security definer;
grant execute on function ledger.list_holds to ledger_dba, ledger_service;

-- At most max_rows entries of everybody with a position below before (null: the last ones), in the
-- order in which they were posted, newest first. Pending entries are passed over: where max_scanned
-- rows were not enough, the last one comes last, with is_match false, and the rest is before its
-- position. What commits late has a place among those that were there before it.
create function ledger.list_journal(
  before bigint DEFAULT NULL::bigint,
  max_rows integer DEFAULT 50,
  max_scanned integer DEFAULT 10000)
  returns SETOF ledger.found_entry
  language plpgsql stable security definer;
grant execute on function ledger.list_journal to ledger_dba, ledger_service;

-- At most max_rows users with an id above after, in order of id, each with its snapshot and what it
-- was made as; only the one with this reference (null: all), and only those among user_ids (null:
-- all).
create function ledger.list_users(
  reference text DEFAULT NULL::text,
  after bigint DEFAULT 0,
  max_rows integer DEFAULT 50,
  user_ids bigint[] DEFAULT NULL::bigint[])
  returns SETOF ledger.listed_user
  language plpgsql stable security definer;
grant execute on function ledger.list_users to ledger_dba, ledger_service;

-- What a capture, a release, an extension or a reversal is about: the hold or entry ref of a user,
-- with what that makes of the operation (action, amount; null: all that is left), what of a hold is
-- no longer held afterwards (held) and what remains, and problem, if it can't be done.
create function ledger.load_target(
  operation text,
  user_id bigint,
  ref bigint,
  amount numeric,
  expires_in numeric)
  returns ledger.target
  language plpgsql volatile;

-- The shards of users that this server of a distributed ledger has.
create function ledger.local_shards()
  returns bigint[]
  language plpgsql stable;

-- Locks a user until the end of the transaction, waiting for it, posts all that is pending, and
-- returns its account; problem: LGUSR (there is no such user), or what open_account says. Raises
-- 55P03 after lock_timeout.
create function ledger.lock_account(user_id bigint)
  returns ledger.account
  language plpgsql volatile;

-- Locks users until the end of the transaction, posts what is pending, at most max_pending entries
-- of each, and returns their accounts in id order; without wait it leaves out those that somebody
-- else holds, and in any case those that don't exist. Raises 55P03 after lock_timeout.
create function ledger.lock_accounts(user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile;

-- What lock_accounts does, where users are on several servers: shard by shard, each on its server.
create function ledger.lock_each(user_ids bigint[], wait boolean, max_pending integer)
  returns ledger.account[]
  language plpgsql volatile;

-- Locks one of the two users of a transfer, as lock_account does, and returns its account as text;
-- null if it has a problem, or the user has used the key. Whoever calls it where users are on
-- several servers has the server of the user do it. Raises LGMOV if the shard isn't there.
create function ledger.lock_half(user_id bigint, idempotency_key text)
  returns text
  language plpgsql volatile;

-- What lock_accounts of the shard of user_id does, to which all users have to belong. Whoever calls
-- it where users are on several servers has the server of the shard do it. Raises LGMOV if the
-- shard isn't there.
create function ledger.lock_in_shard(
  user_id bigint,
  user_ids bigint[],
  wait boolean,
  max_pending integer)
  returns ledger.account[]
  language plpgsql volatile;

-- Locks shards as keeps_shard does, but waits for none: returns those that somebody else is moving.
create function ledger.locked_shards(shard_ids bigint[])
  returns bigint[]
  language plpgsql volatile;

-- The hash of a manual entry as it was entered: sha256 over the version of the encoding (1), what
-- was said of it, the id of its row, when and by whom. It depends on nothing else.
create function ledger.manual_entry_hash(
  entry public.payment_history,
  id bigint,
  entered_at timestamp with time zone,
  entered_by text)
  returns bytea
  language sql stable;
grant execute on function ledger.manual_entry_hash to ledger_dba;

-- The change of a hold after the one whose hash is previous (null: it is placed), at the next
-- position, to be written. Everything has been decided.
create function ledger.next_change(
  user_id bigint,
  hold bigint,
  number bigint,
  previous bytea,
  action text,
  amount numeric,
  remaining numeric,
  expires_at timestamp with time zone,
  at timestamp with time zone,
  seq bigint,
  balance numeric,
  available numeric,
  idempotency_key text,
  metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile;

-- An entry of the engine, chained to the one before it (previous_hash; null: it is the first).
-- PostgreSQL puts the body in the place of the call, so that it costs nothing.
create function ledger.next_entry(
  previous_hash bytea,
  user_id bigint,
  seq bigint,
  action text,
  amount numeric,
  balance numeric,
  at timestamp with time zone,
  idempotency_key text,
  metadata jsonb,
  held numeric,
  hold bigint,
  reverses bigint,
  peer_user_id bigint,
  peer_seq bigint)
  returns ledger.entry
  language sql stable;

-- When an entry counts: by the clock, but later than the entry before it (null: there is none),
-- whatever the clock did. To be asked for after the lock.
create function ledger.next_moment(last timestamp with time zone)
  returns timestamp with time zone
  language sql volatile;

-- The oldest transaction that has locked a user in one of these tables, or written to it, and has
-- not ended; null if there is none. Prepared ones have not ended. As of now, which is later than
-- the snapshot of the statement that asks.
create function ledger.oldest_writer(users oid[])
  returns xid8
  language sql stable;

-- What a locked user's account needs where the last entry isn't all: without a seq, there are
-- pending entries or none; posts these, at most max_pending (null: all). Adds the active holds to
-- held. problem: as it was, or 55P03 (entries are left) or LGRNG, as post_pending returns them.
create function ledger.open_account(account ledger.account, max_pending integer)
  returns ledger.account
  language plpgsql volatile;

-- Lets this transaction, on the server of a shard, change what is posted there, as an intervention
-- of the coordinator says; user_id: a number of no user that belongs to the shard. Raises LGMOV if
-- the shard isn't there.
create function ledger.open_glass(user_id bigint, intervention bigint)
  returns void
  language plpgsql volatile;

-- The action that takes another one back.
create function ledger.opposite_of(action text)
  returns text
  language sql immutable;

-- What post answers of an operation that made no entry, for one of its users: refused (with what is
-- missing), replayed, a hold placed, extended or released (hold_change), or only what was pending
-- posted. With the user as it is now, at read_at by the clock of the database.
create function ledger.outcome_of(
  n integer,
  decision ledger.decision,
  account ledger.account,
  first_user_id bigint,
  hold_change public.hold_changes,
  read_at timestamp with time zone)
  returns ledger.outcome
  language plpgsql volatile;

-- Has every instance of the service believe no cached snapshot for three seconds from now, once its
-- next get_changes tells it: the caller has changes that Redis does not take. Balances are read
-- from the tables meanwhile.
create function ledger.pause_cache()
  returns void
  language sql volatile security definer;
grant execute on function ledger.pause_cache to ledger_service;

-- What account_at says of the other user of an operation; null: it has none. PostgreSQL puts the
-- body in the place of the call.
create function ledger.peer_at(account ledger.account, peer_user_id bigint, operation text)
  returns ledger.account
  language sql volatile;

-- What decide says of a DEBIT, CREDIT or TRANSFER without a key, by the same rules: PostgreSQL puts
-- the body in the place of the call, which costs a third of one.
create function ledger.plain_decision(
  operation text,
  amount numeric,
  metadata jsonb,
  user_id bigint,
  problem text,
  balance numeric,
  held numeric,
  is_frozen boolean,
  peer_user_id bigint,
  peer_problem text,
  peer_balance numeric,
  peer_held numeric)
  returns ledger.decision
  language sql immutable;

-- What every way into the ledger does, for up to some thousand operations at once, in order: DEBIT,
-- CREDIT, TRANSFER (to peer_user_ids), HOLD, CAPTURE, CAPTURE PART (what isn't captured stays
-- held), RELEASE and EXTEND (refs: the hold), REVERSE (refs: the seq), or null: only posts what is
-- pending. Locks everybody they touch, posts at most max_pending pending entries of each (null:
-- all), and answers a row for each operation and each of its users, in order, with status ok or the
-- SQLSTATE that the function for people would have raised; a refused one changes nothing and stops
-- no other. See the type ledger.outcome. 55P03: somebody else holds a user (without wait), or
-- pending entries are left; repeat it. Raises 55P03 with wait after lock_timeout.
create function ledger.post(
  operations text[],
  user_ids bigint[],
  amounts numeric[],
  peer_user_ids bigint[] DEFAULT NULL::bigint[],
  refs bigint[] DEFAULT NULL::bigint[],
  expires_ins numeric[] DEFAULT NULL::numeric[],
  idempotency_keys text[] DEFAULT NULL::text[],
  metadatas jsonb[] DEFAULT NULL::jsonb[],
  wait boolean DEFAULT false,
  max_pending integer DEFAULT 1000)
  returns SETOF ledger.outcome
  language plpgsql volatile security definer;
grant execute on function ledger.post to ledger_dba, ledger_service;

-- One DEBIT, CREDIT, CAPTURE or CAPTURE PART (ref: the hold) or REVERSE (ref: the seq of an entry
-- that is no transfer) for people: waits for the user, posts all that is pending, and returns the
-- entry; raises what post returns as a status.
create function ledger.post_change(
  operation text,
  user_id bigint,
  amount numeric,
  ref bigint,
  idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry
  language plpgsql volatile;

-- Does the operations of post from first to last one after the other, and writes once at the end
-- what they have made: finds the accounts of each, decides, makes the change of a hold and entries,
-- and answers. accounts: all that are locked, with their users in ids. readers: operations that
-- read what stands in the tables of their user, and so need that written; has_readers: there are
-- such, or repeated keys. Returns what post answers.
create function ledger.post_each(
  accounts ledger.account[],
  ids bigint[],
  first integer,
  last integer,
  operations text[],
  user_ids bigint[],
  amounts numeric[],
  peer_user_ids bigint[],
  refs bigint[],
  expiries numeric[],
  keys text[],
  metadatas jsonb[],
  readers text[],
  has_repeated_keys boolean,
  has_readers boolean,
  OUT outcomes ledger.outcome[])
  returns ledger.outcome[]
  language plpgsql volatile;

-- Locks the second user of a transfer, and writes its half if the transfer may be done: peer is the
-- account of the first one, which lock_half has locked. Returns the debit and the credit, an array
-- as text; null, and nothing is written, if it may not. Whoever calls it where users are on several
-- servers has the server of the user do it. Raises LGMOV if the shard isn't there.
create function ledger.post_half(
  user_id bigint,
  change numeric,
  idempotency_key text,
  metadata jsonb,
  peer text)
  returns text
  language plpgsql volatile;

-- One HOLD, RELEASE or EXTEND (ref: the hold) for people: waits for the user, posts all that is
-- pending, and returns the change of the hold, also of a replay; raises what post returns as a
-- status.
create function ledger.post_hold(
  operation text,
  user_id bigint,
  amount numeric,
  ref bigint,
  expires_in numeric,
  idempotency_key text,
  metadata jsonb,
  OUT change public.hold_changes,
  OUT replayed boolean)
  returns record
  language plpgsql volatile;

-- What post does, for users of several shards that are on this server, in one transaction: each
-- operation touches users of one shard only, those of a shard follow one another, counts says how
-- many there are of each of shard_ids, and these ascend, so that callers lock in the same order.
-- Besides the status of post an operation may have LGMOV: its shard isn't on this server; and
-- without wait 55P03 means, too, that its shard is about to move. Neither stops others. Raises
-- LGMOV if a user belongs to another shard.
create function ledger.post_in_shards(
  shard_ids bigint[],
  counts integer[],
  operations text[],
  user_ids bigint[],
  amounts numeric[],
  peer_user_ids bigint[] DEFAULT NULL::bigint[],
  refs bigint[] DEFAULT NULL::bigint[],
  expires_ins numeric[] DEFAULT NULL::numeric[],
  idempotency_keys text[] DEFAULT NULL::text[],
  metadatas jsonb[] DEFAULT NULL::jsonb[],
  wait boolean DEFAULT false,
  max_pending integer DEFAULT 1000)
  returns SETOF ledger.outcome
  language plpgsql volatile security definer;
grant execute on function ledger.post_in_shards to ledger_service;

-- One TRANSFER, or REVERSE (ref: the seq) of one half of a transfer, for people: waits for both
-- users, posts all that is pending of them, and returns the entry of user_id and that of
-- peer_user_id; raises what post returns as a status.
create function ledger.post_pair(
  operation text,
  user_id bigint,
  peer_user_id bigint,
  amount numeric,
  ref bigint,
  idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile;

-- What post_pair does, where users are on several servers: by post, which asks each shard twice.
create function ledger.post_pair_across(
  operation text,
  user_id bigint,
  peer_user_id bigint,
  amount numeric,
  ref bigint,
  idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile;

-- What post does, for the operations from first to last. post_in_shards calls it in the schema of a
-- shard, for those that belong there.
create function ledger.post_part(
  first integer,
  last integer,
  operations text[],
  user_ids bigint[],
  amounts numeric[],
  peer_user_ids bigint[],
  refs bigint[],
  expires_ins numeric[],
  idempotency_keys text[],
  metadatas jsonb[],
  readers text[],
  has_repeated_keys boolean,
  has_readers boolean,
  wait boolean,
  max_pending integer)
  returns ledger.outcome[]
  language plpgsql volatile;

-- Posts pending entries of a user whom the caller has locked, oldest id first, at most max_rows of
-- them (null: all). Returns ok, 55P03 when max_rows were posted and some are left, or LGRNG when
-- the balance would leave its range (then none is posted).
create function ledger.post_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile;

-- Raises what post returns as a status; ok returns.
create function ledger.raise_status(
  status text,
  user_id bigint,
  amount numeric DEFAULT NULL::numeric,
  available numeric DEFAULT NULL::numeric)
  returns void
  language plpgsql volatile;

-- What get_changes tells of the ids after after_id, of those that were missing, and of no id above
-- until_id, which the sequence has not given yet; gaps: how many ids up to last_id are not there.
create function ledger.read_changes(
  after_id bigint,
  until_id bigint,
  missing bigint[],
  max_rows integer,
  OUT last_id bigint,
  OUT is_complete boolean,
  OUT gaps bigint,
  OUT still_missing bigint[],
  OUT user_ids bigint[],
  OUT versions bigint[])
  returns record
  language plpgsql stable;

-- Raises LGDIS: what this is about doesn't work on a ledger whose users are on several servers.
create function ledger.refuse_distributed(what text)
  returns void
  language plpgsql volatile;

-- Raises LGMOV: this server hasn't the shard of a user, so Citus didn't have the right one do it,
-- and nothing was done.
create function ledger.refuse_moved()
  returns void
  language plpgsql volatile;

-- The entry of the first account's user that a key has made earlier, and its other half if it has
-- one, as they were answered then, with replayed set.
create function ledger.replay_entry(accounts ledger.account[], seq bigint)
  returns ledger.posted_entry[]
  language plpgsql volatile;

-- What is wrong with a request whoever it is for, as a SQLSTATE, or null: its amount, its key,
-- metadata or expiry, or a transfer from a user to itself.
create function ledger.request_problem(
  is_amount_valid boolean,
  idempotency_key text,
  metadata jsonb,
  is_expiry_valid boolean,
  is_same_user boolean)
  returns text
  language sql immutable;

-- What is wrong with the entry that an entry reverses, in words, or null: it is missing, or is no
-- opposite of it, or less was left of it, or the other half of its transfer is not what the other
-- half of this one reverses (peer_reverses). Internal.
create function ledger.reversal_problem(entry public.payment_history, peer_reverses bigint)
  returns text
  language plpgsql stable;

-- The first max_rows positions after after_position, up to until, and what happened there; type is
-- null of a pending entry, which is no event.
create function ledger.scan_events(after_position bigint, until bigint, max_rows integer)
  returns table ("position" bigint, user_id bigint, hold bigint, number bigint, type text)
  language sql stable;

-- For each series of a distributed ledger, of which a reader has read up to afters, and untils is
-- settled: the positions of at most max_rows events of these users and types (null: all) between,
-- how far it looked (through), at max_scanned rows at most with a condition, and whether there is
-- anything behind afters, settled or not (has_unread).
create function ledger.scan_series(
  afters bigint[],
  untils bigint[],
  user_ids bigint[],
  types text[],
  max_rows integer,
  max_scanned integer)
  returns table (n integer, positions bigint[], through bigint, has_unread boolean)
  language plpgsql stable;

-- The name of the schema with the functions of the shard of a user. Raises LGMOV if this server has
-- none: see refuse_moved.
create function ledger.schema_of_shard(user_id bigint)
  returns text
  language plpgsql stable;

-- FREEZE, THAW or CREDIT LIMIT (null: none) of a user, with who did it and why in user_controls;
-- posts what is pending. What is so already is left as it is. Returns what holds from now on.
-- Raises LGUSR, LGAMT, LGRNG, 22023 (a reason of more than 1000 characters), 55P03 (lock_timeout).
create function ledger.set_control(
  operation text,
  user_id bigint,
  credit_limit numeric,
  reason text,
  actor text)
  returns ledger.user_state
  language plpgsql volatile security definer;
grant execute on function ledger.set_control to ledger_service;

-- The functions of a shard of users, of which post_in_shards calls post_part, and the service
-- get_shard_users (caller): the same as in the schema ledger, but in a schema of the shard, and on
-- the tables of the shard themselves, where Citus has nothing to plan. get_shard_users and
-- absent_account refuse who isn't of the shard: see leaves_shard; whoever calls others has seen to
-- it.
create function ledger.shard_functions(shard_id bigint)
  returns table (name text, definition text, caller text)
  language plpgsql stable;

-- What load_target says of an operation that names a hold or an entry; null: it names none.
-- PostgreSQL puts the body in the place of the call.
create function ledger.target_of(
  operation text,
  user_id bigint,
  ref bigint,
  amount numeric,
  expires_in numeric)
  returns ledger.target
  language sql volatile;

-- Writes down, on the server of a shard, what a row of payment_history was that is about to be
-- changed after break_glass; false if this transaction may not.
create function ledger.trace_change(operation text, entry jsonb)
  returns boolean
  language plpgsql volatile;

-- A transfer for people where users are on several servers: asks the server of the first user to
-- lock it, that of the second to lock, decide and write, and the first one to write. Returns null,
-- and has written no entry, if it may not be done, a repeat included: that is for post_pair_across.
create function ledger.transfer_across(
  from_user_id bigint,
  to_user_id bigint,
  amount numeric,
  idempotency_key text,
  metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile;

-- Everybody whom operations touch: their users, to whom transfers go, and the other users of
-- transfers that are reversed.
create function ledger.users_of(
  operations text[],
  user_ids bigint[],
  peer_user_ids bigint[],
  refs bigint[])
  returns bigint[]
  language plpgsql volatile;

-- The problem of an operation's users, unknown before busy, as a SQLSTATE, or null.
create function ledger.users_problem(problem text, peer_problem text)
  returns text
  language sql immutable;

-- For each line of an archive, in order, its entry, whether that is archived, and what is wrong:
-- archive_invalid (no line of this ledger), archive_erased (the entry was erased afterwards),
-- archive_differs (with the metadata of the line, the entry has another hash), or null.
create function ledger.verify_archived(lines jsonb[])
  returns table (place bigint, user_id bigint, seq bigint, is_archived boolean, finding text)
  language plpgsql stable;
grant execute on function ledger.verify_archived to ledger_dba;

-- The findings about who is frozen or has a credit limit in a range of users: a row of
-- user_controls was edited or is missing, or users says something else than the last ones.
-- Internal.
create function ledger.verify_controls(after_user_id bigint, upto_user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings about the copies in users of a range of users: users.seq and users.balance are not
-- those of the last entry. Internal.
create function ledger.verify_copies(after_user_id bigint, upto_user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings about what a range of users were made as: a row of user_details was edited or
-- belongs to nobody, or its reference or key doesn't lead to the user. Internal.
create function ledger.verify_details(after_user_id bigint, upto_user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings of verify_users about a range of users. Internal.
create function ledger.verify_each_user(
  after_user_id bigint,
  upto_user_id bigint,
  pending_limit interval)
  returns SETOF ledger.finding
  language plpgsql stable;

-- Verifies at most max_rows posted rows after (after_user_id, after_seq), in order of user and seq,
-- up to a user: findings, how many rows it read, and the place to go on after (null: that was all).
-- The first row is checked against the one before the range. Sees one moment and waits for nobody.
create function ledger.verify_entries(
  after_user_id bigint DEFAULT 0,
  after_seq bigint DEFAULT 0,
  max_rows integer DEFAULT 10000,
  upto_user_id bigint DEFAULT '9223372036854775807'::bigint)
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint, next_seq bigint)
  language plpgsql stable security definer;
grant execute on function ledger.verify_entries to ledger_dba;

-- The findings of verify_entry about some posted rows, in a second look, for where users are on
-- several servers: the other half of a transfer that was on its way in the first is there by now.
-- Internal.
create function ledger.verify_entries_again(entries public.payment_history[])
  returns ledger.finding[]
  language plpgsql volatile;

-- The findings about one posted row: against the row before it, who entered it, the other half of
-- its transfer, the entry that it reverses, and its hold. Internal.
create function ledger.verify_entry(entry public.payment_history)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings about erasures: rows that are not those of their intervention, and of interventions
-- that were none. Internal.
create function ledger.verify_erasures()
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings that belong to the ledger as a whole: a guard (see get_guards) that is missing,
-- disabled or another than the migrations made; a trigger or other code that runs at a change,
-- anything in schema ledger, or a function of the name of one of ours or PostgreSQL's, that is
-- somebody else's; and those of verify_servers.
create function ledger.verify_guards()
  returns SETOF ledger.finding
  language sql stable security definer;
grant execute on function ledger.verify_guards to ledger_dba;

-- The findings about holds and changes of a range of users that are missing, or were added behind
-- the back of users: what users.hold_changes says is not how many there are. Internal.
create function ledger.verify_hold_counts(after_user_id bigint, upto_user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings about the holds of a range of users: changes that were edited or can't be, or that
-- have no entry; rows of holds that don't follow from them; and what verify_hold_counts finds.
-- Internal.
create function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings about interventions: everything that was done with break_glass, for ever, and where
-- their chain was edited, or one is missing; and those of verify_erasures and verify_traces.
-- Internal.
create function ledger.verify_interventions()
  returns SETOF ledger.finding
  language sql stable;

-- The findings about the manual entries of a range of users: those that are not pending, posted or
-- withdrawn as they were entered, and pending rows that nobody has entered. Internal.
create function ledger.verify_manual_entries(after_user_id bigint, upto_user_id bigint)
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings about references and keys that lead to a user who wasn't made with them;
-- verify_details looks the other way. Internal.
create function ledger.verify_references()
  returns SETOF ledger.finding
  language plpgsql stable;

-- The findings of verify_interventions, verify_references and verify_shards, where users are on
-- several servers those that a second look has, too. Internal.
create function ledger.verify_servers()
  returns SETOF ledger.finding
  language plpgsql stable;

-- Which findings of verify_servers a second look has, too, for where users are on several servers:
-- a user who was on the way to its server in the first is there by now, and so is a shard, and what
-- was erased. Raises 08006 if a server doesn't answer. Internal.
create function ledger.verify_servers_again(findings ledger.finding[])
  returns ledger.finding[]
  language plpgsql volatile;

-- The findings about a ledger whose users are on several servers: a shard without a trigger, a
-- constraint or a unique index that its table has, or with another one, and what verify_workers
-- finds. None where all users are on one server.
create function ledger.verify_shards()
  returns SETOF ledger.finding
  language plpgsql stable security definer;

-- The findings about posted rows that verify_entries alone can't tell to be right. Internal.
create function ledger.verify_suspects(entries public.payment_history[])
  returns ledger.finding[]
  language plpgsql stable;

-- The findings about intervention_traces: what was changed on a server of a distributed ledger
-- without a trace in the chain of interventions. Internal.
create function ledger.verify_traces()
  returns SETOF ledger.finding
  language plpgsql volatile;

-- Verifies at most max_rows entries of a user after a seq, and with the last of them what else
-- verify_user looks at: findings, how many entries it read, and the seq to go on after (null: that
-- was all). Sees one moment and waits for nobody.
create function ledger.verify_user_page(
  user_id bigint,
  after_seq bigint DEFAULT 0,
  max_rows integer DEFAULT 10000)
  returns table (findings ledger.finding[], rows_read bigint, next_seq bigint)
  language plpgsql stable security definer;
grant execute on function ledger.verify_user_page to ledger_dba, ledger_service;

-- Verifies at most max_rows users after an id, up to another: the copies in users, manual entries,
-- also those that have been pending for longer than pending_limit by their ts, controls, details,
-- and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees
-- one moment and waits for nobody.
create function ledger.verify_users(
  after_user_id bigint DEFAULT 0,
  max_rows integer DEFAULT 10000,
  upto_user_id bigint DEFAULT '9223372036854775807'::bigint,
  pending_limit interval DEFAULT '1 day'::interval)
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint)
  language plpgsql stable security definer;
grant execute on function ledger.verify_users to ledger_dba;

-- The findings of verify_users about some users, in a second look, for where users are on several
-- servers: what was on its way in the first is everywhere by now. Internal.
create function ledger.verify_users_again(user_ids bigint[], pending_limit interval)
  returns ledger.finding[]
  language plpgsql volatile;

-- The findings about the servers of a distributed ledger: one without a guard that the coordinator
-- has, such as a function that nobody else may execute, or on which the functions of a shard are
-- missing or others.
create function ledger.verify_workers()
  returns SETOF ledger.finding
  language plpgsql stable;

-- Removes a pending manual entry on the server of its user, where guard_history can't see the
-- intervention, which is on the coordinator. Without one verify_manual_entries finds that the entry
-- is gone. Raises LGMOV if the user isn't there.
create function ledger.withdraw_in_shard(user_id bigint, id bigint)
  returns void
  language plpgsql volatile;

-- The number of the intervention that withdrew a manual entry, and what the entry was; nulls
-- without one. Internal.
create function ledger.withdrawal_of(
  user_id bigint,
  id bigint,
  OUT intervention bigint,
  OUT entry jsonb)
  returns record
  language plpgsql volatile;

-- Writes changes of holds and entries, and sets the copies in users of their accounts.
create function ledger.write_all(
  changes public.hold_changes[],
  entries ledger.entry[],
  accounts ledger.account[])
  returns void
  language plpgsql volatile;

-- Writes one change of a hold, and what the hold is by then, in fewer steps than write_changes.
-- Everything has been decided.
create function ledger.write_change(change public.hold_changes)
  returns void
  language plpgsql volatile;

-- Writes changes of holds, at most one of each hold, and what the holds are by then. Everything has
-- been decided.
create function ledger.write_changes(changes public.hold_changes[])
  returns void
  language plpgsql volatile;

-- What write_changes, insert_entries and copy_accounts do, where users are on several servers:
-- shard by shard, each on its server.
create function ledger.write_each(
  changes public.hold_changes[],
  entries ledger.entry[],
  accounts ledger.account[])
  returns void
  language plpgsql volatile;

-- Has insert_half write an entry (as text) of a user whom lock_half has locked in the same
-- transaction. Returns its seq. Whoever calls it where users are on several servers has the server
-- of the user do it.
create function ledger.write_half(user_id bigint, entry text)
  returns bigint
  language plpgsql volatile;

-- What write_changes, insert_entries and copy_accounts of the shard of user_id do, to which
-- everything has to belong, and which lock_in_shard has kept; arrays as text. Whoever calls it
-- where users are on several servers has the server of the shard do it. Raises LGMOV if the shard
-- isn't there.
create function ledger.write_in_shard(user_id bigint, changes text, entries text, accounts text)
  returns void
  language plpgsql volatile;
