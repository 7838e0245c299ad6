create or replace function ledger.get_statement(
  user_id bigint, after bigint default 0, upto bigint default null, max_rows integer default 1000)
  returns setof public.entries
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
  select e.* from public.entries e
   where e.user_id = get_statement.user_id and e.seq > get_statement.after
     and e.seq <= coalesce(get_statement.upto, 9223372036854775807)
   order by e.seq limit get_statement.max_rows
$$;

comment on function ledger.get_statement is
  'At most max_rows entries of a user with after < seq <= upto (null: the last), oldest first.';

revoke all on function ledger.get_statement from public;
grant execute on function ledger.get_statement to ledger_service, ledger_dba;
