create or replace function ledger.transfer_across(
  from_user_id bigint, to_user_id bigint, amount numeric, idempotency_key text, metadata jsonb)
  returns ledger.posted_entry[]
  -- Accounts and entries pass from server to server as text.
  language plpgsql volatile set datestyle = 'ISO, YMD' as $$
declare
  v_first_id bigint := transfer_across.from_user_id;
  v_second_id bigint := transfer_across.to_user_id;
  v_first_key text := transfer_across.idempotency_key;
  -- Of the second.
  v_change numeric := round(transfer_across.amount, 2);
  v_first_shard bigint;
  v_second_shard bigint;
  v_text text;
  v_entries ledger.entry[];
begin
  if num_nulls(v_first_id, v_second_id) > 0 or not ledger.is_valid_amount(transfer_across.amount)
    or not ledger.is_valid_key_and_metadata(v_first_key, transfer_across.metadata) then
    return null;
  end if;
  v_first_shard := get_shard_id_for_distribution_column('public.users', v_first_id);
  v_second_shard := get_shard_id_for_distribution_column('public.users', v_second_id);
  -- Always in the same order, as by_shard says, so that two callers never wait for each other. No
  -- shard moves until the end of the transaction: see keeps_shard.
  perform lock_shard_metadata(5, array[least(v_first_shard, v_second_shard),
    greatest(v_first_shard, v_second_shard)]);
  if (v_first_shard, v_first_id) > (v_second_shard, v_second_id) then
    v_first_id := transfer_across.to_user_id;
    v_second_id := transfer_across.from_user_id;
    v_first_key := null;
    v_change := -v_change;
  end if;
  -- Citus sends on only what stands in FROM.
  select h.* into v_text from ledger.lock_half(v_first_id, v_first_key) h;
  if v_text is null then return null; end if;
  select h.* into v_text from ledger.post_half(v_second_id, v_change,
    transfer_across.idempotency_key, transfer_across.metadata, v_text) h;
  if v_text is null then return null; end if;
  v_entries := v_text::ledger.entry[];
  v_text := v_entries[case when v_change > 0 then 1 else 2 end];
  perform from ledger.write_half(v_first_id, v_text);
  return array(
    select row(e.user_id, e.seq, e.action, e.amount, e.balance, e.balance - e.held, e.ts, false)
             ::ledger.posted_entry
      from unnest(v_entries) e);
end $$;

comment on function ledger.transfer_across is
  'A transfer for people where users are on several servers: asks the server of the first user to lock it, that of the second to lock, decide and write, and the first one to write. Returns null, and has written no entry, if it may not be done, a repeat included: that is for post_pair_across.';

revoke all on function ledger.transfer_across from public;
