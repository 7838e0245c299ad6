create or replace function ledger.later_change(
  operation text, account ledger.account, target ledger.target, amount numeric,
  expires_in numeric, idempotency_key text, metadata jsonb)
  returns public.hold_changes
  language plpgsql volatile as $$
declare
  a ledger.account := later_change.account;
  t ledger.target := later_change.target;
  -- No earlier than updated_at of the user, which the answer shows.
  v_at timestamptz := greatest(clock_timestamp(), a.updated_at, a.posted_at);
  v_action text := 'captured';
begin
  case later_change.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, later_change.expires_in); -- mutation: extend
    else
      -- The user as it will be, like what is held.
      a.seq := a.seq + 1;
      a.balance := a.balance - later_change.amount;
      -- These are in its entry.
      later_change.idempotency_key := null; later_change.metadata := null;
  end case;
  return ledger.next_change(a.user_id, t.hold, t.changes + 1, t.hash, v_action, later_change.amount,
    t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    later_change.idempotency_key, later_change.metadata);
end $$;

comment on function ledger.later_change is
  'The change that a CAPTURE, CAPTURE PART, RELEASE or EXTEND makes of a hold, for a user whose account is open, with what will be held afterwards, to be written. Everything has been decided.';

revoke all on function ledger.later_change from public;
