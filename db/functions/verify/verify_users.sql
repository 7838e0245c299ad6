create or replace function ledger.verify_users(
  after_user_id bigint default 0, max_rows integer default 10000,
  upto_user_id bigint default 9223372036854775807, pending_limit interval default '1 day')
  returns table (findings ledger.finding[], rows_read bigint, next_user_id bigint)
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_upto bigint;
begin
  select count(*), max(c.id) into rows_read, v_upto
    from (
      select u.id from public.users u
       where u.id > verify_users.after_user_id and u.id <= verify_users.upto_user_id
       order by u.id limit verify_users.max_rows) c;
  if rows_read = verify_users.max_rows then
    next_user_id := v_upto;
  else
    v_upto := verify_users.upto_user_id;
  end if;
  findings := array(select f from ledger.verify_each_user(verify_users.after_user_id, v_upto,
    verify_users.pending_limit) f);
  if ledger.is_distributed() and cardinality(findings) > 0 then
    findings := ledger.verify_users_again(
      array(select distinct f.user_id from unnest(findings) f order by 1),
      verify_users.pending_limit);
  end if;
  return next;
end $$;

comment on function ledger.verify_users is
  'Verifies at most max_rows users after an id, up to another: the copies in users, manual entries, also those that have been pending for longer than pending_limit by their ts, controls, details, and holds. Findings, how many users it read, and the id to go on after (null: that was all). Sees one moment and waits for nobody.';

revoke all on function ledger.verify_users from public;
grant execute on function ledger.verify_users to ledger_dba;
