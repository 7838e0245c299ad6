create or replace function ledger.list_holds(
  user_id bigint, status text default null, after bigint default 0, max_rows integer default 50,
  idempotency_key text default null, max_scanned integer default 10000)
  returns setof ledger.listed_hold
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_now timestamptz := clock_timestamp();
  v_hold public.holds;
  v_placed public.hold_changes;
  v_closed_at timestamptz;
  v_status text;
  v_scanned integer := 0;
  v_found integer := 0;
  v_after bigint := list_holds.after;
  v_last bigint := 9223372036854775807;
begin
  if list_holds.idempotency_key is not null then
    -- Bounds, not a condition: whatever the plan, no other hold is read.
    select c.hold, greatest(v_after, c.hold - 1) into v_last, v_after from public.hold_changes c
     where c.user_id = list_holds.user_id and c.idempotency_key = list_holds.idempotency_key;
    if not found then return; end if;
  end if;
  for v_hold in
    select h.* from public.holds h where h.user_id = list_holds.user_id
       and h.hold > v_after and h.hold <= v_last
     order by h.hold limit list_holds.max_scanned
  loop
    v_scanned := v_scanned + 1;
    v_status := case when v_hold.status = 'active' and v_hold.expires_at <= v_now then 'expired'
      else v_hold.status end;
    if list_holds.status is null or v_status = list_holds.status then
      select c.* into v_placed from public.hold_changes c
       where c.user_id = v_hold.user_id and c.hold = v_hold.hold and c.number = 1;
      v_closed_at := null;
      if v_hold.status <> 'active' then
        select c.at into v_closed_at from public.hold_changes c
         where c.user_id = v_hold.user_id and c.hold = v_hold.hold and c.number = v_hold.changes;
      end if;
      return next row(v_hold.user_id, v_hold.hold, v_hold.amount, v_status,
        nullif(v_hold.expires_at, 'infinity'), v_placed.available, v_placed.idempotency_key,
        v_placed.metadata, v_placed.at, v_closed_at, true, v_hold.captured,
        case v_status when 'active' then v_hold.remaining else 0.00 end)::ledger.listed_hold;
      v_found := v_found + 1;
      if v_found = list_holds.max_rows then return; end if;
    end if;
  end loop;
  if v_scanned = list_holds.max_scanned then
    return next row(v_hold.user_id, v_hold.hold, null, null, null, null, null, null, null, null,
      false, null, null)::ledger.listed_hold;
  end if;
end $$;

comment on function ledger.list_holds is
  'At most max_rows holds of a user with a number above after, in order, that have this status now (expired included) and that were placed, extended or released with this idempotency key (null: any). available: when it had been placed; remaining: what is still held now. Looks at no more than max_scanned holds: where that was not enough, the last one that it looked at comes last, with is_match false.';

revoke all on function ledger.list_holds from public;
grant execute on function ledger.list_holds to ledger_service, ledger_dba;
