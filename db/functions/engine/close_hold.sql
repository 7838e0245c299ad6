create or replace function ledger.close_hold(
  account ledger.account, hold bigint, status text, release_key text, release_metadata jsonb)
  returns public.holds
  language plpgsql volatile as $$
declare
  v ledger.account := close_hold.account;
  v_hold public.holds;
begin
  select h.* into v_hold from public.holds h
   where h.user_id = v.user_id and h.hold = close_hold.hold;
  v_hold.status := close_hold.status;
  v_hold.closed_at := clock_timestamp();
  if close_hold.status = 'released' then
    v_hold.release_key := close_hold.release_key;
    v_hold.release_metadata := close_hold.release_metadata;
    v_hold.release_seq := v.seq;
    v_hold.release_balance := v.balance;
    v_hold.release_available := v.balance - v.held;
    -- updated_at of the user, which the answer shows.
    v_hold.closed_at := greatest(v_hold.closed_at, v.updated_at, v.posted_at);
  end if;
  v_hold.position := nextval('public.payment_history_id_seq');
  update public.holds h
     set status = v_hold.status, closed_at = v_hold.closed_at, release_key = v_hold.release_key,
         release_metadata = v_hold.release_metadata, release_seq = v_hold.release_seq,
         release_balance = v_hold.release_balance, release_available = v_hold.release_available,
         position = v_hold.position, hash = ledger.hold_hash(v_hold)
   where h.user_id = v.user_id and h.hold = close_hold.hold;
  return v_hold;
end $$;

comment on function ledger.close_hold is
  'Captures or releases a hold of a user whose account is open, and is as it will be afterwards. Everything has been decided.';

revoke all on function ledger.close_hold from public;
