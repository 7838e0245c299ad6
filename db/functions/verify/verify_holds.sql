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
    select x.* from ledger.verify_hold_counts(verify_holds.after_user_id,
      verify_holds.upto_user_id) x;
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and what verify_hold_counts finds. Internal.';

revoke all on function ledger.verify_holds from public;
