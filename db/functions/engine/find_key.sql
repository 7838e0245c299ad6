create or replace function ledger.find_key(user_id bigint, idempotency_key text, has_holds boolean)
  returns ledger.earlier
  language plpgsql volatile as $$
declare
  v ledger.earlier;
begin
  select h.seq, h.action, h.amount, h.hold, h.reverses, h.peer_user_id, h.metadata
    into v.seq, v.action, v.amount, v.hold, v.reverses, v.peer_user_id, v.metadata
    from public.payment_history h where h.user_id = find_key.user_id
     and h.idempotency_key = find_key.idempotency_key;
  if not found and find_key.has_holds then
    select h.hold into v.placed from public.holds h where h.user_id = find_key.user_id
       and h.idempotency_key = find_key.idempotency_key;
    if not found then
      select h.hold, h.release_metadata into v.released, v.metadata
        from public.holds h where h.user_id = find_key.user_id
         and h.release_key = find_key.idempotency_key;
    end if;
  end if;
  return v;
end $$;

comment on function ledger.find_key is
  'What an idempotency key of a user has done already: the entry that carries it (seq and what its request said), the hold that was placed with it, or the hold that was released with it; all null: nothing. The caller has locked the user.';

revoke all on function ledger.find_key from public;
