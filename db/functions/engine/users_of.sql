create or replace function ledger.users_of(
  operations text[], user_ids bigint[], peer_user_ids bigint[], refs bigint[])
  returns bigint[]
  language plpgsql volatile as $$
declare
  v_ids bigint[] := users_of.user_ids || users_of.peer_user_ids;
  v_user_id bigint;
  v_seq bigint;
  v_peer_id bigint;
begin
  if 'REVERSE' = any (users_of.operations) and ledger.is_distributed() then
    for i in 1 .. cardinality(users_of.operations) loop
      continue when users_of.operations[i] is distinct from 'REVERSE';
      v_user_id := users_of.user_ids[i]; v_seq := users_of.refs[i];
      select h.peer_user_id into v_peer_id from public.payment_history h
       where h.user_id = v_user_id and h.seq = v_seq;
      v_ids := array_append(v_ids, v_peer_id);
    end loop;
    return v_ids;
  elsif 'REVERSE' = any (users_of.operations) then
    -- Posted entries don't change, so this may be read before the lock.
    return v_ids || array(
      select h.peer_user_id
        from unnest(users_of.operations, users_of.user_ids, users_of.refs) i (operation, id, ref)
        join public.payment_history h on h.user_id = i.id and h.seq = i.ref
       where i.operation = 'REVERSE' and h.peer_user_id is not null);
  end if;
  return v_ids;
end $$;

comment on function ledger.users_of is
  'Everybody whom operations touch: their users, to whom transfers go, and the other users of transfers that are reversed.';

revoke all on function ledger.users_of from public;
