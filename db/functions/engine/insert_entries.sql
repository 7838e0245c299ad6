create or replace function ledger.insert_entries(entries ledger.entry[])
  returns void
  language plpgsql volatile as $$
declare
  e ledger.entry;
begin
  if ledger.is_distributed() then
    -- Row by row, as each statement has one server.
    foreach e in array insert_entries.entries loop
      insert into public.payment_history (user_id, action, amount, ts, seq, balance, sealed_at,
        idempotency_key, metadata, held, hold, reverses, peer_user_id, peer_seq, hash)
      values (e.user_id, e.action, e.amount, e.ts, e.seq, e.balance, e.posted_at,
        e.idempotency_key, e.metadata, e.held, e.hold, e.reverses, e.peer_user_id, e.peer_seq,
        e.hash);
    end loop;
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
