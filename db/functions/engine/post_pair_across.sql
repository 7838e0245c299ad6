create or replace function ledger.post_pair_across(
  operation text, user_id bigint, peer_user_id bigint, amount numeric, ref bigint,
  idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  language plpgsql volatile as $$
declare
  o ledger.outcome;
  v_entries ledger.posted_entry[] := '{}';
begin
  for o in
    select p.* from ledger.post(
      operations => array[post_pair_across.operation], user_ids => array[post_pair_across.user_id],
      amounts => array[post_pair_across.amount],
      peer_user_ids => case post_pair_across.operation
        when 'TRANSFER' then array[post_pair_across.peer_user_id] end,
      refs => array[post_pair_across.ref],
      idempotency_keys => array[post_pair_across.idempotency_key],
      metadatas => array[post_pair_across.metadata], wait => true, max_pending => null) p
  loop
    -- What is wrong may be said of the other user.
    continue when o.status = 'LGUSR' and o.user_seq is not null
      or o.status = 'LGFND' and o.required is null;
    perform ledger.raise_status(o.status, o.user_id,
      coalesce(o.required, post_pair_across.amount), o.available);
    v_entries := array_append(v_entries, row(o.user_id, o.seq, o.action, o.amount, o.balance,
      o.available, o.ts, o.replayed)::ledger.posted_entry);
  end loop;
  return v_entries;
end $$;

comment on function ledger.post_pair_across is
  'What post_pair does, where users are on several servers: by post, which asks each shard twice.';

revoke all on function ledger.post_pair_across from public;
