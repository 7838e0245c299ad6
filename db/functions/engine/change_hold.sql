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
begin
  case change_hold.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, change_hold.expires_in); -- mutation: extend
    else
      -- The user as it will be, like what is held.
      a.seq := a.seq + 1;
      a.balance := a.balance - change_hold.amount;
  end case;
  return ledger.write_hold(v_action, a.user_id, t.hold, t.changes + 1, t.hash, change_hold.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    change_hold.idempotency_key, change_hold.metadata);
end $$;

comment on function ledger.change_hold is
  'What a CAPTURE, CAPTURE PART, RELEASE or EXTEND does to a hold, for a user whose account is open, with what will be held afterwards. Everything has been decided.';

revoke all on function ledger.change_hold from public;
