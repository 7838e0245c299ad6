create or replace function ledger.replay_entry(accounts ledger.account[], seq bigint)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
begin
  -- Pending entries may have been posted all the same.
  perform ledger.copy_accounts(replay_entry.accounts);
  return array(
    select row(h.user_id, h.seq, h.action, h.amount, h.balance, h.balance - h.held, h.ts,
             true)::ledger.posted_entry
      from public.payment_history e
      join public.payment_history h on (h.user_id, h.seq) in
             ((e.user_id, e.seq), (e.peer_user_id, e.peer_seq))
     where e.user_id = replay_entry.accounts[1].user_id and e.seq = replay_entry.seq
     order by h.user_id <> e.user_id);
end $$;

comment on function ledger.replay_entry is
  'The entry of the first account''s user that a key has made earlier, and its other half if it has one, as they were answered then, with replayed set.';

revoke all on function ledger.replay_entry from public;
