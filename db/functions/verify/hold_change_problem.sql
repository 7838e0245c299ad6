create or replace function ledger.hold_change_problem(
  placed public.hold_changes, previous public.hold_changes, change public.hold_changes)
  returns text
  language plpgsql stable as $$
declare
  p public.hold_changes := hold_change_problem.previous;
  c public.hold_changes := hold_change_problem.change;
  v_hash bytea := ledger.hold_hash(p.hash, c.user_id, c.hold, c.number, c.action, c.amount,
    c.remaining, c.expires_at, c.at, c.seq, c.balance, c.available, c.idempotency_key, c.metadata,
    c.position);
begin
  if c.number <> coalesce(p.number, 0) + 1 then return 'does not come after the one before'; end if;
  if c.hash is distinct from v_hash
    and not (c.idempotency_key is null and ledger.is_mark(c.metadata)
      and ledger.is_erased('hold_change', c.user_id, c.hold, c.number,
        ledger.erased_hash(v_hash, c.hash)))
    -- As it was written, or kept, before changes had rows of their own.
    and (c.hash = ledger.hold_hash_2(hold_change_problem.placed, c) and c.number <= 2
      and case c.action when 'placed' then num_nonnulls(c.seq, c.balance) = 0
        when 'captured' then c.remaining = 0
          and num_nonnulls(c.balance, c.available, c.idempotency_key, c.metadata) = 0
        else true end) is not true
    and (c.hash = ledger.hold_hash(ledger.hold_hash_1(hold_change_problem.placed, p), c.user_id,
      c.hold, c.number, c.action, c.amount, c.remaining, c.expires_at, c.at, c.seq, c.balance,
      c.available, c.idempotency_key, c.metadata, c.position)) is not true
  then
    return 'was edited';
  end if;
  if (ledger.is_valid_amount(c.amount) and c.hold > 0 and case c.action
        when 'placed' then c.number = 1 and c.remaining = c.amount and c.expires_at > c.at
        when 'captured' then c.amount <= p.remaining and c.expires_at = p.expires_at
          and c.remaining in (0, p.remaining - c.amount)
        when 'released' then (c.amount, c.remaining, c.expires_at) = (p.remaining, 0, p.expires_at)
        when 'extended' then p.remaining > 0 and c.expires_at > p.expires_at
          and (c.amount, c.remaining) = ((hold_change_problem.placed).amount, p.remaining)
      end) is not true then
    return 'can''t be';
  end if;
  if c.action = 'placed' and c.available < 0 then return 'is more than was available'; end if;
  return null;
end $$;

comment on function ledger.hold_change_problem is
  'What is wrong with a change of a hold by itself, in words, or null: placed is its first change, previous the one before. Internal.';

revoke all on function ledger.hold_change_problem from public;
