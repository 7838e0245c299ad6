create or replace function ledger.list_controls(
  user_id bigint, before bigint default null, max_rows integer default 50)
  returns setof public.user_controls
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select k.* from public.user_controls k
   where k.user_id = list_controls.user_id
     and k.number < coalesce(list_controls.before, 9223372036854775807)
   order by k.number desc limit list_controls.max_rows
$$;

comment on function ledger.list_controls is
  'Who froze or thawed a user or set its credit limit: at most max_rows of these changes below number before (null: the last ones), newest first.';

revoke all on function ledger.list_controls from public;
grant execute on function ledger.list_controls to ledger_service, ledger_dba;
