create or replace function ledger.hold_row_problem(
  hold public.holds, first public.hold_changes, last public.hold_changes, captured numeric)
  returns text
  language plpgsql stable as $$
declare
  o public.holds := hold_row_problem.hold;
  f public.hold_changes := hold_row_problem.first;
  l public.hold_changes := hold_row_problem.last;
begin
  if o.user_id is null then return null; end if;
  if (o.amount, o.remaining, o.status, o.expires_at, o.captured, o.changes, 1)
      = (f.amount, l.remaining, case when l.remaining > 0 then 'active' else l.action end,
        l.expires_at, hold_row_problem.captured, l.number, f.number) then
    if o.hash = l.hash or o.hash = ledger.hold_hash_1(f, l) then return null; end if;
    -- The hash of version 1 can't be computed any more.
    if exists (select from public.erasures e where e.kind = 'hold_change'
        and e.user_id = o.user_id and e.number = o.hold and e.change = o.changes) then
      return null;
    end if;
  end if;
  return format('Hold %s is not what its changes come to.', o.hold);
end $$;

comment on function ledger.hold_row_problem is
  'What is wrong with a row of holds, if it isn''t what its first and its last change and what was captured in all come to; or null, also without a row. Internal.';

revoke all on function ledger.hold_row_problem from public;
