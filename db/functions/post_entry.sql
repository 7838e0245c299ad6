create or replace function post_entry(
  user_id bigint, action text, amount numeric, idempotency_key text, metadata jsonb)
  returns posted_entry
  language plpgsql volatile as $$
declare
  v_row record;
begin
  select * into strict v_row from post_entries(
    array[post_entry.user_id], array[post_entry.action], array[post_entry.amount],
    array[post_entry.idempotency_key], array[post_entry.metadata],
    wait => true, max_pending => null);
  perform raise_status(v_row.status, v_row.user_id, post_entry.amount, v_row.available);
  -- Not seq: a repeat answers an old entry, and may have picked up rows all the same.
  perform notify_changed(array[v_row.user_id], array[v_row.version]);
  return (v_row.user_id, v_row.seq, v_row.action, v_row.amount, v_row.balance, v_row.available,
    v_row.ts, v_row.replayed)::posted_entry;
end $$;

comment on function post_entry is
  'post_entries for one item, for people: waits for the user, picks up every hand-made row, raises instead of returning a status, and tells the services to drop their snapshot. Internal.';

revoke all on function post_entry from public;
