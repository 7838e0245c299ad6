create or replace function ledger.write_change(change public.hold_changes)
  returns void
  language plpgsql volatile as $$
declare
  c public.hold_changes := write_change.change;
begin
  if c.number = 1 then
    insert into public.holds (user_id, hold, amount, remaining, captured, status, expires_at,
      changes, hash)
    values (c.user_id, c.hold, c.amount, c.remaining, 0.00, 'active', c.expires_at, 1, c.hash);
  else
    update public.holds o
       set remaining = c.remaining,
           captured = o.captured + case when c.action = 'captured' then c.amount else 0.00 end,
           status = case when c.remaining > 0 then 'active' else c.action end,
           expires_at = c.expires_at, changes = c.number, hash = c.hash
     where o.user_id = c.user_id and o.hold = c.hold;
  end if;
  insert into public.hold_changes (user_id, hold, number, action, amount, remaining, expires_at,
    at, seq, balance, available, idempotency_key, metadata, position, hash)
  values (c.user_id, c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq,
    c.balance, c.available, c.idempotency_key, c.metadata, c.position, c.hash);
end $$;

comment on function ledger.write_change is
  'Writes one change of a hold, and what the hold is by then, in fewer steps than write_changes. Everything has been decided.';

revoke all on function ledger.write_change from public;
