-- migrate:up

-- by hand
-- What \d+ at psql shows of the views.
comment on column public.balances.id is
  'The user.';
comment on column public.balances.balance is
  'After the last posted entry; what is pending is not in it.';
comment on column public.balances.held is
  'What active holds reserve.';
comment on column public.balances.available is
  'What can be taken or held: the balance, less what is held, plus the credit limit.';
comment on column public.balances.seq is
  'Of the last posted entry; 0 if there is none.';
comment on column public.balances.updated_at is
  'When it changed last.';
comment on column public.entries.user_id is
  'Whose it is.';
comment on column public.entries.seq is
  '1, 2, 3 … for each user, without gaps, in the order in which entries were posted.';
comment on column public.entries.action is
  'CREDIT adds to the balance, DEBIT takes from it.';
comment on column public.entries.amount is
  'Above zero, whatever the action is.';
comment on column public.entries.balance is
  'Of the user, after this entry.';
comment on column public.entries.available is
  'Of the user, after this entry.';
comment on column public.entries.held is
  'What active holds reserved then, less the credit limit.';
comment on column public.entries.ts is
  'When it happened; of a manual entry, what whoever entered it says.';
comment on column public.entries.sealed_at is
  'When it was posted.';
comment on column public.entries.idempotency_key is
  'Of the request that made it.';
comment on column public.entries.metadata is
  'What whoever made it says about it.';
comment on column public.entries.peer_user_id is
  'Of a transfer: whose the other half is.';
comment on column public.entries.peer_seq is
  'Of a transfer: which entry of that user the other half is.';
comment on column public.entries.reverses is
  'The entry of the user that it takes back, or a part of it.';
comment on column public.entries.reversed_by is
  'The last entry of the user that takes it back, or a part of it.';
comment on column public.entries.reversed is
  'How much of it has been taken back, while that is not all.';
comment on column public.entries.hold is
  'The hold of the user that it captured.';
comment on column public.entries.hash is
  'SHA-256 of this entry and of the hash of the one before it, in hexadecimal.';
comment on column public.pending_entries.user_id is
  'Whose it is.';
comment on column public.pending_entries.id is
  'What withdraw_entry takes.';
comment on column public.pending_entries.action is
  'CREDIT will add to the balance, DEBIT take from it.';
comment on column public.pending_entries.amount is
  'Above zero, whatever the action is.';
comment on column public.pending_entries.ts is
  'When it happened, as whoever entered it says.';
comment on column public.pending_entries.metadata is
  'What whoever entered it says about it.';
comment on column public.pending_entries.entered_at is
  'When it was entered.';
comment on column public.pending_entries.entered_by is
  'The role that entered it.';
comment on column public.active_holds.user_id is
  'Whose balance it reserves.';
comment on column public.active_holds.hold is
  '1, 2, 3 … for each user: what capture_hold and release_hold take.';
comment on column public.active_holds.amount is
  'What it still reserves.';
comment on column public.active_holds.created_at is
  'When it was placed.';
comment on column public.active_holds.expires_at is
  'When it ends by itself; null: never.';
comment on column public.active_holds.idempotency_key is
  'Of the request that placed it.';
comment on column public.active_holds.metadata is
  'What whoever placed it says about it.';
comment on column public.daily_totals.user_id is
  'Whose day it is.';
comment on column public.daily_totals.day is
  'In UTC, by when entries were posted. A day without any has no row.';
comment on column public.daily_totals.entries is
  'How many were posted.';
comment on column public.daily_totals.credited is
  'The sum of credits.';
comment on column public.daily_totals.debited is
  'The sum of debits.';
comment on column public.daily_totals.balance is
  'At the end of the day.';
-- end by hand

-- migrate:down

-- by hand
comment on column public.balances.id is null;
comment on column public.balances.balance is null;
comment on column public.balances.held is null;
comment on column public.balances.available is null;
comment on column public.balances.seq is null;
comment on column public.balances.updated_at is null;
comment on column public.entries.user_id is null;
comment on column public.entries.seq is null;
comment on column public.entries.action is null;
comment on column public.entries.amount is null;
comment on column public.entries.balance is null;
comment on column public.entries.available is null;
comment on column public.entries.held is null;
comment on column public.entries.ts is null;
comment on column public.entries.sealed_at is null;
comment on column public.entries.idempotency_key is null;
comment on column public.entries.metadata is null;
comment on column public.entries.peer_user_id is null;
comment on column public.entries.peer_seq is null;
comment on column public.entries.reverses is null;
comment on column public.entries.reversed_by is null;
comment on column public.entries.reversed is null;
comment on column public.entries.hold is null;
comment on column public.entries.hash is null;
comment on column public.pending_entries.user_id is null;
comment on column public.pending_entries.id is null;
comment on column public.pending_entries.action is null;
comment on column public.pending_entries.amount is null;
comment on column public.pending_entries.ts is null;
comment on column public.pending_entries.metadata is null;
comment on column public.pending_entries.entered_at is null;
comment on column public.pending_entries.entered_by is null;
comment on column public.active_holds.user_id is null;
comment on column public.active_holds.hold is null;
comment on column public.active_holds.amount is null;
comment on column public.active_holds.created_at is null;
comment on column public.active_holds.expires_at is null;
comment on column public.active_holds.idempotency_key is null;
comment on column public.active_holds.metadata is null;
comment on column public.daily_totals.user_id is null;
comment on column public.daily_totals.day is null;
comment on column public.daily_totals.entries is null;
comment on column public.daily_totals.credited is null;
comment on column public.daily_totals.debited is null;
comment on column public.daily_totals.balance is null;
-- end by hand
