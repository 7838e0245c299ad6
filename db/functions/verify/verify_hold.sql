create or replace function ledger.verify_hold(
  first public.hold_changes, last public.hold_changes, captured numeric)
  returns setof ledger.finding
  language plpgsql stable as $$
declare
  f public.hold_changes := verify_hold.first;
  l public.hold_changes := verify_hold.last;
  o public.holds;
begin
  select x.* into o from public.holds x where x.user_id = l.user_id and x.hold = l.hold;
  if found and (
      (o.amount, o.remaining, o.status, o.expires_at, o.captured, o.changes, 1)
        = (f.amount, l.remaining, case when l.remaining > 0 then 'active' else l.action end,
          l.expires_at, verify_hold.captured, l.number, f.number)
      and (o.hash = l.hash or o.hash = ledger.hold_hash_1(f, l)
        -- The hash of version 1 can't be computed any more.
        or exists (select from public.erasures e where e.kind = 'hold_change'
             and e.user_id = o.user_id and e.number = o.hold and e.change = o.changes))) is not true
  then
    return next row('hold_invalid', o.user_id, null,
      format('Hold %s is not what its changes come to.', o.hold))::ledger.finding;
  end if;
end $$;

comment on function ledger.verify_hold is
  'The finding about a row of holds, if it isn''t what its first and its last change and what was captured in all come to. Internal.';

revoke all on function ledger.verify_hold from public;
