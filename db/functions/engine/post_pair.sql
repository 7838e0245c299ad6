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
  if ledger.is_distributed() then
    return coalesce(
      case post_pair.operation when 'TRANSFER' then ledger.transfer_across(post_pair.user_id,
        post_pair.peer_user_id, post_pair.amount, post_pair.idempotency_key, post_pair.metadata) end,
      ledger.post_pair_across(post_pair.operation, post_pair.user_id, post_pair.peer_user_id,
        post_pair.amount, post_pair.ref, post_pair.idempotency_key, post_pair.metadata));
  end if;
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
