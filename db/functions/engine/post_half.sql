create or replace function ledger.post_half(
  user_id bigint, change numeric, idempotency_key text, metadata jsonb, peer text)
  returns text
  language plpgsql volatile set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_is_sender boolean := post_half.change < 0;
  v_amount numeric := abs(post_half.change);
  v_account text;
  -- The sender and the receiver.
  a ledger.account := post_half.peer::ledger.account;
  p ledger.account := a;
  v_problem text;
  v_at timestamptz;
  v_debit ledger.entry;
  v_credit ledger.entry;
begin
  if ledger.is_distributed() then perform ledger.refuse_moved(); end if;
  v_account := ledger.lock_half(post_half.user_id,
    case when v_is_sender then post_half.idempotency_key end);
  if v_account is null then return null; end if;
  if v_is_sender then a := v_account::ledger.account; else p := v_account::ledger.account; end if;
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
  perform ledger.write_half(post_half.user_id,
    case when v_is_sender then v_debit::text else v_credit::text end);
  return array[v_debit, v_credit];
end $$;

comment on function ledger.post_half is
  'Locks the second user of a transfer, and writes its half if the transfer may be done: peer is the account of the first one, which lock_half has locked. Returns the debit and the credit, an array as text; null, and nothing is written, if it may not. Whoever calls it where users are on several servers has the server of the user do it. Raises LGMOV if the shard isn''t there.';

revoke all on function ledger.post_half from public;
