create or replace function ledger.decide(
  operation text, amount numeric, expires_in numeric, idempotency_key text, metadata jsonb,
  target ledger.target, account ledger.account, peer ledger.account)
  returns ledger.decision
  language plpgsql volatile as $$
declare
  v ledger.decision;
  f ledger.earlier;
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
  -- What the hold reserves is available for its capture.
  v.held := account.held - case when target.problem is null then coalesce(target.held, 0) else 0 end;

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
  end if;
  v.problem := ledger.first_problem(
    request => ledger.request_problem(v_is_amount_valid, decide.idempotency_key, decide.metadata,
      ledger.is_valid_expiry(decide.expires_in),
      decide.operation = 'TRANSFER' and peer.user_id = account.user_id),
    users => ledger.users_problem(account.problem, peer.problem),
    key => case when not v.replayed and num_nonnulls(f.seq, f.number) > 0 then 'LGKEY' end,
    target => case when not v.replayed then target.problem end,
    funds => case when not v.replayed then coalesce( -- mutation: funds
      ledger.funds_problem(v.change, account.balance + v.change, v.held, account.is_frozen),
      ledger.funds_problem(-v.change, peer.balance - v.change, peer.held, peer.is_frozen),
      -- Who has had fewer changes of holds has fewer holds.
      case when decide.operation = 'HOLD' and account.hold_changes >= 10000
        and ledger.has_most_holds(account.user_id) then 'LGMAX' end) end);
  v.replayed := v.replayed and v.problem is null;
  if v.replayed or decide.operation = 'HOLD' then v.action := null; end if;
  return v;
end $$;

comment on function ledger.decide is
  'Whether an operation may be done now, in one place for single calls and batches: problem (a SQLSTATE, or null) and replayed (its key did the same before: earlier_seq is the entry, or hold and earlier_number the change of a hold). Takes the hold or entry that it names (see load_target) and its open accounts; decides by what they say and writes nothing. Otherwise action (null: it makes no entry), amount and change of the entry of account, hold and reverses of that, and what will be held.';

revoke all on function ledger.decide from public;
