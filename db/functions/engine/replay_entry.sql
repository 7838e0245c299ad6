create or replace function ledger.replay_entry(accounts ledger.account[], seq bigint)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  v_user_id bigint := replay_entry.accounts[1].user_id;
  v_seq bigint := replay_entry.seq;
  v_peer_user_id bigint;
  v_peer_seq bigint;
  v_entry ledger.posted_entry;
  v_entries ledger.posted_entry[] := '{}';
begin
  -- Pending entries may have been posted all the same.
  perform ledger.copy_accounts(replay_entry.accounts);
  -- One user a statement, who may be on another server than the next.
  for v_half in 1 .. 2 loop
    select h.user_id, h.seq, h.action, h.amount, h.balance, h.balance - h.held, h.ts, true,
           h.peer_user_id, h.peer_seq
      into v_entry.user_id, v_entry.seq, v_entry.action, v_entry.amount, v_entry.balance,
           v_entry.available, v_entry.ts, v_entry.replayed, v_peer_user_id, v_peer_seq
      from public.payment_history h where h.user_id = v_user_id and h.seq = v_seq;
    v_entries := array_append(v_entries, v_entry);
    exit when v_peer_user_id is null;
    v_user_id := v_peer_user_id;
    v_seq := v_peer_seq;
  end loop;
  return v_entries;
end $$;

comment on function ledger.replay_entry is
  'The entry of the first account''s user that a key has made earlier, and its other half if it has one, as they were answered then, with replayed set.';

revoke all on function ledger.replay_entry from public;
