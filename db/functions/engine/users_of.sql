create or replace function ledger.users_of(
  operations text[], user_ids bigint[], peer_user_ids bigint[], refs bigint[])
  returns bigint[]
  language plpgsql volatile as $$
begin
  if 'REVERSE' = any (users_of.operations) then
    -- Posted entries don't change, so this may be read before the lock.
    return users_of.user_ids || users_of.peer_user_ids || array(
      select h.peer_user_id
        from unnest(users_of.operations, users_of.user_ids, users_of.refs) i (operation, id, ref)
        join public.payment_history h on h.user_id = i.id and h.seq = i.ref
       where i.operation = 'REVERSE' and h.peer_user_id is not null);
  end if;
  return users_of.user_ids || users_of.peer_user_ids;
end $$;

comment on function ledger.users_of is
  'Everybody whom operations touch: their users, to whom transfers go, and the other users of transfers that are reversed.';

revoke all on function ledger.users_of from public;
