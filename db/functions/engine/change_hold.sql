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
  v_is_capture boolean := false;
  v_position bigint := nextval('public.payment_history_id_seq');
  v_hash bytea;
  v public.hold_changes;
begin
  case change_hold.operation
    when 'RELEASE' then v_action := 'released';
    when 'EXTEND' then
      v_action := 'extended';
      t.expires_at := ledger.expires_after(v_at, change_hold.expires_in);
    else
      -- The user as it will be, like what is held.
      v_is_capture := true;
      a.seq := a.seq + 1;
      a.balance := a.balance - change_hold.amount;
  end case;
  v_hash := ledger.hold_hash(t.hash, a.user_id, t.hold, t.changes + 1, v_action,
    change_hold.amount, t.remaining, t.expires_at, v_at, a.seq, a.balance, a.balance - a.held,
    change_hold.idempotency_key, change_hold.metadata, v_position);
  update public.holds h
     set remaining = t.remaining,
         captured = case when v_is_capture then h.captured + change_hold.amount
           else h.captured end,
         status = case when t.remaining > 0 then 'active' else v_action end,
         expires_at = t.expires_at, changes = t.changes + 1, hash = v_hash
   where h.user_id = a.user_id and h.hold = t.hold;
  insert into public.hold_changes as c (user_id, hold, number, action, amount, remaining,
    expires_at, at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (a.user_id, t.hold, t.changes + 1, v_action, change_hold.amount, t.remaining,
    t.expires_at, v_at, a.seq, a.balance, a.balance - a.held, change_hold.idempotency_key,
    change_hold.metadata, v_position, v_hash)
  returning c.* into v;
  return v;
end $$;

comment on function ledger.change_hold is
  'What a CAPTURE, CAPTURE PART, RELEASE or EXTEND does to a hold, for a user whose account is open, with what will be held afterwards. Everything has been decided.';

revoke all on function ledger.change_hold from public;
