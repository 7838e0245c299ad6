create or replace function decide_entries(
  user_ids bigint[], actions text[], amounts numeric[], idempotency_keys text[], metadatas jsonb[],
  user_statuses jsonb, at timestamptz)
  returns table (n bigint, status text, is_new boolean, replayed boolean, user_id bigint, seq bigint,
    action text, amount numeric, balance numeric, held numeric, ts timestamptz,
    sealed_at timestamptz, key text, metadata jsonb, hash bytea, user_seq bigint,
    user_balance numeric, updated_at timestamptz, version bigint, expires_in_ms bigint)
  language plpgsql volatile as $$
declare
  i record;
  v_first record;
  v_found payment_history;
  v_new payment_history[];
  v_keys text[];
  v_last_at timestamptz;
  v_last_hash bytea;
begin
  for i in
    select e.* from entry_items(decide_entries.user_ids, decide_entries.actions,
      decide_entries.amounts, decide_entries.idempotency_keys, decide_entries.metadatas,
      decide_entries.user_statuses, decide_entries.at) e
  loop
    if i.is_first then
      v_first := i;
      user_seq := i.seq; user_balance := i.balance; updated_at := i.updated_at;
      v_last_at := i.sealed_at; v_last_hash := i.hash;
      v_new := '{}'; v_keys := '{}';
    end if;
    n := i.n; user_id := i.user_id; action := i.action; amount := i.amount; key := i.key;
    metadata := i.metadata; held := v_first.held; expires_in_ms := v_first.expires_in_ms;
    ts := null; sealed_at := null; hash := null;

    v_found := i.found;
    -- A key of this batch: its entry isn't in the table yet.
    if i.is_repeated and key = any (v_keys) then
      v_found := v_new[array_position(v_keys, key)];
    end if;
    replayed := v_found.seq is not null;
    status := case
      when i.problem is not null then i.problem
      when i.is_hold or replayed and (v_found.action, v_found.amount, v_found.hold,
          v_found.reverses, v_found.peer_user_id) is distinct from
        (action, amount, null::bigint, null::bigint, null::bigint) then 'LGKEY'
      when replayed or action is null then 'ok'
      when action = 'DEBIT' and amount > user_balance - held then 'LGFND'
      when action = 'CREDIT' and user_balance + amount > 999999999999999999.99 then 'LGRNG'
      else 'ok' end;
    replayed := replayed and status = 'ok';
    is_new := status = 'ok' and not replayed and action is not null;

    if is_new then
      -- The clock after the lock, and never behind the row before, whatever the clock did.
      v_last_at := greatest(clock_timestamp(), v_last_at);
      user_seq := user_seq + 1; user_balance := user_balance + i.change; updated_at := v_last_at;
      v_last_hash := entry_hash(v_last_hash, row(null, user_id, action, amount, v_last_at, user_seq,
        user_balance, v_last_at, key, metadata, held, null, null, null, null,
        null)::payment_history);
      ts := v_last_at; sealed_at := v_last_at; hash := v_last_hash;
      if i.is_repeated then
        v_new := array_append(v_new, row(null, user_id, action, amount, ts, user_seq, user_balance,
          ts, key, metadata, held, null, null, null, null, hash)::payment_history);
        v_keys := array_append(v_keys, key);
      end if;
    end if;
    seq := case when status = 'ok' then user_seq end;
    balance := user_balance;
    if replayed then
      select v_found.seq, v_found.balance, v_found.held, v_found.ts, v_found.sealed_at,
             v_found.metadata, v_found.hash
        into seq, balance, held, ts, sealed_at, metadata, hash;
    end if;
    version := user_seq + v_first.hold_changes;
    return next;
  end loop;
end $$;

comment on function decide_entries is
  'Decides what becomes of each item of post_entries, in order, without writing anything: its status; whether its entry is a new one, to be inserted, or the one that its key has already; and that entry; then the version, seq, balance and updated_at of the user, and when its first hold expires. Refused: no seq and ts, the balance as it is. No action: the last seq and balance. user_statuses: ok or a code by user id, none for an unknown user. The users must be locked. Internal.';

revoke all on function decide_entries from public;
grant execute on function decide_entries to ledger_dba;
