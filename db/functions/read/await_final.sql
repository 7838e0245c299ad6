create or replace function ledger.await_final(user_id bigint, at timestamptz)
  returns void
  language plpgsql volatile as $$
begin
  if await_final.at > clock_timestamp() then
    raise exception using errcode = '55P03', message = 'that moment has not come yet',
      detail = format('It is %s.', clock_timestamp()),
      hint = 'Ask for a moment that is past, or for the balance in balances.';
  end if;
  -- The next entry comes after the last one.
  if (select h.sealed_at from public.payment_history h
       where h.user_id = await_final.user_id and h.seq is not null
       order by h.seq desc limit 1) >= await_final.at then
    return;
  end if;
  -- What the primary has committed before that moment may still be on its way here.
  if pg_catalog.pg_is_in_recovery() then
    raise exception using errcode = '55P03', message = 'a standby can''t tell that this moment is final',
      hint = 'Ask the primary, or for a moment before the user''s last entry.';
  end if;
  -- Nobody has locked this version of the row. Whoever does so later reads the clock later.
  if exists (select from public.users u where u.id = await_final.user_id
               and u.xmax = 0) then -- mutation: unlocked
    return;
  end if;
  begin
    perform from public.users u where u.id = await_final.user_id for share;
    -- Gives the lock back, also in a transaction that goes on.
    raise exception using errcode = 'LG000';
  exception when sqlstate 'LG000' then null;
  end;
end $$;

comment on function ledger.await_final is
  'Waits until no entry of a user can get in before a moment any more: until whoever has locked the user, and may have read the clock before that moment, has ended. Entries are to be read by a later statement. Raises 55P03 after lock_timeout, for a moment that has not come yet, and on a standby.';

revoke all on function ledger.await_final from public;
