create or replace function reversal(
  entry payment_history, idempotency_key text, metadata jsonb, peer_seq bigint)
  returns payment_history
  language sql immutable as $$
  select row(null, (entry).user_id, case (entry).action when 'CREDIT' then 'DEBIT' else 'CREDIT' end,
    (entry).amount, null, null, null, null, reversal.idempotency_key, reversal.metadata, null, null,
    (entry).seq, (entry).peer_user_id, reversal.peer_seq, null)::payment_history
$$;

comment on function reversal is
  'What append_entry takes to undo an entry; peer_seq: of the other half, if it is one of a transfer. Internal.';

revoke all on function reversal from public;
