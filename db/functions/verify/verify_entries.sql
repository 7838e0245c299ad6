create or replace function ledger.verify_entries(
  after_user_id bigint default 0, after_seq bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807)
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint, next_seq bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- Always by the index on seq: sorting would read a whole user for each page.
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
  set enable_incremental_sort = off set enable_hashjoin = off set enable_mergejoin = off
  set jit = off as $$
declare
  v_entry public.payment_history;
  v_last public.payment_history;
  v_suspects public.payment_history[];
  v_users bigint[];
  v_known bigint[];
begin
  -- The first row of the page is checked against the row before it.
  select p.* into v_last from public.payment_history p
   where p.user_id = verify_entries.after_user_id and p.seq = verify_entries.after_seq;
  rows_read := 0;
  -- A loop that remembers the row before costs a third less than a window function.
  for v_entry in
    select p.* from public.payment_history p
     where p.seq is not null and p.user_id <= verify_entries.upto_user_id
       and (p.user_id, p.seq) > (verify_entries.after_user_id, verify_entries.after_seq)
     order by p.user_id, p.seq limit verify_entries.max_rows
  loop
    rows_read := rows_read + 1;
    if v_entry.user_id is distinct from v_last.user_id then
      v_last := null;
      v_users := array_append(v_users, v_entry.user_id);
    end if;
    -- Hashes of earlier versions are checked by verify_entry.
    if (v_entry.seq = coalesce(v_last.seq, 0) + 1
        and v_entry.sealed_at > coalesce(v_last.sealed_at, '-infinity')
        and v_entry.balance = coalesce(v_last.balance, 0)
          + ledger.change_of(v_entry.action, v_entry.amount)
        and v_entry.ts = v_entry.sealed_at
        and v_entry.peer_user_id is null and v_entry.reverses is null and v_entry.hold is null
        and ledger.is_valid_amount(v_entry.amount)
        and v_entry.hash = ledger.entry_hash(v_last.hash, v_entry.user_id, v_entry.seq,
          v_entry.action, v_entry.amount, v_entry.ts, v_entry.balance, v_entry.sealed_at,
          v_entry.idempotency_key, v_entry.metadata, v_entry.held, v_entry.hold, v_entry.reverses,
          v_entry.peer_user_id, v_entry.peer_seq)) is not true then
      v_suspects := array_append(v_suspects, v_entry);
    end if;
    v_last := v_entry;
  end loop;
  if rows_read = verify_entries.max_rows then
    next_user_id := v_last.user_id;
    next_seq := v_last.seq;
  end if;

  findings := ledger.verify_suspects(coalesce(v_suspects, '{}'));
  v_known := array(select u.id from public.users u where u.id = any (v_users));
  findings := findings || array(
    select row('user_missing', m.user_id, null, 'There are entries, but no such user.')::ledger.finding
      from unnest(v_users) m (user_id) where m.user_id <> all (v_known));
  return next;
end $$;

comment on function ledger.verify_entries is
  'Verifies at most max_rows posted rows after (after_user_id, after_seq), in order of user and seq, up to a user: findings, how many rows it read, and the place to go on after (null: that was all). The first row is checked against the one before the range. Sees one moment and waits for nobody.';

revoke all on function ledger.verify_entries from public;
grant execute on function ledger.verify_entries to ledger_dba;
