create or replace function ledger.post_part(
  first integer, last integer, operations text[], user_ids bigint[], amounts numeric[],
  peer_user_ids bigint[], refs bigint[], expires_ins numeric[], idempotency_keys text[],
  metadatas jsonb[], readers text[], has_repeated_keys boolean, has_readers boolean, wait boolean,
  max_pending integer)
  returns ledger.outcome[]
  language plpgsql volatile as $$
declare
  v_accounts ledger.account[] := ledger.lock_accounts(ledger.users_of(
    post_part.operations[first:last], post_part.user_ids[first:last],
    post_part.peer_user_ids[first:last], post_part.refs[first:last]), post_part.wait,
    post_part.max_pending);
begin
  return ledger.post_each(v_accounts, ledger.ids_of(v_accounts), post_part.first, post_part.last,
    post_part.operations, post_part.user_ids, post_part.amounts, post_part.peer_user_ids,
    post_part.refs, post_part.expires_ins, post_part.idempotency_keys, post_part.metadatas,
    post_part.readers, post_part.has_repeated_keys, post_part.has_readers);
end $$;

comment on function ledger.post_part is
  'What post does, for the operations from first to last. post_in_shards calls it in the schema of a shard, for those that belong there.';

revoke all on function ledger.post_part from public;
