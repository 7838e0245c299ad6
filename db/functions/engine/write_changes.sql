create or replace function ledger.write_changes(changes public.hold_changes[])
  returns void
  language plpgsql volatile as $$
declare
  c public.hold_changes;
  v_has_first boolean := false;
  v_has_later boolean := false;
begin
  if ledger.is_distributed() then
    perform ledger.write_each(write_changes.changes, '{}', '{}');
    return;
  end if;
  foreach c in array write_changes.changes loop
    if c.number = 1 then
      v_has_first := true;
    else
      v_has_later := true;
    end if;
  end loop;
  if v_has_first then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    select x.user_id, x.hold, x.amount, x.remaining, 0.00, 'active', x.expires_at, 1, x.hash
      from unnest(write_changes.changes) x where x.number = 1;
  end if;
  if v_has_later then
    update public.holds o
       set remaining = x.remaining,
           captured = o.captured + case x.action when 'captured' then x.amount else 0.00 end,
           status = case when x.remaining > 0 then 'active' else x.action end,
           expires_at = x.expires_at, changes = x.number, hash = x.hash
      from unnest(write_changes.changes) x
     where x.number > 1 and o.user_id = x.user_id and o.hold = x.hold;
  end if;
  if v_has_first or v_has_later then
    insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at,
      at, seq, balance, available, idempotency_key, metadata, position, hash)
    select x.user_id, x.hold, x.number, x.action, x.amount, x.remaining, x.expires_at, x.at, x.seq,
           x.balance, x.available, x.idempotency_key, x.metadata, x.position, x.hash
      from unnest(write_changes.changes) x;
  end if;
end $$;

comment on function ledger.write_changes is
  'Writes changes of holds, at most one of each hold, and what the holds are by then. Everything has been decided.';

revoke all on function ledger.write_changes from public;
