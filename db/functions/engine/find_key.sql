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
    select c.hold, c.number, c.action, c.amount, c.metadata,
           case when c.action <> 'released'
             then extract(epoch from nullif(c.expires_at, 'infinity') - c.at) end
      into v.hold, v.number, v.action, v.amount, v.metadata, v.expires_in
      from public.hold_changes c where c.user_id = find_key.user_id
       and c.idempotency_key = find_key.idempotency_key;
  end if;
  return v;
end $$;

comment on function ledger.find_key is
  'What an idempotency key of a user has done already: the entry that carries it (seq and what its request said), or the change of a hold (hold, number and what its request said); all null: nothing. The caller has locked the user.';

revoke all on function ledger.find_key from public;
