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
