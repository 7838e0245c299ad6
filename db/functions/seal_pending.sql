create or replace function seal_pending(user_id bigint, max_rows integer)
  returns text
  language plpgsql volatile as $$
declare
  v_at timestamptz := clock_timestamp();
  v_last payment_history;
  v_row payment_history;
  v_change numeric;
  v_sealed payment_history[] := '{}';
begin
  select s.seq, s.balance, s.held, greatest(v_at, s.sealed_at), s.hash
    into v_last.seq, v_last.balance, v_last.held, v_at, v_last.hash
    from user_states(array[seal_pending.user_id], v_at) s;

  -- By what is pending, never by ids or times: a row may commit late with a low one.
  for v_row in
    select h.* from payment_history h
     where h.user_id = seal_pending.user_id and h.seq is null
     order by h.id limit seal_pending.max_rows
  loop
    v_change := case v_row.action when 'CREDIT' then v_row.amount else -v_row.amount end;
    if abs(v_last.balance + v_change) > 999999999999999999.99 then return 'LGRNG'; end if;
    v_row.seq := v_last.seq + 1;
    v_row.balance := v_last.balance + v_change;
    v_row.held := v_last.held;
    v_row.sealed_at := v_at;
    v_row.hash := entry_hash(v_last.hash, v_row);
    v_sealed := array_append(v_sealed, v_row);
    v_last := v_row;
  end loop;

  -- An insert that always meets the row, to reach each by its key: joined to them, it would be
  -- quadratic wherever the statistics are from before a bulk load.
  insert into payment_history as h
    (user_id, id, action, amount, seq, balance, sealed_at, held, hash)
  select s.user_id, s.id, s.action, s.amount, s.seq, s.balance, s.sealed_at, s.held, s.hash
    from unnest(v_sealed) s order by s.seq
  on conflict on constraint payment_history_pkey do update
     set seq = excluded.seq, balance = excluded.balance, sealed_at = excluded.sealed_at,
         held = excluded.held, hash = excluded.hash;

  -- Only what the limit left: what commits meanwhile is for whoever locks the user next.
  return case when cardinality(v_sealed) = seal_pending.max_rows
      and exists (select from payment_history h where h.user_id = seal_pending.user_id
        and h.seq is null) then '55P03' else 'ok' end;
end $$;

comment on function seal_pending is
  'Gives pending rows of a user whom the caller has locked their seq, balance, held, sealed_at and hash, oldest id first, at most max_rows of them (null: all). Returns ok, 55P03 when max_rows were sealed and some are left, or LGRNG when the balance would leave its range (then nothing is sealed). Internal.';

revoke all on function seal_pending from public;
