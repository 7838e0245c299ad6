create or replace function ledger.verify_hold_counts(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
begin
  -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
  return query
    select 'hold_invalid', coalesce(u.id, n.user_id), null::bigint, format(
             'users.hold_changes is %s; %s holds up to number %s, %s of them placed, and controls had %s changes.',
             u.hold_changes, n.holds, n.last_hold, n.placed, n.changes)
      from (select s.id, s.hold_changes from public.users s
             where s.hold_changes > 0 and s.id > verify_hold_counts.after_user_id
               and s.id <= verify_hold_counts.upto_user_id) u
      full join (
        select y.user_id, sum(y.holds)::bigint as holds, max(y.last_hold) as last_hold,
               sum(y.placed)::bigint as placed, sum(y.changes)::bigint as changes
          from (
            select o.user_id, count(*) as holds, max(o.hold) as last_hold, 0 as placed,
                   0 as changes
              from public.holds o
             where o.user_id > verify_hold_counts.after_user_id
               and o.user_id <= verify_hold_counts.upto_user_id
             group by o.user_id
            union all
            select x.user_id, 0, 0, count(*) filter (where x.number = 1), count(*)
              from public.hold_changes x
             where x.user_id > verify_hold_counts.after_user_id
               and x.user_id <= verify_hold_counts.upto_user_id
             group by x.user_id
            union all
            select k.user_id, 0, 0, 0, count(*) from public.user_controls k
             where k.user_id > verify_hold_counts.after_user_id
               and k.user_id <= verify_hold_counts.upto_user_id
             group by k.user_id) y
         group by y.user_id) n on n.user_id = u.id
     where (u.hold_changes, n.holds, n.placed) is distinct from (n.changes, n.last_hold, n.holds);
end $$;

comment on function ledger.verify_hold_counts is
  'The findings about holds and changes of a range of users that are missing, or were added behind the back of users: what users.hold_changes says is not how many there are. Internal.';

revoke all on function ledger.verify_hold_counts from public;
