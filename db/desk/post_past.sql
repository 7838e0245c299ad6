-- As ledger.post, but at moments of the past, one for each operation, in order. The engine decides
-- and writes; that is undone, and written again with these moments and the hashes that follow from
-- them. Nothing of the guards is off: whoever owns the ledger may insert rows that have a hash, as
-- a restore does. For at most one change of each hold.
create or replace function pg_temp.post_past(
  moments timestamptz[], operations text[], user_ids bigint[], amounts numeric[],
  peer_user_ids bigint[], refs bigint[], expires_ins numeric[], idempotency_keys text[],
  metadatas jsonb[])
  returns setof ledger.outcome
  language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  v_last_id bigint := greatest((select max(h.id) from public.payment_history h),
    (select max(c.position) from public.hold_changes c), 0);
  v_outcomes ledger.outcome[];
  v_entries public.payment_history[];
  v_entry_moments timestamptz[];
  v_changes public.hold_changes[];
  v_change_moments timestamptz[];
  e public.payment_history;
  c public.hold_changes;
begin
  begin
    v_outcomes := array(
      select o from ledger.post(post_past.operations, post_past.user_ids, post_past.amounts,
        post_past.peer_user_ids, post_past.refs, post_past.expires_ins,
        post_past.idempotency_keys, post_past.metadatas, wait => true, max_pending => null) o);
    select array_agg(h order by h.id), array_agg(post_past.moments[o.n] order by h.id)
      into v_entries, v_entry_moments
      from public.payment_history h
      join unnest(v_outcomes) o on (o.user_id, o.seq) = (h.user_id, h.seq)
     where h.id > v_last_id and o.status = 'ok'
       and post_past.operations[o.n] not in ('HOLD', 'RELEASE');
    select array_agg(x order by x.position), array_agg(post_past.moments[o.n] order by x.position)
      into v_changes, v_change_moments
      from public.hold_changes x
      join unnest(v_outcomes) o on (o.user_id, o.hold) = (x.user_id, x.hold)
     where x.position > v_last_id and o.status = 'ok';
    raise exception using errcode = 'UNDO0';
  exception when sqlstate 'UNDO0' then null;
  end;

  for i in 1 .. coalesce(cardinality(v_entries), 0) loop
    e := v_entries[i];
    e.ts := v_entry_moments[i];
    e.sealed_at := v_entry_moments[i];
    e.hash := ledger.entry_hash(
      (select h.hash from public.payment_history h
        where h.user_id = e.user_id and h.seq = e.seq - 1),
      e.user_id, e.seq, e.action, e.amount, e.ts, e.balance, e.sealed_at, e.idempotency_key,
      e.metadata, e.held, e.hold, e.reverses, e.peer_user_id, e.peer_seq);
    insert into public.payment_history select e.*;
    update public.users u set balance = e.balance, seq = e.seq, updated_at = e.sealed_at
     where u.id = e.user_id;
  end loop;

  for i in 1 .. coalesce(cardinality(v_changes), 0) loop
    c := v_changes[i];
    -- `infinity` stays what it is.
    c.expires_at := c.expires_at - (c.at - v_change_moments[i]);
    c.at := v_change_moments[i];
    c.hash := ledger.hold_hash(
      (select x.hash from public.hold_changes x
        where x.user_id = c.user_id and x.hold = c.hold and x.number = c.number - 1),
      c.user_id, c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq,
      c.balance, c.available, c.idempotency_key, c.metadata, c.position);
    perform ledger.write_changes(array[c]);
    update public.users u
       set hold_changes = u.hold_changes + 1, updated_at = greatest(u.updated_at, c.at)
     where u.id = c.user_id;
  end loop;
  return query select (unnest(v_outcomes)).*;
end $$;
