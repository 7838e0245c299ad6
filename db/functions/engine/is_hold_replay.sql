create or replace function ledger.is_hold_replay(
  earlier ledger.earlier, operation text, hold bigint, amount numeric, expires_in numeric,
  metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(case (earlier).action
      when 'placed' then operation = 'HOLD' and (earlier).amount = amount
      when 'released' then operation = 'RELEASE' and (earlier).hold = hold
      when 'extended' then operation = 'EXTEND' and (earlier).hold = hold end, false)
    and (earlier).expires_in is not distinct from expires_in
    and (earlier).metadata is not distinct from metadata
$$;

comment on function ledger.is_hold_replay is
  'Whether a change of a hold that carries a key (earlier: see find_key) is the answer to this request as well: all that the request says is as it was.';

revoke all on function ledger.is_hold_replay from public;
