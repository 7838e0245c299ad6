create or replace function ledger.get_hold(user_id bigint, hold_id bigint)
  returns ledger.posted_hold
  language sql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select row(o.user_id, o.hold, o.amount,
           case when o.status = 'active' and o.expires_at <= clock_timestamp() then 'expired'
             else o.status end,
           nullif(o.expires_at, 'infinity'), s.available, false)::ledger.posted_hold
    from public.holds o
    join ledger.get_users(array[get_hold.user_id]) s on s.id = o.user_id
   where o.user_id = get_hold.user_id and o.hold = get_hold.hold_id
$$;

comment on function ledger.get_hold is
  'A hold as it is now, status expired included, with what is available to its user; null for an unknown one.';

revoke all on function ledger.get_hold from public;
grant execute on function ledger.get_hold to ledger_service, ledger_dba;
