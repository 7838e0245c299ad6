create or replace function ledger.post_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile
  -- One probe by key for each: another join would be quadratic with statistics from before a bulk
  -- load.
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_last public.payment_history;
  v_row public.payment_history;
  v_posted public.payment_history[] := '{}';
  v_balance numeric;
  v_ids bigint[];
begin
  select h.seq, h.balance, h.sealed_at, h.hash
    into v_last.seq, v_last.balance, v_last.sealed_at, v_last.hash
    from public.payment_history h where h.user_id = post_pending.user_id and h.seq is not null
   order by h.seq desc limit 1;
  v_last.held := ledger.held_now(post_pending.user_id);

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  for v_row in
    select h.* from public.payment_history h
     where h.user_id = post_pending.user_id and h.seq is null -- mutation: pending
     order by h.id limit post_pending.max_rows -- mutation: order
  loop
    v_row.seq := coalesce(v_last.seq, 0) + 1;
    v_balance := coalesce(v_last.balance, 0.00) + ledger.change_of(v_row.action, v_row.amount);
    if abs(v_balance) > 999999999999999999.99 then return 'LGRNG'; end if; -- mutation: bound
    v_row.balance := v_balance;
    v_row.held := v_last.held;
    v_row.sealed_at := ledger.next_moment(v_last.sealed_at);
    v_row.hash := ledger.entry_hash(v_last.hash, v_row.user_id, v_row.seq, v_row.action,
      v_row.amount, v_row.ts, v_row.balance, v_row.sealed_at, v_row.idempotency_key,
      v_row.metadata, v_row.held, v_row.hold, v_row.reverses, v_row.peer_user_id, v_row.peer_seq);
    v_posted := array_append(v_posted, v_row);
    v_last := v_row;
  end loop;

  -- The next ids, which are the order in which entries were posted. Before the statement, which may
  -- be one for a distributed table and then takes no volatile function.
  v_ids := array(select nextval('public.payment_history_id_seq') from unnest(v_posted));
  if ledger.is_distributed() then
    update public.payment_history h
       set id = p.unnest, seq = p.seq, balance = p.balance, sealed_at = p.sealed_at,
           held = p.held, hash = p.hash
      from unnest(v_posted, v_ids) p where h.id = p.id and h.user_id = post_pending.user_id;
    update public.manual_entries m set seq = p.seq
      from unnest(v_posted) p
     where m.user_id = post_pending.user_id and m.id = p.id
       and case when m.seq is null then true end;
  else
    -- By the user of p: of one user alone the planner expects few rows where there are no
    -- statistics, and then compares each with every one of p. `+ 0`: as in check_entry.
    update public.payment_history h
       set id = p.unnest, seq = p.seq, balance = p.balance, sealed_at = p.sealed_at,
           held = p.held, hash = p.hash
      from unnest(v_posted, v_ids) p where h.id = p.id and h.user_id + 0 = p.user_id;
    -- `case`: statistics from when all was posted say that `m.seq is null` is true of no row, and
    -- the planner would then read the whole table and compare each such row with every one of p.
    update public.manual_entries m set seq = p.seq
      from unnest(v_posted) p where m.user_id = p.user_id and m.id = p.id
       and case when m.seq is null then true end;
  end if;

  -- Whether the limit left entries. An entry that commits meanwhile is posted by the next lock of
  -- the user.
  return case when cardinality(v_posted) = post_pending.max_rows
      and exists (select from public.payment_history h where h.user_id = post_pending.user_id
        and h.seq is null) then '55P03' else 'ok' end;
end $$;

comment on function ledger.post_pending is
  'Posts pending entries of a user whom the caller has locked, oldest id first, at most max_rows of them (null: all). Returns ok, 55P03 when max_rows were posted and some are left, or LGRNG when the balance would leave its range (then none is posted).';

revoke all on function ledger.post_pending from public;
