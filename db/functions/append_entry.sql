create or replace function append_entry(entry payment_history)
  returns payment_history
  language plpgsql volatile as $$
declare
  v_state record;
  v_entry payment_history := append_entry.entry;
begin
  select * into strict v_state
    from user_states(array[v_entry.user_id], clock_timestamp());
  if v_entry.action = 'DEBIT' and v_entry.amount > v_state.balance - v_state.held then
    perform raise_status('LGFND', v_entry.user_id, v_entry.amount, v_state.balance - v_state.held);
  elsif v_entry.action = 'CREDIT'
    and v_state.balance + v_entry.amount > 999999999999999999.99 then
    perform raise_status('LGRNG', v_entry.user_id);
  end if;

  -- The clock after the lock, and never behind the row before, whatever the clock did.
  v_entry.sealed_at := greatest(clock_timestamp(), v_state.sealed_at);
  v_entry.ts := v_entry.sealed_at;
  v_entry.seq := v_state.seq + 1;
  v_entry.balance := v_state.balance
    + case v_entry.action when 'CREDIT' then v_entry.amount else -v_entry.amount end;
  v_entry.held := v_state.held;
  v_entry.hash := entry_hash(v_state.hash, v_entry);
  v_entry.id := nextval(pg_get_serial_sequence('payment_history', 'id'));
  insert into payment_history select v_entry.*;
  perform copy_balances(array[v_entry.user_id]);
  perform notify_changed(array[u.id], array[u.seq + u.hold_changes])
    from users u where u.id = v_entry.user_id;
  return v_entry;
end $$;

comment on function append_entry is
  'Appends an entry to the history of a user whom the caller has opened: takes user_id, action, amount, idempotency_key, metadata, hold, reverses and peer, decides by what is available, fills in the rest and tells the services. Raises LGFND, LGRNG. Internal.';

revoke all on function append_entry from public;
