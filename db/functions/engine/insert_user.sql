create or replace function ledger.insert_user(user_id bigint, at timestamptz)
  returns bigint
  language plpgsql volatile as $$
declare
  v_id bigint := coalesce(insert_user.user_id, nextval('public.users_id_seq'));
  v_step bigint := 1;
begin
  loop
    insert into public.users (id, created_at, updated_at)
      values (v_id, insert_user.at, insert_user.at) on conflict do nothing;
    if found then return v_id; end if;
    if insert_user.user_id is not null then
      -- For create_user alone, which looks for it again.
      raise exception using errcode = '23505';
    end if;
    -- Ids that were given explicitly may be ahead of the sequence. This gets past them in few
    -- steps, however many there are.
    v_id := v_id + v_step;
    v_step := v_step * 2;
    perform setval('public.users_id_seq', v_id);
  end loop;
end $$;

comment on function ledger.insert_user is
  'Makes a user with this id, or with the next free one (null), at a moment; answers the id. Raises 23505 if the id is taken, 23514 if it is out of range.';

revoke all on function ledger.insert_user from public;
