create or replace function get_capture_shortfall(
  user_id bigint, hold_id bigint, amount numeric default null)
  returns table (balance numeric, available numeric, required numeric, shortfall numeric)
  language sql stable security definer set search_path = public, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off as $$
  select f.balance, f.available, f.required, f.required - f.available
    from (
      -- What is held for the capture is there for it.
      select s.balance, s.balance - s.held + o.amount as available,
             coalesce(get_capture_shortfall.amount, o.amount)::numeric(12, 2) as required
        from holds o
        join user_states(array[get_capture_shortfall.user_id], statement_timestamp()) s
          on s.id = o.user_id
       where o.user_id = get_capture_shortfall.user_id
         and o.hold = get_capture_shortfall.hold_id
         and o.status = 'active' and o.expires_at > statement_timestamp()) f
   where f.required > f.available
$$;

comment on function get_capture_shortfall is
  'What is missing to capture a hold, all of it (amount null) or a part; available is what the capture may take, so the hold itself is in it. No row if nothing is missing, or the hold is not active.';

revoke all on function get_capture_shortfall from public;
grant execute on function get_capture_shortfall to ledger_service, ledger_dba;
