create or replace function ledger.get_history(
  user_id bigint, before bigint default null, max_rows integer default 50)
  returns setof public.entries
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select e.* from public.entries e
   where e.user_id = get_history.user_id
     and e.seq < coalesce(get_history.before, 9223372036854775807)
   order by e.seq desc limit get_history.max_rows
$$;

comment on function ledger.get_history is
  'At most max_rows entries of a user below seq before (null: the last ones), newest first.';

revoke all on function ledger.get_history from public;
grant execute on function ledger.get_history to ledger_service, ledger_dba;
