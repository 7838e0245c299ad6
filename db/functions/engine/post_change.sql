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
