create or replace function ledger.insert_entries(entries ledger.entry[])
  returns void
  language plpgsql volatile as $$
begin
  if ledger.is_distributed() then
    perform ledger.write_each('{}', insert_entries.entries, '{}');
    return;
  end if;
  insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
    idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
  select x.user_id, x.action, x.amount, x.ts, x.seq, x.balance, x.posted_at, x.idempotency_key,
         x.metadata, x.held, x.hold, x.reverses, x.peer_user_id, x.peer_seq, x.hash
    from unnest(insert_entries.entries) x;
end $$;

comment on function ledger.insert_entries is 'Writes entries; everything has been decided.';

revoke all on function ledger.insert_entries from public;
