create or replace function decide_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[],
  user_statuses jsonb, at timestamptz)
  returns table (n bigint, status text, is_new boolean, replayed boolean, version bigint,
    user_seq bigint, updated_at timestamptz, expires_in_ms bigint, entry payment_history)
  language plpgsql volatile as $$
declare
  v_user_id bigint;
  v_last payment_history;
  v_found payment_history;
  v_new payment_history[];
  v_keys text[];
  v_at timestamptz;
  v_item record;
begin
  for v_item in
    select i.*, coalesce(decide_entries.user_statuses ->> i.user_id::text, 'LGUSR') as user_status,
           s.seq, s.balance, s.held, s.sealed_at, s.hash, s.updated_at, s.hold_changes,
           s.expires_in_ms, f.found, f.is_hold
      from unnest(decide_entries.user_ids, decide_entries.actions, decide_entries.amounts,
             decide_entries.idempotency_keys, decide_entries.metadatas)
             with ordinality i (user_id, action, amount, key, metadata, n)
      left join user_states(decide_entries.user_ids, decide_entries.at) s on s.id = i.user_id
      left join lateral find_key(i.user_id, i.key) f on i.key is not null
     order by i.user_id, i.n
  loop
    if v_keys is null or v_item.user_id is distinct from v_user_id then
      v_user_id := v_item.user_id;
      v_last := row(null, v_user_id, null, null, null, v_item.seq, v_item.balance, v_item.sealed_at,
        null, null, v_item.held, null, null, null, null, v_item.hash)::payment_history;
      updated_at := v_item.updated_at;
      v_new := '{}';
      v_keys := '{}';
    end if;
    v_found := v_item.found;
    -- The same key twice in one batch: the first of them isn't in the table yet.
    if v_item.key = any (v_keys) then
      v_found := v_new[array_position(v_keys, v_item.key)];
    end if;

    n := v_item.n;
    replayed := v_found.seq is not null;
    status := case
      when v_item.action is not null and not is_valid_entry(v_item.action, v_item.amount) then 'LGAMT'
      when not is_valid_note(v_item.key, v_item.metadata) then '22023'
      when v_item.user_status <> 'ok' then v_item.user_status
      when v_item.is_hold or replayed and (v_found.action, v_found.amount, v_found.hold,
          v_found.reverses, v_found.peer_user_id) is distinct from
        (v_item.action, v_item.amount, null::bigint, null::bigint, null::bigint) then 'LGKEY'
      when replayed or v_item.action is null then 'ok'
      when v_item.action = 'DEBIT' and v_item.amount > v_last.balance - v_last.held then 'LGFND'
      when v_item.action = 'CREDIT' and v_last.balance + v_item.amount > 999999999999999999.99
        then 'LGRNG'
      else 'ok' end;
    replayed := replayed and status = 'ok';
    is_new := status = 'ok' and not replayed and v_item.action is not null;

    if replayed then
      entry := v_found;
    else
      -- The clock after the lock, and never behind the row before, whatever the clock did.
      v_at := case when is_new then greatest(clock_timestamp(), v_last.sealed_at) end;
      entry := row(null, v_user_id, v_item.action,
        case when status <> 'LGAMT' then v_item.amount end, v_at,
        case when status = 'ok' then v_last.seq + is_new::integer end,
        v_last.balance + case when not is_new then 0
          when v_item.action = 'CREDIT' then v_item.amount else -v_item.amount end,
        v_at, v_item.key, v_item.metadata, v_last.held, null, null, null, null,
        null)::payment_history;
    end if;
    if is_new then
      entry.hash := entry_hash(v_last.hash, entry);
      v_last := entry;
      v_new := array_append(v_new, entry);
      v_keys := array_append(v_keys, v_item.key);
      updated_at := v_at;
    end if;
    user_seq := v_last.seq;
    version := v_last.seq + v_item.hold_changes;
    expires_in_ms := v_item.expires_in_ms;
    return next;
  end loop;
end $$;

comment on function decide_entries is
  'Decides what becomes of each item of post_entries, in order, without writing anything: its status; whether its entry is a new one, to be inserted, or the one that its key has already; and that entry; then the version, seq and updated_at of the user, and when its first hold expires. Refused: no seq and ts, the balance as it is. No action: the last seq and balance. user_statuses: ok or a code by user id, none for an unknown user. The users must be locked. Internal.';

revoke all on function decide_entries from public;
