create or replace function public.create_user(
  user_id bigint default null, reference text default null, metadata jsonb default null,
  idempotency_key text default null)
  returns ledger.created_user
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v ledger.created_user;
  v_at timestamptz;
begin
  if not ledger.is_valid_key_and_metadata(create_user.idempotency_key, create_user.metadata)
    or not ledger.is_valid_reference(create_user.reference) then
    perform ledger.raise_status('22023', null);
  end if;
  -- Another call that creates the same user at the same time is waited for; the next try finds its
  -- user.
  for v_try in 1 .. 3 loop
    v := ledger.find_created_user(create_user.user_id, create_user.reference,
      create_user.metadata, create_user.idempotency_key);
    if v.id is not null then return v; end if;
    -- In this order: an anchor waits for every transaction that had its number by then.
    perform pg_current_xact_id();
    v_at := clock_timestamp();
    begin
      -- References and keys are on the coordinator alone.
      if ledger.is_distributed()
        and num_nonnulls(create_user.reference, create_user.idempotency_key) > 0 then
        perform ledger.commit_in_two_phases();
      end if;
      v.id := ledger.insert_user(create_user.user_id, v_at);
      if num_nonnulls(create_user.reference, create_user.metadata,
          create_user.idempotency_key) > 0 then
        insert into public.user_details (user_id, reference, metadata, idempotency_key, asked_id,
          hash)
        values (v.id, create_user.reference, create_user.metadata, create_user.idempotency_key,
          create_user.user_id, ledger.details_hash(v.id, v_at, create_user.reference,
            create_user.metadata, create_user.idempotency_key, create_user.user_id));
      end if;
      if create_user.idempotency_key is not null then
        insert into public.user_keys (idempotency_key, user_id)
          values (create_user.idempotency_key, v.id);
      end if;
      if create_user.reference is not null then
        insert into public.user_references (reference, user_id)
          values (create_user.reference, v.id);
      end if;
      return (v.id, true, false, v_at, create_user.reference, create_user.metadata
        )::ledger.created_user;
    exception when unique_violation then null;
    end;
  end loop;
  raise exception using errcode = '40001', message = 'another transaction makes the same user',
    hint = 'Repeat it.';
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one; reference: the caller''s own name for it, of one user only. Once per idempotency_key (replayed), reference and id: what exists already is answered with created = false. Raises LGKEY if that was made as something else, 22023 for a malformed key, reference or metadata, 23514 for an id out of range, 40001.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
