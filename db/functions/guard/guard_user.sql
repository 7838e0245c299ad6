create or replace function ledger.guard_user()
  returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    -- JavaScript reads numbers exactly up to this bound.
    if new.id between 1 and 9007199254740991 then return null; end if;
    raise exception using errcode = '23514', message = 'an id is from 1 to 9007199254740991',
      hint = 'create_user() without an id takes the next free one.';
  -- A user of a shard stays: what else there is of the user is on another server.
  elsif tg_op = 'DELETE' and tg_table_name = 'users' then
    if not exists (select from public.payment_history h where h.user_id = old.id)
      and not exists (select from public.hold_changes c where c.user_id = old.id)
      and not exists (select from public.user_controls k where k.user_id = old.id)
      and not exists (select from public.user_details d where d.user_id = old.id) then
      return old;
    end if;
  elsif tg_op = 'UPDATE' and new.id = old.id then
    if new.hold_changes >= old.hold_changes then return null; end if;
    raise exception using errcode = '23514', message = 'hold_changes never goes down',
      hint = 'The engine keeps it: leave it out of the update.';
  end if;
  raise exception using errcode = '23503', message = 'a user stays, and keeps its id',
    detail = format('%s on users is refused.', tg_op),
    hint = 'Freeze a user who must not be used any more: see freeze_user.';
end $$;

comment on function ledger.guard_user is
  'Refuses a user with an id out of range and a lower hold_changes, by which the engine knows that there are holds (23514), and that one goes of whom there is anything else, such as a history or a reference, or gets another id (23503).';

revoke all on function ledger.guard_user from public;
