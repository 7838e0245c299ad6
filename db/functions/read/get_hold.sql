create or replace function ledger.get_hold(user_id bigint, hold_id bigint)
  returns ledger.posted_hold
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_available numeric := (select s.available from ledger.get_users(array[get_hold.user_id]) s);
begin
  return (
    select row(o.user_id, o.hold, o.amount,
             case when o.status = 'active' and o.expires_at <= clock_timestamp() then 'expired'
               else o.status end,
             nullif(o.expires_at, 'infinity'), v_available, false)::ledger.posted_hold
      from public.holds o
     where o.user_id = get_hold.user_id and o.hold = get_hold.hold_id);
end $$;

comment on function ledger.get_hold is
  'A hold as it is now, status expired included, with what is available to its user; null for an unknown one.';

revoke all on function ledger.get_hold from public;
grant execute on function ledger.get_hold to ledger_service, ledger_dba;
