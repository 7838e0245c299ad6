create or replace function ledger.post_half(
  user_id bigint, change numeric, idempotency_key text, metadata jsonb, peer text)
  returns text
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_is_sender boolean := post_half.change < 0;
  v_amount numeric := abs(post_half.change);
  f ledger.earlier;
  -- The sender and the receiver.
  a ledger.account := post_half.peer::ledger.account;
  p ledger.account := a;
  v_problem text;
  v_at timestamptz;
  v_debit ledger.entry;
  v_credit ledger.entry;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  -- As lock_half does it.
  if not v_is_sender then
    p := ledger.lock_account(post_half.user_id);
  else
    a := ledger.lock_account(post_half.user_id);
    if post_half.idempotency_key is not null then
      f := ledger.find_key(a.user_id, post_half.idempotency_key, a.hold_changes > 0);
      if num_nonnulls(f.seq, f.number) > 0 then return null; end if;
    end if;
  end if;
  v_problem := (ledger.plain_decision('TRANSFER', v_amount, post_half.metadata,
    a.user_id, a.problem, a.balance, a.held, a.is_frozen,
    p.user_id, p.problem, p.balance, p.held)).problem;
  if v_problem is not null then return null; end if;
  v_at := ledger.next_moment(greatest(a.posted_at, p.posted_at));
  v_debit := ledger.next_entry(a.hash, a.user_id, a.seq + 1, 'DEBIT', v_amount,
    a.balance - v_amount, v_at, post_half.idempotency_key, post_half.metadata, a.held, null, null,
    p.user_id, p.seq + 1);
  v_credit := ledger.next_entry(p.hash, p.user_id, p.seq + 1, 'CREDIT', v_amount,
    p.balance + v_amount, v_at, null, post_half.metadata, p.held, null, null, a.user_id, a.seq + 1);
  perform ledger.insert_half(case when v_is_sender then v_debit else v_credit end);
  return array[v_debit, v_credit];
end $$;

comment on function ledger.post_half is
  'Locks the second user of a transfer, and writes its half if the transfer may be done: peer is the account of the first one, which lock_half has locked. Returns the debit and the credit, an array as text; null, and nothing is written, if it may not. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.post_half from public;
