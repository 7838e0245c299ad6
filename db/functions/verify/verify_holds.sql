create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  f public.hold_changes;
  p public.hold_changes;
  c public.hold_changes;
  v_captured numeric;
  v_problem text;
begin
  for c in
    select x.* from public.hold_changes x
     where x.user_id > verify_holds.after_user_id and x.user_id <= verify_holds.upto_user_id
     order by x.user_id, x.hold, x.number
  loop
    if (c.user_id, c.hold) is distinct from (p.user_id, p.hold) then
      v_problem := ledger.hold_row_problem(f, p, v_captured);
      if v_problem is not null then
        return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
      end if;
      f := c;
      p := null;
      v_captured := 0;
    end if;
    v_problem := ledger.hold_change_problem(f, p, c);
    if v_problem is not null then
      return next row('hold_invalid', c.user_id, null,
        format('Change %s of hold %s %s.', c.number, c.hold, v_problem))::ledger.finding;
    end if;
    if c.action = 'captured' then v_captured := v_captured + c.amount; end if;
    p := c;
  end loop;
  v_problem := ledger.hold_row_problem(f, p, v_captured);
  if v_problem is not null then
    return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
  end if;

  return query
    select 'hold_invalid', o.user_id, null::bigint,
           format('Hold %s is not what its changes come to.', o.hold)
      from public.holds o
     where o.user_id > verify_holds.after_user_id and o.user_id <= verify_holds.upto_user_id
       and not exists (select from public.hold_changes x
             where x.user_id = o.user_id and x.hold = o.hold)
    union all
    -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
    select 'hold_invalid', coalesce(u.id, n.user_id), null, format(
             'users.hold_changes is %s; %s holds up to number %s, %s of them placed, and controls had %s changes.',
             u.hold_changes, n.holds, n.last_hold, n.placed, n.changes)
      from (select s.id, s.hold_changes from public.users s
             where s.hold_changes > 0 and s.id > verify_holds.after_user_id
               and s.id <= verify_holds.upto_user_id) u
      full join (
        select y.user_id, sum(y.holds)::bigint as holds, max(y.last_hold) as last_hold,
               sum(y.placed)::bigint as placed, sum(y.changes)::bigint as changes
          from (
            select o.user_id, count(*) as holds, max(o.hold) as last_hold, 0 as placed,
                   0 as changes
              from public.holds o
             where o.user_id > verify_holds.after_user_id
               and o.user_id <= verify_holds.upto_user_id
             group by o.user_id
            union all
            select x.user_id, 0, 0, count(*) filter (where x.number = 1), count(*)
              from public.hold_changes x
             where x.user_id > verify_holds.after_user_id
               and x.user_id <= verify_holds.upto_user_id
             group by x.user_id
            union all
            select k.user_id, 0, 0, 0, count(*) from public.user_controls k
             where k.user_id > verify_holds.after_user_id
               and k.user_id <= verify_holds.upto_user_id
             group by k.user_id) y
         group by y.user_id) n on n.user_id = u.id
     where (u.hold_changes, n.holds, n.placed) is distinct from (n.changes, n.last_hold, n.holds);
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and holds or changes that are missing or added behind the back of users. Internal.';

revoke all on function ledger.verify_holds from public;
