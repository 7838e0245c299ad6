create or replace function ledger.read_changes(
  after_id bigint, until_id bigint, missing bigint[], max_rows integer,
  out last_id bigint, out is_complete boolean, out gaps bigint, out still_missing bigint[],
  out user_ids bigint[], out versions bigint[])
  language plpgsql stable as $$
begin
  -- Ids above the sequence were given explicitly; posted entries never have such ids.
  with entries as (
    select h.id, h.user_id, h.seq from public.payment_history h
     where h.id > read_changes.after_id and h.id <= read_changes.until_id
     order by h.id limit read_changes.max_rows),
  changed_holds as (
    select x.id, x.user_id from (
      (select o.position as id, o.user_id from public.hold_changes o
        where o.position > read_changes.after_id and o.position <= read_changes.until_id
        order by o.position limit read_changes.max_rows)
      union all
      (select k.position, k.user_id from public.user_controls k
        where k.position > read_changes.after_id and k.position <= read_changes.until_id
        order by k.position limit read_changes.max_rows)) x
     order by x.id limit read_changes.max_rows),
  bound as (
    select coalesce(
             least(case when e.n = read_changes.max_rows then e.id end,
                   case when o.n = read_changes.max_rows then o.id end),
             greatest(e.id, o.id, read_changes.after_id)) as id,
           greatest(e.n, o.n) < read_changes.max_rows as is_last
      from (select count(*) as n, max(x.id) as id from entries x) e,
           (select count(*) as n, max(x.id) as id from changed_holds x) o),
  visible as (
    select e.id, e.user_id, e.seq, false as is_hold from entries e, bound b where e.id <= b.id
    union all
    select o.id, o.user_id, null, true from changed_holds o, bound b where o.id <= b.id
    union all
    -- One probe for each: a plan from when there were few might read all of them each time.
    select m.id, x.user_id, x.seq, x.is_hold
      from unnest(read_changes.missing) m (id) cross join lateral (
        select h.user_id, h.seq, false as is_hold
          from public.payment_history h where h.id = m.id
        union all
        select o.user_id, null, true from public.hold_changes o where o.position = m.id
        union all
        select k.user_id, null, true from public.user_controls k where k.position = m.id
        offset 0) x),
  -- A pending entry gets another id when it is posted.
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
         b.id - read_changes.after_id - (
           select count(distinct v.id) from visible v where v.id > read_changes.after_id),
         array(select m.id from unnest(read_changes.missing) m (id)
                except select v.id from visible v)
    into last_id, is_complete, user_ids, versions, gaps, still_missing
    from bound b, known k;
end $$;

comment on function ledger.read_changes is
  'What get_changes tells of the ids after after_id, of those that were missing, and of no id above until_id, which the sequence has not given yet; gaps: how many ids up to last_id are not there.';

revoke all on function ledger.read_changes from public;
