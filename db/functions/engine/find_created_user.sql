create or replace function ledger.find_created_user(
  user_id bigint, reference text, metadata jsonb, idempotency_key text)
  returns ledger.created_user
  language plpgsql volatile as $$
declare
  v ledger.created_user;
  v_asked_id bigint;
  v_is_same boolean;
begin
  select k.user_id into v.id from public.user_keys k
   where k.idempotency_key = find_created_user.idempotency_key;
  v.replayed := found;
  if v.id is null then
    select r.user_id into v.id from public.user_references r
     where r.reference = find_created_user.reference;
  end if;
  v.id := coalesce(v.id, find_created_user.user_id);
  v.created := false;
  select u.created_at, d.reference, d.metadata, d.asked_id
    into v.created_at, v.reference, v.metadata, v_asked_id
    from public.users u left join public.user_details d on d.user_id = u.id where u.id = v.id;
  if not found then return null; end if;
  -- Whoever made that user in between has written down the key with it.
  if not v.replayed and exists (select from public.user_keys k
      where k.idempotency_key = find_created_user.idempotency_key) then
    return ledger.find_created_user(find_created_user.user_id, find_created_user.reference,
      find_created_user.metadata, find_created_user.idempotency_key);
  end if;

  if v.replayed then
    v_is_same := (v_asked_id, v.reference, v.metadata) is not distinct from
      (find_created_user.user_id, find_created_user.reference, find_created_user.metadata);
  else
    -- A request with only an id asks for that user, whatever else is known about it.
    v_is_same := v.id = coalesce(find_created_user.user_id, v.id)
      and (num_nonnulls(find_created_user.reference, find_created_user.metadata) = 0
        or (v.reference, v.metadata) is not distinct from
          (find_created_user.reference, find_created_user.metadata));
  end if;
  if not v_is_same then perform ledger.raise_status('LGKEY', v.id); end if;
  return v;
end $$;

comment on function ledger.find_created_user is
  'The user whom a request to make one has made already: by its key (replayed), its reference, or its id; null: there is none. Raises LGKEY if the user was made as something else.';

revoke all on function ledger.find_created_user from public;
