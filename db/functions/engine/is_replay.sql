create or replace function ledger.is_replay(
  found_action text, found_amount numeric, found_hold bigint, found_reverses bigint,
  found_peer_user_id bigint, found_metadata jsonb, action text, amount numeric, hold bigint,
  reverses bigint, peer_user_id bigint, metadata jsonb)
  returns boolean
  language sql immutable parallel safe as $$
  select coalesce(found_action = action and found_amount = amount, false)
    and found_hold is not distinct from hold and found_reverses is not distinct from reverses
    and found_peer_user_id is not distinct from peer_user_id
    and found_metadata is not distinct from metadata
$$;

comment on function ledger.is_replay is
  'Whether an entry that carries a key is the answer to this request as well: all that the request says is as it was.';

revoke all on function ledger.is_replay from public;
