create or replace function ledger.verify_archived(lines jsonb[])
  returns table (place bigint, user_id bigint, seq bigint, is_archived boolean, finding text)
  language plpgsql stable as $$
declare
  v_ledger text := ledger.ledger_id();
  v_id text := '^[1-9][0-9]{0,15}$';
  v_line jsonb;
  v_previous bytea;
  h public.payment_history;
begin
  -- One entry a statement: each may be on another server.
  for place, v_line in
    select u.n, u.line from unnest(verify_archived.lines) with ordinality u (line, n)
  loop
    h := null;
    if v_line ->> 'ledger' = v_ledger and v_line ->> 'user_id' ~ v_id and v_line ->> 'seq' ~ v_id then
      select x.* into h from public.payment_history x
       where x.user_id = (v_line ->> 'user_id')::bigint and x.seq = (v_line ->> 'seq')::bigint;
    end if;
    user_id := h.user_id;
    seq := h.seq;
    is_archived := ledger.has_mark(h, 'archived');
    finding := case when h.seq is null then 'archive_invalid'
      when ledger.has_mark(h, 'erased') then 'archive_erased' end;
    if finding is null then
      select p.hash into v_previous from public.payment_history p
       where p.user_id = h.user_id and p.seq = h.seq - 1;
      h.metadata := v_line -> 'metadata';
      if h.hash not in (
        ledger.entry_hash(v_previous, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
          h.sealed_at, h.idempotency_key, h.metadata, h.held, h.hold, h.reverses, h.peer_user_id,
          h.peer_seq),
        ledger.entry_hash_1(v_previous, h.user_id, h.seq, h.action, h.amount, h.ts, h.balance,
          h.sealed_at, h.idempotency_key, h.metadata, h.held, h.hold, h.reverses, h.peer_user_id,
          h.peer_seq)) then
        finding := 'archive_differs';
      end if;
    end if;
    return next;
  end loop;
end $$;

comment on function ledger.verify_archived is
  'For each line of an archive, in order, its entry, whether that is archived, and what is wrong: archive_invalid (no line of this ledger), archive_erased (the entry was erased afterwards), archive_differs (with the metadata of the line, the entry has another hash), or null.';

revoke all on function ledger.verify_archived from public;
grant execute on function ledger.verify_archived to ledger_dba;
