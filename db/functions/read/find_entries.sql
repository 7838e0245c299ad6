create or replace function ledger.find_entries(
  user_id bigint, before bigint default null, after bigint default 0, max_rows integer default 50,
  action text default null, metadata jsonb default null, idempotency_key text default null,
  max_scanned integer default 10000)
  returns setof ledger.found_entry
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_before bigint := coalesce(find_entries.before, 9223372036854775807);
  v_found bigint;
begin
  return query
    select s.id, true, e.*
      from (
        select h.id, h.seq, h.action, h.metadata from public.payment_history h
         where h.user_id = find_entries.user_id and h.seq < v_before
           and h.seq > find_entries.after and find_entries.idempotency_key is null
         order by h.seq desc limit find_entries.max_scanned) s
      cross join lateral (
        select x.* from public.entries x where x.user_id = find_entries.user_id and x.seq = s.seq) e
     where ledger.is_wanted(s.action, s.metadata, find_entries.action, find_entries.metadata)
     order by s.seq desc limit find_entries.max_rows;
  get diagnostics v_found = row_count;
  if find_entries.idempotency_key is not null then
    return query
      select h.id, true, e.* from public.payment_history h
       cross join lateral (
         select x.* from public.entries x where x.user_id = h.user_id and x.seq = h.seq) e
       where h.user_id = find_entries.user_id
         and h.idempotency_key = find_entries.idempotency_key
         and h.seq < v_before and h.seq > find_entries.after
         and ledger.is_wanted(h.action, h.metadata, find_entries.action, find_entries.metadata);
  elsif v_found < find_entries.max_rows then
    return query
      select h.id, false, e.* from public.payment_history h
       cross join lateral (
         select x.* from public.entries x where x.user_id = h.user_id and x.seq = h.seq) e
       where h.user_id = find_entries.user_id and h.seq < v_before and h.seq > find_entries.after
       order by h.seq desc offset find_entries.max_scanned - 1 limit 1;
  end if;
end $$;

comment on function ledger.find_entries is
  'At most max_rows entries of a user with after < seq < before, newest first, that have this action, in their metadata these members with these texts, and this idempotency key (null: any). Looks at no more than max_scanned entries: where that was not enough, the last one that it looked at comes last, with is_match false, and the rest is before that.';

revoke all on function ledger.find_entries from public;
grant execute on function ledger.find_entries to ledger_service, ledger_dba;
