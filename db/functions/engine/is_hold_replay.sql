create or replace function ledger.is_hold_replay(
  user_id bigint, hold bigint, amount numeric, expires_in numeric, metadata jsonb)
  returns boolean
  language sql stable as $$
  select coalesce(h.amount = is_hold_replay.amount, false)
    and h.metadata is not distinct from is_hold_replay.metadata
    and is_hold_replay.expires_in is not distinct from
      extract(epoch from nullif(h.expires_at, 'infinity') - h.created_at)
    from public.holds h where h.user_id = is_hold_replay.user_id and h.hold = is_hold_replay.hold
$$;

comment on function ledger.is_hold_replay is
  'Whether a hold that was placed with a key is the answer to this request as well.';

revoke all on function ledger.is_hold_replay from public;
