create or replace function ledger.get_changes(
  epoch text, after_id bigint, missing bigint[], awaited xid8, max_rows integer default 5000,
  max_missing integer default 10000,
  out epoch_now text, out is_new boolean, out is_complete boolean, out read_at timestamptz,
  out oldest_open xid8, out horizon xid8, out last_id bigint, out still_missing bigint[],
  out newly_missing bigint[], out user_ids bigint[], out versions bigint[])
  -- Stable: all of it is as of the one snapshot of the caller's statement.
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan as $$
declare
  v_last bigint;
  v_gaps bigint;
begin
  -- Names this history as it grows in this database: on another server, in a copy, after a restore
  -- or since a glass was broken, what was there before may have been another one.
  select s.last_value - (not s.is_called)::int,
         format('%s-%s-%s-%s',
           (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,
           (select d.oid from pg_database d where d.datname = current_database()),
           'public.payment_history'::regclass::oid, i.last_value - (not i.is_called)::int)
    into v_last, epoch_now
    from public.payment_history_id_seq s, public.interventions_id_seq i;
  is_new := (epoch_now = get_changes.epoch and v_last >= get_changes.after_id) is not true;

  if not is_new then
    -- Ids above the sequence were given by hand; nothing is posted with such a one.
    with entries as (
      select h.id, h.user_id, h.seq from public.payment_history h
       where h.id > get_changes.after_id and h.id <= v_last
       order by h.id limit get_changes.max_rows),
    changed_holds as (
      select o.position as id, o.user_id from public.holds o
       where o.position > get_changes.after_id and o.position <= v_last
       order by o.position limit get_changes.max_rows),
    bound as (
      select coalesce(
               least(case when e.n = get_changes.max_rows then e.id end,
                     case when o.n = get_changes.max_rows then o.id end),
               greatest(e.id, o.id, get_changes.after_id)) as id,
             greatest(e.n, o.n) < get_changes.max_rows as is_last
        from (select count(*) as n, max(x.id) as id from entries x) e,
             (select count(*) as n, max(x.id) as id from changed_holds x) o),
    visible as (
      select e.id, e.user_id, e.seq, false as is_hold from entries e, bound b where e.id <= b.id
      union all
      select o.id, o.user_id, null, true from changed_holds o, bound b where o.id <= b.id
      union all
      -- One by one: a plan from when there were few may otherwise read all of them each time.
      select m.id, x.user_id, x.seq, x.is_hold
        from unnest(get_changes.missing) m (id) cross join lateral (
          select h.user_id, h.seq, false as is_hold
            from public.payment_history h where h.id = m.id
          union all
          select o.user_id, null, true from public.holds o where o.position = m.id
          offset 0) x),
    -- What a pending entry will change has another id then.
    changed as (
      select v.user_id, max(case when not v.is_hold then v.seq else (
               select h.seq from public.payment_history h
                where h.user_id = v.user_id and h.seq is not null order by h.seq desc limit 1)
             end) as seq
        from visible v where v.is_hold or v.seq is not null group by v.user_id),
    known as (
      select array_agg(u.id) as user_ids,
             array_agg(coalesce(c.seq, 0) + u.hold_changes) as versions
        from changed c join public.users u on u.id = c.user_id)
    select b.id, b.is_last, k.user_ids, k.versions,
           b.id - get_changes.after_id - (
             select count(distinct v.id) from visible v where v.id > get_changes.after_id),
           array(select m.id from unnest(get_changes.missing) m (id)
                  except select v.id from visible v)
      into last_id, is_complete, user_ids, versions, v_gaps, still_missing
      from bound b, known k;
    is_new := v_gaps + cardinality(still_missing) > get_changes.max_missing;
    if not is_new and v_gaps > 0 then
      newly_missing := array(
        select g.id from generate_series(get_changes.after_id + 1, last_id) g (id)
        except select h.id from public.payment_history h
         where h.id > get_changes.after_id and h.id <= last_id
        except select o.position from public.holds o
         where o.position > get_changes.after_id and o.position <= last_id);
    end if;
  end if;

  if is_new then
    last_id := v_last;
    is_complete := true;
    still_missing := null; user_ids := null; versions := null;
  end if;
  -- Later than whoever has taken an id so far: their numbers as transactions are lower. The xmax of
  -- a snapshot isn't: it is next to the last one that has ended.
  if is_new or newly_missing is not null then horizon := pg_current_xact_id(); end if;

  -- Most of what runs for long is none of ours: whoever takes such an id has locked a user before.
  oldest_open := pg_snapshot_xmin(pg_current_snapshot());
  if oldest_open < get_changes.awaited then
    select coalesce(min((pg_snapshot_xmax(pg_current_snapshot())::text::bigint
                    - age(x.transactionid) + age(pg_snapshot_xmax(pg_current_snapshot())::xid)
                  )::text::xid8), get_changes.awaited)
      into oldest_open
      from pg_locks u join pg_locks x on x.virtualtransaction = u.virtualtransaction
     where u.locktype = 'relation' and u.relation = 'public.users'::regclass
       and u.database = (select d.oid from pg_database d where d.datname = current_database())
       and u.mode in ('RowShareLock', 'RowExclusiveLock')
       and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock' and x.granted;
  end if;
  read_at := clock_timestamp();
end $$;

comment on function ledger.get_changes is
  'Whose snapshots have become out of date, and the lowest versions (seq + hold_changes) that are not, after the last_id that the call before answered (after_id); at most some max_rows of them, and then is_complete is false. Ids are not in the order of commits: those below last_id that were not there (newly_missing) are to be asked for again, as missing, and come with a horizon. They are there or never will be in the first call after one that answered an oldest_open no lower than that horizon; awaited is the highest one that is waited for. is_new: nothing is known of what was before, as epoch or after_id are from another time (null: none), or more than max_missing are missing; who was open then has ended once oldest_open is no lower than horizon. read_at: by the clock of the database, after all that.';

revoke all on function ledger.get_changes from public;
grant execute on function ledger.get_changes to ledger_service, ledger_dba;
