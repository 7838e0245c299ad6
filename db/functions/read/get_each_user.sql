create or replace function ledger.get_each_user(user_ids bigint[])
  returns setof ledger.user_snapshot
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- Citus can't plan such a join before it knows the user.
  set plan_cache_mode = force_custom_plan as $$
declare
  v_id bigint;
  v_now timestamptz;
begin
  foreach v_id in array get_each_user.user_ids loop
    v_now := clock_timestamp();
    return query
      select u.id, coalesce(h.balance, 0.00),
             coalesce(h.balance, 0.00) - coalesce(o.held, 0.00) + coalesce(u.credit_limit, 0.00),
             coalesce(h.seq, 0), greatest(h.sealed_at, u.updated_at),
             coalesce(h.seq, 0) + u.hold_changes, v_now,
             floor(extract(epoch from o.expires_at - v_now) * 1000)::bigint
        from public.users u
        left join (
          select p.user_id, p.seq, p.balance, p.sealed_at from public.payment_history p
           where p.user_id = v_id and p.seq is not null order by p.seq desc limit 1) h
          on h.user_id = u.id
        left join (
          select a.user_id, sum(a.remaining) as held,
                 min(nullif(a.expires_at, 'infinity')) as expires_at
            from public.holds a
           where a.user_id = v_id and a.status = 'active' and a.expires_at > v_now
           group by a.user_id) o on o.user_id = u.id
       where u.id = v_id;
  end loop;
end $$;

comment on function ledger.get_each_user is
  'What get_users answers, where users are on several servers: user by user, each by one statement on the server of the user.';

revoke all on function ledger.get_each_user from public;
