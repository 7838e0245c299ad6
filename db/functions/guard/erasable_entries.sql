create or replace function ledger.erasable_entries(user_id bigint, before timestamptz)
  returns setof public.payment_history
  language sql stable as $$
  -- Of a transfer the metadata is that of both halves; the key belongs to whoever gave it.
  select h.* from public.payment_history h
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and (h.idempotency_key is not null
       or h.metadata is not null and not ledger.has_mark(h, 'erased'))
  union all
  select p.* from public.payment_history h
    join public.payment_history p on p.user_id = h.peer_user_id and p.seq = h.peer_seq
   where h.user_id = erasable_entries.user_id and h.sealed_at < erasable_entries.before
     and p.metadata is not null and not ledger.has_mark(p, 'erased')
$$;

comment on function ledger.erasable_entries is
  'The posted entries of a user from before a moment, and the other halves of transfers, that have something to erase.';

revoke all on function ledger.erasable_entries from public;
