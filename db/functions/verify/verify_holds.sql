create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language sql stable as $$
  select row('hold_invalid', o.user_id, null, format('Hold %s %s.', o.hold, w.wrong))::ledger.finding
    from public.holds o
    cross join lateral (values
      (o.status = 'captured' and not exists (select from public.payment_history h
         where h.user_id = o.user_id and h.hold = o.hold), 'is captured without its entry'),
      (o.available < 0, 'is more than was available'),
      (o.expires_at <= o.created_at, 'ended before it began'),
      (o.hash not in (ledger.hold_hash(o), ledger.hold_hash_1(o)), 'was edited'),
      (not ledger.is_valid_amount(o.amount) or o.hold < 1
         or o.status not in ('active', 'captured', 'released')
         or (o.closed_at is null) <> (o.status = 'active'), 'can''t be')
    ) w (is_wrong, wrong)
   where w.is_wrong and o.user_id > verify_holds.after_user_id
     and o.user_id <= verify_holds.upto_user_id
  union all
  -- Holds are numbered without gaps, and each of their changes is counted, as are controls.
  select row('hold_invalid', coalesce(u.id, c.user_id), null, format(
           'users.hold_changes is %s, but %s holds up to number %s and controls had %s changes.',
           u.hold_changes, c.holds, c.last_hold, c.changes))::ledger.finding
    from (select u.id, u.hold_changes from public.users u
           where u.hold_changes > 0 and u.id > verify_holds.after_user_id
             and u.id <= verify_holds.upto_user_id) u
    full join (
      select x.user_id, sum(x.holds)::bigint as holds, max(x.last_hold) as last_hold,
             sum(x.changes)::bigint as changes
        from (
          select o.user_id, count(*) as holds, max(o.hold) as last_hold,
                 count(*) + count(o.closed_at) as changes
            from public.holds o
           where o.user_id > verify_holds.after_user_id and o.user_id <= verify_holds.upto_user_id
           group by o.user_id
          union all
          select k.user_id, 0, 0, count(*) from public.user_controls k
           where k.user_id > verify_holds.after_user_id and k.user_id <= verify_holds.upto_user_id
           group by k.user_id) x
       group by x.user_id) c on c.user_id = u.id
   where (u.hold_changes, c.holds) is distinct from (c.changes, c.last_hold)
$$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: captured without an entry, more than was available, ended before they began, edited, missing, added or changed behind the back of users. Internal.';

revoke all on function ledger.verify_holds from public;
