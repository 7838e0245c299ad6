create or replace function public.create_user(user_id bigint default null)
  returns table (id bigint, created boolean)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  if create_user.user_id is not null then
    insert into public.users (id) values (create_user.user_id) on conflict do nothing;
    return query select create_user.user_id, found;
    return;
  end if;
  -- Explicit ids don't advance the sequence, so it can meet a taken one; nextval never goes back,
  -- so every try gets further, even when a time limit ends this call.
  loop
    insert into public.users as u default values on conflict do nothing returning u.id into id;
    exit when found;
  end loop;
  created := true;
  return next;
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one. An id that exists already is answered with created = false. Raises 23514 for an id out of range.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
