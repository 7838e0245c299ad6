create or replace function ledger.verify_controls(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v public.user_controls;
  v_user_id bigint;
  v_previous bytea;
  v_hash bytea;
begin
  for v in
    select x.* from public.user_controls x
     where x.user_id > verify_controls.after_user_id and x.user_id <= verify_controls.upto_user_id
     order by x.user_id, x.number
  loop
    if v.user_id is distinct from v_user_id then v_previous := null; end if;
    v_hash := ledger.control_hash(v_previous, v.user_id, v.number, v.at, v.transaction, v.role,
      v.actor, v.operation, v.credit_limit, v.reason, v.position);
    if v.hash <> v_hash and not (v.reason is null and ledger.is_erased('control', v.user_id,
      v.number, 0, ledger.erased_hash(v_hash, v.hash))) then
      return next row('control_differs', v.user_id, null, format(
        'Row %s of user_controls was edited, or isn''t what came after the one before.',
        v.number))::ledger.finding;
    end if;
    v_user_id := v.user_id;
    v_previous := v.hash;
  end loop;

  return query
  select 'control_differs', coalesce(u.id, c.user_id), null::bigint, format(
           'users says frozen_at %s, limit %s; user_controls %s, %s, %s changes up to %s.',
           u.frozen_at, u.credit_limit, c.frozen_at, c.credit_limit, c.changes, c.last_number)
    from (select u.id, u.frozen_at, u.credit_limit from public.users u
           where u.hold_changes > 0 and u.id > verify_controls.after_user_id
             and u.id <= verify_controls.upto_user_id
             and num_nonnulls(u.frozen_at, u.credit_limit) > 0) u
    full join (
      select k.user_id, count(*) as changes, max(k.number) as last_number,
             (array_agg(case k.operation when 'FREEZE' then k.at end order by k.number desc)
               filter (where k.operation in ('FREEZE', 'THAW')))[1] as frozen_at,
             nullif((array_agg(k.credit_limit order by k.number desc)
               filter (where k.operation = 'CREDIT LIMIT'))[1], 0) as credit_limit
        from public.user_controls k
       where k.user_id > verify_controls.after_user_id and k.user_id <= verify_controls.upto_user_id
       group by k.user_id) c on c.user_id = u.id
   where (u.frozen_at, u.credit_limit) is distinct from (c.frozen_at, c.credit_limit)
      or c.changes <> c.last_number
  union all
  -- The engine looks at neither while nothing has been counted.
  select 'control_differs', u.id, null, 'users.hold_changes is 0.'
    from public.users u
   where u.hold_changes = 0 and num_nonnulls(u.frozen_at, u.credit_limit) > 0
     and u.id > verify_controls.after_user_id and u.id <= verify_controls.upto_user_id;
end $$;

comment on function ledger.verify_controls is
  'The findings about who is frozen or has a credit limit in a range of users: a row of user_controls was edited or is missing, or users says something else than the last ones. Internal.';

revoke all on function ledger.verify_controls from public;
