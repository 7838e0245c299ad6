create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language plpgsql stable as $$
declare
  h public.payment_history;
  v_peer_id bigint;
  v_seqs bigint[];
begin
  -- Users one after the other, and rows one by one: where users are on several servers, none has
  -- the other half of a transfer, nor functions that take rows.
  for h in
    select x.* from public.payment_history x
     where x.user_id = erasable_entries.user_id and x.sealed_at < erasable_entries.before
       and num_nonnulls(x.idempotency_key, x.metadata) > 0
     order by x.seq
  loop
    if h.idempotency_key is not null or not ledger.has_mark(h, 'erased') then
      return next h;
    end if;
  end loop;
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  for v_peer_id, v_seqs in
    select x.peer_user_id, array_agg(x.peer_seq) from public.payment_history x
     where x.user_id = erasable_entries.user_id and x.sealed_at < erasable_entries.before
       and x.peer_user_id is not null
     group by x.peer_user_id order by x.peer_user_id
  loop
    for h in
      select x.* from public.payment_history x
       where x.user_id = v_peer_id and x.seq = any (v_seqs) and x.metadata is not null
       order by x.seq
    loop
      if not ledger.has_mark(h, 'erased') then return next h; end if;
    end loop;
  end loop;
end $$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
