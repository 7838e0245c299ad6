create or replace function ledger.get_changes(
  epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer default 5000,
  max_missing integer default 10000,
  out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz,
  out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[],
  out newly_missing bigint[], out user_ids bigint[], out versions bigint[],
  out is_paused boolean)
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_last bigint;
  v_gaps bigint;
begin
  if ledger.is_distributed() then perform ledger.refuse_distributed('Polling for changes'); end if;
  select s.last_value - (not s.is_called)::int,
         ledger.epoch(i.last_value - (not i.is_called)::int),
         -- now() is before the statement's snapshot, so that has all from before the pause's end.
         -- A moment that is still to come was written before the clock was set back.
         p.last_value between extract(epoch from now()) * 1000 - 3000
                          and extract(epoch from clock_timestamp()) * 1000
    into v_last, epoch_now, is_paused
    from public.payment_history_id_seq s, public.interventions_id_seq i, ledger.cache_paused_at p;
  is_new := (epoch_now = get_changes.epoch and v_last >= get_changes.after_id) is not true;

  if not is_new then
    select c.last_id, c.is_complete, c.gaps, c.still_missing, c.user_ids, c.versions
      into last_id, is_complete, v_gaps, still_missing, user_ids, versions
      from ledger.read_changes(get_changes.after_id, v_last, get_changes.missing,
        get_changes.max_rows) c;
    is_new := v_gaps + cardinality(still_missing) > get_changes.max_missing;
    if not is_new and v_gaps > 0 then
      newly_missing := ledger.absent_ids(get_changes.after_id, last_id);
    end if;
  end if;

  if is_new then
    last_id := v_last;
    is_complete := true;
    still_missing := null; user_ids := null; versions := null;
  end if;
  -- Transactions that have taken a number so far have lower ids than this one. The xmax of a
  -- snapshot wouldn't do: it follows the last transaction that has ended.
  if is_new or newly_missing is not null then horizon := pg_current_xact_id(); end if;

  -- Most long transactions don't write to the ledger. One that takes a number has locked a user
  -- before.
  oldest_open := pg_snapshot_xmin(pg_current_snapshot());
  if oldest_open < get_changes.awaited then
    oldest_open := coalesce(ledger.oldest_writer(array['public.users'::regclass::oid]),
      get_changes.awaited);
  end if;
  read_at := clock_timestamp();
end $$;

comment on function ledger.get_changes is
  'Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are not, after the last_id that the call before answered (after_id); at most some max_rows of them, and then is_complete is false. Ids are not in the order of commits: those below last_id that were not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They are there or never will be in the first call after one that answered an oldest_open no lower than that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was before, as epoch or after_id are from another time (null: none), or more than max_missing are missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the clock of the database, after all that. is_paused: pause_cache was called in the last three seconds.';

revoke all on function ledger.get_changes from public;
grant execute on function ledger.get_changes to ledger_service, ledger_dba;
