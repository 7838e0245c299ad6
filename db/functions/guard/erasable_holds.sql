create or replace function ledger.erasable_holds(user_id bigint, before timestamptz)
  returns setof public.holds
  language plpgsql stable as $$
begin
  return query
  select o.* from public.holds o
    join public.hold_changes l
      on l.user_id = o.user_id and l.hold = o.hold and l.number = o.changes
   where o.user_id = erasable_holds.user_id
     and case o.status when 'active' then o.expires_at else l.at end < erasable_holds.before
     and exists (select from public.hold_changes c where c.user_id = o.user_id
                    and c.hold = o.hold and num_nonnulls(c.idempotency_key, c.metadata) > 0)
     and not exists (select from public.erasures e where e.kind = 'hold_change'
                        and e.user_id = o.user_id and e.number = o.hold);
end $$;

comment on function ledger.erasable_holds is
  'The holds of a user that ended before a moment and have something to erase.';

revoke all on function ledger.erasable_holds from public;
