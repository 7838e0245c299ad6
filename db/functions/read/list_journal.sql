create or replace function ledger.list_journal(
  before bigint default null, max_rows integer default 50, max_scanned integer default 10000)
  returns setof ledger.found_entry
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_before bigint := coalesce(list_journal.before, 9223372036854775807);
  v_found bigint;
begin
  -- Each server gives positions of its own.
  if ledger.is_distributed() then perform ledger.refuse_distributed('A list of all entries'); end if;
  return query
    select s.id, true, e.*
      from (
        select h.id, h.user_id, h.seq from public.payment_history h where h.id < v_before
         order by h.id desc limit list_journal.max_scanned) s
      cross join lateral (
        select x.* from public.entries x where x.user_id = s.user_id and x.seq = s.seq) e
     order by s.id desc limit list_journal.max_rows;
  get diagnostics v_found = row_count;
  if v_found < list_journal.max_rows then
    return query
      select h.id, false, null::bigint, null::bigint, null::text, null::numeric, null::numeric,
             null::numeric, null::timestamptz, null::timestamptz, null::text, null::jsonb,
             null::bigint, null::bigint, null::bigint, null::bigint, null::bigint, null::text,
             null::numeric, null::numeric
        from public.payment_history h where h.id < v_before
       order by h.id desc offset list_journal.max_scanned - 1 limit 1;
  end if;
end $$;

comment on function ledger.list_journal is
  'At most max_rows entries of everybody with a position below before (null: the last ones), in the order in which they were posted, newest first. Pending entries are passed over: where max_scanned rows were not enough, the last one comes last, with is_match false, and the rest is before its position. What commits late has a place among those that were there before it.';

revoke all on function ledger.list_journal from public;
grant execute on function ledger.list_journal to ledger_service, ledger_dba;
