create or replace function ledger.verify_holds(after_user_id bigint, upto_user_id bigint)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  v record;
  o public.holds;
  f public.hold_changes;
  p public.hold_changes;
  c public.hold_changes;
  v_captured numeric;
  v_problem text;
begin
  -- Changes, holds and entries in one statement: on a distributed ledger, a later one sees more.
  for v in
    select x.*, y.hold_row, e.captured
      from public.hold_changes x
      left join lateral (
        select to_jsonb(z) as hold_row from public.holds z
         where z.user_id = x.user_id and z.hold = x.hold limit 1) y on true
      left join lateral (
        select h.amount as captured from public.payment_history h
         where h.user_id = x.user_id and h.seq = x.seq and h.hold = x.hold
           and h.amount = x.amount and x.action = 'captured' limit 1) e on true
     where x.user_id > verify_holds.after_user_id and x.user_id <= verify_holds.upto_user_id
     order by x.user_id, x.hold, x.number
  loop
    c := v;
    if (c.user_id, c.hold) is distinct from (p.user_id, p.hold) then
      v_problem := ledger.hold_row_problem(o, f, p, v_captured);
      if v_problem is not null then
        return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
      end if;
      o := jsonb_populate_record(null::public.holds, v.hold_row);
      f := c;
      p := null;
      v_captured := 0;
    end if;
    v_problem := coalesce(ledger.hold_change_problem(f, p, c), case
      when c.action = 'captured' and v.captured is null then 'is captured without its entry' end);
    if v_problem is not null then
      return next row('hold_invalid', c.user_id, null,
        format('Change %s of hold %s %s.', c.number, c.hold, v_problem))::ledger.finding;
    end if;
    if c.action = 'captured' then v_captured := v_captured + c.amount; end if;
    p := c;
  end loop;
  v_problem := ledger.hold_row_problem(o, f, p, v_captured);
  if v_problem is not null then
    return next row('hold_invalid', p.user_id, null, v_problem)::ledger.finding;
  end if;

  return query
    select 'hold_invalid', y.user_id, null::bigint,
           format('Hold %s is not what its changes come to.', y.hold)
      from public.holds y
     where y.user_id > verify_holds.after_user_id and y.user_id <= verify_holds.upto_user_id
       and not exists (select from public.hold_changes x
             where x.user_id = y.user_id and x.hold = y.hold)
    union all
    select x.* from ledger.verify_hold_counts(verify_holds.after_user_id,
      verify_holds.upto_user_id) x;
end $$;

comment on function ledger.verify_holds is
  'The findings about the holds of a range of users: changes that were edited or can''t be, or that have no entry; rows of holds that don''t follow from them; and what verify_hold_counts finds. Internal.';

revoke all on function ledger.verify_holds from public;
