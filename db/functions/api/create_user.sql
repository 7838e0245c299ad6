create or replace function public.create_user(user_id bigint default null)
  returns table (id bigint, created boolean)
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_step bigint := 1;
begin
  id := coalesce(create_user.user_id, nextval('public.users_id_seq'));
  loop
    insert into public.users (id) values (create_user.id) on conflict do nothing;
    created := found;
    exit when created or create_user.user_id is not null;
    -- Users with ids of their own are ahead of the sequence: past them in few steps, however many.
    id := id + v_step;
    v_step := v_step * 2;
    perform setval('public.users_id_seq', id);
  end loop;
  return next;
end $$;

comment on function public.create_user is
  'Makes a user without history, with the given id (1 to 9007199254740991) or the next free one. An id that exists already is answered with created = false. Raises 23514 for an id out of range.';

revoke all on function public.create_user from public;
grant execute on function public.create_user to ledger_service, ledger_dba;
